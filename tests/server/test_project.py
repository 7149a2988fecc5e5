import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graphwright.errors import ProjectError
from graphwright.project import Project, load_project
from graphwright_graphs.models import Models

ECHO = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict, total=False):
    text: str

builder = StateGraph(State).add_node("echo", lambda state: state).add_edge(START, "echo")
"""

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """A project changes the path, the modules and the environment of its process."""
    path, modules, environment = list(sys.path), dict(sys.modules), dict(os.environ)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if "project" in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    for name in set(os.environ) - set(environment):
        del os.environ[name]


def load(config: Path) -> Project:
    return load_project(config, Models("demo"))


async def answer(project: Project, graph_id: str, **configurable: Any) -> Any:
    config: Any = {"configurable": configurable}
    async with project.graphs[graph_id].open(config) as graph:
        return await graph.ainvoke({"text": "hi"}, config)


def refusal(config: Path) -> str:
    with pytest.raises(ProjectError) as caught:
        load(config)
    assert str(config) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("more", "reference"),
    [
        ("graph = builder.compile()", "graph"),
        ("graph = builder", "graph"),
        ("def graph(): return builder.compile()", "graph"),
        ("def graph(config): return builder", "graph"),
        ("async def graph(config): return builder.compile()", "graph"),
        (
            "import contextlib\n@contextlib.contextmanager\ndef graph(): yield builder.compile()",
            "graph",
        ),
        (
            "import contextlib\n@contextlib.asynccontextmanager\n"
            "async def graph(config): yield builder.compile()",
            "graph",
        ),
        (
            "from langgraph.func import entrypoint\n@entrypoint()\n"
            "async def graph(state): return state",
            "graph",
        ),
    ],
    ids=["compiled", "builder", "sync", "sync config", "async", "context", "async context", "func"],
)
async def test_every_kind_of_graph(project: Write, more: str, reference: str) -> None:
    config = project({"g": f"./kinds.py:{reference}"}, {"kinds.py": ECHO + more})
    assert (await answer(load(config), "g"))["text"] == "hi"


async def test_a_factory_sees_the_config(project: Write) -> None:
    factory = (
        "def graph(config):\n"
        "    said = config['configurable']['said']\n"
        "    one = StateGraph(State).add_node('n', lambda state: {'text': said})\n"
        "    return one.add_edge(START, 'n')\n"
    )
    loaded = load(project({"g": "./factory.py:graph"}, {"factory.py": ECHO + factory}))
    assert (await answer(loaded, "g", said="so"))["text"] == "so"
    assert (await answer(loaded, "g", said="and so"))["text"] == "and so"


async def test_a_module_by_its_dotted_name(project: Write) -> None:
    files = {"inside/__init__.py": "", "inside/graph_module.py": ECHO}
    loaded = load(project({"g": "inside.graph_module:builder"}, files))
    assert (await answer(loaded, "g"))["text"] == "hi"


async def test_the_project_comes_first_on_the_path(project: Write) -> None:
    files = {
        "graph_file.py": f"from tools.mine import said\n{ECHO}\n"
        "graph = StateGraph(State).add_node('n', lambda state: {'text': said})"
        ".add_edge(START, 'n').compile()",
        "tools/mine.py": "said = 'by my own tools'",
    }
    loaded = load(project({"g": "./graph_file.py:graph"}, files))
    assert (await answer(loaded, "g"))["text"] == "by my own tools"


def test_a_description(project: Write) -> None:
    entry = {"path": "./described.py:builder", "description": "Echoes."}
    loaded = load(project({"g": entry}, {"described.py": ECHO}))
    assert loaded.graphs["g"].description == "Echoes."


def test_env_as_an_object(project: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET_BEFORE", "kept")
    env = {"SET_BEFORE": "lost", "SET_HERE": "by the project"}
    code = "import os\nassert os.environ['SET_HERE'] == 'by the project'\n"
    load(project({"g": "./env_object.py:builder"}, {"env_object.py": code + ECHO}, env=env))
    assert os.environ["SET_BEFORE"] == "kept"


def test_env_as_a_file(project: Write) -> None:
    files = {"env_file.py": ECHO, ".env": "# a comment\nexport A_KEY='a=b'\n\nOTHER = 1\n"}
    load(project({"g": "./env_file.py:builder"}, files, env=".env"))
    assert (os.environ["A_KEY"], os.environ["OTHER"]) == ("a=b", "1")


def test_build_keys_are_for_others(project: Write) -> None:
    keys = {"python_version": "3.12", "dockerfile_lines": [], "$schema": "x"}
    load(project({"g": "./built.py:builder"}, {"built.py": ECHO}, **keys))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"colour": "red"}, "colour: "),
        ({"auth": {"path": "./auth.py:auth"}}, "auth: not served by this version"),
        ({"env": ".missing"}, "env: cannot read .missing: No such file"),
        ({"env": 3}, "env"),
        ({"dependencies": "."}, "dependencies: Input should be a valid list, found '.'"),
        ({"dependencies": [".", "./mising"]}, "dependencies: no such folder: ./mising."),
    ],
)
def test_a_key_that_is_wrong(project: Write, keys: dict[str, Any], said: str) -> None:
    config = project({"g": "./keys.py:builder"}, {"keys.py": ECHO}, **keys)
    assert said in refusal(config)


def test_an_env_file_that_is_no_text(project: Write) -> None:
    config = project({"g": "./keys.py:builder"}, {"keys.py": ECHO}, env=".binary")
    (config.parent / ".binary").write_bytes(b"KEY=\xff")
    assert "env: .binary is not UTF-8" in refusal(config)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (3, "graphs.g"),
        ({"file": "x"}, "graphs.g"),
        ("./keys.py", 'graphs.g: expected "file.yaml" or "file.py:variable", found "./keys.py"'),
        ("./missing.py:graph", "graphs.g: cannot load the graph: .*no such file: ./missing.py"),
        ("./missing.yaml", "graphs.g: no such file: ./missing.yaml"),
        ("missing.module:graph", "graphs.g: .*No module named 'missing'"),
        ("./g.yaml:graph", r'graphs.g: expected "./g.yaml" alone, found "./g.yaml:graph"'),
        ("./keys.py:nothing", r"graphs.g: ./keys.py has no graph named 'nothing'; expected"),
        ("./keys.py:number", r"graphs.g: ./keys.py has no graph named 'number'; expected"),
    ],
)
def test_a_graph_that_is_wrong(project: Write, entry: Any, said: str) -> None:
    config = project({"g": entry}, {"keys.py": f"number = 1\n{ECHO}"})
    assert re.search(said, refusal(config))


def test_no_graphs(project: Write) -> None:
    assert "graphs: expected a graph or more" in refusal(project({}))


def test_a_key_that_is_none(project: Write) -> None:
    config = project({"g": "./g.yaml"})
    config.write_text('{"graphs": {"g": "./g.yaml"}, "dependency": ["."]}')
    said = refusal(config)
    assert "dependency: no key that is known here; expected one of graphs, dependencies" in said
    said = refusal(project({"g": {"path": "./g.yaml", "descripton": "typo"}}))
    assert "graphs.g.descripton: no key that is known here; expected one of path, desc" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "not readable as JSON"), ("[]", 'expected an object with the key "graphs"')],
)
def test_a_file_that_is_not_a_project(tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "langgraph.json"
    config.write_text(text)
    assert said in refusal(config)


def test_no_file(tmp_path: Path) -> None:
    said = refusal(tmp_path / "langgraph.json")
    assert "no such file" in said
    assert "--config" in said


def test_a_graph_that_does_not_import(project: Write) -> None:
    code = "def fetch():\n    raise RuntimeError('no weather today')\n\nfetch()\n"
    said = refusal(project({"g": "./broken.py:graph"}, {"broken.py": code}))
    assert "graphs.g: cannot load the graph: RuntimeError: no weather today" in said
    assert said.endswith("(broken.py:2)")


def test_a_graph_with_a_syntax_error(project: Write) -> None:
    said = refusal(project({"g": "./typo.py:graph"}, {"typo.py": "graph = ("}))
    assert "SyntaxError" in said

"""What documents may import, and what happens before anything is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import graphwright_graphs
from graphwright_graphs import imports
from graphwright_graphs.imports import Imports
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import parse

SOURCES = {
    "own.py": "import os\nfrom json import loads\ndef act(state): return {}\nLIMIT = 3\n"
    "class Task:\n  def run(self): return {}\ntask = Task()\n",
    "script.py": "import sys\ndef act(state): return {}\nsys.exit(3)\n",
    "spaced/inner.py": "def act(state): return {}\n",
    "package/__init__.py": "from package.part import act\n",
    "package/part.py": "import os\ndef act(state): return {}\n",
    ".venv/lib/site-packages/installed.py": "raise SystemExit('imported')\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project on the import path, with packages that are installed below it."""
    for name, text in SOURCES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / ".venv/lib/site-packages")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def find(project: Path) -> Callable[..., Any]:
    """`find(path, *modules)`: what is found, or why it is not."""

    def look(path: str, *modules: str) -> Any:
        problems = Problems(parse(b"x", "graph.yaml"))
        found = Imports((project,), modules).find(path, problems, ())
        return found if found is not None else str(problems.found[0])

    return look


@pytest.mark.parametrize(
    "path", ["own:act", "own:task.run", "spaced.inner:act", "package:act", "package.part:act"]
)
def test_modules_of_the_project_may_be_imported(find: Any, path: str) -> None:
    assert callable(find(path))


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("os:system", "os"),
        ("os.path:join", "os"),
        ("installed:anything", "installed"),
        ("own:os.system", "os"),
        ("package.part:os.path.join", "os"),
        ("own:loads", "json"),
        ("sys:exit", "sys"),
        ("graphwright_graphs:load", "graphwright_graphs"),
    ],
)
def test_other_modules_are_refused_and_how_to_allow_them_is_said(
    find: Any, path: str, module: str
) -> None:
    said = find(path)

    assert f'found "{path}", of the module {module}, which is not the project\'s own' in said
    assert f'GRAPHWRIGHT_IMPORTS={module} or load(…, imports=["{module}"])' in said


def test_a_refused_module_is_not_run(find: Any) -> None:
    assert "of the module installed, which is not the project's own" in find("installed:anything")
    assert "installed" not in sys.modules


def test_a_listed_module_may_be_imported_with_all_that_is_in_it(find: Any) -> None:
    assert find("os.path:join", "os") is not None
    assert "not the project's own" in find("os:getpid", "os.path", "o")
    assert callable(find("own:loads", "json"))


@pytest.mark.parametrize(
    "path", ["own", "own:", ":act", "own:act.__globals__", "own:task.__init__"]
)
def test_what_is_no_import_path_or_leads_inside_python_is_refused(find: Any, path: str) -> None:
    assert f'found "{path}"' in find(path)


@pytest.mark.parametrize("path", ["no.such:x", "own.deeper:x", "a b:c"])
def test_what_is_not_there_is_said(find: Any, path: str) -> None:
    assert f'"{path}", which can\'t be imported (' in find(path)


def test_what_a_module_does_not_have_is_said_with_the_nearest_name(find: Any) -> None:
    assert '"own:none", where there is no `none`' in find("own:none")
    assert 'did you mean "act"?' in find("own:acts")


def test_a_module_that_ends_like_a_script_does_not_end_who_loads_it(find: Any) -> None:
    assert '"script:act", which can\'t be imported (SystemExit: 3)' in find("script:act")


def test_what_runs_already_may_be_named(find: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("notebook_of_a_user")
    exec("import os\ndef act(state): return {}", notebook.__dict__)
    monkeypatch.setitem(sys.modules, "notebook_of_a_user", notebook)

    assert find("notebook_of_a_user:act") is notebook.act
    assert "of the module os," in find("notebook_of_a_user:os.system")
    notebook.__file__ = "/somewhere/else.py"
    assert "of the module notebook_of_a_user," in find("notebook_of_a_user:act")


def test_the_project_is_the_nearest_folder_with_a_project_file(tmp_path: Path) -> None:
    document = tmp_path / "graphs/deep/graph.yaml"
    document.parent.mkdir(parents=True)

    assert imports.current(document, {}) == Imports((document.parent,))
    (tmp_path / "langgraph.json").write_text("{}")
    assert imports.current(document, {}) == Imports((tmp_path,))
    (tmp_path / "graphs/pyproject.toml").write_text("")
    assert imports.current(document, {}) == Imports((tmp_path / "graphs",))


def test_the_environment_and_a_service_may_allow_more(tmp_path: Path) -> None:
    listed = imports.current(tmp_path / "a.yaml", {"GRAPHWRIGHT_IMPORTS": " os, json.decoder,"})
    assert listed.modules == ("os", "json.decoder")

    with imports.using(Imports((), ("os",))):
        assert imports.current(tmp_path / "a.yaml") == Imports((), ("os",))


def test_a_document_says_where_it_names_what_it_may_not(document: Any, project: Path) -> None:
    path = document("""
        state: {messages: messages}
        nodes:
          ask:
            llm: {prompt: Hi, tools: ["json:loads"]}
            retry: {retry_on: ["json:JSONDecodeError"]}
          act: {python: "json:loads"}
        edges: {START: ask, ask: act, act: END}
    """)
    with pytest.raises(graphwright_graphs.DocumentError) as caught:
        graphwright_graphs.load(path)

    assert [problem.path for problem in caught.value.problems] == [
        "nodes.ask.llm.tools[0]",
        "nodes.ask.retry.retry_on[0]",
        "nodes.act.python",
    ]
    assert "act" in graphwright_graphs.load(path, imports=["json"]).nodes

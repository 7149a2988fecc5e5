"""Exported Python is the same graph as its document, and needs none of this package."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from tests.graphs.traces import trace

from graphwright_graphs import load
from graphwright_graphs.export import export
from graphwright_graphs.models import Models

ROOT = Path(__file__).parents[2]
EXAMPLES = [path for path in sorted((ROOT / "graphs").glob("*.yaml")) if path.stem != "planner"]

# What each example is asked, and what a person answers where it waits.
CONVERSATIONS: dict[str, list[Any]] = {
    "agent": [{"messages": [("human", "What is 12 times 12? And what is 3 plus 4?")]}],
    "approval": [
        {"messages": [("human", "Remember that I owe Ada 5 euros.")]},
        Command(resume={"decisions": [{"type": "maybe"}]}),
        Command(resume="no"),
        {"messages": [("human", "Remember that I owe Ada 6 euros.")]},
        Command(resume="yes"),
    ],
    "planner": [{"messages": [("human", "Calculate 12 * 12, then calculate 7 + 8.")]}],
    "translator": [{"language": "German", "text": "good morning"}, {"text": "good morning"}],
}


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Imports an exported module; its models are those of a catalogue."""
    names: list[str] = []

    def make(text: str, models: Models | None = None) -> ModuleType:
        names.append(f"exported_{len(names)}")
        path = tmp_path / f"{names[-1]}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(names[-1], path)
        assert spec and spec.loader
        module: Any = importlib.util.module_from_spec(spec)
        sys.modules[names[-1]] = module
        spec.loader.exec_module(module)
        if hasattr(module, "init_chat_model"):
            module.MODEL, module.MODELS = "demo", ["demo"]
            module.init_chat_model = lambda name, **options: (models or Models()).get()
        return module  # type: ignore[no-any-return]

    yield make
    for name in names:
        del sys.modules[name]


def served(graph: Any) -> Any:
    """A graph with what a server lends it."""
    return graph.copy(update={"checkpointer": InMemorySaver(), "store": InMemoryStore()})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_every_example_runs_the_same(path: Path, imported: Any) -> None:
    document = load(path, models=Models())
    python = imported(export(path)).graph

    assert python.name == document.name
    assert python.get_graph().draw_mermaid() == document.get_graph().draw_mermaid()
    for schema in ("get_input_jsonschema", "get_output_jsonschema", "get_context_jsonschema"):
        assert getattr(python, schema)() == getattr(document, schema)()
    given = CONVERSATIONS[path.stem]
    assert await trace(served(python), given) == await trace(served(document), given)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_needs_nothing_of_graphwright_but_its_tools(
    path: Path, tmp_path: Path
) -> None:
    (tmp_path / "exported.py").write_text(export(path))
    blocked = (
        "import sys\n"
        "for name in ('graphwright', 'graphwright_graphs', 'graphwright_checkpoints'):\n"
        "    sys.modules[name] = None\n"
        "import exported\n"
        "print(exported.graph.name)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", blocked], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.stdout.strip(), ended.stderr) == (path.stem, "")


@pytest.fixture(scope="module")
def all_exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for path in EXAMPLES:
        (folder / f"{path.stem.replace('-', '_')}.py").write_text(export(path))
    return folder


@pytest.mark.parametrize("check", ["check --select E,F,I", "format --check"])
def test_what_is_exported_is_clean(all_exported: Path, check: str) -> None:
    command = ["ruff", *check.split(), "--isolated", "--line-length", "100", str(all_exported)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout

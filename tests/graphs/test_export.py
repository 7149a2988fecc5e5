"""Exported Python is the same graph as its document, and needs none of this package."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command
from tests.graphs.exported import DOCUMENTS
from tests.graphs.traces import served, trace

from graphwright_graphs import load
from graphwright_graphs.export import ExportError, export
from graphwright_graphs.models import Models

ROOT = Path(__file__).parents[2]

# What each example is asked, and what a person answers where it waits.
CONVERSATIONS: dict[str, list[Any]] = {
    "extraction": [{"text": "Invoice 7 of 2026-01-02 from Ada Ltd: 3 pens, 4.50 euros."}],
    "agent": [{"messages": [("human", "What is 12 times 12? And what is 3 plus 4?")]}],
    "analyst": [{"messages": [("human", "Which tables are there?")]}],
    "approval": [
        {"messages": [("human", "Remember that I owe Ada 5 euros.")]},
        Command(resume={"decisions": [{"type": "maybe"}]}),
        Command(resume="no"),
        {"messages": [("human", "Remember that I owe Ada 6 euros.")]},
        Command(resume="yes"),
    ],
    "memory": [
        {"messages": [("human", "My name is Ada, and I live in Bonn.")]},
        {"messages": [("human", "What do you know of me?")]},
    ],
    "planner": [{"messages": [("human", "Calculate 12 * 12, then calculate 7 + 8.")]}],
    "rag": [{"messages": [("human", "How many days of leave do I have?")]}],
    "research": [
        {"messages": [("human", "Search for checkpoints, then calculate 12 * 12.")]},
        Command(resume="perhaps, but calculate 13 * 13 as well"),
        Command(resume="yes"),
    ],
    "review": [{"code": "def f(x):\n    return eval(x)\n"}],
    "summary": [{"text": "One thing happened.\n\nThen another did. " * 90, "words": 30}],
    "support": [{"messages": [("human", "My order 4711 has not come.")]}],
    "translator": [{"language": "German", "text": "good morning"}, {"text": "good morning"}],
}


SIDE_BY_SIDE = {"memory", "planner", "research", "review", "summary"}
EXAMPLES = [ROOT / "graphs" / f"{name}.yaml" for name in CONVERSATIONS]


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that `sql` nodes read."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript((ROOT / "graphs" / "shop" / "shop.sql").read_text())
    monkeypatch.setenv("SQL_DATABASE", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_every_example_runs_the_same(path: Path, imported: Any) -> None:
    document = load(path, models=Models())
    python = imported(export(path)).graph

    assert python.name == document.name
    assert python.get_graph().draw_mermaid() == document.get_graph().draw_mermaid()
    for schema in ("get_input_jsonschema", "get_output_jsonschema", "get_context_jsonschema"):
        assert getattr(python, schema)() == getattr(document, schema)()
    given, mixed = CONVERSATIONS[path.stem], path.stem in SIDE_BY_SIDE
    expected = await trace(served(document), given, side_by_side=mixed)
    assert await trace(served(python), given, side_by_side=mixed) == expected
    assert len(expected) > 2 * len(given)


def test_every_example_needs_nothing_of_graphwright_but_its_tools(tmp_path: Path) -> None:
    for path in EXAMPLES:
        (tmp_path / f"exported_{path.stem}.py").write_text(export(path))
    blocked = (
        "import importlib, sys\n"
        "for name in ('graphwright', 'graphwright_graphs', 'graphwright_checkpoints'):\n"
        "    sys.modules[name] = None\n"
        "for name in sys.argv[1:]:\n"
        "    print(importlib.import_module(f'exported_{name}').graph.name)"
    )
    names = [path.stem for path in EXAMPLES]
    ended = subprocess.run(
        [sys.executable, "-c", blocked, *names],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}:{ROOT / 'graphs'}:{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout.split(), ended.stderr) == (names, "")


@pytest.fixture(scope="module")
def all_exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for path in EXAMPLES:
        (folder / f"{path.stem.replace('-', '_')}.py").write_text(export(path))
    return folder


@pytest.mark.parametrize("check", ["check --select E,F,I", "format --check"])
def test_what_is_exported_is_clean(all_exported: Path, check: str) -> None:
    ruff = [sys.executable, "-m", "ruff", *check.split()]
    command = [*ruff, "--isolated", "--line-length", "100", str(all_exported)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("shown", DOCUMENTS)
async def test_every_word_runs_the_same(
    shown: str,
    document: Any,
    imported: Any,
    files: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of a model that is not asked")
    monkeypatch.setenv("GRAPHWRIGHT_IMPORTS", "tests")
    text, given = DOCUMENTS[shown]
    path = document(text, "example.yaml")
    python, loaded = imported(export(path)).graph, load(path, models=Models())

    assert python.get_graph().draw_mermaid() == loaded.get_graph().draw_mermaid()
    assert python.get_context_jsonschema() == loaded.get_context_jsonschema()
    expected = await trace(served(loaded), given)
    assert await trace(served(python), given) == expected
    assert len(expected) > len(given)


async def test_a_graph_inside_has_the_settings_of_the_one_around(
    document: Any, imported: Any, files: None
) -> None:
    text, given = DOCUMENTS["other documents, once with the same names and twice with others"]
    path, context = document(text), {"tone": "wet", "limit": 7}
    expected = await trace(served(load(path, models=Models())), given, context=context)
    python = imported(export(path))

    assert await trace(served(python.graph), given, context=context) == expected
    assert "Is it wet?" in str(expected)
    assert python.inner_graph is python.graph.builder.nodes["first"].runnable
    assert not hasattr(python, "inner_graph_2")


def test_every_shipped_document_is_among_the_examples() -> None:
    assert {path.stem for path in (ROOT / "graphs").glob("*.yaml")} == set(CONVERSATIONS)


def test_what_has_no_python_is_said_with_its_place(document: Any, tools: str) -> None:
    path = document(
        """
        state: {text: last}
        nodes:
          shout: {python: "tools_of_a_user:shout"}
        edges:
          START: shout
          shout:
            - when: text == "" || type(text) == string
              to: shout
            - to: END
        """
    )
    with pytest.raises(ExportError) as caught:
        export(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column, problem.path) == (7, 13, "edges.shout[0].when")
    assert "`type`" in problem.found


@pytest.mark.parametrize("name", ["../other.py", "a-b.py"])
def test_a_file_that_python_cannot_import_is_said(
    document: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "graphs").mkdir()
    (tmp_path / "graphs" / name).write_text("def act(state):\n    return {}\n")
    path = document(
        f"""
        state: {{text: last}}
        nodes: {{act: {{python: "{name}:act"}}}}
        edges: {{START: act, act: END}}
        """,
        "graphs/graph.yaml",
    )
    with pytest.raises(ExportError, match=rf'nodes\.act\.python: found "{name}", expected a file'):
        export(path)

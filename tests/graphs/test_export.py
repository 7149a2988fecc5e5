"""Exported Python is the same graph as its document, and needs none of this package."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from tests.graphs.test_nodes_http import ASK, ORDER
from tests.graphs.traces import trace
from tests.tools.loopback import serving

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


@pytest.fixture
def imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModuleType]]:
    """Imports an exported module; its models are those of a catalogue."""
    names: list[str] = []
    # Where an export belongs: beside its document, whose folder has what it imports.
    monkeypatch.syspath_prepend(ROOT / "graphs")

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


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database that the example `analyst` asks."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript((ROOT / "graphs" / "shop" / "shop.sql").read_text())
    monkeypatch.setenv("SQL_DATABASE", f"sqlite:///{tmp_path / 'shop.db'}")


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
    given, mixed = CONVERSATIONS[path.stem], path.stem in SIDE_BY_SIDE
    expected = await trace(served(document), given, side_by_side=mixed)
    assert await trace(served(python), given, side_by_side=mixed) == expected
    assert len(expected) > 2 * len(given)


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
        [sys.executable, "-c", blocked],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}:{ROOT / 'graphs'}:{os.environ.get('PYTHONPATH', '')}",
        },
        capture_output=True,
        text=True,
        check=False,
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
    ruff = [sys.executable, "-m", "ruff", *check.split()]
    command = [*ruff, "--isolated", "--line-length", "100", str(all_exported)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


GRAPHS = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    text: str


async def shout(state: State) -> dict:
    return {"text": state["text"].upper()}


def build() -> StateGraph:
    return StateGraph(State).add_node("shout", shout).add_edge(START, "shout")


graph = build().compile()
"""

# Each shows some words of the language, on the functions of `tools_of_a_user` and the demo model.
DOCUMENTS: dict[str, tuple[str, list[Any]]] = {
    "a loop with a bound, and a condition on a setting": (
        """
        state: {text: last, tries: add}
        context:
          loud: {type: boolean, default: true, description: Whether to shout}
          limit: {type: integer, default: 9}
        nodes:
          shout: {python: "tools_of_a_user:shout", description: Says it loudly}
          whisper: {python: "tools_of_a_user:whisper"}
        edges:
          START: shout
          shout:
            - when: loud && tries < limit || text == ""
              to: whisper
              at_most: 3
            - when: size(text) > 100
              to: [whisper, END]
            - to: END
          whisper: shout
        """,
        [{"text": "So"}, {"text": "Again", "tries": 9}],
    ),
    "branches that join, options, a prompt without a model": (
        """
        state:
          topic: {type: string, default: tea}
          lines: {reducer: append, type: string}
          facts: merge
          text: last
        input: [topic]
        output: [lines, text]
        nodes:
          left: {prompt: {template: "{topic} on {{the}} left", output: lines}, retry: 2}
          right:
            prompt: {template: "{topic} on the right", output: lines}
            retry: {max_attempts: 2, initial_interval: 0.1, retry_on: [ValueError]}
          text: {prompt: {template: "{lines} of {facts}", output: text}, defer: true}
        edges: {START: [left, right], left & right: text, text: END}
        """,
        [{"topic": "rain"}, {}],
    ),
    "a router by cases that goes to nodes, interrupts around a node": (
        """
        state: {text: last, messages: messages}
        nodes:
          choose:
            router:
              cases:
                - {when: "text.startsWith('a')", choose: first}
                - {when: "text.matches('^b+$')", choose: second}
              default: END
          first: {python: "tools_of_a_user:shout", interrupt: before}
          second:
            prompt:
              template: [{human: "It is {text}."}, {ai: "Is it?"}, {placeholder: messages}]
              output: messages
        edges: {START: choose, first: END, second: END}
        """,
        [{"text": "ab"}, None, {"text": "bb"}, {"text": "c"}],
    ),
    "a router by a model, data in the form of a schema, a question to a person": (
        """
        state: {messages: messages, kind: last, data: last, name: last}
        nodes:
          choose:
            router:
              choices: {sum: It is about numbers, other: Anything else}
              output: kind
          extract:
            llm:
              prompt: Take out the numbers.
              schema:
                type: object
                properties: {numbers: {type: array, items: {type: integer}}}
                required: [numbers]
              output: data
          ask: {human: {ask: "Who asks for {kind}?", output: name}}
          say: {human: {ask: What else?}}
        edges: {START: choose, choose: extract, extract: ask, ask: say, say: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            Command(resume="Ada"),
            Command(resume="Nothing."),
        ],
    ),
    "an agent with tools, of which one waits for a person": (
        """
        state: {messages: messages, name: {type: string, default: Ada}}
        nodes:
          work:
            agent:
              prompt: You work for {name}.
              tools: [calculator, save_note]
              approve: [save_note]
              max_rounds: 4
        edges: {START: work, work: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            {"messages": [("human", "Remember that I owe Ada 5 euros.")]},
            Command(resume={"decisions": [{"type": "approve"}]}),
        ],
    ),
    "a database, other graphs with the same names and with others": (
        """
        state: {limit: last, rows: last, text: last, loud: last}
        nodes:
          ask: {sql: {query: "SELECT name FROM customers WHERE id < :limit ORDER BY id",
                      output: rows}}
          same: {subgraph: "graphs_of_a_user:graph"}
          other: {subgraph: {graph: "graphs_of_a_user:build", in: {text: loud}, out: {loud: text}}}
        edges: {START: ask, ask: same, same: other, other: END}
        """,
        [{"limit": 100, "text": "So", "loud": "And so"}],
    ),
    "times that nodes may take, and functions that name another state": (
        """
        state: {messages: messages, left: last, steps: add, log: append, text: last}
        nodes:
          step: {python: "tests.graphs.twins.count_down:step", timeout: 5}
          note: {python: "tests.graphs.twins.count_down:note"}
          say: {python: "tools_of_a_user:whisper", timeout: 5}
          ask: {llm: {prompt: Be brief., tools: [clock]}, timeout: 9}
          tools: {tools: [clock]}
        edges:
          START: step
          step: note
          note: say
          say: ask
          ask: [{when: size(messages.last().tool_calls) > 0, to: tools}, {to: END}]
          tools: ask
        """,
        [{"left": 3, "text": "So", "messages": [("human", "What is 2 times 3?")]}],
    ),
    "every way to ask": (
        """
        state: {kind: {type: string}, count: {type: integer, default: 2}, messages: messages}
        nodes:
          choose: {human: {ask: Which?, choose: {options: [Red, Blue]}, output: kind}}
          several: {human: {choose: {options: [One, Two], many: true}}}
          edit:
            human: {edit: count, ask: "How many {kind}?", expiry: {seconds: 60, answer: true}}
        edges: {START: choose, choose: several, several: edit, edit: END}
        """,
        [
            {"messages": []},
            Command(resume="green"),
            Command(resume="2"),
            Command(resume="one, two"),
            Command(resume="many"),
            Command(resume="7"),
        ],
    ),
    "a text for the person's side, another channel, a model's options": (
        """
        state: {language: {enum: [German, French], default: German}, said: last}
        nodes:
          greet:
            llm:
              prompt: Translate "good morning" into {language}
              model: [{temperature: 0, retry: 2}, {name: "openai:gpt-4o-mini", stop: [x]}]
              output: said
        edges: {START: greet, greet: END}
        """,
        [{}, {"language": "French"}],
    ),
    "prompts in full": (
        """
        state: {question: {type: string}, said: last, letter: last}
        nodes:
          ask:
            llm:
              prompt:
                messages:
                  - system: "{company} {{braces}} {question}"
                  - examples: [{input: "{2}+2", output: 4}]
                  - examples: [{q: a}]
                    example_prompt: [{ai: "Q {q}"}]
                  - human: {file: asked.md}
                partial_variables: {company: "AC{ME}", number: 7}
              output: said
          write: {prompt: {template: {file: asked.md}, output: letter}}
        edges: {START: ask, ask: write, write: END}
        """,
        [{"question": "What is 12 times 12?"}],
    ),
    "times in conditions": (
        """
        state: {text: last, due: {type: string}, tries: {type: integer, default: 0}}
        nodes:
          shout: {python: "tools_of_a_user:shout"}
          whisper: {python: "tools_of_a_user:whisper"}
        edges:
          START:
            - when: timestamp(due) - timestamp(tries) > duration("36h")
              to: shout
            - when: timestamp(due).getHours("Europe/Berlin") == 1
              to: whisper
            - to: END
          shout: END
          whisper: END
        """,
        [
            {"text": "So", "due": "1970-01-02T12:00:00Z", "tries": -60},
            {"text": "So", "due": "1970-01-01T00:30:00Z", "tries": 5},
            {"text": "So", "due": "1970-01-01T00:30:00-08:00"},
        ],
    ),
    "prompts in mustache": (
        """
        state:
          messages: messages
          name: {type: string, default: 'A & "b"'}
          items: append
          plan: {type: object}
          said: last
          letter: last
        context: {tone: {type: string, default: dry}}
        nodes:
          ask:
            llm:
              prompt:
                template_format: mustache
                partial_variables: {company: "A{{C}}", number: 7}
                messages:
                  - system: |
                      {{company}} no. {{number}} is {{tone}} on {{today}}. {{! unsaid }}
                      {{#items}} {{n}}={{#tags}}{{.}},{{/tags}}{{name}};{{/items}}{braces}
                      {{^plan}}No plan.{{/plan}}{{#plan}}{{goal}} {{plan.steps.0}}{{/plan}}
                  - examples: [{input: a & b, output: "{"}]
                  - examples: [{q: {deep: [a, b]}}]
                    example_prompt: [{ai: "Q {{{q}}} {{#q}}{{deep.1}}{{/q}}"}]
                  - human: "{{{name}}} {{name}} {{#messages}}[{{type}}: {{content}}]{{/messages}}"
              output: said
          write:
            prompt:
              template: {template_format: mustache, text: "{{said}} {{{messages}}} {{{items}}}"}
              output: letter
        edges: {START: ask, ask: write, write: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            {
                "items": [{"n": 1, "tags": ["x", "y"]}, {"n": True, "tags": []}],
                "plan": {"goal": "<tea>", "steps": ["boil"]},
                "name": "{{plan}}",
            },
        ],
    ),
}


@pytest.mark.parametrize("shown", DOCUMENTS)
async def test_every_word_runs_the_same(
    shown: str,
    document: Any,
    imported: Any,
    tools: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of a model that is not asked")
    monkeypatch.setenv("GRAPHWRIGHT_IMPORTS", "tests")
    (tmp_path / "graphs_of_a_user.py").write_text(GRAPHS)
    monkeypatch.delitem(sys.modules, "graphs_of_a_user", raising=False)
    text, given = DOCUMENTS[shown]
    path = document(text, "example.yaml")
    (path.parent / "asked.md").write_text("Answer: {question}\n")
    python, loaded = imported(export(path)).graph, load(path, models=Models())

    assert python.get_graph().draw_mermaid() == loaded.get_graph().draw_mermaid()
    assert python.get_context_jsonschema() == loaded.get_context_jsonschema()
    expected = await trace(served(loaded), given)
    assert await trace(served(python), given) == expected
    assert len(expected) > len(given)


async def test_a_request_is_the_same(
    document: Any, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_TOKEN", "s3cret")
    with serving() as told:
        answer = {"items": [{"name": "tea"}, {"name": "cup"}]}
        told.answers("/customers/a%2F..%2Fb%3Fc/orders", answer)
        path = document(ORDER.replace("URL", told.url), "order.yaml")
        expected = await trace(served(load(path)), [ASK])
        assert await trace(served(imported(export(path)).graph), [ASK]) == expected

        first, second = told.received
        assert (first.method, first.path, first.query) == (second.method, second.path, second.query)
        assert first.json == second.json


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

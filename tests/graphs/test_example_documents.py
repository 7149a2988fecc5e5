"""The documents in graphs/, each under the demo model and over OpenAI's wire format.

The wire is a real server on the loopback that answers as the test says; the tools are real.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from tests.graphs.openai_server import Answer, Request, answering

import graphwright_graphs
from graphwright_graphs.demo.conversation import without_disclaimer
from graphwright_graphs.models import Models

ROOT = Path(__file__).parents[2]
GRAPHS = str(ROOT / "graphs")
THREAD: Any = {"configurable": {"thread_id": "1"}}
ANOTHER: Any = {"configurable": {"thread_id": "2"}}


def load(path: str, models: Models | None = None) -> Any:
    """A graph with what a server would give it: a checkpointer and a store."""
    graph: Any = graphwright_graphs.load(ROOT / "graphs" / path, models=models or Models())
    graph.checkpointer, graph.store = InMemorySaver(), InMemoryStore()
    return graph


def said(state: dict[str, Any]) -> str:
    return str(state["messages"][-1].text)


async def wired(
    path: str, given: dict[str, Any], answer: Callable[[Request], Answer], *resumes: Any
) -> tuple[dict[str, Any], list[Request]]:
    """A run whose model is a server that streams; what came out, and what the server was asked."""
    state: dict[str, Any] = {}
    with answering(answer) as server:
        graph = load(path, server.models)
        for turn in (given, *(Command(resume=resume) for resume in resumes)):
            async for mode, part in graph.astream(turn, THREAD, stream_mode=["messages", "values"]):
                state = part if mode == "values" else state
    assert all(request.body["stream"] for request in server.requests)
    return state, server.requests


# A folder of documents


async def test_an_answer_comes_from_the_folder() -> None:
    state = await load("rag.yaml").ainvoke(
        {"messages": "How many days of leave do I have?"}, THREAD
    )

    assert "28 days" in said(state)
    assert "leave.md" in said(state)


async def test_the_folder_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        if not request.results:
            return [("search", {"query": "hotel limit"})]
        return "Up to 150 euros (travel.md)." if "150 euros" in request.results[0] else "?"

    state, requests = await wired("rag.yaml", {"messages": "What may a hotel cost?"}, answer)

    assert said(state) == "Up to 150 euros (travel.md)."
    assert requests[0].tools == ["search"]


# A plan that a person approves


async def test_research_begins_when_a_person_has_approved() -> None:
    graph = load("research.yaml")
    state = await graph.ainvoke(
        {"messages": "Search for checkpoints, then calculate 12 * 12."}, THREAD
    )
    assert len(state["__interrupt__"]) == 1

    state = await graph.ainvoke(Command(resume="yes"), THREAD)
    assert "144" in said(state)


async def test_research_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        if request.schema is not None and "steps" in request.schema["properties"]:
            return {"steps": [{"id": "s1", "task": "Search for checkpoints", "needs": []}]}
        if "search" in request.tools and not request.results:
            return [("search", {"query": "checkpoints"})]
        return "They keep a conversation." if request.tools else "Checkpoints keep conversations."

    given = {"messages": "What are checkpoints for?"}
    state, requests = await wired("research.yaml", given, answer, "yes")

    assert said(state) == "Checkpoints keep conversations."
    assert any("checkpoint" in result for request in requests for result in request.results)


# A database


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process whose environment names no database."""
    for name in [name for name in sys.modules if re.fullmatch(r"database_[0-9a-f]{12}", name)]:
        monkeypatch.delitem(sys.modules, name)
    for variable in ("SQL_DATABASE", "SQL_TABLES", "SAMPLE_SHOP"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How many orders are there?", "\n4\n"),
        ("What is the highest total of all orders?", "99.9"),
        ("List the customers", "Linus"),
        ("SELECT name FROM customers WHERE city = 'London'", "Ada\n(1 row)"),
        ("How many dragons are there?", "customers (table)"),
        ("How many customers live in London?", "“How many orders are there?”"),
    ],
)
async def test_the_analyst_asks_the_sample_shop(sample: None, question: str, found: str) -> None:
    assert found in said(await load("analyst.yaml").ainvoke({"messages": question}, THREAD))


async def test_the_analyst_asks_the_database_that_is_named(
    sample: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "sky.db")) as connection:
        connection.executescript("CREATE TABLE planets (name TEXT)")
    monkeypatch.setenv("SQL_DATABASE", f"sqlite:///{tmp_path / 'sky.db'}")

    state = await load("analyst.yaml").ainvoke({"messages": "Which tables are there?"}, THREAD)
    assert "planets (table)" in said(state)
    assert "orders" not in said(state)


def test_the_sample_shop_goes_with_the_process(tmp_path: Path) -> None:
    program = "import helpers.database, os; print(os.environ['SAMPLE_SHOP'])"
    environment = {name: value for name, value in os.environ.items() if name != "SQL_DATABASE"}
    environment |= {"TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join([*sys.path, GRAPHS])}
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert ended.stdout.startswith(f"sqlite:///{tmp_path}/graphwright-shop-")
    assert list(tmp_path.iterdir()) == []


async def test_the_analyst_over_the_wire(sample: None) -> None:
    statement = "SELECT sum(total) AS spent FROM orders WHERE customer = 1"

    def answer(request: Request) -> Answer:
        turns: list[Answer] = [
            [("sql_tables", {}), ("sql_schema", {"tables": ["orders"]})],
            [("sql_query", {"statement": "SELECT sum(totals) FROM orders"})],
            [("sql_query", {"statement": statement})],
        ]
        done = {0: 0, 2: 1, 3: 2}.get(len(request.results))
        return turns[done] if done is not None else f"Ada spent 52.5.\n{request.results[-1]}"

    state, _ = await wired("analyst.yaml", {"messages": "How much did Ada spend?"}, answer)
    results = [message for message in state["messages"] if message.type == "tool"]

    assert "Did you mean orders.total" in results[2].text or "total" in results[2].text
    assert results[2].status == "error"
    assert "52.5" in results[3].text


# Support


@pytest.mark.parametrize(
    ("message", "desk"),
    [
        ("I was charged twice and want my money back", "refunds"),
        ("The app crashes with an error", "technical"),
        ("Let me speak with a human", "person"),
        ("Purple", "person"),
    ],
)
async def test_support_is_sorted(message: str, desk: str) -> None:
    state = await load("support.yaml").ainvoke({"messages": message}, THREAD)

    assert state["desk"] == desk
    assert ("__interrupt__" in state) == (desk != "technical")


async def test_a_person_takes_over() -> None:
    graph = load("support.yaml")
    state = await graph.ainvoke({"messages": "I want to speak with a human"}, THREAD)
    (waiting,) = state["__interrupt__"]
    assert waiting.value["expiry"]["seconds"] == 86400

    state = await graph.ainvoke(Command(resume="Call me: 555."), THREAD)
    assert (state["messages"][-1].type, said(state)) == ("ai", "Call me: 555.")


async def test_support_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        if request.schema is not None:
            assert "- refunds: Invoices" in request.system
            return {"choice": "refunds"}
        return "We pay it back."

    given = {"messages": "Charged twice!"}
    state, _ = await wired("support.yaml", given, answer, "We look into it.")

    assert said(state) == "We look into it."


# Translation


async def test_the_translator_over_the_wire() -> None:
    state, requests = await wired(
        "translator.yaml", {"language": "Danish", "text": "cake"}, lambda _: "kage"
    )

    assert state["translation"] == "kage"
    assert requests[0].asked == "Translate into Danish: cake"


# A long document

LONG = "\n\n".join(f"Chapter {n}. " + f"The ship sails on day {n}. " * 60 for n in range(6))


async def test_a_long_document_is_summed_up() -> None:
    state = await load("summary.yaml").ainvoke({"text": LONG}, THREAD)

    assert "The ship sails" in state["summary"]
    assert len(without_disclaimer(state["summary"])) < 500


async def test_the_summary_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        if "150 words" in request.system:
            return " / ".join(json.loads(request.asked))
        return request.asked.split(".")[0]

    state, requests = await wired("summary.yaml", {"text": LONG}, answer)

    assert state["summary"] == " / ".join(f"Chapter {n}" for n in range(6))
    assert len(requests) == 7


# Extraction

MAIL = "Hello, my name is Ada Lovelace. Please send me an offer. ada@engines.example"


async def test_contacts_are_extracted() -> None:
    state = await load("extraction.yaml").ainvoke({"text": MAIL}, THREAD)

    assert state["contact"] == {
        "name": "Ada Lovelace",
        "email": "ada@engines.example",
        "wants": "offer",
    }


async def test_the_extraction_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        assert request.schema is not None
        return {"name": "Ada", "wants": "offer"}

    state, _ = await wired("extraction.yaml", {"text": MAIL}, answer)

    assert state["contact"] == {"name": "Ada", "wants": "offer"}


# Code review

CODE = (
    "def load(path):\n    password = 'hunter2'\n    try:\n        return eval(path)\n    except:\n"
)


async def test_reviewers_look_at_code() -> None:
    state = await load("review.yaml").ainvoke({"code": CODE}, THREAD)

    assert [each.splitlines()[0] for each in map(str, state["findings"])] == [
        "- Line 5 catches everything: name the exception.",
        "- Line 2 holds a secret: read it from the environment.",
        "Nothing found.",
    ]
    assert "Line 4 runs text as code" in state["report"]


async def test_the_review_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        if "several reviewers" in request.system:
            return "; ".join(json.loads(request.asked))
        return "by " + request.system.split(": ")[1]

    given = {"code": CODE, "reviewers": ["tests: missing ones", "style: names"]}
    state, _ = await wired("review.yaml", given, answer)

    assert state["report"] == "by tests; by style"


# Memory


async def test_what_was_told_is_remembered_in_another_conversation() -> None:
    graph = load("memory.yaml")
    ada: Any = {"user": "ada@example.com"}
    await graph.ainvoke({"messages": "My name is Ada and my dog is Pixel."}, THREAD, context=ada)
    state = await graph.ainvoke({"messages": "What is my dog?"}, ANOTHER, context=ada)
    assert "Pixel" in said(state)

    third: Any = {"configurable": {"thread_id": "3"}}
    state = await graph.ainvoke({"messages": "What is my dog?"}, third, context={"user": "bob"})
    assert "Pixel" not in said(state)


async def test_what_is_to_be_remembered_is_kept() -> None:
    graph = load("memory.yaml")
    state = await graph.ainvoke({"messages": "Remember that I like tea"}, THREAD)
    assert "I'll remember: “I like tea”." in said(state)

    state = await graph.ainvoke({"messages": "What do you know about me?"}, ANOTHER)
    assert "You told me:\n- I like tea" in said(state)


async def test_the_memory_over_the_wire() -> None:
    def answer(request: Request) -> Answer:
        return {"facts": ["I like tea."]} if request.schema is not None else "Noted."

    with answering(answer) as server:
        graph = load("memory.yaml", server.models)
        await graph.ainvoke({"messages": "I like tea"}, THREAD)
        await graph.ainvoke({"messages": "Hello"}, ANOTHER)

    assert [item.value for item in graph.store.search(("memories", "somebody"))] == [
        {"fact": "I like tea."}
    ]
    assert '"fact": "I like tea."' in server.requests[2].system


# MCP


async def test_the_tools_of_an_mcp_server() -> None:
    def answer(request: Request) -> Answer:
        if request.results:
            return request.results[0]
        return [("units_convert", {"amount": 5, "source": "miles", "target": "kg"})]

    asked = {"messages": "Convert 5 miles to km, please"}
    assert "5 miles = 8.04672 km" in said(await load("mcp/assistant.yaml").ainvoke(asked, THREAD))

    with answering(answer) as server:
        state = await load("mcp/assistant.yaml", server.models).ainvoke(
            {"messages": "5 miles in kg?"}, ANOTHER
        )
    assert "miles can't be converted to kg. Known are:" in said(state)
    assert server.requests[0].tools == ["units_convert", "units_list_units"]

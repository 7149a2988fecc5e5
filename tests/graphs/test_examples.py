"""Every graph in graphs/, and the one in docs/graphs.md, from the first word to the last.

They run on the demo model and the real tools: no part is a stand-in.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

import graphwright_graphs
from graphwright_graphs.models import Models, using

ROOT = Path(__file__).parents[2]
THREAD = {"configurable": {"thread_id": "1"}}


def load(path: Path) -> Any:
    """A graph with what a server would give it: a checkpointer and a store."""
    graph: Any = graphwright_graphs.load(path, models=Models())
    graph.checkpointer, graph.store = InMemorySaver(), InMemoryStore()
    return graph


@pytest.fixture
def example() -> Any:
    return lambda name: load(ROOT / "graphs" / f"{name}.yaml")


def said(state: dict[str, Any]) -> str:
    return str(state["messages"][-1].text)


def test_langgraph_json_lists_every_graph() -> None:
    listed = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    shipped = {path.stem for path in (ROOT / "graphs").glob("*.*") if path.is_file()}

    assert set(listed) == shipped


async def test_the_agent_answers_with_its_tools(example: Any) -> None:
    state = await example("agent").ainvoke({"messages": "What is 12 times 12?"}, THREAD)

    assert [m.name for m in state["messages"] if m.type == "tool"] == ["calculator"]
    assert "144" in said(state)


async def test_the_agent_keeps_notes_from_one_message_to_the_next(example: Any) -> None:
    agent = example("agent")
    await agent.ainvoke({"messages": "Remember that the key is under the mat."}, THREAD)
    state = await agent.ainvoke({"messages": "What did I note?"}, THREAD)

    assert "mat" in said(state)


async def test_the_agent_searches_the_documents(example: Any) -> None:
    state = await example("agent").ainvoke({"messages": "Search for checkpoints"}, THREAD)

    assert [m.name for m in state["messages"] if m.type == "tool"] == ["search"]


async def test_the_planner_takes_its_steps_and_answers(example: Any) -> None:
    request = "Calculate 12 * 12, then calculate 7 + 8."
    state = await example("planner").ainvoke({"messages": request}, THREAD)

    assert [step["status"] for step in state["plan"]["steps"]] == ["done", "done"]
    assert [m.type for m in state["messages"]] == ["human", "ai"]
    assert "144" in said(state)
    assert "15" in said(state)


async def test_the_translator_translates(example: Any) -> None:
    state = await example("translator").ainvoke(
        {"language": "German", "text": "good morning"}, THREAD
    )

    assert "guten morgen" in state["translation"].lower()
    assert list(state) == ["translation"]


async def test_the_translator_has_a_language_of_its_own(example: Any) -> None:
    state = await example("translator").ainvoke({"text": "good morning"}, THREAD)

    assert "bonjour" in state["translation"].lower()


@pytest.mark.parametrize(("answer", "kept"), [("yes", 1), ("no", 0)])
async def test_a_note_waits_for_a_person(example: Any, answer: str, kept: int) -> None:
    graph = example("approval")
    state = await graph.ainvoke({"messages": "Remember that I owe Ada 5 euros."}, THREAD)
    (waiting,) = state["__interrupt__"]
    assert waiting.value["action_requests"][0]["name"] == "save_note"
    assert await graph.store.asearch(("notes",)) == []

    state = await graph.ainvoke(Command(resume=answer), THREAD)
    assert len(await graph.store.asearch(("notes",))) == kept
    assert said(state)


async def test_reading_notes_needs_no_approval(example: Any) -> None:
    state = await example("approval").ainvoke({"messages": "What did I note?"}, THREAD)

    assert "__interrupt__" not in state


TEXT = "The cat sat on the mat. It was warm.\n\nExtraordinarily complicated constructions followed."


async def test_the_reviewers_work_side_by_side_in_a_subgraph() -> None:
    spec = importlib.util.spec_from_file_location("subgraphs", ROOT / "graphs" / "subgraphs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    with using(Models()):
        spec.loader.exec_module(module)
        nodes = [
            (space[0].split(":")[0] if space else "", *update)
            async for space, update in module.graph.astream(
                {"messages": TEXT}, stream_mode="updates", subgraphs=True
            )
        ]
        state = await module.graph.ainvoke({"messages": TEXT})
        short = await module.graph.ainvoke({"messages": "Hello"})

    assert {("review", name) for name in ("count", "measure", "summarise")} <= set(nodes)
    assert [name for space, name in nodes if not space] == ["read", "review", "report"]
    assert "13 words, 3 sentences, 2 paragraphs" in said(state)
    assert "1 word, 1 sentence, 1 paragraph\n" in said(short)
    assert re.search(r"Readability:\*\* \w", said(state))


async def test_the_file_to_copy_in_the_docs_works(document: Any) -> None:
    page = (ROOT / "docs" / "graphs.md").read_text()
    block, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    graph = load(document(block, "helpdesk.yaml"))
    state = await graph.ainvoke({"messages": "Note: buy milk"}, THREAD)
    assert state["__interrupt__"][0].value["action_requests"][0]["args"] == {"text": "buy milk"}

    await graph.ainvoke(Command(resume="yes"), THREAD)
    assert len(await graph.store.asearch(("notes",))) == 1

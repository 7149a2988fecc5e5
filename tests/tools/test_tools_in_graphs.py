"""The tools where they are used: named in a graph document, and in plain LangChain."""

import importlib
import re
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langgraph.store.memory import InMemoryStore

import graphwright_graphs
from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.models import Models
from graphwright_tools.calculator import calculator

ROOT = Path(__file__).parents[2]
THREE = "What is 12 times 12, what time is it in Tokyo, and note that I owe Ada 5 euros"


def asked(question: str) -> Any:
    return {"messages": [("user", question)]}


def results(state: dict[str, Any]) -> dict[str, ToolMessage]:
    return {str(m.name): m for m in state["messages"] if isinstance(m, ToolMessage)}


@pytest.mark.parametrize("with_store", [True, False])
async def test_the_agent_calls_three_tools_for_one_sentence(with_store: bool) -> None:
    store = InMemoryStore()
    agent = graphwright_graphs.load(ROOT / "graphs/agent.yaml", models=Models("demo"))
    agent.store = store if with_store else None

    state = await agent.ainvoke(asked(THREE))

    found = results(state)
    assert list(found) == ["calculator", "clock", "save_note"]
    assert found["calculator"].content == "144"
    assert "(UTC+09:00)" in found["clock"].text
    assert found["save_note"].status == ("success" if with_store else "error")
    assert "12 * 12 = 144" in state["messages"][-1].text
    kept = [item.value for item in store.search(("notes",))]
    assert kept == ([{"text": "I owe Ada 5 euros"}] if with_store else [])


def test_every_name_on_offer_is_a_described_tool() -> None:
    offered = {point.name: point.load() for point in entry_points(group="graphwright.tools")}

    assert {"calculator", "clock", "save_note", "list_notes", "delete_note", "search"} <= set(
        offered
    )
    for name, tool in offered.items():
        assert isinstance(tool, BaseTool)
        assert tool.name == name
        assert tool.description
        assert all(argument.get("description") for argument in tool.args.values())


def test_a_tool_works_in_plain_langchain() -> None:
    agent = create_agent(DemoChatModel(), tools=[calculator])

    assert (
        results(agent.invoke(asked("What is 2 to the power of 10?")))["calculator"].text == "1024"
    )


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project made of the files that docs/tools.md tells to copy."""
    page = (ROOT / "docs/tools.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(python|yaml)\n(.*?)```", page, re.DOTALL)
    names = ["orders.py", "orders.yaml", "handbook.py"]
    for name, (language, text) in zip(names, blocks, strict=False):  # others have their own tests
        assert name.endswith({"python": ".py", "yaml": ".yaml"}[language])
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "leave.md").write_text("# Leave\n\nThirty days a year.\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("orders", "handbook"):
        sys.modules.pop(name, None)


def test_the_documented_tool_runs(copied: Path) -> None:
    graph = graphwright_graphs.load(copied / "orders.yaml", models=Models("demo"))

    known = results(graph.invoke(asked("What is the status of order A-17?")))
    unknown = results(graph.invoke(asked("What is the status of order B-1?")))

    assert known["order_status"].text == "Order A-17 is packed."
    assert unknown["order_status"].text == "There is no order B-1. Known are: A-17, A-18."
    assert unknown["order_status"].status == "error"


def test_the_documented_search_runs(copied: Path) -> None:
    search = importlib.import_module("handbook").search

    assert search.invoke({"query": "days of leave"}) == "[leave.md: Leave]\nThirty days a year."


def test_every_other_documented_file_can_be_imported() -> None:
    page = (ROOT / "docs/tools.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    ours = [text for text in blocks if re.search(r"graphwright_tools\.(sql|files|mcp)", text)]

    assert len(ours) == 3
    for text in ours:
        exec(text, {})

"""The demo model as LangChain and LangGraph see it: agents, streams, tool choice."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from graphwright_graphs.demo import DemoChatModel

HELLO = [HumanMessage("hello")]


@tool
def calculator(expression: str) -> str:
    """Work out a product."""
    left, _, right = expression.partition("*")
    return str(int(left) * int(right))


@tool
def clock(timezone: str = "UTC") -> str:
    """Tell the time."""
    return f"Sunday, 2026-11-22 21:47:31 {timezone}"


@tool
def save_note(text: str) -> str:
    """Save a note."""
    return f"Saved: {text}"


TOOLS: list[BaseTool] = [calculator, clock, save_note]
THREE = "What is 12*7, what time is it and note that I owe Ada 5 euros"


class Report(BaseModel):
    """What was found out."""

    answer: str
    finished: bool


def asked(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def test_an_agent_calls_its_tools_and_answers() -> None:
    messages = create_agent(DemoChatModel(), TOOLS).invoke(asked(THREE))["messages"]
    assert [message.type for message in messages] == ["human", "ai", "tool", "tool", "tool", "ai"]
    assert messages[-1].text.startswith(
        "12 * 7 = 84. It is Sunday, 2026-11-22 21:47:31 UTC. I noted: “I owe Ada 5 euros”."
    )


def test_an_agent_that_nobody_speaks_to_ends() -> None:
    agent = create_agent(DemoChatModel(), TOOLS, system_prompt=THREE)
    messages = agent.invoke({"messages": []}, {"recursion_limit": 6})["messages"]
    assert [message.type for message in messages] == ["ai", "tool", "tool", "tool", "ai"]


def test_a_conversation_goes_on_from_its_checkpoint() -> None:
    agent = create_agent(DemoChatModel(), TOOLS, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke(asked("My name is Ada"), thread)
    agent.invoke(asked(THREE), thread)
    answer = agent.invoke(asked("What is my name?"), thread)["messages"][-1]
    assert answer.text == "Your name is Ada."


async def test_an_agent_streams_calls_and_then_words() -> None:
    chunks = [
        chunk
        async for chunk, meta in create_agent(DemoChatModel(), TOOLS).astream(
            asked("What is 12*12?"), stream_mode="messages"
        )
        if meta["langgraph_node"] == "model"
    ]
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert [call["name"] for chunk in chunks for call in chunk.tool_call_chunks] == ["calculator"]
    words = [chunk.text for chunk in chunks if chunk.text]
    assert words[:5] == ["12", " *", " 12", " =", " 144."]


def test_a_stream_adds_up_to_the_answer() -> None:
    for text in ("hello", "What can you do?", THREE, "\n"):
        model = DemoChatModel().bind_tools(TOOLS)
        whole = model.invoke(text)
        chunks = list(model.stream(text))
        total = chunks[0]
        for chunk in chunks[1:]:
            total += chunk
        assert total.content == whole.content
        assert total.tool_calls == whole.tool_calls
        assert total.response_metadata == whole.response_metadata
        assert [chunk.chunk_position for chunk in chunks].count("last") == 1


async def test_the_same_messages_give_the_same_answer_sync_and_async() -> None:
    model = DemoChatModel().bind_tools(TOOLS)
    first, second = model.invoke(THREE), await model.ainvoke(THREE)
    assert (first.content, first.tool_calls) == (second.content, second.tool_calls)
    assert len({call["id"] for call in first.tool_calls}) == 3


async def test_the_async_path_stays_on_its_thread() -> None:
    before = threading.active_count()
    model = DemoChatModel()
    await asyncio.gather(*(model.ainvoke(HELLO) for _ in range(20)))
    async for _ in model.astream(HELLO):
        pass
    assert threading.active_count() == before


def test_stop_sequences_end_the_answer() -> None:
    assert DemoChatModel().invoke("hello", stop=["Ask"]).content == "Hello! "


def test_one_call_at_a_time_where_asked() -> None:
    model = DemoChatModel().bind_tools(TOOLS, parallel_tool_calls=False)
    assert [call["name"] for call in model.invoke(THREE).tool_calls] == ["calculator"]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("auto", ["calculator"]),
        ("none", []),
        ("any", ["calculator"]),
        ("required", ["calculator"]),
        (True, ["calculator"]),
        ("calculator", ["calculator"]),
        ("clock", ["clock"]),
        ({"type": "function", "function": {"name": "save_note"}}, ["save_note"]),
        ({"type": "tool", "name": "clock"}, ["clock"]),
        ({"type": "any"}, ["calculator"]),
    ],
)
def test_tool_choice(choice: Any, names: list[str]) -> None:
    answer = DemoChatModel().bind_tools(TOOLS, tool_choice=choice).invoke("What is 2*2?")
    assert [call["name"] for call in answer.tool_calls] == names


def test_any_calls_a_tool_for_any_request() -> None:
    answer = DemoChatModel().bind_tools(TOOLS, tool_choice="any").invoke("hello")
    assert answer.tool_calls[0]["name"] == "save_note"


def test_a_choice_that_is_not_bound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no bound tool.*calculator, clock, save_note"):
        DemoChatModel().bind_tools(TOOLS, tool_choice="weather")


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_an_agent_ends_with_structured_output(strategy: Any) -> None:
    agent = create_agent(DemoChatModel(), TOOLS, response_format=strategy(Report))
    state = agent.invoke(asked("What is 12*12?"))
    assert state["structured_response"] == Report(answer="12 * 12 = 144.", finished=True)

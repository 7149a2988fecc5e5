"""Anthropic's models over the wire: a scripted server of its Messages API on the loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, RemoveMessage
from tests.graphs.anthropic_server import Answer, answering
from tests.graphs.openai_server import Cut, Refusal

from graphwright_graphs.models import Models

Compiled = Callable[..., Any]


@pytest.fixture(autouse=True)
def dummy_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")


def chat(model: str, extra: str = "") -> str:
    return f"""
    state: {{messages: messages}}
    nodes:
      chat: {{llm: {{prompt: Be brief., model: {model}{extra}}}}}
    edges: {{START: chat, chat: END}}
    """


def in_turn(*answers: Answer) -> Callable[[dict[str, Any]], Answer]:
    left = list(answers)
    return lambda _: left.pop(0)


async def test_words_are_streamed_and_the_cache_is_counted(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(in_turn("one two")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        graph = compiled(chat("'anthropic:a'"), models=Models())
        parts = [p async for p, _ in graph.astream({"messages": "hi"}, stream_mode="messages")]

    whole = parts[0]
    for part in parts[1:]:
        whole += part
    assert len(parts) > 2
    assert whole.text.split() == ["one", "two"]
    usage = whole.usage_metadata
    assert (usage["input_tokens"], usage["output_tokens"]) == (157, 3)
    assert usage["input_token_details"]["cache_read"] == 50
    assert usage["input_token_details"]["cache_creation"] == 100


async def test_a_busy_server_is_asked_again_with_tools_and_marks_for_its_cache(
    compiled: Compiled, tools: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Refusal(429, {"retry-after": "0"})
    with answering(in_turn(busy, [("add", {"a": 1, "b": 2})])) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        model = "{name: 'anthropic:a', cache: true, max_tokens: 50, retry: {attempts: 2, wait: 0}}"
        graph = compiled(chat(model, f", tools: ['{tools}:add']"), models=Models())
        said = [HumanMessage("hello"), HumanMessage("1 and 2?")]
        state = await graph.ainvoke({"messages": said})

    assert [call["args"] for call in state["messages"][-1].tool_calls] == [{"a": 1, "b": 2}]
    assert server.models == ["a", "a"]  # the client did not try again by itself
    asked = server.requests[-1]
    assert asked["max_tokens"] == 50
    assert [tool["name"] for tool in asked["tools"]] == ["add"]
    mark = {"type": "ephemeral"}
    assert asked["system"][-1]["cache_control"] == mark
    assert asked["messages"][-1]["content"][-1]["cache_control"] == mark


@pytest.mark.parametrize("failure", [Refusal(529), Refusal(500)])
async def test_the_next_model_answers_for_one_that_cannot(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch, failure: Refusal
) -> None:
    with answering(in_turn(failure, "done")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        graph = compiled(chat("['anthropic:a', 'anthropic:b']"), models=Models())
        state = await graph.ainvoke({"messages": "hi"})

    assert state["messages"][-1].text == "done"
    assert state["messages"][-1].response_metadata["instead_of"]
    assert server.models == ["a", "b"]


async def test_an_overload_in_mid_stream_ends_in_one_whole_message(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(in_turn(Cut("half of an"), "the whole answer")) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        graph = compiled(chat("['anthropic:a', 'anthropic:b']"), models=Models())
        kept: dict[str, str] = {}
        async for part, _ in graph.astream({"messages": "hi"}, stream_mode="messages"):
            if isinstance(part, RemoveMessage):
                del kept[part.id]
            else:
                kept[part.id] = kept.get(part.id, "") + str(part.text)

    assert [text.split() for text in kept.values() if text.strip()] == [["the", "whole", "answer"]]
    assert server.models == ["a", "b"]


async def test_a_schema_is_asked_for_and_filled(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: dict[str, Any]) -> Answer:
        (tool,) = request["tools"]
        assert request["tool_choice"]["name"] == tool["name"]
        return [(tool["name"], {"mood": "glad"})]

    source = """
    state: {messages: messages, found: last}
    nodes:
      chat:
        llm:
          prompt: Say how it sounds.
          model: anthropic:a
          output: found
          schema: {type: object, title: Mood, required: [mood], properties: {mood: {type: string}}}
    edges: {START: chat, chat: END}
    """
    with answering(answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        state = await compiled(source, models=Models()).ainvoke({"messages": "hurrah"})

    assert state["found"] == {"mood": "glad"}

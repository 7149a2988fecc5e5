"""Models over OpenAI's protocol, by a scripted server on the loopback: what goes wrong on the way,
and what a graph makes of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from tests.graphs.openai_server import Answer, Cut, OpenAIServer, Refusal, Request, Stall, answering

from graphwright_graphs.models import Models

Compiled = Callable[..., Any]


def chat(model: str, extra: str = "") -> str:
    return f"""
    state: {{messages: messages}}
    nodes:
      chat: {{llm: {{prompt: Be brief., model: {model}{extra}}}}}
    edges: {{START: chat, chat: END}}
    """


def by_model(**answers: Answer | list[Answer]) -> Callable[[Request], Answer]:
    """Answers by the model's name; a list is given one by one, its last one again and again."""

    def answer(request: Request) -> Answer:
        found: Any = answers[request.body["model"]]
        if isinstance(found, list) and not isinstance(found[0], tuple):
            return found.pop(0) if len(found) > 1 else found[0]
        return found

    return answer


def models_asked(server: OpenAIServer) -> list[str]:
    return [request.body["model"] for request in server.requests]


async def test_words_and_usage_are_streamed(compiled: Compiled) -> None:
    with answering(by_model(a="one two")) as server:
        graph = compiled(chat("'openai:a'"), models=server.models)
        parts = [p async for p, _ in graph.astream({"messages": "hi"}, stream_mode="messages")]

    assert "".join(str(part.text) for part in parts).split() == ["one", "two"]
    assert [part.usage_metadata["total_tokens"] for part in parts if part.usage_metadata] == [10]
    assert server.requests[0].body["stream_options"] == {"include_usage": True}


async def test_a_busy_server_is_asked_again_after_the_time_it_names(compiled: Compiled) -> None:
    busy = Refusal(429, {"retry-after-ms": "60"})
    with answering(by_model(a=[busy, "done"])) as server:
        graph = compiled(chat("{name: 'openai:a', retry: 2}"), models=server.models)
        began = time.monotonic()
        state = await graph.ainvoke({"messages": "hi"})

    assert state["messages"][-1].text.strip() == "done"
    assert time.monotonic() - began >= 0.06
    assert models_asked(server) == ["a", "a"]  # the client did not try again by itself


@pytest.mark.parametrize("failure", [Refusal(500), Refusal(429, code="insufficient_quota")])
async def test_the_next_model_answers_with_the_same_tools(
    compiled: Compiled, tools: str, failure: Refusal
) -> None:
    with answering(by_model(a=failure, b=[("add", {"a": 1, "b": 2})])) as server:
        both = "['openai:a', 'openai:b']"
        graph = compiled(chat(both, f", tools: ['{tools}:add']"), models=server.models)
        state = await graph.ainvoke({"messages": "hi"})

    assert [call["args"] for call in state["messages"][-1].tool_calls] == [{"a": 1, "b": 2}]
    assert [request.tools for request in server.requests] == [["add"], ["add"]]
    assert models_asked(server) == ["a", "b"]  # nobody waited for the first to come back


async def test_a_key_that_is_refused_is_somebodys_to_see(compiled: Compiled) -> None:
    with answering(by_model(a=Refusal(401), b="never")) as server:
        graph = compiled(chat("['openai:a', 'openai:b']"), models=server.models)
        with pytest.raises(openai.AuthenticationError):
            await graph.ainvoke({"messages": "hi"})

    assert models_asked(server) == ["a"]


async def test_a_connection_cut_in_mid_stream_ends_in_one_whole_message(
    compiled: Compiled,
) -> None:
    with answering(by_model(a=Cut("half of an"), b="the whole answer")) as server:
        graph = compiled(chat("['openai:a', 'openai:b']"), models=server.models)
        kept: dict[str, str] = {}
        async for part, _ in graph.astream({"messages": "hi"}, stream_mode="messages"):
            if isinstance(part, RemoveMessage):
                del kept[part.id]
            else:
                kept[part.id] = kept.get(part.id, "") + str(part.text)

    assert [text.split() for text in kept.values() if text.strip()] == [["the", "whole", "answer"]]


async def test_a_silent_server_is_left_after_its_timeout(compiled: Compiled) -> None:
    with answering(by_model(a=Stall("half"), b="done")) as server:
        both = "[{name: 'openai:a', retry: 1, timeout: 0.2}, 'openai:b']"
        graph = compiled(chat(both), models=server.models)
        began = time.monotonic()
        parts = [p async for p, _ in graph.astream({"messages": "hi"}, stream_mode="messages")]

    assert str(parts[-1].id) != str(parts[0].id)
    assert any(isinstance(part, RemoveMessage) for part in parts)
    assert time.monotonic() - began < 8


async def test_a_run_that_is_cancelled_lets_go_of_the_server(compiled: Compiled) -> None:
    with answering(by_model(a=[Stall("half"), "done"])) as server:
        models = Models("openai:a", base_url=server.url, limits="openai=1")
        graph = compiled(chat("'openai:a'"), models=models)
        begun = asyncio.Event()

        async def run() -> None:
            async for _ in graph.astream({"messages": "hi"}, stream_mode="messages"):
                begun.set()

        running = asyncio.create_task(run())
        await asyncio.wait_for(begun.wait(), 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        # Its turn is free for the next.
        state = await asyncio.wait_for(graph.ainvoke({"messages": "again"}), 10)

    assert state["messages"][-1].text.strip() == "done"


async def test_a_conversation_of_another_provider_goes_on(compiled: Compiled, tools: str) -> None:
    odd = "functions.add:0 " + "x" * 60
    said = [
        HumanMessage("1 and 2?"),
        AIMessage(
            [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I add."},
                {"type": "tool_use", "id": odd, "name": "add", "input": {"a": 1, "b": 2}},
            ],
            tool_calls=[{"name": "add", "args": {"a": 1, "b": 2}, "id": odd}],
            response_metadata={"model_provider": "anthropic"},
        ),
        ToolMessage("3", tool_call_id=odd, name="add"),
    ]
    with answering(by_model(a=Refusal(503), b="It is 3.")) as server:
        both = "[{name: 'openai:a', retry: 1}, 'openai:b']"
        graph = compiled(chat(both, f", tools: ['{tools}:add']"), models=server.models)
        state = await graph.ainvoke({"messages": said})

    sent = server.requests[-1].body["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool"]
    assert sent[2]["content"] == "I add."
    assert sent[2]["tool_calls"][0]["id"] == sent[3]["tool_call_id"]
    assert len(sent[3]["tool_call_id"]) <= 40
    assert state["messages"][2].tool_call_id == odd


async def test_azure_answers_over_the_wire(
    compiled: Compiled, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/openai/deployments/mine/chat/completions"
    with answering(lambda _: "hello", path=path) as server:
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "dummy")
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url.removesuffix("/v1"))
        monkeypatch.setenv("OPENAI_API_VERSION", "2024-10-21")
        graph = compiled(chat("'azure_openai:mine'"), models=Models())
        state = await graph.ainvoke({"messages": "hi"})

    assert state["messages"][-1].text.strip() == "hello"

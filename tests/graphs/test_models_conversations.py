"""A conversation that goes on with another provider's model."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_openai.chat_models.base import _convert_message_to_dict

from graphwright_graphs.models.conversations import cached, fitting

LONG = "toolu_" + "a" * 60


def call(call_id: str, name: str = "add") -> ToolCall:
    return ToolCall(type="tool_call", name=name, args={"a": 1}, id=call_id)


def claude(call_id: str = LONG) -> AIMessage:
    """What Anthropic's model says, as langchain-anthropic gives it."""
    return AIMessage(
        [
            {"type": "thinking", "thinking": "hm", "signature": "secret"},
            {"type": "text", "text": "Let me add."},
            {"type": "tool_use", "id": call_id, "name": "add", "input": {"a": 1}},
        ],
        id="msg_1",
        tool_calls=[call(call_id)],
        response_metadata={"model_provider": "anthropic", "model_name": "claude"},
        additional_kwargs={"container": "x"},
    )


def test_what_another_provider_said_becomes_text_and_calls_that_fit_their_results() -> None:
    said: list[BaseMessage] = [
        HumanMessage("1 and?"),
        claude(),
        ToolMessage("2", tool_call_id=LONG),
    ]
    _, answer, result = fitting(said, "openai")

    assert isinstance(answer, AIMessage)
    assert isinstance(result, ToolMessage)
    assert answer.content == "Let me add."
    assert answer.id == "msg_1"
    assert answer.additional_kwargs == {}
    assert answer.tool_calls[0]["id"] == result.tool_call_id
    assert len(result.tool_call_id) <= 40
    sent = _convert_message_to_dict(answer)
    assert sent["content"] == "Let me add."
    assert [each["function"]["name"] for each in sent["tool_calls"]] == ["add"]
    # The state keeps what was said.
    assert said[1] == claude()


@pytest.mark.parametrize("provider", ["anthropic", "bedrock_mantle_anthropic"])
def test_a_providers_own_words_are_left_as_they_are(provider: str) -> None:
    said = [claude("toolu_1"), ToolMessage("2", tool_call_id="toolu_1")]
    assert fitting(said, provider) == said
    assert all(new is old for new, old in zip(fitting(said, provider), said, strict=True))


def test_ids_that_some_refuse_become_others_the_same_in_call_and_result() -> None:
    odd = "functions.add:0"
    answer, result = fitting(
        [AIMessage("", tool_calls=[call(odd), call("call_1")]), ToolMessage("2", tool_call_id=odd)],
        "openai",
    )
    assert isinstance(answer, AIMessage)
    assert isinstance(result, ToolMessage)
    assert [each["id"] for each in answer.tool_calls] == [result.tool_call_id, "call_1"]


def test_a_call_that_could_not_be_read_keeps_its_result() -> None:
    message = claude("toolu_1")
    message.tool_calls = []
    message.invalid_tool_calls = [
        {"type": "invalid_tool_call", "name": "add", "args": "{", "id": "toolu_1", "error": None}
    ]
    answer = fitting([message], "mistralai")[0]
    assert isinstance(answer, AIMessage)
    assert [each["id"] for each in answer.tool_calls] == ["toolu_1"]


def test_anthropics_cache_is_marked_at_the_prompts_and_the_conversations_end() -> None:
    said: list[BaseMessage] = [
        SystemMessage("Be brief."),
        HumanMessage("hi"),
        AIMessage("hello"),
        HumanMessage([{"type": "text", "text": "and?"}]),
    ]

    def marks(messages: list[BaseMessage]) -> list[Any]:
        return [
            at
            for at, each in enumerate(messages)
            if isinstance(each.content, list) and "cache_control" in each.content[-1]
        ]

    assert marks(cached(said, "anthropic")) == [0, 3]
    assert cached(said, "openai") == said
    assert cached([], "anthropic") == []
    assert said[0].content == "Be brief."

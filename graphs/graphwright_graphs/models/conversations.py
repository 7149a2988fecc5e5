"""A conversation as one provider takes it, though parts of it came from another's model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolCall, ToolMessage

# Providers that write each other's content; any other is known by its own name.
FAMILIES: Final = {
    "anthropic_bedrock": "anthropic",
    "azure": "openai",
    "azure_openai": "openai",
    "bedrock_mantle_anthropic": "anthropic",
    "bedrock_mantle_openai": "openai",
    "google_anthropic_vertex": "anthropic",
    "local": "openai",
}

_ID = re.compile(r"[a-zA-Z0-9_-]{1,40}")  # OpenAI's length, Anthropic's and Bedrock's signs


def fitting(messages: Sequence[BaseMessage], provider: str) -> list[BaseMessage]:
    """The messages with what this provider would refuse put into words that all know.

    What another provider's model said becomes its text and its tool calls: thinking, signatures and
    content blocks are the provider's own. Ids of tool calls that some refuse become shorter ones,
    the same for a call and its result. The messages themselves are left as they are.
    """
    family = FAMILIES.get(provider, provider)
    return [
        _fitting(message, family) if isinstance(message, AIMessage | ToolMessage) else message
        for message in messages
    ]


def _fitting(message: AIMessage | ToolMessage, family: str) -> BaseMessage:
    if isinstance(message, ToolMessage):
        known = _known(message.tool_call_id)
        if known == message.tool_call_id:
            return message
        return message.model_copy(update={"tool_call_id": known})
    if _is_foreign(message, family):
        message = _plain(message)
    if not message.tool_calls or all(map(_is_known, message.tool_calls)):
        return message
    calls: list[ToolCall] = [{**call, "id": _known(call["id"])} for call in message.tool_calls]
    return message.model_copy(update={"tool_calls": calls})


def _is_foreign(message: AIMessage, family: str) -> bool:
    origin = message.response_metadata.get("model_provider")
    return origin is not None and FAMILIES.get(origin, origin) != family


def _plain(message: AIMessage) -> AIMessage:
    # A call that could not be read has a result all the same, which must follow a call.
    unread = [
        ToolCall(type="tool_call", name=call["name"] or "unknown", args={}, id=call["id"])
        for call in message.invalid_tool_calls
    ]
    return AIMessage(
        str(message.text), id=message.id, name=message.name, tool_calls=message.tool_calls + unread
    )


def _is_known(call: ToolCall) -> bool:
    return call["id"] is not None and _ID.fullmatch(call["id"]) is not None


def _known(call_id: str | None) -> str:
    if call_id and _ID.fullmatch(call_id):
        return call_id
    return "call_" + hashlib.sha256((call_id or "").encode()).hexdigest()[:24]


def cached(messages: Sequence[BaseMessage], provider: str) -> list[BaseMessage]:
    """The messages with Anthropic's marks for its prompt cache: at the end of the system prompt,
    which the tools come before, and at the end of the conversation. Others need no marks.
    """
    if FAMILIES.get(provider, provider) != "anthropic":
        return list(messages)
    ends = {len(messages) - 1, *_system(messages)[-1:]}
    return [_marked(each) if at in ends else each for at, each in enumerate(messages)]


def _system(messages: Sequence[BaseMessage]) -> list[int]:
    return [at for at, each in enumerate(messages) if isinstance(each, SystemMessage)]


def _marked(message: BaseMessage) -> BaseMessage:
    content = message.content
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    if not content or not isinstance(blocks[-1], dict):
        return message
    last = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return message.model_copy(update={"content": [*blocks[:-1], last]})

"""The kind `tools`: runs the tool calls of a conversation's last AI message, in parallel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command
from pydantic import Field

from graphwright_graphs.nodes.node import Body, Scope

Result = ToolMessage | Command[Any]


class Tools(Body):
    """The words of a `tools` node."""

    tools: list[str] = Field(min_length=1)
    messages: str | None = None
    """The messages channel whose tool calls are run and which gets their results."""


class ToolsKind:
    """Runs tool calls with LangGraph's own ToolNode; its words are those of `Tools`."""

    word = "tools"
    body = Tools
    short = "tools"

    def build(self, body: Tools, scope: Scope) -> ToolNode:
        """A ToolNode that leaves alone what a person has already answered."""
        channel = scope.conversation(body.messages, "messages")
        return ToolNode(
            scope.tools(body.tools),
            name=scope.name,
            handle_tool_errors=explained,
            messages_key=channel,
            wrap_tool_call=unless_answered(channel),
            awrap_tool_call=unless_answered_async(channel),
        )


def explained(error: Exception) -> str:
    """A tool's failure as the message that its model reads and can act on."""
    return f"The tool failed: {type(error).__name__}: {error}"


def _answer(request: ToolCallRequest, channel: str) -> ToolMessage | None:
    """The result that a call has already, such as a person's refusal.

    Returning it again changes nothing: the messages reducer replaces a message by its id.
    """
    for message in reversed(request.state[channel]):
        if not isinstance(message, ToolMessage):
            return None
        if message.tool_call_id == request.tool_call["id"]:
            return message
    return None


def unless_answered(
    channel: str,
) -> Callable[[ToolCallRequest, Callable[[ToolCallRequest], Result]], Result]:
    """What runs a call only if the conversation in `channel` has no result of it yet."""

    def wrap(request: ToolCallRequest, run: Callable[[ToolCallRequest], Result]) -> Result:
        return _answer(request, channel) or run(request)

    return wrap


def unless_answered_async(
    channel: str,
) -> Callable[[ToolCallRequest, Callable[[ToolCallRequest], Awaitable[Result]]], Awaitable[Result]]:
    """The same, awaited."""

    async def wrap(
        request: ToolCallRequest, run: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        return _answer(request, channel) or await run(request)

    return wrap

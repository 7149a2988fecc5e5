"""Graphs around a scripted model that streams, so that messages and tool calls can be observed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send, interrupt


class Scripted(BaseChatModel):
    """Calls `add(2, 3)`, then tells its result; or counts, as the last message says.

    The message "count 20 0.1" gives 20 tokens, 0.1 seconds apart.
    """

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks, _ = script(messages)
        whole = sum(chunks[1:], start=chunks[0])
        message = AIMessage(whole.text, tool_calls=whole.tool_calls)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunks, delay = script(messages)
        for chunk in chunks:
            generation = ChatGenerationChunk(message=chunk)
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=generation)
            yield generation
            await asyncio.sleep(delay)


def script(messages: Sequence[BaseMessage]) -> tuple[list[AIMessageChunk], float]:
    """The chunks of the answer, and the seconds between them."""
    last = messages[-1]
    if last.type == "tool":
        words = ["The ", "answer ", "is ", last.text]
        return [AIMessageChunk(word) for word in words], 0
    if last.text.startswith("count "):
        _, count, delay = last.text.split()
        return [AIMessageChunk(f"t{n} ") for n in range(int(count))], float(delay)
    parts = [("add", "", "call_1"), (None, '{"a": 2, ', None), (None, '"b": 3}', None)]
    return [
        AIMessageChunk(
            "", tool_call_chunks=[tool_call_chunk(name=name, args=args, id=call, index=0)]
        )
        for name, args, call in parts
    ], 0


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    get_stream_writer()({"progress": "adding"})
    return a + b


model = Scripted()


async def call_model(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await model.ainvoke(state["messages"])]}


agent = (
    StateGraph(MessagesState)
    .add_node("agent", call_model)
    .add_node("tools", ToolNode([add]))
    .add_edge(START, "agent")
    .add_conditional_edges("agent", tools_condition)
    .add_edge("tools", "agent")
    .compile()
)


@tool
def confirm(what: str) -> str:
    """Ask somebody."""
    return f"{what}: {interrupt(what)}"


async def call_both(state: MessagesState) -> dict[str, Any]:
    if isinstance(state["messages"][-1], ToolMessage):
        return {"messages": [AIMessage("done")]}
    calls = [
        {"name": "add", "args": {"a": 1, "b": 1}, "id": f"add-{len(state['messages'])}"},
        {"name": "confirm", "args": {"what": "pay"}, "id": f"pay-{len(state['messages'])}"},
    ]
    return {"messages": [AIMessage("One moment.", tool_calls=calls)]}


def each_call(state: MessagesState) -> list[Send] | str:
    calls = getattr(state["messages"][-1], "tool_calls", [])
    return [Send("tools", [{**call, "type": "tool_call"}]) for call in calls] or END


cautious = (
    StateGraph(MessagesState)
    .add_node("agent", call_both)
    .add_node("tools", ToolNode([add, confirm]))
    .add_edge(START, "agent")
    .add_conditional_edges("agent", each_call, ["tools", END])
    .add_edge("tools", "agent")
    .compile()
)

slow = (
    StateGraph(MessagesState)
    .add_node("count", call_model)
    .add_edge(START, "count")
    .add_edge("count", END)
    .compile()
)

outer = StateGraph(MessagesState).add_node("inner", agent).add_edge(START, "inner").compile()


@tool
def pass_gate(gate: str) -> str:
    """Block a thread, as a sync client does, until a file is there; then remove it."""
    deadline = time.monotonic() + 60
    while not Path(gate).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    Path(gate).unlink()
    return "passed"


def call_gate(state: MessagesState) -> dict[str, Any]:
    """Pass the gate that the last message names, or say how many messages there are."""
    last = state["messages"][-1]
    if not last.text.startswith("pass "):
        return {"messages": [AIMessage(f"message {len(state['messages'])}")]}
    call = {"name": "pass_gate", "args": {"gate": last.text.removeprefix("pass ")}, "id": last.id}
    return {"messages": [AIMessage("", tool_calls=[call])]}


def use_gate(state: MessagesState) -> dict[str, Any]:
    (call,) = state["messages"][-1].tool_calls  # type: ignore[union-attr]
    return {"messages": [pass_gate.invoke({**call, "type": "tool_call"})]}


gated = (
    StateGraph(MessagesState)
    .add_node("call", call_gate)
    .add_node("gate", use_gate)
    .add_edge(START, "call")
    .add_conditional_edges("call", tools_condition, {"tools": "gate", END: END})
    .add_edge("gate", "call")
    .compile()
)

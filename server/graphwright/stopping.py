"""What a stopped run leaves behind: a conversation that can go on.

A stop comes in the middle of things: a model has said half a sentence, one of three tools is done,
a subgraph has had a conversation of its own. All of that stays. What was shown becomes a message
marked as partial, results of finished tasks are kept, and each tool call without a result gets one
that says it was cancelled, since no provider takes a call without an answer.

The graph needs no change: its state is settled through LangGraph's own `update_state`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    RemoveMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig
from langgraph.channels.last_value import LastValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot

from graphwright.project import AnyGraph

NULL_TASK = "00000000-0000-0000-0000-000000000000"
"""LangGraph's id for writes that belong to no task: the next update applies them."""

CANCELLED = "Cancelled: the run was stopped before this call was done."

Messages = Sequence[BaseMessage]


class Call(NamedTuple):
    """A model's call of a tool."""

    id: str
    name: str


class Partials:
    """The answers that models are streaming, until the state has them."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[AIMessageChunk]] = {}

    def note(self, message: BaseMessage, metadata: Mapping[str, Any]) -> None:
        """Keep a chunk of an answer. Data that a model writes for the graph is none, and what was
        withdrawn, as its model failed and another one answers, is none any more.
        """
        if isinstance(message, RemoveMessage):
            self._chunks.pop(message.id or "", None)
        if isinstance(message, AIMessageChunk) and not metadata.get("ls_structured_output_format"):
            self._chunks.setdefault(message.id or "", []).append(message)

    def clear(self) -> None:
        """Forget them: a superstep is complete, and what it said is in the state."""
        self._chunks.clear()

    def messages(self) -> list[AIMessage]:
        """What was shown of each answer, if anything."""
        return [message for chunks in self._chunks.values() if (message := _partial(chunks))]


def _partial(chunks: Sequence[AIMessageChunk]) -> AIMessage | None:
    first, *others = chunks
    whole = first.__add__(others) if others else first
    # Calls of tools that the model had not ended, and thoughts that it had not signed, are nothing
    # to go on from.
    text = str(whole.text)
    if not text.strip():
        return None
    return AIMessage(
        text,
        id=whole.id,
        name=whole.name,
        usage_metadata=whole.usage_metadata,
        response_metadata={**whole.response_metadata, "finish_reason": "cancelled"},
        additional_kwargs={"partial": True},
    )


async def settle(
    graph: AnyGraph,
    thread: RunnableConfig,
    *,
    given: Any = None,
    shown: Sequence[AIMessage] = (),
) -> None:
    """Make a stopped run's thread one to go on from, with nothing left to do.

    `given` is the run's input where the thread does not have it yet, and `shown` are answers that
    were streamed and may not be in the state. To settle twice does no harm.
    """
    saver = cast(BaseCheckpointSaver[str], graph.checkpointer)
    await _take_input(graph, saver, thread, given)
    inner = [state async for state in _settled_subgraphs(graph, thread)]
    await graph.aupdate_state(thread, None, as_node=END)  # with the results of finished tasks
    state = await graph.aget_state(thread)
    writes = {
        name: addition
        for name in message_channels(graph, state.values)
        if (addition := _addition(name, state, inner, shown))
    }
    if writes:
        for name, addition in writes.items():
            if isinstance(graph.channels[name], LastValue):
                writes[name] = [*state.values[name], *addition]
        await saver.aput_writes(state.config, list(writes.items()), NULL_TASK)
    if writes or state.next:  # results of finished tasks may have called for others
        await graph.aupdate_state(thread, None, as_node=END)


async def _take_input(
    graph: AnyGraph, saver: BaseCheckpointSaver[str], thread: RunnableConfig, given: Any
) -> None:
    """Bring into the state what the run was given and had no time to take."""
    if given is None:
        head = await saver.aget_tuple(thread)
        given = head and head.checkpoint["channel_values"].get(START)
    if given is not None:
        await graph.aupdate_state(thread, given, as_node=START)


async def _settled_subgraphs(
    graph: AnyGraph, thread: RunnableConfig
) -> AsyncIterator[StateSnapshot]:
    """The states of subgraphs that were stopped, with the results of their finished tasks."""
    places = [place async for place in _inner(graph, graph, await graph.aget_state(thread))]
    for place in places:
        # LangGraph finds a subgraph by its node; one that a function calls it may not find.
        with suppress(ValueError):
            await graph.aupdate_state(place, None, as_node=END)
            yield await graph.aget_state(place)


async def _inner(
    outermost: AnyGraph, graph: AnyGraph, state: StateSnapshot
) -> AsyncIterator[RunnableConfig]:
    """The subgraphs at work, outer ones before what they contain.

    Not by `aget_state(subgraphs=True)`, which asks a `RemoteGraph`'s server: that settles its own.
    """
    subgraphs = dict(graph.get_subgraphs())
    for task in state.tasks:
        inner = subgraphs.get(task.name)
        is_at_work = isinstance(task.state, dict) and task.result is None
        if not is_at_work or not isinstance(inner, Pregel):
            continue
        at = cast(RunnableConfig, task.state).get("configurable", {})
        place: RunnableConfig = {
            "configurable": {key: at[key] for key in ("thread_id", "checkpoint_ns")}
        }
        yield place
        with suppress(ValueError):
            async for deeper in _inner(outermost, inner, await outermost.aget_state(place)):
                yield deeper


def message_channels(graph: AnyGraph, values: Any) -> list[str]:
    """The channels that hold a conversation: `messages`, and all others that hold messages only."""
    if not isinstance(values, dict):
        return []
    return [name for name in graph.channels if name == "messages" or _holds(values.get(name))]


def _holds(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, BaseMessage) for item in value)
    )


def _addition(
    name: str, state: StateSnapshot, inner: Sequence[StateSnapshot], shown: Sequence[AIMessage]
) -> list[BaseMessage]:
    """What one channel is still to get."""
    said = state.values.get(name) or []
    if said and not _holds(said):
        return []
    known = {message.id for message in said}
    more: list[BaseMessage] = []
    for values in (snapshot.values for snapshot in inner):
        found = values.get(name) if isinstance(values, dict) else None
        more += [message for message in found or () if message.id not in known]
        known |= {message.id for message in more}
    if name == "messages":
        more += [message for message in shown if message.id not in known]
    return completed(said, more)


def completed(said: Messages, more: Messages) -> list[BaseMessage]:
    """Messages to go after `said`, such that every call of a tool is answered where it was made.

    They are `more`, with a cancellation for each call that neither has an answer for.
    """
    answers = {answer.tool_call_id: answer for answer in more if isinstance(answer, ToolMessage)}

    def answered(calls: Sequence[Call]) -> Iterator[BaseMessage]:
        for call in calls:
            yield answers.get(call.id) or _cancellation(call)

    addition = list(answered(_open_calls(said)))
    for message in more:
        if not isinstance(message, ToolMessage):  # those have their place after their calls
            addition += [message, *answered(_calls(message))]
    return addition


def _open_calls(said: Messages) -> list[Call]:
    """Calls at the end of a conversation that have no answer."""
    answered: set[str] = set()
    for message in reversed(said):
        if not isinstance(message, ToolMessage):
            return [call for call in _calls(message) if call.id not in answered]
        answered.add(message.tool_call_id)
    return []


def _calls(message: BaseMessage) -> list[Call]:
    """The calls of a message, those that cannot be read included: providers are sent them too."""
    if not isinstance(message, AIMessage):
        return []
    return [
        Call(call["id"] or "", call["name"] or "")
        for call in (*message.tool_calls, *message.invalid_tool_calls)
    ]


def _cancellation(call: Call) -> ToolMessage:
    return ToolMessage(
        CANCELLED,
        tool_call_id=call.id,
        name=call.name,
        # LangChain knows "success" and "error" only.
        status="error",
        additional_kwargs={"cancelled": True},
    )

"""A run that is stopped at any moment leaves a conversation that every provider takes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    ToolMessage,
)
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send, StateSnapshot, interrupt

from graphwright.stopping import Partials, completed, settle
from graphwright_checkpoints import open_checkpointer

THREAD: Any = {"configurable": {"thread_id": "t"}}
WORDS = "one two three four five six"

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "60"))


def call(*ids: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": f"tool {i}", "args": {}, "id": i} for i in ids])


def answer(id: str) -> ToolMessage:
    return ToolMessage(f"result {id}", tool_call_id=id)


UNREADABLE: Any = {"type": "invalid_tool_call", "id": "1", "name": "t", "args": "{", "error": ""}


def check_openai(messages: Sequence[BaseMessage]) -> None:
    """OpenAI: each call is answered once, at once; no answer is without its call."""
    waiting: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            assert message.tool_call_id in waiting, f"no call for {message.tool_call_id}"
            waiting.remove(message.tool_call_id)
            continue
        assert not waiting, f"no answer for {waiting}"
        if isinstance(message, AIMessage):
            calls = [c["id"] for c in (*message.tool_calls, *message.invalid_tool_calls)]
            assert len(calls) == len(set(calls))
            assert message.content or calls, "an assistant's message has content or calls"
            waiting = {c or "" for c in calls}
    assert not waiting, f"no answer for {waiting}"


def check_anthropic(messages: Sequence[BaseMessage]) -> None:
    """Anthropic: a user speaks first, no text is blank, all results follow their calls at once."""
    turns: list[tuple[str, list[BaseMessage]]] = []
    for message in messages:
        role = "assistant" if isinstance(message, AIMessage) else "user"
        if not turns or turns[-1][0] != role:
            turns.append((role, []))
        turns[-1][1].append(message)
    assert turns[0][0] == "user"
    for (role, said), (_, after) in zip(turns, [*turns[1:], ("", [])], strict=True):
        for message in said:
            if not isinstance(message, ToolMessage) and not getattr(message, "tool_calls", None):
                assert message.text.strip(), "a text block is not blank"
        if role == "assistant":
            calls = [c["id"] for m in said if isinstance(m, AIMessage) for c in m.tool_calls]
            results = [m.tool_call_id for m in after if isinstance(m, ToolMessage)]
            assert sorted(filter(None, calls)) == sorted(results)
            kinds = [isinstance(m, ToolMessage) for m in after]
            assert kinds == sorted(kinds, reverse=True), "results come before other content"


def check(messages: Sequence[BaseMessage]) -> None:
    check_openai(messages)
    check_anthropic(messages)


# What is added


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ([], []),
        ([call("1", "2")], []),
        ([call("1", "2"), answer("2")], []),
        ([call("1", "2"), answer("2")], [AIMessage("part")]),
        ([call("1", "2")], [call("3"), answer("3"), answer("1")]),
        ([call("1")], [HumanMessage("more"), call("2", "3"), AIMessage("half")]),
        ([AIMessage("", invalid_tool_calls=[UNREADABLE])], []),
    ],
)
def test_every_call_is_answered_where_it_was_made(
    said: list[BaseMessage], more: list[BaseMessage]
) -> None:
    whole = [HumanMessage("hi"), *said, *completed([HumanMessage("hi"), *said], more)]
    check_openai([*whole, HumanMessage("next")])
    for message in more:
        assert message in whole
    assert completed(whole, []) == []


def test_a_partial_answer_keeps_text_and_usage_but_no_calls() -> None:
    partials = Partials()
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    chunk = {"name": "t", "args": '{"a', "id": "1", "index": 0, "type": "tool_call_chunk"}
    for part in (
        AIMessageChunk("Half a ", id="m"),
        AIMessageChunk("sentence", id="m", usage_metadata=usage),
        AIMessageChunk("", id="m", tool_call_chunks=[chunk]),
        AIMessageChunk(" ", id="blank"),
    ):
        partials.note(part, {})
    partials.note(AIMessageChunk('{"plan":', id="p"), {"ls_structured_output_format": {"x": 1}})
    partials.note(AIMessage("whole", id="w"), {})
    partials.note(AIMessageChunk("Taken ", id="x"), {})
    partials.note(RemoveMessage(id="x"), {})
    (message,) = partials.messages()
    assert (message.content, message.id, message.tool_calls) == ("Half a sentence", "m", [])
    assert message.usage_metadata == usage
    assert message.additional_kwargs == {"partial": True}
    partials.clear()
    assert partials.messages() == []


# Graphs that are stopped


class Plan:
    """A graph's behaviour, drawn by hypothesis: which tools are called, and how each behaves."""

    def __init__(self, rounds: Sequence[Sequence[str]], nested: bool) -> None:
        self.rounds = rounds
        self.nested = nested

    def graph(self, saver: Any) -> Any:
        """user -> model -> tools (in parallel) -> model …, as a node of another graph or alone."""
        builder = StateGraph(MessagesState)
        builder.add_node("model", self._model)
        builder.add_node("tool", self._tool)
        builder.add_node("sync_tool", self._sync_tool)
        builder.add_edge(START, "model")
        builder.add_conditional_edges("model", self._route, ["tool", "sync_tool", END])
        builder.add_edge("tool", "model")
        builder.add_edge("sync_tool", "model")
        if not self.nested:
            return builder.compile(saver)
        outer = StateGraph(MessagesState).add_node("inner", builder.compile())
        return outer.add_edge(START, "inner").compile(saver)

    async def _model(self, state: MessagesState) -> Any:
        done = sum(bool(getattr(m, "tool_calls", None)) for m in state["messages"])
        model = GenericFakeChatModel(messages=iter([AIMessage(WORDS)]))
        message = await model.ainvoke(state["messages"])
        if done < len(self.rounds):
            message.tool_calls = [
                {"name": kind, "args": {}, "id": f"{done}.{n}.{kind}"}
                for n, kind in enumerate(self.rounds[done])
            ]
        return {"messages": [message]}

    def _route(self, state: MessagesState) -> Any:
        calls = state["messages"][-1].tool_calls  # type: ignore[union-attr]
        nodes = {"sync": "sync_tool"}
        return [Send(nodes.get(c["name"], "tool"), c) for c in calls] or END

    async def _tool(self, asked: Any) -> Any:
        await asyncio.sleep({"fast": 0.0, "slow": 0.03}.get(asked["name"], 0.01))
        if asked["name"] == "ask":
            interrupt("may I?")
        return {"messages": [answer(asked["id"])]}

    def _sync_tool(self, asked: Any) -> Any:
        time.sleep(0.01)
        return {"messages": [answer(asked["id"])]}


async def stopped_after(events: int, delay: float, graph: Any, partials: Partials) -> list[str]:
    """Stream a run, and cancel it after some events and some seconds; what was shown of texts."""
    shown: list[str] = []

    async def run() -> None:
        count = 0
        stream: AsyncIterator[Any] = graph.astream(
            {"messages": [HumanMessage("hi")]},
            THREAD,
            stream_mode=["values", "messages"],
            subgraphs=True,
        )
        async for namespace, mode, data in stream:
            if mode == "messages":
                partials.note(*data)
                if isinstance(data[0], AIMessageChunk):
                    shown.append(data[0].text)
            elif not namespace:
                partials.clear()
            count += 1
            if count == events:
                reached.set()

    reached = asyncio.Event()
    running = asyncio.create_task(run())
    watching = asyncio.create_task(reached.wait())
    await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    await asyncio.sleep(delay)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return shown


def results(state: StateSnapshot) -> set[str]:
    """The calls whose results LangGraph has, in the state or of tasks that are done."""
    found = [message for message in state.values["messages"] if isinstance(message, ToolMessage)]
    ids = {message.tool_call_id for message in found}
    for task in state.tasks:
        ids |= {m.tool_call_id for m in (task.result or {}).get("messages", []) if m.type == "tool"}
        ids |= results(task.state) if isinstance(task.state, StateSnapshot) else set()
    return ids


kinds = st.sampled_from(["fast", "slow", "sync", "ask"])
rounds = st.lists(st.lists(kinds, min_size=1, max_size=3), max_size=2)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rounds=rounds,
    nested=st.booleans(),
    events=st.integers(0, 60),
    delay=st.sampled_from([0.0, 0.002, 0.012]),
)
def test_a_stop_at_any_event_leaves_a_valid_history(
    rounds: list[list[str]], nested: bool, events: int, delay: float
) -> None:
    async def scenario() -> None:
        plan, partials = Plan(rounds, nested), Partials()
        async with open_checkpointer("sqlite://") as saver:
            graph = plan.graph(saver)
            shown = await stopped_after(events, delay, graph, partials)
            head = await saver.aget_tuple(THREAD)
            first = None if head else {"messages": [HumanMessage("hi")]}
            finished = results(await graph.aget_state(THREAD, subgraphs=True))
            await settle(graph, THREAD, given=first, shown=partials.messages())
            state = await graph.aget_state(THREAD)
            said = state.values["messages"]
            assert state.next == ()
            assert said[0].content == "hi"
            check([*said, HumanMessage("next")])
            tools = [message for message in said if isinstance(message, ToolMessage)]
            assert finished <= {m.tool_call_id for m in tools if m.text.startswith("result")}
            text = "".join(m.text for m in said if isinstance(m, AIMessage))
            assert text.startswith("".join(shown))
            await settle(graph, THREAD)
            assert (await graph.aget_state(THREAD)).values["messages"] == said

    asyncio.run(scenario())

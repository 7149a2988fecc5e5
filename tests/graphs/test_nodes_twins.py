"""Documents beside the LangGraph that a person would write for them: same drawing, same events,
same checkpoints.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from graphwright_graphs.state import append

LETTERS = """
    state:
      kind: {type: string}
      text: {type: string, default: ""}
      log: append
    nodes:
      route:
        router:
          cases: [{when: kind == "long", choose: write}]
          default: short
      short: {prompt: {template: "Short.", output: text}}
      write: {subgraph: inner.yaml}
      check: {human: {edit: text, ask: "Fine?"}}
      done: {prompt: {template: "{text}", output: log}}
    edges: {START: route, short: check, write: check, check: done, done: END}
"""
INNER = """
    state: {kind: {type: string}, text: {type: string}}
    nodes:
      first: {prompt: {template: "A {kind} letter", output: text}}
      second: {prompt: {template: "{text}.", output: text}}
    edges: {START: first, first: second, second: END}
"""
THREAD: Any = {"configurable": {"thread_id": "1"}}


class Inside(TypedDict, total=False):
    kind: str
    text: str


class State(Inside, total=False):
    log: Annotated[list[Any], append]


def inner_twin() -> Any:
    async def first(state: Inside) -> dict[str, Any]:
        return {"text": f"A {state['kind']} letter"}

    async def second(state: Inside) -> dict[str, Any]:
        return {"text": f"{state['text']}."}

    builder = StateGraph(Inside)
    builder.add_node("first", first)
    builder.add_node("second", second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    return builder.compile(name="inner")


def twin() -> Any:
    """LETTERS by hand."""

    async def route(state: State) -> Command[Literal["write", "short"]]:
        return Command(goto="write" if state["kind"] == "long" else "short")

    async def short(state: State) -> dict[str, Any]:
        return {"text": "Short."}

    async def check(state: State) -> dict[str, Any]:
        asked = {"question": "Fine?", "edit": "text", "value": state["text"]}
        said = interrupt(asked)
        return {"text": state["text"] if said is True else said}

    async def done(state: State) -> dict[str, Any]:
        return {"log": state["text"]}

    builder = StateGraph(State)
    builder.add_node("route", route, destinations=("write", "short"))
    builder.add_node("short", short)
    builder.add_node("write", inner_twin())
    builder.add_node("check", check)
    builder.add_node("done", done)
    builder.add_edge(START, "route")
    builder.add_edge("short", "check")
    builder.add_edge("write", "check")
    builder.add_edge("check", "done")
    builder.add_edge("done", END)
    return builder.compile(name="graph")


async def conversation(graph: Any, kind: str) -> AsyncIterator[Any]:
    """Everything that streams until the answer, and after it."""
    for turn in ({"kind": kind, "log": []}, Command(resume="Better.")):
        modes = ["values", "updates", "tasks"]
        async for space, mode, event in graph.astream(
            turn, THREAD, stream_mode=modes, subgraphs=True
        ):
            yield [part.split(":")[0] for part in space], mode, without_ids(event)


def without_ids(event: Any) -> Any:
    if isinstance(event, dict):
        return {
            name: without_ids(value)
            for name, value in event.items()
            if name not in ("id", "interrupts", "__interrupt__")
        }
    return event


@pytest.mark.parametrize("kind", ["long", "other"])
async def test_router_subgraph_and_human(document: Any, compiled: Any, kind: str) -> None:
    document(INNER, "inner.yaml")
    ours, theirs = compiled(LETTERS), twin()
    for graph in (ours, theirs):
        graph.checkpointer = InMemorySaver()

    assert ours.get_graph(xray=True).draw_mermaid() == theirs.get_graph(xray=True).draw_mermaid()
    assert [event async for event in conversation(ours, kind)] == [
        event async for event in conversation(theirs, kind)
    ]
    assert await history(ours) == await history(theirs)


async def history(graph: Any) -> list[Any]:
    return [
        (each.values, each.next, each.metadata["step"], each.metadata["source"])
        async for each in graph.aget_state_history(THREAD)
    ]

"""Bounded branches and joins."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graphwright_graphs import DocumentError
from graphwright_graphs.bounds import CHANNEL

POLISH = """
    state: {messages: messages, draft: {type: string, default: ""}, log: append}
    nodes:
      write: {prompt: {template: "{draft}.", output: draft}}
      review: {prompt: {template: seen, output: log}%s}
      end: {prompt: {template: end, output: log}}
    edges:
      START: write
      write: review
      review:
        - {when: size(draft) < 90, to: write, at_most: 3}
        - {when: size(draft) < 90, to: [write, end], at_most: 1}
        - {to: end}
      end: END
"""
THREAD = {"configurable": {"thread_id": "1"}}


async def test_a_branch_is_taken_a_number_of_times_then_the_next(compiled: Any) -> None:
    graph = compiled(POLISH % "")

    for state in (graph.invoke({"messages": "x"}), await graph.ainvoke({"messages": "x"})):
        assert state["draft"] == "." * 5
        assert (
            state["log"] == ["seen"] * 4 + ["end", "seen", "end"] or state["log"].count("seen") == 5
        )
        assert set(state) == {"messages", "draft", "log"}


def test_each_input_begins_anew_and_a_fork_goes_on_counting(compiled: Any) -> None:
    graph = compiled(POLISH % "")
    graph.checkpointer = InMemorySaver()

    assert graph.invoke({"messages": "x"}, THREAD)["draft"] == "." * 5
    assert graph.invoke({"messages": "y"}, THREAD)["draft"] == "." * 10
    assert CHANNEL not in graph.get_state(THREAD).values

    history = list(graph.get_state_history(THREAD))
    second = [each for each in history if each.next == ("write",)][2]
    assert second.values["draft"] == "." * 6
    assert graph.invoke(None, second.config)["draft"] == "." * 10


def test_counts_survive_a_question_to_a_person(compiled: Any) -> None:
    graph = compiled(
        """
        state: {messages: messages, answer: last, log: append}
        nodes:
          ask: {human: {ask: "Ready?", output: answer}}
          note: {prompt: {template: "{answer}", output: log}}
        edges:
          START: ask
          ask: note
          note:
            - {to: ask, at_most: 2}
            - {to: END}
        """
    )
    graph.checkpointer = InMemorySaver()
    graph.invoke({"messages": "x"}, THREAD)
    for answer in ("a", "b"):
        assert graph.get_state(THREAD).next == ("ask",)
        graph.invoke(Command(resume=answer), THREAD)
    state = graph.invoke(Command(resume="c"), THREAD)

    assert state["log"] == ["a", "b", "c"]
    assert graph.get_state(THREAD).next == ()


def test_a_graph_that_is_compiled_again_counts_too(compiled: Any) -> None:
    graph = compiled(POLISH % "").builder.compile(checkpointer=InMemorySaver())

    assert graph.invoke({"messages": "x"}, THREAD)["draft"] == "." * 5


JOINED = """
    state: {log: append}
    nodes:
      short: {prompt: {template: short, output: log}}
      first: {prompt: {template: first, output: log}}
      second: {prompt: {template: second, output: log}}
      end: {prompt: {template: "{log}", output: log}}
    edges:
      START: [short, first]
      first: second
      short & second: end
      end: END
"""


def test_a_node_waits_for_all_that_it_joins(compiled: Any) -> None:
    graph = compiled(JOINED)

    assert graph.invoke({"log": []})["log"] == [
        "first",
        "short",
        "second",
        '["first", "short", "second"]',
    ]
    assert graph.builder.waiting_edges == {(("short", "second"), "end")}


MISTAKES = [
    ("short & second: end", "short & secnd: end", 'found "secnd", expected a node, did you'),
    ("short & second: end", "short & short: end", "expected several nodes that are joined"),
    ("short & second: end", "short & second: nd", 'found "nd", expected a node or END'),
    ("short & second: end", "START & second: end", 'found "START", expected a node'),
    (
        "short & second: end",
        "short & second: [{when: 'true', to: end}, {to: END}]",
        "found branches, expected the node that waits for all of them",
    ),
    ("first: second", "first: [{to: second, at_most: 0}, {to: end}]", "found 0, expected a whole"),
    ("first: second", "first: [{to: second, at_most: yes}, {to: end}]", 'found "yes", expected a'),
    ("first: second", "first: [{to: second, at_most: 2}]", "expected a last branch without `at_m"),
    ("first: second", "first: [first, second]", 'edges.first: found "first", which always leads'),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[row[1] for row in MISTAKES])
def test_a_mistake_is_named(compiled: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(JOINED.replace(old, new))

    assert said in str(caught.value)

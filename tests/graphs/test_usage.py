"""What looks like a mistake, and is none that keeps a graph from running."""

from __future__ import annotations

from typing import Any

import pytest

import graphwright_graphs

AGENT = """
    state: {messages: messages, plan: last, notes: append}
    input: [messages, plan, notes]
    nodes:
      assistant: {llm: {tools: [clock, calculator]}}
      tools: {tools: [clock, calculator]}
    edges:
      START: assistant
      assistant:
        - {when: size(messages.last().tool_calls) > 0, to: tools}
        - {to: END}
      tools: assistant
"""


@pytest.fixture
def warnings(document: Any) -> Any:
    """The warnings of a document, which loads all the same."""

    def found(text: str) -> list[str]:
        path = document(text)
        graphwright_graphs.load(path)
        return [str(each).removeprefix(f"{path}:") for each in graphwright_graphs.check(path)]

    return found


def test_nothing_is_said_of_a_document_in_which_all_is_used(warnings: Any) -> None:
    assert warnings(AGENT) == []


def test_a_channel_that_nothing_writes(warnings: Any) -> None:
    assert warnings(
        AGENT.replace("input: [messages, plan, notes]", "input: [messages, notes]")
    ) == [
        '1:29 state.plan: warning: found "plan", which nothing writes, expected a node that writes '
        "it, name it under `input` when callers send it"
    ]


def test_every_channel_is_input_where_none_is_named(warnings: Any) -> None:
    assert warnings(AGENT.replace("input: [messages, plan, notes]", "")) == []


def test_a_default_may_be_all_that_there_is(warnings: Any) -> None:
    text = AGENT.replace("input: [messages, plan, notes]", "input: [messages, notes]")
    assert warnings(text.replace("plan: last", "plan: {default: 1}")) == []


def test_a_tool_that_no_model_may_call(warnings: Any) -> None:
    assert warnings(AGENT.replace("tools: [clock, calculator]}}", "tools: [clock]}}")) == [
        '5:26 nodes.tools.tools[1]: warning: found "calculator", which no model may call, expected '
        "a node that offers it to a model"
    ]


def test_a_tool_that_no_node_runs(warnings: Any) -> None:
    assert warnings(AGENT.replace("{tools: [clock, calculator]}\n", "{tools: [calculator]}\n")) == [
        '4:29 nodes.assistant.llm.tools[0]: warning: found "clock", which no node runs, expected '
        "a `tools` node with clock"
    ]


def test_code_that_may_do_anything_is_given_credit(warnings: Any, tools: str) -> None:
    text = AGENT.replace("input: [messages, plan, notes]", "input: [messages]")
    text = text.replace("{tools: [clock, calculator]}\n", f"{{python: '{tools}:whisper'}}\n")
    assert warnings(text) == []


def test_a_join_of_which_a_run_takes_one_way(warnings: Any) -> None:
    text = """
        state: {log: append}
        nodes:
          a: {prompt: {template: a, output: log}}
          b: {prompt: {template: b, output: log}}
          c: {prompt: {template: c, output: log}}
          d: {prompt: {template: d, output: log}}
        edges:
          START: a
          a: [{when: size(log) > 3, to: %s}, {to: c}]
          b & c: d
          d: END
    """
    assert warnings(text % "b") == [
        '10:3 edges.b & c: warning: found "b & c", of which "a" reaches one or another, expected '
        "nodes that all run"
    ]
    assert warnings(text % "[b, c]") == []


def test_errors_and_warnings_are_in_the_order_of_the_document(document: Any) -> None:
    path = document(AGENT.replace("{tools: [clock, calculator]}\n", "{tools: [calculater]}\n"))
    found = graphwright_graphs.check(path)

    assert [(each.line, each.warning) for each in found] == [(5, False)]
    with pytest.raises(graphwright_graphs.DocumentError):
        graphwright_graphs.load(path)


def test_what_is_no_document_is_said_too(document: Any) -> None:
    assert [each.found for each in graphwright_graphs.check(document("[a]"))] == ["a list"]
    assert "that no } ends" in graphwright_graphs.check(document("{a"))[0].found

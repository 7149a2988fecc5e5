"""`when:` expressions: what they see, what they cost, what they refuse."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolCall, ToolMessage

from graphwright_graphs.conditions import Conditions
from graphwright_graphs.errors import ConditionError
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Source
from graphwright_graphs.state import Channel

CHANNELS = {
    "messages": Channel(reducer="messages"),
    "notes": Channel(reducer="append"),
    "tries": Channel(reducer="add"),
    "facts": Channel(reducer="merge"),
    "text": Channel(),
    "mood": Channel(default="calm"),
}
CALL = ToolCall(type="tool_call", name="add", args={"a": 1}, id="1")
FAILED = ToolMessage("x", tool_call_id="1", status="error")
TALK = [HumanMessage("hi"), AIMessage("", tool_calls=[CALL])]


def parse(text: str) -> Any:
    problems = Problems(Source("test.yaml", {}))
    condition = Conditions(CHANNELS, problems).parse(text, ())
    problems.raise_if_any()
    return condition


@pytest.mark.parametrize(
    ("text", "state", "holds"),
    [
        ("size(messages.last().tool_calls) > 0", {"messages": TALK}, True),
        ("size(messages.last().tool_calls) > 0", {"messages": TALK[:1]}, False),
        ("size(messages.last().tool_calls) > 0", {}, False),
        ("messages.last().tool_calls[0].name == 'add'", {"messages": TALK}, True),
        ("messages[0].content.startsWith('h')", {"messages": TALK}, True),
        ("messages.exists(m, m.type == 'ai')", {"messages": TALK}, True),
        ("'messages.last()' != messages.last().content", {"messages": TALK[:1]}, True),
        ("messages.last().content == 'hi' && notes.last() == 'messages.last()'",
         {"messages": TALK[:1], "notes": ["messages.last()"]}, True),
        ("[[1]].exists(messages, messages.last() == 1)", {"messages": TALK}, True),
        ("messages.last().status == 'error'", {"messages": [FAILED]}, True),
        ("size(notes) >= 2", {"notes": [1, 2]}, True),
        ("notes.last() == 'b'", {"notes": ["a", "b"]}, True),
        ("size(notes) == 0 || notes.last() == null", {}, True),
        ("tries < 3", {"tries": 2}, True),
        ("tries < 3", {}, True),
        ("has(facts.name) && facts.name == 'Ada'", {"facts": {"name": "Ada"}}, True),
        ("has(facts.name)", {}, False),
        ("text == null", {}, True),
        ("text.left.size() > 0", {"text": {"left": ["a"]}}, True),
        ("mood == 'calm'", {}, True),
        ("mood == 'calm'", {"mood": "cross"}, False),
        ("'messages.last()' == text", {"text": "messages.last()"}, True),
        ("messages.exists(m, {-1: m.type}[-1] == 'ai')", {"messages": TALK}, True),
        ("!has(messages[0].role) && messages.map(m, {'x': m})[0].x.type == 'human'",
         {"messages": TALK}, True),
        ("[{'x': 1}].exists(messages, messages.x == 1)", {"messages": TALK}, True),
        ("messages.last().content < 'i' && messages.last().type != 'ai'",
         {"messages": TALK[:1]}, True),
        ("true", {}, True),
    ],
)  # fmt: skip
def test_a_condition_sees_the_state_as_plain_data(text: str, state: Any, holds: bool) -> None:
    assert parse(text).holds(state) is holds


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ("text.nothing == 1", {"text": {}}, "nothing"),
        ("notes.last().x == 1", {}, "x"),
        ("text", {"text": 3}, "it gave int, not true or false"),
        ("tries > 1", {"tries": "three"}, "No matching overloads"),
    ],
)
def test_a_condition_without_an_answer_is_an_error(text: str, state: Any, said: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text).holds(state)

    assert f"`{text}`" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["(" * 500, "true && " * 2000 + "true", "a\x00", "'\ud800'", ""])
def test_bombs_are_refused(text: str) -> None:
    with pytest.raises(Exception, match=r"test\.yaml:1:1"):
        parse(text)


def test_the_last_message_costs_the_same_in_a_long_conversation() -> None:
    condition = parse("size(messages.last().tool_calls) > 0")
    short, long = {"messages": TALK}, {"messages": TALK * 1000}

    def cost(state: Any) -> float:
        start = time.perf_counter()
        for _ in range(50):
            condition.holds(state)
        return time.perf_counter() - start

    assert min(cost(long) for _ in range(5)) < 3 * min(cost(short) for _ in range(5))


def test_a_channel_named_like_a_type_of_cel_spoils_no_other_condition() -> None:
    problems = Problems(Source("test.yaml", {}))
    conditions = Conditions({"type": Channel(), "text": Channel()}, problems)
    condition = conditions.parse("text.type == 'a' && type(text) != string", ())

    assert not problems.found
    assert condition is not None
    assert condition.holds({"text": {"type": "a"}, "type": "b"})

    assert conditions.parse("text == 'a' || type == 'a'", ()) is None
    (problem,) = problems.found
    assert problem.found == '"type", which is CEL\'s own name of a type'

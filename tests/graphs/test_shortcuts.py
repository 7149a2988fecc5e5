"""What a shortcut says is what CEL's library says; of all else the library is asked."""

from __future__ import annotations

import enum
import os
import re
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

from graphwright_graphs import conditions
from graphwright_graphs.conditions import Condition, Conditions
from graphwright_graphs.errors import ConditionError
from graphwright_graphs.problems import Problems
from graphwright_graphs.shortcuts import shortcut
from graphwright_graphs.source import Source
from graphwright_graphs.state import Channel

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "300"))

CHANNELS = {
    "messages": Channel(reducer="messages"),
    "notes": Channel(reducer="append"),
    "a": Channel(),
    "b": Channel(),
    "mood": Channel(default="calm"),
}
CALL = {"type": "tool_call", "name": "clock", "args": {"n": 1}, "id": "1"}
CALLING = AIMessage("", tool_calls=[CALL])


class Color(str, enum.Enum):  # noqa: UP042 - what matters is that it is a str
    RED = "red"


class Point(BaseModel):
    x: int = 1


# No \x00, at which the library ends a text.
words = st.text(st.sampled_from("ab é😀\uffff"), max_size=2)
usual = st.sampled_from([None, True, False, 0, 1, 0.5, 1.0, "", "a", "calm", "human"])
far = st.sampled_from([-(2**63) - 1, -(2**63), 2**53 + 1, 2**63 - 1, 2**63, float(2**53), -0.0])
odd = st.sampled_from([Color.RED, Point(), (), (1,), {1}, b"a", object, HumanMessage("a")])
keys = st.sampled_from(["x", "x", "y", 1, True, None, Color.RED])
scalars = usual | usual | words | far
values = scalars | st.recursive(
    scalars | st.floats() | odd,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=3,
)
messages = st.one_of(
    words.map(HumanMessage),
    st.builds(AIMessage, words, tool_calls=st.sampled_from([[], [CALL], [CALL, CALL]])),
    words.map(lambda text: ToolMessage(text, tool_call_id="1", name="clock", status="error")),
)
states = st.fixed_dictionaries(
    {"a": values, "b": values, "messages": st.lists(messages, max_size=2)},
    optional={"notes": st.lists(values, max_size=2), "mood": values},
)

FIELDS = ["type", "content", "name", "id", "tool_calls", "status", "x"]
# What CEL knows no type of before it runs, and so compares with anything.
untyped = st.sampled_from(["a", "b", "mood", "a.x", "b.x.y", "notes.last()", "b.last()"]) | (
    st.sampled_from(FIELDS).map("messages.last().{}".format)
)
literals = st.sampled_from(
    ["null", "true", "false", "0", "1", "2u", "-1", "9223372036854775807", "0x1F", "010", "0.5",
     "1.0", "''", "'calm'", '"\\u00e9"', "'human'", "'\\x61'", r"r'\a'", "'red'"]
)  # fmt: skip
sizes = st.builds(
    str.format,
    st.sampled_from(["size({})", "{}.size()"]),
    untyped | st.sampled_from(["notes", "messages"]),
)
signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
leaves = st.one_of(
    untyped,
    st.sampled_from(["true", "false"]),
    untyped.map("has({}.x)".format),
    st.sampled_from(FIELDS).map("has(messages.last().{})".format),
    st.builds("{} {} {}".format, untyped, signs, untyped | literals | sizes),
    st.builds("{} {} {}".format, literals, signs, untyped),
    st.builds("{} {} {}".format, sizes, signs, sizes | st.sampled_from(["0", "1"])),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.builds("{} {} {}".format, inner, st.sampled_from(["&&", "||"]), inner),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["&&", "||", "=="]), inner),
    ),
    max_leaves=3,
)


class Compiled:
    """The conditions of a document, with shortcuts and without."""

    def __init__(self) -> None:
        self._problems = Problems(Source("test.yaml", {}))
        self._conditions = Conditions(CHANNELS, self._problems)

    def pair(self, text: str) -> tuple[Condition, Condition] | None:
        """None where CEL refuses the expression."""
        self._problems.found.clear()
        quick = self._conditions.parse(text, ())
        with mock.patch.object(conditions, "shortcut", return_value=None):
            whole = self._conditions.parse(text, ())
        return None if quick is None or whole is None or self._problems.found else (quick, whole)


COMPILED = Compiled()
# The library fails at what it can't hold, also where a condition does not ask for it.
INNER = re.compile(r"(out of range|Non-CEL value type) for '\w+\[")


def answer(condition: Condition, state: Any) -> bool | str:
    """What a condition says, be it an error."""
    try:
        return condition.holds(state)
    except ConditionError as error:
        return str(error)


@settings(max_examples=EXAMPLES, deadline=None)
@given(expressions, states)
@example("a == 010", {"a": 10})
@example("a != b", {"a": float("nan"), "b": float("nan")})
@example("a.x == b.x", {"a": {"x": 2**63}, "b": {"x": 2**63}})
@example("size(messages) < 1 && messages.last().type == 'ai'", {})
def test_it_says_what_the_library_says(text: str, state: Any) -> None:
    if (pair := COMPILED.pair(text)) is None:
        return
    said, expected = (answer(condition, state) for condition in pair)
    if isinstance(expected, str) and INNER.search(expected):
        assert said in (expected, True, False)
    else:
        assert said is expected or said == expected


@pytest.mark.parametrize(
    ("text", "state", "holds"),
    [
        ("size(messages.last().tool_calls) > 0", {"messages": [CALLING]}, True),
        ("messages.last().content == 'no' || mood != 'calm'", {"messages": [CALLING]}, False),
        ("a < 3 && !b", {"a": 2, "b": False}, True),
        ("has(a.x) && a.x.y != null", {"a": {"x": {"y": []}}}, True),
        ("notes.size() >= 2 || notes.last() == 'done'", {"notes": ["done"]}, True),
        ("a", {"a": True}, True),
    ],
)  # fmt: skip
def test_the_usual_shapes_need_no_library(text: str, state: Any, holds: bool) -> None:
    ask = shortcut(text, CHANNELS)

    assert ask is not None
    assert ask(state) is holds


@pytest.mark.parametrize("text", ["a + 1 > 2", "a in b", "a[0]", "a ? b : true", "!" * 400 + "a"])
def test_other_shapes_have_no_shortcut(text: str) -> None:
    assert shortcut(text, CHANNELS) is None


def test_a_number_beyond_cel_in_what_a_condition_does_not_ask_for_is_no_error() -> None:
    call = {**CALL, "args": {"n": 2**70}}
    pair = COMPILED.pair("size(messages.last().tool_calls) > 0")

    assert pair is not None
    assert pair[0].holds({"messages": [AIMessage("", tool_calls=[call])]})

"""A condition's Python gives what CEL gives, on expressions and states that hypothesis makes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from graphwright_graphs import cel
from graphwright_graphs.conditions import Conditions
from graphwright_graphs.errors import ConditionError
from graphwright_graphs.export import runtime, times
from graphwright_graphs.export import state as reading
from graphwright_graphs.export.expressions import Translation
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Source
from graphwright_graphs.state import Channel

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "150"))

CHANNELS = {
    "messages": Channel(reducer="messages"),
    "notes": Channel(reducer="append", type="string"),
    "tries": Channel(reducer="add"),
    "score": Channel(type="number", default=0.5),
    "done": Channel(type="boolean", default=False),
    "topic": Channel(type="string", default="tea"),
    "facts": Channel(reducer="merge"),
    "plan": Channel(),
}

CALL = {"type": "tool_call", "name": "clock", "args": {"zone": "UTC"}, "id": "1"}
words = st.text(st.sampled_from("abc é😀\\\"'\n$."), max_size=4)
whole = st.integers(-5, 5)
messages = st.one_of(
    words.map(HumanMessage),
    st.builds(AIMessage, words, tool_calls=st.sampled_from([[], [CALL], [CALL, CALL]])),
    words.map(lambda text: ToolMessage(text, tool_call_id="1", name="clock", status="error")),
)
states = st.fixed_dictionaries(
    {
        "messages": st.lists(messages, max_size=3),
        "notes": st.lists(words, max_size=3),
        "tries": whole,
        "facts": st.dictionaries(st.sampled_from(["a", "b"]), whole, max_size=2),
        # Always there: a member of nothing is an error, which CEL forgets where the other operand
        # of `&&` decides, and Python does not.
        "plan": st.fixed_dictionaries(
            {
                "left": st.lists(words, max_size=2),
                "turns": whole,
                "due": st.sampled_from(["2026-01-02T03:04:05Z", "1969-12-31t23:59:59.9+05:30"]),
            },
            optional={"goal": words},
        ),
    },
    optional={
        "score": st.floats(-4, 4, width=16),
        "done": st.booleans(),
        "topic": words,
    },
)


def quoted(text: str) -> str:
    """A CEL string; single quotes, to differ from what Python text gets."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def binary(left: Any, signs: list[str], right: Any) -> Any:
    return st.builds("({} {} {})".format, left, st.sampled_from(signs), right)


def moments(depth: int) -> Any:
    leaves = st.sampled_from(
        [
            "timestamp('2026-03-29T00:30:00.250+01:00')",
            "timestamp(plan.due)",
            "timestamp(tries)",
            "timestamp(timestamp('2024-02-29T23:59:59.999999Z'))",
        ]
    )
    if depth <= 0:
        return leaves
    later = binary(leaves, ["+", "-"], st.deferred(lambda: lengths(depth - 1)))
    return leaves | later | st.builds("({1} + {0})".format, leaves, lengths(0))


def lengths(depth: int) -> Any:
    leaves = st.sampled_from(
        ["'1h30m'", "'-90.1234s'", "'1.5h.5s'", "'-20ms'", "'0'", "'+3us'", "'100h'"]
    ).map("duration({})".format)
    if depth <= 0:
        return leaves
    inner = st.deferred(lambda: lengths(depth - 1))
    return leaves | binary(inner, ["+", "-"], inner) | binary(moments(0), ["-"], moments(0))


ZONES = ["", "'Europe/Berlin'", "'+05:30'", "'-08:00'", "'02:00'", "'UTC'"]
PARTS = ["Hours", "Minutes", "Seconds", "Milliseconds"]
DATES = ["FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear"]


def times_as_integers() -> Any:
    dates = st.sampled_from(PARTS + DATES)
    return st.one_of(
        st.builds("{}.get{}({})".format, moments(1), dates, st.sampled_from(ZONES)),
        st.builds("{}.get{}()".format, lengths(1), st.sampled_from(PARTS)),
        moments(1).map("int({})".format),
    )


def integers(depth: int) -> Any:
    leaves = [
        times_as_integers(),
        whole.map(str),
        st.sampled_from(
            [
                "tries",
                "size(notes)",
                "notes.size()",
                "size(topic)",
                "size(messages)",
                "facts.map(k, facts[k]).size()",
                "size(messages.last().tool_calls)",
                "int(score)",
                "size(messages.filter(m, m.type == 'tool'))",
                "notes.map(n, size(n)).size()",
            ]
        ),
    ]
    if depth <= 0:
        return st.one_of(leaves)
    inner = st.deferred(lambda: integers(depth - 1))
    more = [
        binary(inner, ["+", "-", "*"], inner),
        binary(inner, ["/", "%"], st.sampled_from(["2", "-3", "7"])),
        st.builds("({} ? {} : {})".format, booleans(depth - 1), inner, inner),
        inner.map("-({})".format),
    ]
    return st.one_of(leaves + more)


def strings(depth: int) -> Any:
    leaves = [
        words.map(quoted),
        st.sampled_from(
            [
                "topic",
                "messages.last().content",
                "messages.last().type",
                "string(tries)",
                "messages.last().name",
                "messages.last().status",
                "string(done)",
                "string(score)",
            ]
        ),
        st.one_of(moments(1), lengths(1)).map("string({})".format),
    ]
    if depth <= 0:
        return st.one_of(leaves)
    inner = st.deferred(lambda: strings(depth - 1))
    return st.one_of([*leaves, binary(inner, ["+"], inner)])


def booleans(depth: int) -> Any:
    leaves = [
        st.sampled_from(
            [
                "done",
                "true",
                "done == true",
                "false != done",
                "has(plan.goal)",
                "!has(facts.a)",
                "plan != null",
                "'a' in facts",
                "has(facts.b) && facts.b > 1",
                "!('x' in notes)",
                "size(notes) == 0",
                "size(messages.last().tool_calls) > 0",
                "notes.size() > 0",
                "messages.exists(m, m.name == 'clock')",
                "messages.all(m, has(m.content))",
                "notes.exists_one(n, n.matches('^a.*$'))",
                "notes.last() == 'a'",
                "score < 1.5",
                "messages.last().tool_calls.exists(c, c.args.zone == 'UTC')",
                "score / 2.0 > 0.1",
                "has(plan.goal) && size(plan.left) > plan.turns",
                "[1, 2].map(i, i > 1, i) == [2]",
                "{'a': 1, 'b': [2.5]} == {'b': [2.5], 'a': 1}",
                "facts.exists(k, facts[k] == 2)",
                "size(notes) > 0 && notes[0] == topic",
                "dyn(tries) == 2",
                "double(tries) > 1e0",
                "[plan.due].exists(state, timestamp(state).getFullYear() < 2000)",
                "plan.left.map(list, list + topic).exists(is, is == 'a')",
            ]
        )
    ]
    numbers, texts = integers(min(depth, 1)), strings(min(depth, 1))
    leaves += [
        binary(numbers, ["<", "<=", ">", ">=", "==", "!="], numbers),
        binary(texts, ["<", "==", "!="], texts),
        binary(moments(1), ["<", "<=", ">", ">=", "==", "!="], moments(1)),
        binary(lengths(1), ["<", "<=", ">", ">=", "==", "!="], lengths(1)),
        binary(texts, ["in"], st.sampled_from(["notes", "facts", "['a', topic]"])),
        st.builds("{}.{}({})".format, texts, st.sampled_from(["startsWith", "endsWith"]), texts),
        st.builds("{}.contains({})".format, texts, texts),
    ]
    if depth <= 0:
        return st.one_of(leaves)
    inner = st.deferred(lambda: booleans(depth - 1))
    more = [
        binary(inner, ["&&", "||", "==", "!="], inner),
        inner.map("!({})".format),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ]
    return st.one_of(leaves + more)


def in_text(text: str, answered: Sequence[str] = ()) -> str:
    names = {name: reading.read(name, channel) for name, channel in CHANNELS.items()}
    return Translation(names, answered).condition(cel.parse(text))


def in_python(text: str, state: dict[str, Any]) -> bool:
    """What the translated condition says of a state."""
    return bool(eval(in_text(text), {"state": state, "re": re, **vars(runtime), **vars(times)}))


class RealCel:
    """The conditions of a document, whose environment is made once."""

    def __init__(self) -> None:
        self.problems = Problems(Source("test.yaml", {}))
        self.conditions = Conditions(CHANNELS, self.problems)

    def answer(self, text: str, state: dict[str, Any]) -> bool | None:
        """What the condition says of a state; None where CEL refuses it, or fails."""
        self.problems.found.clear()
        condition = self.conditions.parse(text, ())
        if condition is None or self.problems.found:
            return None
        with contextlib.suppress(ConditionError):
            return condition.holds(state)
        return None


CEL = RealCel()


@settings(max_examples=EXAMPLES, deadline=None)
@given(booleans(3), states)
def test_python_says_what_cel_says(text: str, state: dict[str, Any]) -> None:
    expected = CEL.answer(text, state)
    if expected is not None:
        assert in_python(text, state) == expected, in_text(text)


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("size(messages.last().tool_calls) > 0", 'last(state["messages"]).tool_calls'),
        ("tries == 010 || tries == 0x10", 'state["tries"] == 10 or state["tries"] == 16'),
        ("tries < 3 && !done", 'state["tries"] < 3 and not state.get("done", False)'),
        (
            "has(plan.goal) || topic == 'tea'",
            '"goal" in state.get("plan") or state.get("topic", "tea") == "tea"',
        ),
        ("!(topic in notes)", 'state.get("topic", "tea") not in state["notes"]'),
        ("size(notes) == 0", 'not state["notes"]'),
        (
            "messages.exists(m, m.type == 'tool')",
            'any(m.type == "tool" for m in state["messages"])',
        ),
        (
            "(tries + 1) * 2 - (3 - tries) > 0",
            '(state["tries"] + 1) * 2 - (3 - state["tries"]) > 0',
        ),
        (
            "done ? tries > 1 : tries > 2",
            'state["tries"] > 1 if state.get("done", False) else state["tries"] > 2',
        ),
        (
            "timestamp(topic) - timestamp(tries) > duration('36h')",
            'timestamp(state.get("topic", "tea")) - timestamp(state["tries"]) > duration("36h")',
        ),
        (
            "timestamp(topic).getHours('Europe/Berlin') >= 8",
            'in_zone(timestamp(state.get("topic", "tea")), "Europe/Berlin").hour >= 8',
        ),
    ],
)
def test_it_reads_as_a_person_would_write_it(text: str, python: str) -> None:
    assert in_text(text, ["messages"]) == python


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{'a': timestamp(tries)}.a.getHours() > 8", "`getHours` of what may be no time"),
        ("type(tries) == int", "`type`"),
        ("plan == b'a'", "`'a'`"),
        ("messages.last().colour == 'red'", "`colour` of a message"),
    ],
)
def test_what_has_no_python_is_named(text: str, said: str) -> None:
    with pytest.raises(cel.Unreadable) as caught:
        in_text(text)
    assert said in str(caught.value)

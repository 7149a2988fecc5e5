"""A prompt's Python says what the document's template says, on templates that hypothesis makes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from graphwright_graphs import prompts
from graphwright_graphs.errors import MissingValue
from graphwright_graphs.export.module import Module
from graphwright_graphs.export.prompts import Template, written
from graphwright_graphs.problems import Problems
from graphwright_graphs.prompts import Format
from graphwright_graphs.source import Source
from graphwright_graphs.state import Channel

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "80"))

CHANNELS = {
    "messages": Channel(reducer="messages"),
    "items": Channel(reducer="append"),
    "name": Channel(type="string", default="A & <b>"),
    "from": Channel(),
    "count": Channel(type="integer", default=0),
}
GIVEN = {"company": "A{{C}}{name}", "deep": {"a": [1, "two"], "b": "{"}}

texts = st.text(st.sampled_from('ab {}<&"\\\n%é#'), max_size=6)
scalars = st.one_of(texts, st.integers(-2, 2), st.booleans(), st.none(), st.floats(0, 1, width=16))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=5,
)
messages = st.one_of(texts.map(HumanMessage), texts.map(AIMessage))
states = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=2), "items": st.lists(values, max_size=3)},
    optional={"name": texts, "from": values.filter(lambda each: each is not None)},
)

names = st.sampled_from([*CHANNELS, *GIVEN, "today"])
paths = st.sampled_from([".", "a", "a.b", "deep.a.1", "items.0.a", "messages.0.content", "type"])


def mustache_templates(depth: int) -> Any:
    leaves = st.one_of(
        st.text(st.sampled_from("ab {<&\n%é"), max_size=4).map(lambda text: text.replace("{{", "")),
        names.map("{{{{{}}}}}".format),
        names.map("{{{{{{{}}}}}}}".format),
        paths.map("{{{{{}}}}}".format),
    )
    if depth <= 0:
        return leaves
    inner = st.deferred(lambda: mustache_templates(depth - 1))
    section = st.builds(
        lambda sign, name, inside: f"{{{{{sign}{name}}}}}{inside}{{{{/{name}}}}}",
        st.sampled_from("#^"),
        names | paths.filter(lambda each: each != "."),
        inner,
    )
    return st.lists(leaves | section, max_size=4).map("".join)


f_strings = st.lists(
    st.one_of(
        st.text(st.sampled_from('ab <&\n%é"'), max_size=4),
        st.sampled_from(["{{", "}}", *(f"{{{name}}}" for name in [*CHANNELS, *GIVEN, "today"])]),
    ),
    max_size=5,
).map("".join)


def in_python(text: str, form: Format, state: dict[str, Any]) -> str:
    """What the exported expression gives."""
    module = Module("Exported.", Path())
    expression = written(Template(text, form, GIVEN), CHANNELS, module, "template")
    place: dict[str, Any] = {}
    exec(module.text(), place)
    return str(eval(expression, {**place, "state": state}))


def compare(text: str, form: Format, state: dict[str, Any]) -> None:
    problems = Problems(Source("test.yaml", {}))
    known = {**CHANNELS, **{name: Channel(default=value) for name, value in GIVEN.items()}}
    template = prompts.parse(text, known, problems, (), "", form)
    assume(not problems.found)
    expected = None
    with contextlib.suppress(MissingValue):
        expected = template.render(state)
    if expected is not None:
        assert in_python(text, form, state) == expected


@settings(max_examples=EXAMPLES, deadline=None)
@given(mustache_templates(2), states)
def test_mustache(text: str, state: dict[str, Any]) -> None:
    compare(text, "mustache", state)


@settings(max_examples=EXAMPLES, deadline=None)
@given(f_strings, states)
def test_f_strings(text: str, state: dict[str, Any]) -> None:
    compare(text, "f-string", state)

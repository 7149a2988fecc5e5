"""Settings of a run: LangGraph's runtime context, read by prompts and conditions."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest

from graphwright_graphs import DocumentError, MissingValue
from graphwright_graphs.context import read, schema
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import parse

LETTER = """
    state: {messages: messages, letter: {type: string}}
    context:
      name: string
      tone: {enum: [warm, dry], default: dry, description: How it sounds}
      signed: {type: boolean, default: false}
    nodes:
      write: {llm: {prompt: "A {tone} letter to {name}", output: letter}}
      sign: {prompt: {template: "{letter} Yours", output: letter}}
    edges:
      START: write
      write:
        - {when: signed && tone == 'warm', to: sign}
        - {to: END}
      sign: END
"""


async def test_prompts_and_conditions_read_the_run_s_settings(compiled: Any, scripted: Any) -> None:
    model = scripted("Dear Ada.", "Dear Bob.")
    graph = compiled(LETTER, model)
    first = {"name": "Ada", "tone": "warm", "signed": True}

    assert graph.invoke({"messages": "x"}, context=first)["letter"] == "Dear Ada. Yours"
    assert (await graph.ainvoke({"messages": "x"}, context={"name": "Bob"}))["letter"] == (
        "Dear Bob."
    )
    assert [asked[0].content for asked in model.asked] == [
        "A warm letter to Ada",
        "A dry letter to Bob",
    ]


def test_settings_are_in_the_graph_s_context_schema(compiled: Any) -> None:
    shown = compiled(LETTER).get_context_jsonschema()

    assert shown["required"] == ["name"]
    assert shown["properties"]["tone"] == {
        "default": "dry",
        "description": "How it sounds",
        "enum": ["warm", "dry"],
        "title": "Tone",
        "type": "string",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "name\n  Field required"), ({"name": "A", "tone": "sad"}, "tone\n  Input should be 'wa")],
)
def test_settings_are_checked_when_a_run_begins(
    compiled: Any, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        compiled(LETTER).invoke({"messages": "x"}, context=given)
    assert said in str(caught.value)


def test_a_prompt_says_which_setting_is_missing(compiled: Any) -> None:
    with pytest.raises(MissingValue, match=r"the setting `name`, .* in the run's `context`"):
        compiled(LETTER).invoke({"messages": "x"})


def test_a_graph_in_a_graph_reads_the_same_context(
    compiled: Any, scripted: Any, tmp_path: Any
) -> None:
    inner = compiled(LETTER, scripted("Dear Ada."))
    outer = compiled(
        """
        state: {messages: messages, letter: last}
        context: {name: string, tone: {type: string, default: warm}}
        nodes: {a: {prompt: {template: x, output: letter}}}
        edges: {START: a, a: END}
        """
    )
    outer.builder.nodes["a"].runnable = inner
    result = outer.builder.compile().invoke({"messages": "x"}, context={"name": "Ada"})

    assert result["letter"] == "Dear Ada."


def settings(text: bytes) -> Any:
    problems = Problems(parse(text, "graph.yaml"))
    found = read(problems.source.data, ["messages"], problems)
    problems.raise_if_any()
    return schema("Context", found)


def test_any_name_and_any_default_may_be_used() -> None:
    made = settings(b"{json: string, copy: {type: list, default: [1]}, model_x: {default: {a: 1}}}")

    one, other = made(json="x"), made(json="y")
    one.copy.append(2)
    assert (other.copy, other.model_x) == ([1], {"a": 1})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[a]", "context: found a list, expected settings, such as `language: string`"),
        (b"{messages: string}", 'found "messages", expected a name that is no channel\'s'),
        (b"{today: string}", 'found "today", expected a name of letters'),
        (b"{class: string}", 'found "class", expected a name that is no word of Python'),
        (b"{a: sting}", 'found "sting", expected one of any'),
        (b"{a: {reducer: last}}", 'found "reducer", expected one of type, enum, schema'),
        (b"{a: {type: integer, default: x}}", 'found "x", expected integer'),
    ],
)
def test_a_mistake_is_named(text: bytes, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        settings(text)
    assert said in str(caught.value)


def test_a_setting_is_no_channel(compiled: Any) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(LETTER.replace("output: letter}}\n      sign", "output: tone}}\n      sign"))
    assert 'found "tone", expected a channel (messages, letter)' in str(caught.value)

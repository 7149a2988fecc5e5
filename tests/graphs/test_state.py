"""Channels: their types, defaults and reducers, as they stand in a document."""

from __future__ import annotations

from typing import Any

import pytest

from graphwright_graphs import DocumentError, load

GRAPH = """
    state: {%s}
    nodes: {write: {python: 'state_of_a_user:write'}}
    edges: {START: write, write: END}
"""
MODULE = """
def write(state): return {"best": state.get("given")}
def highest(left, right): return max(left, right)
def one(value): return value
LIMIT = 3
"""


@pytest.fixture
def graph(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, document: Any) -> Any:
    """`graph(state)`: a graph with these channels, whose node writes `given` into `best`."""
    (tmp_path / "state_of_a_user.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "state_of_a_user", raising=False)
    return lambda state: load(document(GRAPH % state))


def test_a_reducer_may_be_a_function_of_the_project(graph: Any) -> None:
    for channel in (
        "{reducer: 'state_of_a_user:highest', type: integer}",
        "'state_of_a_user:highest'",
    ):
        made = graph(f"best: {channel}, given: last")
        assert made.invoke({"best": 5, "given": 3})["best"] == 5
        assert made.invoke({"best": 5, "given": 7})["best"] == 7


@pytest.mark.parametrize(
    ("channel", "shown"),
    [
        ("{type: string}", {"type": "string"}),
        ("{type: 'list[string]'}", {"type": "array", "items": {"type": "string"}}),
        (
            "{type: 'list[list[integer]]'}",
            {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        ),
        ("{enum: [low, high]}", {"type": "string", "enum": ["low", "high"]}),
        (
            "{reducer: append, enum: [low, high]}",
            {"type": "array", "items": {"type": "string", "enum": ["low", "high"]}},
        ),
        (
            "{schema: {type: object, properties: {size: {type: integer}}}}",
            {"type": "object", "properties": {"size": {"type": "integer"}}},
        ),
        ("{schema: {type: array, maxItems: 2}}", {"type": "array", "maxItems": 2}),
        ("{schema: {anyOf: [{type: string}]}}", {"anyOf": [{"type": "string"}]}),
        ("add", {"type": "integer"}),
        ("{reducer: add, type: number}", {"type": "number"}),
        ("merge", {"type": "object", "additionalProperties": True}),
    ],
)
def test_types_are_in_the_graph_s_schemas(graph: Any, channel: str, shown: dict[str, Any]) -> None:
    schema = graph(f"best: {channel}, given: last").get_input_jsonschema()["properties"]["best"]
    schema.pop("title", None)

    assert {**schema, "default": None} == {**shown, "default": None}


def test_an_input_with_a_default_may_be_left_out(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state: {text: {type: string}, tone: {type: string, default: dry}}
        input: [text, tone]
        nodes: {write: {llm: {prompt: "{tone} {text}", output: text}}}
        edges: {START: write, write: END}
        """,
        scripted("ok"),
    )

    assert graph.get_input_jsonschema()["required"] == ["text"]


MISTAKES = [
    ("{type: 'list[sting]'}", 'best.type: found "list[sting]", expected one of any, boolean'),
    ("{type: 'list[]'}", 'best.type: found "list[]", expected one of any'),
    ("{type: string, enum: [a]}", "expected one of `type`, `enum` and `schema`"),
    ("{enum: []}", "best.enum: found an empty list, expected at least one"),
    ("{schema: {type: strin}}", 'best.schema.type: found "strin", expected one of array, boolean'),
    ("{type: integer, default: many}", 'best.default: found "many", expected integer'),
    ("{enum: [a, b], default: c}", 'best.default: found "c", expected one of a, b'),
    (
        "{schema: {maxLength: 1}, default: ab}",
        "best.default: found \"ab\", expected what its schema says ('ab' is too long)",
    ),
    ("'state_of_a_user:one'", 'found "state_of_a_user:one", expected a function of two values'),
    ("'state_of_a_user:LIMIT'", "expected a function of two values: what is there, and the update"),
    ("{reducer: 'json:loads'}", 'best.reducer: found "json:loads", of the module json'),
    ("{reducer: 'a b:c'}", "expected"),
]


@pytest.mark.parametrize(("channel", "said"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_and_located(graph: Any, channel: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        graph(f"best: {channel}, given: last")

    assert said in str(caught.value)
    assert len(caught.value.problems) == 1, str(caught.value)

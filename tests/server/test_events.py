import dataclasses
import json
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage
from langgraph.types import Interrupt
from pydantic import BaseModel

from graphwright.events import (
    END,
    Outcome,
    data_of,
    encode,
    end,
    name_of,
    selects,
    to_json,
)


class Model(BaseModel):
    text: str


@dataclasses.dataclass
class Row:
    text: str
    model: Model


class Colour(Enum):
    RED = "red"


class Opaque:
    def __str__(self) -> str:
        return "opaque"


def test_the_bytes_of_an_event() -> None:
    event = encode("values", {"text": "é\n"})
    assert event == 'event: values\r\ndata: {"text":"é\\n"}\r\n'.encode()
    assert name_of(event) == "values"
    assert json.loads(data_of(event)) == {"text": "é\n"}


def test_the_end_has_the_result() -> None:
    event = end(Outcome("success", b'{"a":1}'))
    assert (name_of(event), data_of(event)) == (END, b'{"a":1}')
    problem = {"error": "ValueError", "message": "x"}
    assert json.loads(data_of(end(Outcome("error", b"{}", problem)))) == {"__error__": problem}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"n": float("nan"), "i": float("inf")}, {"n": None, "i": None}),
        (
            {2: "a", 2.5: "b", None: "c", True: "d"},
            {"2": "a", "2.5": "b", "null": "c", "true": "d"},
        ),
        ({"wide": 2**70}, {"wide": 2**70}),
        ({"text": "\ud800"}, {"text": "\ud800"}),
        ({"wide": 2**70, "n": float("nan")}, {"wide": 2**70, "n": None}),
        ({"wide": 2**70, 1: {True: None}}, {"wide": 2**70, "1": {"true": None}}),
        ({"model": Model(text="x")}, {"model": {"text": "x"}}),
        ({"row": Row("x", Model(text="y"))}, {"row": {"text": "x", "model": {"text": "y"}}}),
        (
            {"row": Row("\ud800", Model(text="y"))},
            {"row": {"text": "\ud800", "model": {"text": "y"}}},
        ),
        ((1, (2,)), [1, [2]]),
        ({3}, [3]),
        (frozenset({3}), [3]),
        (b"bytes", "bytes"),
        (b"\xff", "\\xff"),
        (Colour.RED, "red"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Opaque(), "opaque"),
        (Interrupt(value="v", id="i"), {"value": "v", "id": "i", "response_schema": None}),
        (HumanMessage("x", id="1"), HumanMessage("x", id="1").model_dump()),
        (AIMessageChunk("x", id="1"), AIMessageChunk("x", id="1").model_dump()),
        ([HumanMessage("\ud800", id="1")], [HumanMessage("\ud800", id="1").model_dump()]),
    ],
)
def test_any_value_becomes_json(value: Any, shown: Any) -> None:
    assert json.loads(to_json(value)) == shown


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, width=32)
        | st.text(st.characters(codec=None)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_json_values_come_back_as_they_were(value: Any) -> None:
    def finite(one: Any) -> Any:
        if isinstance(one, float) and one in (float("inf"), float("-inf")):
            return None
        if isinstance(one, list):
            return [finite(item) for item in one]
        return {k: finite(v) for k, v in one.items()} if isinstance(one, dict) else one

    encoded = to_json(value)
    assert json.loads(encoded) == finite(value)
    assert b"\n" not in encoded


def test_a_reader_sees_the_modes_it_selects() -> None:
    names = ["metadata", "values", "updates|a:1", "messages", "messages/partial", "error", END]
    events = [encode(name, None) for name in names]

    def seen(*modes: str) -> list[str]:
        return [name_of(event) for event in events if selects(modes)(event)]

    always = ["metadata", "error", END]
    assert seen("updates") == ["metadata", "updates|a:1", "error", END]
    assert "messages" in seen("messages-tuple")
    assert [name for name in seen("custom") if name not in always] == []

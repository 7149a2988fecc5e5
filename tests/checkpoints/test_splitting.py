from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from graphwright_checkpoints.splitting import SMALL, Form, Pack, Part, join, split, weight

MESSAGES = [HumanMessage("hi", id="1"), HumanMessage("ho", id="2")]


def rejoin(value: Any) -> Any:
    kept, parts = split(value) if weight(value) > SMALL else (value, [])
    return join(
        kept,
        (
            (
                part.path,
                part.form,
                [v for piece in part.pieces for v in (piece if type(piece) is Pack else [piece])],
            )
            for part in parts
        ),
    )


def test_small_values_stay() -> None:
    for value in (None, "x" * 200, [1, 2, {"a": b"b"}], {}, (1, 2)):
        assert weight(value) <= SMALL


def test_messages_are_elements_one_by_one() -> None:
    assert split(MESSAGES) == (None, [Part((), Form.LIST, MESSAGES)])
    assert split(_DeltaSnapshot(MESSAGES)) == (None, [Part((), Form.SNAPSHOT, MESSAGES)])
    assert split({"messages": MESSAGES, "n": 1}) == (
        {"messages": None, "n": 1},
        [Part(("messages",), Form.LIST, MESSAGES)],
    )


def test_appending_to_small_values_changes_the_last_pack_alone() -> None:
    def packs(count: int) -> list[Any]:
        return split([f"line {number}" for number in range(count)])[1][0].pieces

    assert len(packs(1000)) > 5
    assert packs(1000)[:-1] == packs(1001)[: len(packs(1000)) - 1]


def test_snapshots_come_back_as_snapshots() -> None:
    assert rejoin(_DeltaSnapshot(MESSAGES)) == _DeltaSnapshot(MESSAGES)


leaves = st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just("x" * 600)
values = st.recursive(
    leaves | st.sampled_from(MESSAGES),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text() | st.integers(), inner),
)


@given(values)
def test_join_undoes_split(value: Any) -> None:
    again = rejoin(value)
    assert again == value
    if isinstance(value, dict):
        assert list(again) == list(value)

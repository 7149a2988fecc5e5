"""Reading documents: data only, bounded, with the place of everything."""

from __future__ import annotations

from typing import Any

import pytest

from graphwright_graphs import source
from graphwright_graphs.errors import DocumentError


def data(text: str) -> Any:
    return source.parse(text.encode(), "test.yaml").data


def test_values_and_keys_have_places() -> None:
    read = source.parse(b"a:\n  - x\n  - b: 1\n", "test.yaml")

    assert read.data == {"a": ["x", {"b": 1}]}
    assert read.position(("a", 1, "b")) == (3, 8)
    assert read.position(("a", 1, "b"), of_key=True) == (3, 5)
    assert read.position(("a", 1, "missing", "key")) == (3, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("2026-01-01", "2026-01-01"),
        ("12:30", "12:30"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("-3", -3),
        ("1e3", 1000.0),
        ("'1'", "1"),
        ("|\n  true\n", "true\n"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: Any) -> None:
    assert data(f"a: {text}") == {"a": value}
    assert type(data(f"a: {text}")["a"]) is type(value)


def test_aliases_repeat_their_anchor() -> None:
    assert data("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (laughs(9), "more than 10000 values"),
        ("a: &a [*a]", "more than 32 levels"),
        ("[" * 200_000, "more than 32 levels"),
        ("a: " + "x" * source.MAX_BYTES, "more than 262144 bytes"),
        ("--- a\n--- b", "a second document"),
        ("? [a]\n: b", "a list or mapping as a key"),
        ("a: \x07", "unreadable character"),
        ("a: !!timestamp 2026-01-01\nb: !mine 1", "the tag !mine"),
    ],
    ids=["laughs", "self", "deep", "large", "two", "key", "control", "tag"],
)
def test_bombs_and_objects_are_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        data(text)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(DocumentError, match="not UTF-8 at offset 3"):
        source.parse(b"a: \xff", "test.yaml")

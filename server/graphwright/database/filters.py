"""Conditions that several queries share."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa


def contains(column: sa.Column[Any], wanted: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """A JSON object column holds every key of `wanted`, nested objects likewise, with equal
    values; null equals a key that is not there.
    """
    return sa.and_(True, *(equals(column[path], value) for path, value in _leaves(wanted)))


def equals(place: Any, value: Any) -> sa.ColumnElement[bool]:
    """The value at a place in a JSON column is this one."""
    found: sa.ColumnElement[bool]
    if isinstance(value, bool):  # SQLite takes a boolean out of JSON as a number
        found = place.as_boolean() == value
    elif isinstance(value, float):  # 1.0 in Python may be 1 in JSON
        found = place.as_float() == value
    else:
        # Typed: SQLAlchemy would bind a plain value as text or a number, which no JSON equals.
        found = place.as_json() == sa.literal(value, sa.JSON())
    return found


def _leaves(
    wanted: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in wanted.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value

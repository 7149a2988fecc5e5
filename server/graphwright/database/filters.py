"""Conditions that several queries share, in the SQL of each database."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from graphwright.database.values import to_stored_text
from graphwright.errors import InvalidRequest

Path = tuple[str, ...]
Column = sa.Column[Any]
Condition = sa.ColumnElement[bool]

_NULL = sa.literal_column("'null'::jsonb", JSONB())

COMPARISONS = {
    "$gt": sa.ColumnElement.__gt__,
    "$gte": sa.ColumnElement.__ge__,
    "$lt": sa.ColumnElement.__lt__,
    "$lte": sa.ColumnElement.__le__,
}


def contains(dialect: sa.Dialect, column: Column, wanted: Mapping[str, Any]) -> Condition:
    """A JSON object column holds every key of `wanted`, nested objects likewise, with equal
    values; null equals a key that is not there.
    """
    return sa.and_(True, *(equals(dialect, column, path, value) for path, value in _leaves(wanted)))


def equals(dialect: sa.Dialect, column: Column, path: Path, value: Any) -> Condition:
    """The value at a place in a JSON column is this one."""
    if dialect.name == "postgresql":
        place = _jsonb(column, path)
        return sa.func.coalesce(place, _NULL) == (_NULL if value is None else _literal(value))
    found: Condition
    if isinstance(value, bool):  # SQLite takes a boolean out of JSON as a number
        found = column[path].as_boolean() == value
    elif isinstance(value, float):  # 1.0 in Python may be 1 in JSON
        found = column[path].as_float() == value
    else:
        # Typed: SQLAlchemy would bind a plain value as text or a number, which no JSON equals.
        found = column[path].as_json() == sa.literal(value, sa.JSON())
    return found


def compares(
    dialect: sa.Dialect, column: Column, path: Path, operator: str, value: Any
) -> Condition:
    """The value at a place in a JSON column is greater or less than this number or text."""
    if not isinstance(value, int | float | str):
        raise InvalidRequest(
            f"filter.{path[-1]}.{operator}: expected a number or text, found {type(value).__name__}"
        )
    compare = COMPARISONS[operator]
    if dialect.name == "postgresql":
        kind = sa.func.json_typeof(_json(column, path))
        if not isinstance(value, str):
            return (kind == "number") & compare(_jsonb(column, path), _literal(value))
        text = sa.func.json_extract_path_text(column, *map(to_stored_text, path)).collate("C")
        return (kind == "string") & compare(text, to_stored_text(value))
    found = column[path]
    return compare(found.as_string() if isinstance(value, str) else found.as_float(), value)


def _jsonb(column: Column, path: Path) -> sa.ColumnElement[Any]:
    """A place in a JSON column on Postgres, as a value that can be compared."""
    return sa.cast(_json(column, path), JSONB)


def _json(column: Column, path: Path) -> sa.ColumnElement[Any]:
    return sa.func.json_extract_path(column, *map(to_stored_text, path))


def _literal(value: Any) -> sa.ColumnElement[Any]:
    return sa.literal(value, JSONB())


def _leaves(wanted: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in wanted.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value

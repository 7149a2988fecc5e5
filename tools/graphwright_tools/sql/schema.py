"""What there is in a database: its tables and views, and their columns."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn

from graphwright_tools.errors import Refused
from graphwright_tools.sql.dialects import Allowed

SYSTEM: Final = ("pg_", "information_schema", "mysql", "performance_schema", "sys")
MOST_TABLES: Final = 200  # in one list, and of those that a message names


class Schema:
    """The tables and views that may be read."""

    def __init__(self, inspector: Inspector, allowed: Allowed) -> None:
        self._inspector = inspector
        self._allowed = allowed

    def listing(self) -> str:
        """All tables and views, one a line."""
        found = self._tables()
        lines = [f"{name} ({kind})" for name, kind in list(found.items())[:MOST_TABLES]]
        if len(found) > MOST_TABLES:
            lines.append(f"[Cut: these are the first {MOST_TABLES} of {len(found)} tables.]")
        return "\n".join(lines) or "There are no tables that can be read."

    def described(self, names: list[str]) -> str:
        """The columns of tables, each with its type, keys and references.

        Raises:
            Refused: there is no such table, or it may not be read.
        """
        found = self._tables()
        return "\n\n".join(self._table(_known(name, found), found) for name in names)

    def columns(self, statement: str) -> list[str]:
        """The columns of the tables that a statement mentions, as table.column."""
        said = statement.lower()
        return [
            f"{name}.{column['name']}"
            for name in self._tables()
            if name.lower() in said
            for column in self._columns(name)
        ]

    def names(self) -> list[str]:
        """The names of all tables and views."""
        return list(self._tables())

    def _tables(self) -> dict[str, str]:
        found = {
            f"{schema}.{name}" if schema else name: kind
            for schema in self._schemas()
            for kind, names in (
                ("table", self._inspector.get_table_names(schema)),
                ("view", self._inspector.get_view_names(schema)),
            )
            for name in names
            if self._allowed.has_table(name, schema) or self._listed_in_full(name, schema)
        }
        return dict(sorted(found.items()))

    def _listed_in_full(self, name: str, schema: str | None) -> bool:
        usual = schema or self._inspector.default_schema_name
        return self._allowed.has_table(name, usual)

    def _schemas(self) -> Iterator[str | None]:
        """The usual schema as None, and the others of a Postgres database."""
        yield None
        if self._inspector.dialect.name == "postgresql":
            usual = self._inspector.default_schema_name
            for schema in self._inspector.get_schema_names():
                if schema != usual and not schema.startswith(SYSTEM):
                    yield schema

    def _table(self, name: str, found: dict[str, str]) -> str:
        schema, _, table = name.rpartition(".")
        keys = self._inspector.get_pk_constraint(table, schema or None)["constrained_columns"]
        references = {
            column: f"{key['referred_table']}.{referred}"
            for key in self._inspector.get_foreign_keys(table, schema or None)
            for column, referred in zip(
                key["constrained_columns"], key["referred_columns"], strict=False
            )
        }
        lines = [f"{name} ({found[name]})"]
        for column in self._columns(name):
            lines.append(f"  {_column(column, keys, references)}")
        return "\n".join(lines)

    def _columns(self, name: str) -> list[ReflectedColumn]:
        schema, _, table = name.rpartition(".")
        return self._inspector.get_columns(table, schema or None)


def _known(name: str, found: dict[str, str]) -> str:
    plain = name.strip().strip('"`[]').lower()
    for known in found:
        if known.lower() == plain:
            return known
    near = get_close_matches(plain, found, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    there_are = ", ".join(list(found)[:MOST_TABLES]) or "none"
    raise Refused(f"There is no table {name} that can be read here.{hint} Tables: {there_are}.")


def _column(column: ReflectedColumn, keys: list[str], references: dict[str, Any]) -> str:
    name = column["name"]
    parts = [f"{name} {column['type']}"]
    if name in keys:
        parts.append("primary key")
    elif not column["nullable"]:
        parts.append("not null")
    if name in references:
        parts.append(f"references {references[name]}")
    if comment := column.get("comment"):
        parts.append(str(comment))
    return ", ".join(parts)

"""Queries on store items.

A namespace is stored as text, each part followed by a separator, so that a prefix of parts is a
prefix of the text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from langgraph.store.base import Item
from sqlalchemy.dialects import postgresql, sqlite

from graphwright.database.connection import Connection
from graphwright.database.filters import COMPARISONS, compares, contains, equals
from graphwright.database.tables import items
from graphwright.errors import InvalidRequest

SEPARATOR = "\x1f"

_columns = [items.c[name] for name in ("namespace", "key", "value", "created_at", "updated_at")]
_operators = ("$eq", "$ne", *COMPARISONS)
_INSERTS: dict[str, sqlite.Insert | postgresql.Insert] = {
    "sqlite": sqlite.insert(items),
    "postgresql": postgresql.insert(items),
}
_PUTS = {
    name: insert.on_conflict_do_update(
        index_elements=["tenant", "namespace", "key"],
        set_={"value": insert.excluded.value, "updated_at": insert.excluded.updated_at},
    )
    for name, insert in _INSERTS.items()
}


async def get(
    connection: Connection, tenant: str, namespace: Sequence[str], key: str
) -> Item | None:
    """The item under this key."""
    found = await connection.execute(sa.select(*_columns).where(_is(tenant, namespace, key)))
    row = found.first()
    return _item(row) if row else None


async def put(
    connection: Connection,
    tenant: str,
    namespace: Sequence[str],
    key: str,
    value: Mapping[str, Any],
    now: datetime,
) -> None:
    """Store an item, or replace its value."""
    await connection.execute(
        _PUTS[connection.dialect.name],
        {
            "tenant": tenant,
            "namespace": _joined(namespace),
            "key": key,
            "value": value,
            "created_at": now,
            "updated_at": now,
        },
    )


async def delete(connection: Connection, tenant: str, namespace: Sequence[str], key: str) -> None:
    """Delete the item under this key."""
    await connection.execute(sa.delete(items).where(_is(tenant, namespace, key)))


async def search(
    connection: Connection,
    tenant: str,
    prefix: Sequence[str],
    wanted: Mapping[str, Any],
    *,
    limit: int,
    offset: int,
) -> Sequence[Item]:
    """Items under a namespace prefix whose value has these fields, newest first."""
    query = (
        sa.select(*_columns)
        .where(items.c.tenant == tenant, *_under(prefix))
        .where(*(_field(connection.dialect, *condition) for condition in wanted.items()))
        .order_by(items.c.updated_at.desc(), items.c.key)
        .limit(limit)
        .offset(offset)
    )
    return [_item(row) for row in await connection.execute(query)]


async def namespaces(connection: Connection, tenant: str) -> Sequence[tuple[str, ...]]:
    """All namespaces that hold an item."""
    found = await connection.execute(
        sa.select(items.c.namespace)
        .distinct()
        .where(items.c.tenant == tenant)
        .order_by("namespace")
    )
    return [_split(namespace) for namespace in found.scalars()]


def _is(tenant: str, namespace: Sequence[str], key: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        items.c.tenant == tenant, items.c.namespace == _joined(namespace), items.c.key == key
    )


def _under(prefix: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    text = _joined(prefix)
    return [items.c.namespace.startswith(text, autoescape=True)] if text else []


def _field(dialect: sa.Dialect, key: str, condition: Any) -> sa.ColumnElement[bool]:
    if not isinstance(condition, dict) or not any(name.startswith("$") for name in condition):
        return contains(dialect, items.c.value, {key: condition})
    unknown = sorted(set(condition) - set(_operators))
    if unknown:
        raise InvalidRequest(
            f"filter.{key}: no operator {unknown[0]!r}; there are: {', '.join(_operators)}"
        )
    return sa.and_(*(_compared(dialect, key, name, value) for name, value in condition.items()))


def _compared(dialect: sa.Dialect, key: str, operator: str, value: Any) -> sa.ColumnElement[bool]:
    if operator in COMPARISONS:
        return compares(dialect, items.c.value, (key,), operator, value)
    same = sa.func.coalesce(equals(dialect, items.c.value, (key,), value), sa.false())
    return same if operator == "$eq" else sa.not_(same)


def _item(row: sa.Row[Any]) -> Item:
    return Item(**{**row._asdict(), "namespace": _split(row.namespace)})


def _joined(namespace: Sequence[str]) -> str:
    return "".join(part + SEPARATOR for part in namespace)


def _split(namespace: str) -> tuple[str, ...]:
    return tuple(namespace.split(SEPARATOR)[:-1])

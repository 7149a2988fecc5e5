"""Queries on assistants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.filters import contains
from graphwright.database.tables import assistants

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Assistant:
    """A graph with a name and settings of its own. The fields are those of the Agent Server API."""

    assistant_id: str
    graph_id: str
    name: str
    description: str | None
    version: int
    config: Json
    context: Json
    metadata: Json
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Search:
    """Which assistants, in which order, and which part of the list."""

    graph_id: str | None = None
    name: str | None = None
    metadata: Json | None = None
    sort_by: str = "created_at"
    descending: bool = True
    limit: int = 10
    offset: int = 0


_columns = [assistants.c[name] for name in Assistant.__slots__]

# Built once: see `database.runs`.
_GET = sa.select(*_columns).where(
    assistants.c.tenant == sa.bindparam("tenant"),
    assistants.c.assistant_id == sa.bindparam("assistant_id"),
)


async def get(connection: Connection, tenant: str, assistant_id: str) -> Assistant | None:
    """The assistant with this id."""
    found = await connection.execute(_GET, {"tenant": tenant, "assistant_id": assistant_id})
    row = found.first()
    return Assistant(**row._asdict()) if row else None


async def insert_missing(connection: Connection, tenant: str, new: Sequence[Assistant]) -> None:
    """Insert those that do not exist; leave the others as they are."""
    found = await connection.execute(
        sa.select(assistants.c.assistant_id).where(assistants.c.tenant == tenant)
    )
    known = set(found.scalars())
    for assistant in new:
        if assistant.assistant_id not in known:
            values = {name: getattr(assistant, name) for name in Assistant.__slots__}
            await connection.execute(sa.insert(assistants).values(tenant=tenant, **values))


async def search(connection: Connection, tenant: str, wanted: Search) -> Sequence[Assistant]:
    """One page of the assistants that match."""
    order = assistants.c[wanted.sort_by]
    found = await connection.execute(
        sa.select(*_columns)
        .where(_matches(connection.dialect, tenant, wanted))
        .order_by(order.desc() if wanted.descending else order, assistants.c.assistant_id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    return [Assistant(**row._asdict()) for row in found]


async def count(connection: Connection, tenant: str, wanted: Search) -> int:
    """How many match, on all pages."""
    found = await connection.execute(
        sa.select(sa.func.count())
        .select_from(assistants)
        .where(_matches(connection.dialect, tenant, wanted))
    )
    return int(found.scalar_one())


def _matches(dialect: sa.Dialect, tenant: str, wanted: Search) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = [assistants.c.tenant == tenant]
    if wanted.graph_id is not None:
        conditions.append(assistants.c.graph_id == wanted.graph_id)
    if wanted.name is not None:
        conditions.append(assistants.c.name.icontains(wanted.name, autoescape=True))
    if wanted.metadata:
        conditions.append(contains(dialect, assistants.c.metadata, wanted.metadata))
    return sa.and_(*conditions)

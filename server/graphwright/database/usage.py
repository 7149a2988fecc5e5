"""Queries on what runs used of models. Its rows outlive the runs and threads that they tell of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from graphwright.database.connection import Connection
from graphwright.database.tables import usage

Json = dict[str, Any]

_is_of_run = sa.and_(usage.c.tenant == sa.bindparam("owner"), usage.c.run_id == sa.bindparam("run"))
_DELETE_OLD = sa.delete(usage).where(usage.c.created_at < sa.bindparam("before"))
_TOKENS = ("input", "output", "cache_read", "cache_write", "reasoning")
_SUMS = [
    sa.func.coalesce(sa.func.sum(usage.c.calls), 0).label("calls"),
    sa.func.coalesce(sa.func.sum(usage.c.unmetered_calls), 0).label("unmetered_calls"),
    *(
        sa.func.coalesce(sa.func.sum(usage.c[f"{kind}_tokens"]), 0).label(f"{kind}_tokens")
        for kind in _TOKENS
    ),
    sa.func.sum(usage.c.cost).label("cost"),
    sa.func.coalesce(
        sa.func.sum(sa.case((usage.c.cost.is_(None), usage.c.calls), else_=0)), 0
    ).label("unpriced_calls"),
]

GROUPS = ("thread", "run", "graph", "assistant", "node", "model", "day")
_COLUMNS = {
    "thread": usage.c.thread_id,
    "run": usage.c.run_id,
    "graph": usage.c.graph_id,
    "assistant": usage.c.assistant_id,
    "node": usage.c.node,
    "model": usage.c.model,
}


@dataclass(frozen=True)
class Wanted:
    """Which use is meant; None leaves a field open. `since` is included, `until` is not."""

    thread_id: str | None = None
    run_id: str | None = None
    graph_id: str | None = None
    assistant_id: str | None = None
    node: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those that are there already stay as they are."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    await connection.execute(insert(usage).values(rows).on_conflict_do_nothing())


async def of_run(connection: Connection, tenant: str, run_id: str) -> Json:
    """What a run used, over all its attempts."""
    found = await connection.execute(
        sa.select(*_SUMS).where(_is_of_run), {"owner": tenant, "run": run_id}
    )
    return _shown(found.one()._asdict())


async def total(connection: Connection, tenant: str, wanted: Wanted) -> Json:
    """The sums of what is wanted."""
    found = await connection.execute(sa.select(*_SUMS).where(_matches(tenant, wanted)))
    return _shown(found.one()._asdict())


async def grouped(
    connection: Connection,
    tenant: str,
    wanted: Wanted,
    by: Sequence[str],
    *,
    limit: int,
    offset: int,
) -> Sequence[Json]:
    """The sums of each group, the largest use first."""
    columns = [_column(connection.dialect, name).label(name) for name in by]
    size = sa.func.sum(usage.c.input_tokens + usage.c.output_tokens).desc()
    found = await connection.execute(
        sa.select(*columns, *_SUMS)
        .where(_matches(tenant, wanted))
        .group_by(*columns)
        .order_by(size, *columns)
        .limit(limit)
        .offset(offset)
    )
    return [_shown(row._asdict()) for row in found]


async def delete_old(connection: Connection, before: datetime) -> None:
    """Delete what is older, whoever's it is."""
    await connection.execute(_DELETE_OLD, {"before": before})


def _matches(tenant: str, wanted: Wanted) -> sa.ColumnElement[bool]:
    fields = ("thread_id", "run_id", "graph_id", "assistant_id", "node", "model")
    asked = {name: value for name in fields if (value := getattr(wanted, name)) is not None}
    conditions = [usage.c.tenant == tenant, *(usage.c[name] == asked[name] for name in asked)]
    if wanted.since is not None:
        conditions.append(usage.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(usage.c.created_at < wanted.until)
    return sa.and_(*conditions)


def _column(dialect: sa.Dialect, name: str) -> sa.ColumnElement[Any]:
    if name != "day":
        return _COLUMNS[name]
    if dialect.name == "postgresql":
        return sa.func.to_char(sa.func.timezone("UTC", usage.c.created_at), "YYYY-MM-DD")
    return sa.func.date(usage.c.created_at)


def _shown(row: Json) -> Json:
    """Sums as the API tells them; Postgres gives sums of big integers as decimals."""
    counts = {name: int(row[name]) for name in row if name.endswith(("_tokens", "calls"))}
    total = counts["input_tokens"] + counts["output_tokens"]
    return {**row, **counts, "total_tokens": total}

"""Queries on threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.filters import contains
from graphwright.database.runs import is_unfinished
from graphwright.database.tables import runs, threads

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation. The fields are those of the Agent Server API."""

    thread_id: str
    created_at: datetime
    updated_at: datetime
    state_updated_at: datetime
    metadata: Json
    status: str
    config: Json
    values: Any
    error: Json | None
    interrupts: Json


@dataclass(frozen=True, slots=True)
class Search:
    """Which threads, in which order, and which part of the list."""

    ids: Sequence[str] | None = None
    status: str | None = None
    metadata: Json | None = None
    values: Json | None = None
    sort_by: str = "updated_at"
    descending: bool = True
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class InterruptSearch:
    """Which interrupts, and which part of the list."""

    thread_id: str | None = None
    graph_id: str | None = None
    assistant_id: str | None = None
    metadata: Json | None = None
    limit: int = 10
    offset: int = 0


_columns = [threads.c[name] for name in Thread.__slots__]

# Built once: see `database.runs`.
_is_thread = sa.and_(
    threads.c.thread_id == sa.bindparam("id"), threads.c.tenant == sa.bindparam("owner")
)
_GET = sa.select(*_columns).where(_is_thread)
_TAKEN = sa.select(threads.c.thread_id).where(threads.c.thread_id == sa.bindparam("id"))
_LOCK = sa.select(threads.c.thread_id).where(threads.c.thread_id == sa.bindparam("id"))
_INSERT = sa.insert(threads)
_UPDATE = sa.update(threads).where(_is_thread)
_DELETE = sa.delete(threads).where(_is_thread)
_has_unfinished = sa.exists().where(runs.c.thread_id == sa.bindparam("id"), is_unfinished(runs))
_has_unfinished_run = sa.exists().where(
    runs.c.thread_id == threads.c.thread_id, is_unfinished(runs)
)
_has_interrupts = sa.cast(threads.c.interrupts, sa.Text) != "{}"
_told_status = sa.case(
    (threads.c.error.is_not(None), "error"),
    (_has_interrupts, "interrupted"),
    else_="idle",
)
_EXPIRED = (
    sa.select(threads.c.tenant, *_columns)
    .where(threads.c.expires_at <= sa.bindparam("now"), ~_has_unfinished_run)
    .order_by(threads.c.expires_at)
    .limit(100)
)
_SETTLE = _UPDATE.values(
    status=sa.case((_has_unfinished, "busy"), else_=_told_status),
    updated_at=sa.bindparam("now"),
)
_RECORD = _UPDATE.values(
    {
        "status": sa.case((_has_unfinished, "busy"), else_=sa.bindparam("after")),
        "updated_at": sa.bindparam("now"),
        "state_updated_at": sa.bindparam("now"),
        "values": sa.bindparam("state"),
        "interrupts": sa.bindparam("waiting"),
        "error": sa.bindparam("problem"),
        "halted": sa.bindparam("is_halted"),
        "expires_at": sa.bindparam("expiry"),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a thread stands once a run is over, or its state was written to.

    `halted` says that something is left to do: an interrupt waits, or a run failed.
    """

    status: str
    values: Any
    interrupts: Json
    error: Json | None = None
    halted: bool = False
    expires_at: datetime | None = None


async def get(connection: Connection, tenant: str, thread_id: str) -> Thread | None:
    """The thread with this id."""
    found = await connection.execute(_GET, {"owner": tenant, "id": thread_id})
    row = found.first()
    return Thread(**row._asdict()) if row else None


async def lock(connection: Connection, thread_id: str) -> None:
    """Let nobody else change the thread's row before the transaction ends. On SQLite a transaction
    has the whole file to itself already.
    """
    await connection.execute(_LOCK.with_for_update(), {"id": thread_id})


async def graph_ids(connection: Connection) -> dict[str, str | None]:
    """The graph of every thread, whoever's."""
    graph_id = threads.c.metadata["graph_id"].as_string().label("graph_id")
    found = await connection.execute(sa.select(threads.c.thread_id, graph_id))
    return {row.thread_id: row.graph_id for row in found}


async def insert(connection: Connection, tenant: str, thread: Thread) -> bool:
    """Insert a thread; False if the id is taken, by whichever tenant."""
    taken = await connection.execute(_TAKEN, {"id": thread.thread_id})
    if taken.first():
        return False
    values = {name: getattr(thread, name) for name in Thread.__slots__}
    await connection.execute(_INSERT, {"tenant": tenant, **values})
    return True


async def update(connection: Connection, tenant: str, thread_id: str, **values: Any) -> None:
    """Set columns of one thread."""
    await connection.execute(_UPDATE.values(**values), {"owner": tenant, "id": thread_id})


async def settle(connection: Connection, tenant: str, thread_id: str, now: datetime) -> None:
    """Give a thread the status that follows from its runs: `busy`, or what its last run left."""
    await connection.execute(_SETTLE, {"owner": tenant, "id": thread_id, "now": now})


async def record(
    connection: Connection, tenant: str, thread_id: str, standing: Standing, now: datetime
) -> None:
    """Record how a thread stands; it stays `busy` while another run is unfinished."""
    await connection.execute(
        _RECORD,
        {
            "owner": tenant,
            "id": thread_id,
            "after": standing.status,
            "state": standing.values,
            "waiting": standing.interrupts,
            "problem": standing.error,
            "is_halted": standing.halted,
            "expiry": standing.expires_at,
            "now": now,
        },
    )


async def interrupted(
    connection: Connection, tenant: str, wanted: InterruptSearch
) -> Sequence[Thread]:
    """Threads with interrupts that wait, the oldest state first; enough for the part wanted."""
    about = {"graph_id": wanted.graph_id, "assistant_id": wanted.assistant_id}
    named = {name: value for name, value in about.items() if value is not None}
    search = Search(
        ids=None if wanted.thread_id is None else [wanted.thread_id],
        metadata={**(wanted.metadata or {}), **named},
    )
    found = await connection.execute(
        sa.select(*_columns)
        .where(_matches(connection.dialect, tenant, search), _has_interrupts)
        .order_by(threads.c.state_updated_at, threads.c.thread_id)
        .limit(wanted.offset + wanted.limit)  # each has one at least
    )
    return [Thread(**row._asdict()) for row in found]


async def expired(connection: Connection, now: datetime) -> Sequence[tuple[str, Thread]]:
    """Some threads with an interrupt that has expired, and their tenants."""
    found = await connection.execute(_EXPIRED, {"now": now})
    rows = [row._asdict() for row in found]
    return [(row.pop("tenant"), Thread(**row)) for row in rows]


async def delete(connection: Connection, tenant: str, thread_id: str) -> bool:
    """Delete the thread's row; False if there was none."""
    found = await connection.execute(_DELETE, {"owner": tenant, "id": thread_id})
    return bool(found.rowcount)


async def search(connection: Connection, tenant: str, wanted: Search) -> Sequence[Thread]:
    """One page of the threads that match."""
    order = threads.c[wanted.sort_by]
    found = await connection.execute(
        sa.select(*_columns)
        .where(_matches(connection.dialect, tenant, wanted))
        .order_by(order.desc() if wanted.descending else order, threads.c.thread_id)
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    return [Thread(**row._asdict()) for row in found]


async def count(connection: Connection, tenant: str, wanted: Search) -> int:
    """How many match, on all pages."""
    found = await connection.execute(
        sa.select(sa.func.count())
        .select_from(threads)
        .where(_matches(connection.dialect, tenant, wanted))
    )
    return int(found.scalar_one())


def _matches(dialect: sa.Dialect, tenant: str, wanted: Search) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = [threads.c.tenant == tenant]
    if wanted.ids is not None:
        conditions.append(threads.c.thread_id.in_(wanted.ids))
    if wanted.status is not None:
        conditions.append(threads.c.status == wanted.status)
    if wanted.metadata:
        conditions.append(contains(dialect, threads.c.metadata, wanted.metadata))
    if wanted.values:
        conditions.append(contains(dialect, threads.c["values"], wanted.values))
    return sa.and_(*conditions)

"""Queries on runs, and the rules of claiming them.

A run is `pending`, then `running` while a worker holds its lease, then `success`, `error`,
`timeout` or `interrupted`. The attempt is the fence: whoever writes for a run says which attempt it
is, and is refused when that attempt is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.tables import runs

Json = dict[str, Any]

UNFINISHED = ("pending", "running")


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an assistant on a thread. `kwargs` is what the caller asked for."""

    run_id: str
    tenant: str
    thread_id: str
    assistant_id: str
    status: str
    temporary: bool
    multitask_strategy: str
    metadata: Json
    kwargs: Json
    attempt: int
    position: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime


_columns = [runs.c[name] for name in Run.__slots__]
_other = runs.alias()

# Built once: putting a statement together takes SQLAlchemy several times as long as SQLite takes
# to run it.
# An UPDATE keeps the names of its columns for the values that it sets.
_is_run = sa.and_(runs.c.run_id == sa.bindparam("id"), runs.c.tenant == sa.bindparam("owner"))
_is_on_thread = sa.and_(
    runs.c.thread_id == sa.bindparam("thread_id"), runs.c.tenant == sa.bindparam("tenant")
)
_GET = sa.select(*_columns).where(_is_run)
_INSERT = sa.insert(runs)
_DELETE = sa.delete(runs).where(_is_run)
_DELETE_OF_THREAD = sa.delete(runs).where(_is_on_thread)
_OF_THREAD = sa.select(*_columns).where(_is_on_thread).order_by(runs.c.position.desc())
_UNFINISHED_OF_THREAD = _OF_THREAD.where(runs.c.status.in_(UNFINISHED))
_OLDEST_DUE = (
    sa.select(runs.c.run_id)
    .where(runs.c.thread_id == sa.bindparam("thread"), runs.c.status.in_(UNFINISHED))
    .where(runs.c.due_at <= sa.bindparam("now"))
    .where(
        ~sa.exists().where(
            _other.c.thread_id == sa.bindparam("thread"),
            _other.c.status == "running",
            _other.c.lease_until > sa.bindparam("now"),
        )
    )
    .order_by(runs.c.position)
    .limit(1)
    .scalar_subquery()
)
_CLAIM = (
    sa.update(runs)
    .where(runs.c.run_id == _OLDEST_DUE)
    .values(
        status="running",
        attempt=runs.c.attempt + 1,
        worker=sa.bindparam("by"),
        lease_until=sa.bindparam("until"),
        updated_at=sa.bindparam("now"),
    )
    .returning(*_columns)
)
_RENEW = (
    sa.update(runs)
    .where(runs.c.worker == sa.bindparam("by"), runs.c.status == "running")
    .values(lease_until=sa.bindparam("until"))
)
_FINISH = (
    sa.update(runs)
    .where(runs.c.run_id == sa.bindparam("id"), runs.c.attempt == sa.bindparam("mine"))
    .where(runs.c.status == "running")
    .values(status=sa.bindparam("final"), lease_until=None, updated_at=sa.bindparam("now"))
)
_INTERRUPT_PENDING = (
    sa.update(runs)
    .where(_is_run, runs.c.status == "pending")
    .values(status="interrupted", updated_at=sa.bindparam("now"))
)
_RELEASE = sa.update(runs).where(runs.c.status == "running").values(lease_until=None)
_WAITING_THREADS = (
    sa.select(runs.c.thread_id)
    .distinct()
    .where(runs.c.status.in_(UNFINISHED), runs.c.due_at <= sa.bindparam("now"))
    .where(
        sa.or_(
            runs.c.status == "pending",
            runs.c.lease_until.is_(None),
            runs.c.lease_until <= sa.bindparam("now"),
        )
    )
)
_DELETE_TEMPORARY = sa.delete(runs).where(
    runs.c.temporary,
    runs.c.status.not_in(UNFINISHED),
    runs.c.updated_at < sa.bindparam("before"),
)


async def get(connection: Connection, tenant: str, run_id: str) -> Run | None:
    """The run with this id."""
    found = await connection.execute(_GET, {"owner": tenant, "id": run_id})
    row = found.first()
    return Run(**row._asdict()) if row else None


async def insert(connection: Connection, run: Run) -> None:
    """Insert a run."""
    await connection.execute(_INSERT, {name: getattr(run, name) for name in Run.__slots__})


async def delete(connection: Connection, tenant: str, run_id: str) -> None:
    """Delete one run."""
    await connection.execute(_DELETE, {"owner": tenant, "id": run_id})


async def delete_of_thread(connection: Connection, tenant: str, thread_id: str) -> None:
    """Delete all runs of a thread."""
    await connection.execute(_DELETE_OF_THREAD, {"tenant": tenant, "thread_id": thread_id})


async def of_thread(
    connection: Connection,
    tenant: str,
    thread_id: str,
    *,
    status: str | None,
    limit: int,
    offset: int,
) -> Sequence[Run]:
    """One page of a thread's runs, newest first."""
    query = _OF_THREAD if status is None else _OF_THREAD.where(runs.c.status == status)
    found = await connection.execute(
        query.limit(limit).offset(offset), {"tenant": tenant, "thread_id": thread_id}
    )
    return [Run(**row._asdict()) for row in found]


async def unfinished(connection: Connection, tenant: str, thread_id: str) -> Sequence[Run]:
    """A thread's runs that are not over, newest first."""
    found = await connection.execute(
        _UNFINISHED_OF_THREAD, {"tenant": tenant, "thread_id": thread_id}
    )
    return [Run(**row._asdict()) for row in found]


async def claim(
    connection: Connection, thread_id: str, worker: str, now: datetime, until: datetime
) -> Run | None:
    """Take the thread's oldest run that is due, if none of its runs is running under a lease.

    A run whose lease ran out counts as not started: its worker is gone, and this is its next
    attempt.
    """
    found = await connection.execute(
        _CLAIM, {"thread": thread_id, "by": worker, "now": now, "until": until}
    )
    row = found.first()
    return Run(**row._asdict()) if row else None


async def renew(connection: Connection, worker: str, until: datetime) -> None:
    """Prolong the leases of a worker that lives."""
    await connection.execute(_RENEW, {"by": worker, "until": until})


async def finish(
    connection: Connection, run_id: str, attempt: int, status: str, now: datetime
) -> bool:
    """Give a run its final status; False if that attempt is no longer the run's."""
    found = await connection.execute(
        _FINISH, {"id": run_id, "mine": attempt, "final": status, "now": now}
    )
    return bool(found.rowcount)


async def interrupt_pending(
    connection: Connection, tenant: str, run_id: str, now: datetime
) -> bool:
    """End a run that has not started; False if it has."""
    found = await connection.execute(
        _INTERRUPT_PENDING, {"owner": tenant, "id": run_id, "now": now}
    )
    return bool(found.rowcount)


async def release(connection: Connection) -> None:
    """Count every lease as run out: for a worker that knows that it is the only one."""
    await connection.execute(_RELEASE)


async def waiting_threads(connection: Connection, now: datetime) -> Sequence[str]:
    """Threads with a run that is due and that no living worker holds."""
    found = await connection.execute(_WAITING_THREADS, {"now": now})
    return list(found.scalars())


async def delete_temporary(connection: Connection, *, finished_before: datetime) -> None:
    """Delete runs without a thread whose events nobody can read any more."""
    await connection.execute(_DELETE_TEMPORARY, {"before": finished_before})

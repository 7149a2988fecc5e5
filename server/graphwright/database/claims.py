"""Which worker has which run.

A run is `pending`, then `running` while a worker holds its lease, then `success`, `error`,
`timeout` or `interrupted`. The attempt is the fence: whoever writes for a run says which attempt it
is, and is refused when that attempt is over.

A pending run has a lease too, of the process that accepted it: who waits for the run's events does
so there, so another process takes it only once that one is gone.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from graphwright.database.connection import Connection
from graphwright.database.runs import COLUMNS, Run, is_unfinished
from graphwright.database.tables import leases, runs, threads

Json = dict[str, Any]

LEASE = timedelta(seconds=15)


class Claim(NamedTuple):
    """A run to execute. `halted` says that its thread's state has something left to do, `fence` is
    the token to write its checkpoints with: see `graphwright_checkpoints.LeaseLost`, `followed`
    that another run of the thread waits behind it.
    """

    run: Run
    halted: bool
    fence: int
    followed: bool


_other = runs.alias()
_has_no_lease = sa.or_(runs.c.lease_until.is_(None), runs.c.lease_until <= sa.bindparam("now"))
_is_for = sa.and_(runs.c.status == "pending", runs.c.worker == sa.bindparam("by"))
_OLDEST_DUE = (
    sa.select(runs.c.run_id)
    .where(runs.c.thread_id == sa.bindparam("thread"), is_unfinished(runs))
    .where(runs.c.due_at <= sa.bindparam("now"))
    .where(
        ~sa.exists().where(
            _other.c.thread_id == sa.bindparam("thread"),
            _other.c.status == "running",
            _other.c.lease_until > sa.bindparam("now"),
        ),
        # Somebody holds the thread still: see `database.leases`.
        ~sa.exists().where(
            leases.c.name == sa.bindparam("thread"), leases.c.until > sa.bindparam("now")
        ),
    )
    .order_by(runs.c.position)
    .limit(1)
    .scalar_subquery()
)
_CLAIM = (
    sa.update(runs)
    .where(runs.c.run_id == _OLDEST_DUE, sa.or_(_is_for, _has_no_lease))
    .values(
        status="running",
        attempt=runs.c.attempt + 1,
        worker=sa.bindparam("by"),
        lease_until=sa.bindparam("until"),
        updated_at=sa.bindparam("now"),
    )
    .returning(
        *COLUMNS,
        sa.select(threads.c.halted)
        .where(threads.c.thread_id == sa.bindparam("thread"))
        .scalar_subquery()
        .label("halted"),
        sa.select(threads.c.fence)
        .where(threads.c.thread_id == sa.bindparam("thread"))
        .scalar_subquery()
        .label("fence"),
        # This one among them: SQLite's RETURNING has no name for the row that is updated.
        sa.select(sa.func.count())
        .select_from(_other)
        .where(_other.c.thread_id == sa.bindparam("thread"), is_unfinished(_other))
        .scalar_subquery()
        .label("unfinished"),
    )
)
_RAISE_FENCE = (
    sa.update(threads)
    .where(threads.c.thread_id == sa.bindparam("thread"))
    .values(fence=sa.bindparam("token"))
)
_LEAVE = (
    sa.update(runs)
    .where(runs.c.run_id == sa.bindparam("id"), runs.c.attempt == sa.bindparam("mine"))
    .where(runs.c.status == "running")
    .values(lease_until=None)
)
_RENEW = (
    sa.update(runs)
    .where(runs.c.worker == sa.bindparam("by"), is_unfinished(runs))
    .where(
        sa.or_(
            runs.c.status == "pending",
            runs.c.run_id.in_(sa.bindparam("under_way", expanding=True)),
        )
    )
    .values(lease_until=sa.bindparam("until"))
)
_FINISH = (
    sa.update(runs)
    .where(runs.c.run_id == sa.bindparam("id"), runs.c.attempt == sa.bindparam("mine"))
    # Also the final status: who could not see whether this was stored may do it again.
    .where(sa.or_(runs.c.status == "running", runs.c.status == sa.bindparam("final")))
    .values(
        status=sa.bindparam("final"),
        usage=sa.bindparam("used", type_=runs.c.usage.type),
        lease_until=None,
        updated_at=sa.bindparam("now"),
    )
)
_TO_STOP = sa.select(runs.c.run_id, runs.c.stop).where(
    is_unfinished(runs),
    runs.c.worker == sa.bindparam("by"),
    runs.c.status == "running",
    runs.c.stop.is_not(None),
)
_RELEASE = sa.update(runs).where(is_unfinished(runs)).values(lease_until=None)
_RELEASE_BY = _RELEASE.where(runs.c.worker == sa.bindparam("by"))
_WAITING_THREADS = (
    sa.select(runs.c.thread_id)
    .distinct()
    .where(is_unfinished(runs), runs.c.due_at <= sa.bindparam("now"))
    .where(sa.or_(_is_for, _has_no_lease))
)


async def claim(
    connection: Connection, thread_id: str, worker: str, now: datetime, until: datetime
) -> Claim | None:
    """Take the thread's oldest run that is due, if none of its runs is running under a lease.

    A run whose lease ran out counts as not started: its worker is gone, and this is its next
    attempt. The last one may be alive all the same, and is fenced off. Needs a transaction that is
    locked by the thread.
    """
    found = await connection.execute(
        _CLAIM, {"thread": thread_id, "by": worker, "now": now, "until": until}
    )
    row = found.first()
    if row is None:
        return None
    fields = row._asdict()
    halted, followed = bool(fields.pop("halted")), fields.pop("unfinished") > 1
    fence = fields.pop("fence") or 0
    run = Run(**fields)
    # The same token for as long as no worker is lost: to raise it takes a round trip more.
    if run.attempt > 1 and not run.temporary:
        fence += 1
        await connection.execute(_RAISE_FENCE, {"thread": thread_id, "token": fence})
    return Claim(run, halted, fence, followed)


async def leave(connection: Connection, run: Run, newest: int) -> None:
    """Leave a run whose checkpoints were fenced off by a newer token than the record knows of, as
    happens where the record was lost or is older. A later attempt goes on with one above it.

    An attempt that is no longer the run's changes nothing.
    """
    left = await connection.execute(_LEAVE, {"id": run.run_id, "mine": run.attempt})
    if left.rowcount:
        values = {"thread": run.thread_id, "token": newest}
        await connection.execute(_RAISE_FENCE, values)


async def renew(
    connection: Connection, worker: str, under_way: Collection[str], until: datetime
) -> None:
    """Prolong the leases of a worker that lives: on what it executes, and on what waits for it."""
    await connection.execute(_RENEW, {"by": worker, "under_way": list(under_way), "until": until})


async def finish(
    connection: Connection,
    run_id: str,
    attempt: int,
    status: str,
    now: datetime,
    used: Json | None = None,
) -> bool:
    """Give a run its final status; False if that attempt is no longer the run's, or has another."""
    found = await connection.execute(
        _FINISH, {"id": run_id, "mine": attempt, "final": status, "now": now, "used": used}
    )
    return bool(found.rowcount)


async def to_stop(connection: Connection, worker: str) -> Sequence[tuple[str, str]]:
    """The runs of a worker that are to stop, and how."""
    found = await connection.execute(_TO_STOP, {"by": worker})
    return [(row.run_id, row.stop) for row in found]


async def release(connection: Connection) -> None:
    """Count every lease as run out: for a worker that knows that it is the only one."""
    await connection.execute(_RELEASE)


async def release_by(connection: Connection, worker: str) -> None:
    """Count a worker's leases as run out, so that others need not wait for it."""
    await connection.execute(_RELEASE_BY, {"by": worker})


async def waiting_threads(connection: Connection, worker: str, now: datetime) -> Sequence[str]:
    """Threads with a run that is due and that this worker may take."""
    found = await connection.execute(_WAITING_THREADS, {"by": worker, "now": now})
    return list(found.scalars())

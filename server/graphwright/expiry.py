"""When interrupts expire.

A graph asks with LangGraph's `interrupt(value)`. Where the value is an object with an `expiry`,
`{"seconds": 3600, "answer": "no"}`, the service gives that answer itself if nobody has by then.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from graphwright.database import Connection
from graphwright.database import threads as rows
from graphwright.database.threads import Standing

Json = dict[str, Any]


async def record(
    connection: Connection, tenant: str, thread_id: str, standing: Standing, now: datetime
) -> None:
    """Record how a thread stands, with the time at which each of its interrupts expires.

    An interrupt that waited before, while another one was answered, keeps its time.
    """
    if any(_seconds(waiting) is not None for waiting in each(standing.interrupts)):
        thread = await rows.get(connection, tenant, thread_id)
        before = {one["id"]: one for one in each(thread.interrupts)} if thread else {}
        standing = _dated(standing, before, now)
    await rows.record(connection, tenant, thread_id, standing, now)


def _dated(standing: Standing, before: Mapping[str, Json], now: datetime) -> Standing:
    interrupts = {
        task: [_with_time(waiting, before.get(waiting["id"], {}), now) for waiting in asked]
        for task, asked in standing.interrupts.items()
    }
    return replace(standing, interrupts=interrupts, expires_at=next_expiry(interrupts))


def _with_time(waiting: Json, before: Json, now: datetime) -> Json:
    if (seconds := _seconds(waiting)) is None:
        return waiting
    kept: Json = {key: before[key] for key in ("expires_at", "expired") if key in before}
    return {**waiting, "expires_at": (now + timedelta(seconds=seconds)).isoformat(), **kept}


def _seconds(waiting: Json) -> float | None:
    """How long an interrupt waits for an answer, None for ever."""
    value = waiting["value"]
    expiry = value.get("expiry") if isinstance(value, dict) else None
    if not isinstance(expiry, dict) or "answer" not in expiry:
        return None
    seconds = expiry.get("seconds")
    return seconds if isinstance(seconds, int | float) and seconds >= 0 else None


def next_expiry(interrupts: Json) -> datetime | None:
    """When the next of some interrupts expires, if one does."""
    times = (
        datetime.fromisoformat(waiting["expires_at"])
        for waiting in each(interrupts)
        if "expires_at" in waiting and not waiting.get("expired")
    )
    return min(times, default=None)


def each(interrupts: Json) -> Iterator[Json]:
    """A thread's interrupts, as the record has them."""
    for asked in interrupts.values():
        yield from asked


def expired(interrupts: Json, now: datetime) -> Json:
    """The answers that interrupts name for the case that nobody gives one, by id, where it is."""
    return {
        waiting["id"]: waiting["value"]["expiry"]["answer"]
        for waiting in each(interrupts)
        if "expires_at" in waiting
        and not waiting.get("expired")
        and datetime.fromisoformat(waiting["expires_at"]) <= now
    }

"""The rules of claiming runs, on the record alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from graphwright.database import DEFAULT_TENANT, Connection, claims, database_at, ended_runs, runs
from graphwright.database.runs import Run

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
LEASE = timedelta(seconds=15)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def connection(record_url: str) -> AsyncIterator[Connection]:
    database = database_at(record_url)
    async with database.opened(), database.begin() as opened:
        yield opened


async def add(connection: Connection, position: int, **more: Any) -> str:
    fields: dict[str, Any] = {
        "run_id": str(uuid4()),
        "tenant": DEFAULT_TENANT,
        "thread_id": "thread",
        "assistant_id": "assistant",
        "status": "pending",
        "temporary": False,
        "multitask_strategy": "enqueue",
        "metadata": {},
        "kwargs": {},
        "attempt": 0,
        "position": position,
        "due_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        **more,
    }
    await runs.insert(connection, Run(**fields))
    run_id: str = fields["run_id"]
    return run_id


async def claim(connection: Connection, at: datetime = NOW, worker: str = "w") -> Run | None:
    claimed = await claims.claim(connection, "thread", worker, at, at + LEASE)
    return claimed and claimed.run


async def test_a_claim_tells_whether_another_run_waits_behind_it(connection: Connection) -> None:
    await add(connection, 1)
    await add(connection, 2, status="success")
    await add(connection, 2, thread_id="another")
    alone = await claims.claim(connection, "thread", "w", NOW, NOW + LEASE)
    assert alone is not None and not alone.followed
    assert await claims.finish(connection, alone.run.run_id, 1, "success", NOW)
    await add(connection, 3)
    await add(connection, 4, due_at=NOW + SECOND)
    first = await claims.claim(connection, "thread", "w", NOW, NOW + LEASE)
    assert first is not None and first.followed


async def test_the_oldest_is_claimed_first_and_alone(connection: Connection) -> None:
    second, first = await add(connection, 2), await add(connection, 1)
    found = await claim(connection)
    assert found is not None
    assert (found.run_id, found.status, found.attempt) == (first, "running", 1)
    assert await claim(connection) is None
    assert await claims.finish(connection, first, 1, "success", NOW)
    after = await claim(connection)
    assert after is not None
    assert after.run_id == second


async def test_a_run_that_is_not_due_waits_and_lets_others_by(connection: Connection) -> None:
    later = await add(connection, 1, due_at=NOW + SECOND)
    now = await add(connection, 2)
    found = await claim(connection)
    assert found is not None
    assert found.run_id == now
    assert await claims.finish(connection, now, 1, "success", NOW)
    assert await claim(connection) is None
    assert await claims.waiting_threads(connection, "w", NOW) == []
    assert await claims.waiting_threads(connection, "w", NOW + SECOND) == ["thread"]
    late = await claim(connection, NOW + SECOND)
    assert late is not None
    assert late.run_id == later


async def test_a_lease_that_ran_out_makes_the_next_attempt(connection: Connection) -> None:
    run_id = await add(connection, 1)
    await claim(connection, worker="dead")
    assert await claim(connection, NOW + LEASE - SECOND) is None
    assert await claims.waiting_threads(connection, "w", NOW + LEASE - SECOND) == []
    assert await claims.waiting_threads(connection, "w", NOW + LEASE) == ["thread"]
    found = await claim(connection, NOW + LEASE, worker="alive")
    assert found is not None
    assert (found.run_id, found.attempt) == (run_id, 2)


async def test_a_lease_is_renewed_by_its_worker_alone(connection: Connection) -> None:
    run_id = await add(connection, 1)
    await claim(connection, worker="w")
    await claims.renew(connection, "other", [run_id], NOW + 9 * LEASE)
    await claims.renew(connection, "w", [], NOW + 9 * LEASE)
    assert await claims.waiting_threads(connection, "w", NOW + LEASE) == ["thread"]
    await claims.renew(connection, "w", [run_id], NOW + 2 * LEASE)
    assert await claim(connection, NOW + LEASE) is None


async def test_an_attempt_that_is_over_is_fenced(connection: Connection) -> None:
    run_id = await add(connection, 1)
    await claim(connection, worker="slow")
    await claim(connection, NOW + LEASE, worker="quick")
    assert not await claims.finish(connection, run_id, 1, "success", NOW + LEASE)
    found = await runs.get(connection, DEFAULT_TENANT, run_id)
    assert found is not None
    assert found.status == "running"
    assert await claims.finish(connection, run_id, 2, "error", NOW + LEASE)
    assert not await claims.finish(connection, run_id, 2, "success", NOW + LEASE)


async def test_who_could_not_see_an_end_stored_may_store_it_again(connection: Connection) -> None:
    run_id = await add(connection, 1)
    await claim(connection)
    for _ in range(2):
        assert await claims.finish(connection, run_id, 1, "success", NOW)


async def test_a_pending_run_is_left_to_the_process_that_accepted_it(
    connection: Connection,
) -> None:
    first = await add(connection, 1, worker="theirs", lease_until=NOW + LEASE)
    await add(connection, 2, worker="mine", lease_until=NOW + LEASE)
    assert await claims.waiting_threads(connection, "theirs", NOW) == ["thread"]
    assert await claim(connection, worker="mine") is None  # its turn has not come
    await claims.renew(connection, "theirs", [], NOW + 2 * LEASE)
    assert await claim(connection, NOW + LEASE, worker="mine") is None
    found = await claim(connection, NOW + 2 * LEASE, worker="mine")
    assert found is not None
    assert (found.run_id, found.worker) == (first, "mine")


async def test_a_process_that_stops_leaves_its_runs_to_others(connection: Connection) -> None:
    run_id = await add(connection, 1, worker="theirs", lease_until=NOW + LEASE)
    await claims.release_by(connection, "another")
    assert await claim(connection, worker="mine") is None
    await claims.release_by(connection, "theirs")
    found = await claim(connection, worker="mine")
    assert found is not None
    assert found.run_id == run_id


async def test_at_a_start_no_lease_counts(connection: Connection) -> None:
    await add(connection, 1)
    await claim(connection)
    await claims.release(connection)
    assert await claims.waiting_threads(connection, "w", NOW) == ["thread"]
    found = await claim(connection)
    assert found is not None
    assert found.attempt == 2


async def test_only_a_pending_run_is_interrupted_in_place(connection: Connection) -> None:
    run_id = await add(connection, 1)
    assert not await runs.interrupt_pending(connection, "another tenant", run_id, NOW)
    assert await runs.interrupt_pending(connection, DEFAULT_TENANT, run_id, NOW)
    assert not await runs.interrupt_pending(connection, DEFAULT_TENANT, run_id, NOW)
    assert await claim(connection) is None


async def test_temporary_runs_are_dropped_when_they_are_old(connection: Connection) -> None:
    kept = await add(connection, 1, status="success")
    gone = await add(connection, 2, status="success", temporary=True)
    unfinished = await add(connection, 3, temporary=True)
    keyed = await add(connection, 4, status="success", temporary=True, idempotency_key="a")
    same = [await add(connection, 5, status="success", idempotency_key="b"), kept, unfinished]

    async def left(finished_before: datetime, keyed_before: datetime) -> set[str]:
        await ended_runs.delete_temporary(
            connection, finished_before=finished_before, keyed_before=keyed_before
        )
        found = {run_id: await runs.get(connection, DEFAULT_TENANT, run_id) for run_id in added}
        return {run_id for run_id, run in found.items() if run is not None}

    added = {gone, keyed, *same}
    assert await left(NOW, NOW) == added
    assert await left(NOW + SECOND, NOW) == {keyed, *same}
    assert await left(NOW + SECOND, NOW + SECOND) == set(same)


async def test_another_tenant_sees_nothing(connection: Connection) -> None:
    run_id = await add(connection, 1)
    assert await runs.get(connection, "another", run_id) is None
    page: dict[str, Any] = {"status": None, "limit": 9, "offset": 0}
    assert await runs.of_thread(connection, "another", "thread", **page) == []
    await runs.delete(connection, "another", run_id)
    await runs.delete_of_thread(connection, "another", "thread")
    assert await runs.get(connection, DEFAULT_TENANT, run_id) is not None

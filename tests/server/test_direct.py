"""Runs without a thread: claimed as they are written, and kept where they have a key."""

import asyncio
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import orjson
from tests.server.bench import Bench

from graphwright.database import DEFAULT_TENANT, claims, events
from graphwright.database.events import EventArchive
from graphwright.engine import Signal
from graphwright.events import data_of, name_of


async def test_who_waits_for_a_run_without_a_thread_is_answered_where_they_wait(
    bench: Bench,
) -> None:
    """Also where its lease was lost: another attempt has no readers, and these have no other."""
    async with bench.working():
        run = await bench.start_alone()
        later = datetime.now(UTC) + timedelta(hours=1)
        async with bench.database.begin() as connection:
            taken = await claims.claim(connection, run.thread_id, "another", later, later)
        assert taken is not None
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert (await bench.status(run), await bench.attempt(run)) == ("running", 2)


async def test_a_run_without_a_thread_is_claimed_as_it_is_written(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start_alone()
        assert (await bench.status(run), await bench.attempt(run)) == ("running", 1)
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
        assert (await bench.status(run), await bench.attempt(run)) == ("success", 1)


async def test_it_is_pending_where_it_cannot_begin_at_once(bench: Bench) -> None:
    early = await bench.start_alone()  # nobody works yet
    assert await bench.status(early) == "pending"
    async with bench.working():
        await bench.result(early)
        runs = [await bench.start_alone(after_seconds=1)]
        for _ in range(6):  # of which one worker executes four at once
            runs.append(await bench.start_alone())
            await asyncio.sleep(0)
        found = [await bench.status(run) for run in runs]
        assert found == ["pending", *["running"] * 4, "pending", "pending"]
        for run in runs:
            assert (await bench.result(run))["log"] == ["one", "two", "three"]
            assert await bench.attempt(run) == 1


async def test_it_can_be_stopped_before_its_first_step(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start_alone()
        await bench.runs.cancel(DEFAULT_TENANT, run.run_id, None, Signal.INTERRUPT, wait=True)
        assert await bench.status(run) == "interrupted"


async def test_its_lease_is_the_workers_also_before_it_begins(bench: Bench) -> None:
    async with bench.working():
        bench.engine.wake = AsyncMock()  # type: ignore[method-assign]
        run = await bench.start_alone()
        assert bench.direct.run_ids == {run.run_id}
    # The worker went before it began; its lease is free.
    bench.restart()
    async with bench.working():
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert await bench.attempt(run) == 2


async def test_what_a_run_with_a_key_told_outlives_the_process(bench: Bench) -> None:
    """Who lost the answer asks again with the key: after the log was let go of, or a restart."""
    async with bench.working():
        run = await bench.start_alone(key="mine")
        assert (await bench.status(run), await bench.attempt(run)) == ("running", 1)
        whole = await bench.events(run)
    assert [name_of(event.data) for event in whole] == ["metadata", *["values"] * 4, "end"]
    bench.restart()
    async with bench.working():
        again = await bench.start_alone(key="mine")
        assert again.run_id == run.run_id
        assert await bench.events(again) == whole
        assert (await bench.result(again))["log"] == ["one", "two", "three"]


async def test_a_run_with_a_key_that_a_restart_cut_off_is_done_again(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start_alone(key="mine")
        await asyncio.sleep(0.1)
    bench.restart()
    async with bench.working():
        again = await bench.start_alone(key="mine")
        assert (await bench.result(again))["log"] == ["one", "two", "three"]
        events = await bench.events(again)
    assert (again.run_id, await bench.attempt(again)) == (run.run_id, 2)
    assert [name_of(event.data) for event in events].count("metadata") == 2
    assert [event.id for event in events] == sorted({event.id for event in events})


async def test_a_result_that_is_kept_no_more_is_said_to_be_lost(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start_alone(key="mine")
        await bench.result(run)
    async with bench.database.begin() as connection:
        await events.delete_old(connection, before=datetime.now(UTC))
    bench.restart()
    again = await bench.start_alone(key="mine")
    assert (await bench.result(again))["__error__"]["error"] == "ResultLost"
    (told,) = await bench.events(again)
    assert name_of(told.data) == "error"
    assert "another Idempotency-Key" in orjson.loads(data_of(told.data))["message"]


async def test_without_a_key_nothing_of_it_is_in_the_record(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start_alone()
        await bench.result(run)
    assert await EventArchive(bench.database).position(run.run_id) == 0

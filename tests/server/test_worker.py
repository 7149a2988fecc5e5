"""A worker on a record of its own, without HTTP."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import orjson
import pytest
import sqlalchemy as sa
from tests.server.bench import Bench, is_, next_is, reaches

from graphwright import chores
from graphwright import worker as worker_module
from graphwright.database import DEFAULT_TENANT, claims
from graphwright.database import runs as rows
from graphwright.database.events import EventArchive
from graphwright.engine import Signal
from graphwright.events import data_of, name_of


async def test_runs_of_one_thread_have_their_turns(bench: Bench) -> None:
    async with bench.working():
        runs = [await bench.start("thread", pause=0.01) for _ in range(3)]
        assert (await bench.result(runs[-1]))["log"] == ["one", "two", "three"] * 3
    assert [await bench.status(run) for run in runs] == ["success"] * 3


async def test_runs_written_before_the_worker_began_are_found(bench: Bench) -> None:
    run = await bench.start("thread", pause=0)
    async with bench.working():
        await reaches(lambda: is_(bench.status(run), "success"))


async def test_a_run_is_handed_over_and_goes_on_as_the_next_attempt(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", pause=0.2)
        await reaches(lambda: next_is(bench, "two"))
    assert await bench.status(run) == "running"
    bench.restart()
    async with bench.working():
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert (await bench.status(run), await bench.attempt(run)) == ("success", 2)


async def test_a_record_that_knows_of_an_older_token_catches_up(bench: Bench) -> None:
    """As after a record was lost, or is an older copy than its checkpoints."""
    saver: Any = bench.graphs.saver
    async with bench.working():
        await bench.result(await bench.start("thread", pause=0))
        await saver.araise_fence("thread", 5)
        run = await bench.start("thread", pause=0)
        assert (await bench.result(run))["log"] == ["one", "two", "three"] * 2
        assert (await bench.status(run), await bench.attempt(run)) == ("success", 2)
        run = await bench.start("thread", pause=0)
        assert len((await bench.result(run))["log"]) == 9
        assert await bench.attempt(run) == 1


async def test_a_run_is_parked_between_two_steps(bench: Bench) -> None:
    config: Any = {"configurable": {"thread_id": "thread"}}
    async with bench.working(grace=10):
        run = await bench.start("thread", pause=0.3)
        await reaches(lambda: next_is(bench, "two"))
    assert await bench.status(run) == "running"
    async with bench.graphs.open(DEFAULT_TENANT, "stages", config) as graph:
        state = await graph.aget_state(config)
    assert (state.values["log"], state.next) == (["one", "two"], ("three",))
    bench.restart()
    async with bench.working():
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert (await bench.status(run), await bench.attempt(run)) == ("success", 2)
    events = [event async for batch in bench.runs.follow(run, after=0) for event in batch]
    values = [
        orjson.loads(data_of(event.data)) for event in events if name_of(event.data) == "values"
    ]
    assert [len(value["log"]) for value in values if value["log"]] == [1, 2, 2, 3]
    assert [name_of(event.data) for event in events].count("metadata") == 2


async def test_a_run_in_its_last_step_ends(bench: Bench) -> None:
    async with bench.working(grace=10):
        run = await bench.start("thread", pause=0.3)
        await reaches(lambda: next_is(bench, "three"))
    assert (await bench.status(run), await bench.attempt(run)) == ("success", 1)


async def test_a_node_that_does_not_heed_a_stop_is_left(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", "stubborn", pause=2)
        await reaches(lambda: next_is(bench, "go_on", "stubborn"))
        stop = bench.runs.cancel(DEFAULT_TENANT, run.run_id, None, Signal.INTERRUPT, wait=True)
        await asyncio.wait_for(stop, 1.5)
        assert await bench.status(run) == "interrupted"
        again = await bench.start("thread", "stubborn", pause=0)
        assert (await bench.result(again))["log"] == ["in spite of all"]
        await asyncio.sleep(2)  # it ends in its own time, and nobody is told
        config: Any = {"configurable": {"thread_id": "thread"}}
        async with bench.graphs.open(DEFAULT_TENANT, "stubborn", config) as graph:
            assert (await graph.aget_state(config)).values["log"] == ["in spite of all"]


async def test_an_attempt_that_lost_its_lease_changes_nothing(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", pause=0.1)
        await reaches(lambda: is_(bench.status(run), "running"))
        later = datetime.now(UTC) + timedelta(hours=1)
        until = later + timedelta(hours=1)
        async with bench.database.begin() as connection:
            taken = await claims.claim(connection, "thread", "another", later, until)
        assert taken is not None
        assert taken.run.attempt == 2
        with pytest.raises(TimeoutError):  # the end is the other attempt's to say
            await asyncio.wait_for(bench.runs.result(run), 1)
    assert (await bench.status(run), await bench.attempt(run)) == ("running", 2)


async def test_a_stop_is_not_forgotten_with_the_worker_that_was_told(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", pause=0.3)
        await reaches(lambda: next_is(bench, "two"))
        async with bench.database.begin() as connection:
            now = datetime.now(UTC)
            await rows.ask_to_stop(connection, DEFAULT_TENANT, run.run_id, "interrupt", now)
    bench.restart()
    async with bench.working():
        assert (await bench.result(run))["log"] == ["one"]
    assert await bench.status(run) == "interrupted"
    config: Any = {"configurable": {"thread_id": "thread"}}
    async with bench.graphs.open(DEFAULT_TENANT, "stages", config) as graph:
        assert (await graph.aget_state(config)).next == ()


async def test_what_is_done_each_second_goes_on_after_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else leases would run out, and due runs never begin, in a service that seems to be well."""
    monkeypatch.setattr(chores, "SWEEP_INTERVAL", 0.01)
    monkeypatch.setattr(chores, "RENEW_INTERVAL", 0.01)
    fail = AsyncMock(side_effect=ValueError("unforeseen"))
    renew, find = claims.renew, claims.waiting_threads
    monkeypatch.setattr(claims, "renew", fail)
    monkeypatch.setattr(claims, "waiting_threads", fail)
    run = await bench.start("thread", pause=0.2)
    async with bench.working():
        await asyncio.sleep(0.1)
        assert await bench.status(run) == "pending"
        monkeypatch.setattr(claims, "waiting_threads", find)
        await reaches(lambda: is_(bench.status(run), "running"))
        again = AsyncMock(wraps=renew)
        monkeypatch.setattr(claims, "renew", again)
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert again.await_count > 0
    assert "ValueError: unforeseen" in caplog.text


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
async def test_an_end_is_recorded_when_the_file_is_free_again(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "RETRY_INTERVAL", 0.05)
    async with bench.database.begin() as connection:
        await connection.execute(sa.text("PRAGMA busy_timeout = 10"))
    async with bench.working():
        run = await bench.start("thread", pause=0.1)
        await reaches(lambda: next_is(bench, "three"))
        other = sqlite3.connect(tmp_path / "record.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(0.4)
        assert await bench.status(run) == "running"
        other.close()
        assert (await bench.result(run))["log"] == ["one", "two", "three"]
    assert (await bench.status(run), await bench.attempt(run)) == ("success", 1)


async def test_a_reader_is_told_what_it_missed(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", pause=0)
        await bench.result(run)
        whole = [event async for batch in bench.runs.follow(run, 0) for event in batch]
        archive = EventArchive(bench.database)
        await reaches(lambda: is_(archive.position(run.run_id), len(whole)))
        await archive.trim(run.run_id, before=10**9)
    bench.restart()
    done = await bench.runs.get(DEFAULT_TENANT, run.run_id)
    assert [event async for batch in bench.runs.follow(done, 0) for event in batch] == []
    await archive.append(run.run_id, 3, [event.data for event in whole[2:]])
    found = [event async for batch in bench.runs.follow(done, 0) for event in batch]
    assert found[1:] == whole[2:]
    assert (found[0].id, name_of(found[0].data)) == (2, "gap")
    told = orjson.loads(data_of(found[0].data))
    assert (told["after"], told["before"]) == (0, 3)
    assert told["values"]["log"] == ["one", "two", "three"]

"""A worker on a record of its own, without HTTP."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import orjson
import pytest
import sqlalchemy as sa
from tests.conftest import ROOT

from graphwright import chores
from graphwright import worker as worker_module
from graphwright.assistants import Assistants
from graphwright.database import DEFAULT_TENANT, claims, database_at, events
from graphwright.database import runs as rows
from graphwright.database.events import EventArchive
from graphwright.database.runs import Run
from graphwright.direct import DirectClaims
from graphwright.engine import Signal
from graphwright.engine.local import LocalEngine
from graphwright.events import Event, data_of, name_of
from graphwright.graphs import Graphs
from graphwright.project import load_project
from graphwright.runs import Runs
from graphwright.schemas import RunCreate
from graphwright.store import TenantStores
from graphwright.worker import Worker
from graphwright_checkpoints import open_checkpointer
from graphwright_graphs.models import Models


class Bench:
    """The service's parts around one worker."""

    def __init__(self, folder: Path, record_url: str) -> None:
        project = load_project(ROOT / "tests/projects/plain/langgraph.json", Models("demo"))
        self.database = database_at(record_url)
        self.assistants = Assistants(self.database, project)
        url = f"sqlite:///{folder / 'checkpoints.db'}"
        self.graphs = Graphs(project, TenantStores(self.database), open_checkpointer(url))
        self.restart()

    def restart(self) -> None:
        """An engine and what is around it, as after the process was started again."""
        self.engine = LocalEngine(EventArchive(self.database))
        self.direct = DirectClaims(self.engine)
        self.runs = Runs(self.database, self.assistants, self.graphs, self.engine, self.direct)

    @asynccontextmanager
    async def working(self, grace: float = 0) -> AsyncIterator[None]:
        worker = Worker(self.database, self.graphs, self.engine, self.direct, patience=0.2)
        async with worker.running(slots=4, grace=grace, alone=True):
            yield

    async def start(self, thread: str, graph: str = "stages", **pause: Any) -> Run:
        body = RunCreate(assistant_id=graph, input=pause, if_not_exists="create")
        return await self.runs.start(DEFAULT_TENANT, thread, body)

    async def start_alone(self, key: str | None = None, **asked: Any) -> Run:
        """A run without a thread."""
        body = RunCreate(assistant_id="stages", input={"pause": 0.2}, **asked)
        return await self.runs.start(DEFAULT_TENANT, None, body, key)

    async def events(self, run: Run) -> list[Event]:
        """All that a run told, to those who come now."""
        return [event async for batch in self.runs.follow(run, after=0) for event in batch]

    async def result(self, run: Run) -> Any:
        return orjson.loads(await asyncio.wait_for(self.runs.result(run), 10))

    async def status(self, run: Run) -> str:
        return (await self.runs.get(DEFAULT_TENANT, run.run_id)).status

    async def attempt(self, run: Run) -> int:
        return (await self.runs.get(DEFAULT_TENANT, run.run_id)).attempt


@pytest.fixture
async def bench(
    tmp_path: Path, record_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.syspath_prepend(str(ROOT / "tests/projects/plain"))
    made = Bench(tmp_path, record_url)
    async with made.database.opened():
        await made.assistants.register(DEFAULT_TENANT)
        async with made.graphs.checkpointing():
            yield made


async def reaches(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_runs_of_one_thread_have_their_turns(bench: Bench) -> None:
    async with bench.working():
        runs = [await bench.start("thread", pause=0.01) for _ in range(3)]
        assert (await bench.result(runs[-1]))["log"] == ["one", "two", "three"] * 3
    assert [await bench.status(run) for run in runs] == ["success"] * 3


async def test_runs_written_before_the_worker_began_are_found(bench: Bench) -> None:
    run = await bench.start("thread", pause=0)
    async with bench.working():
        await reaches(lambda: _is(bench.status(run), "success"))


async def test_a_run_is_handed_over_and_goes_on_as_the_next_attempt(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", pause=0.2)
        await reaches(lambda: _next_is(bench, "two"))
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
        await reaches(lambda: _next_is(bench, "two"))
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
        await reaches(lambda: _next_is(bench, "three"))
    assert (await bench.status(run), await bench.attempt(run)) == ("success", 1)


async def test_a_node_that_does_not_heed_a_stop_is_left(bench: Bench) -> None:
    async with bench.working():
        run = await bench.start("thread", "stubborn", pause=2)
        await reaches(lambda: _next_is(bench, "go_on", "stubborn"))
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
        await reaches(lambda: _is(bench.status(run), "running"))
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
        await reaches(lambda: _next_is(bench, "two"))
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
        await reaches(lambda: _is(bench.status(run), "running"))
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
        await reaches(lambda: _next_is(bench, "three"))
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
        await reaches(lambda: _is(archive.position(run.run_id), len(whole)))
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


async def _is(found: Any, wanted: Any) -> bool:
    return bool(await found == wanted)


async def _next_is(bench: Bench, node: str, graph_id: str = "stages") -> bool:
    config: Any = {"configurable": {"thread_id": "thread"}}
    async with bench.graphs.open(DEFAULT_TENANT, graph_id, config) as graph:
        return (await graph.aget_state(config)).next == (node,)

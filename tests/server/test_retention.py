"""The sweep on a record and checkpoints of its own, beside runs that are under way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import ROOT, Service
from tests.server.bench import Bench, reaches

from graphwright import holds
from graphwright.database import DEFAULT_TENANT, leases
from graphwright.database import runs as rows
from graphwright.holds import held
from graphwright.retention import Sweep
from graphwright.schemas import Checkpoint, RunCreate
from graphwright_checkpoints import Retention, Saver

KEEP_ONE = Retention(age=None, keep=1)
PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"


def saver_of(bench: Bench) -> Saver:
    assert isinstance(bench.graphs.saver, Saver)
    return bench.graphs.saver


def sweep_of(bench: Bench, policy: Retention = KEEP_ONE) -> Sweep:
    return Sweep(bench.database, policy, bench.engine.wake)


def count(bench: Bench, thread: str) -> int:
    return saver_of(bench).usage(thread).checkpoints.rows


async def talk(bench: Bench, thread: str, turns: int = 3) -> Any:
    for _ in range(turns):
        result = await bench.result(await bench.start(thread, pause=0))
    return result


async def test_a_sweep_keeps_what_was_said(bench: Bench) -> None:
    async with bench.working():
        await talk(bench, "thread")
        before = count(bench, "thread")
        total = await sweep_of(bench).once(saver_of(bench))
        assert total is not None
        assert (total.threads, total.checkpoints, total.skipped) == (1, before - 1, 0)
        assert total.bytes > 0
        assert str(total).startswith(f"{before - 1} checkpoints of 1 threads (")
        assert (await talk(bench, "thread", 1))["log"] == ["one", "two", "three"] * 4


async def test_a_thread_with_a_run_is_passed_over(bench: Bench) -> None:
    async with bench.working():
        await talk(bench, "thread")
        before = count(bench, "thread")
    run = await bench.start("thread", pause=0)  # no worker: it stays pending
    total = await sweep_of(bench).once(saver_of(bench))
    assert total is not None
    assert (total.checkpoints, total.skipped) == (0, 1)
    assert count(bench, "thread") == before
    async with bench.working():
        assert len((await bench.result(run))["log"]) == 12


async def test_a_run_waits_while_its_thread_is_held(bench: Bench) -> None:
    async with bench.working():
        async with held(bench.database, "thread") as hold:
            assert hold is not None
            run = await bench.start("thread", pause=0)
            assert not await hold.renew()  # it says that somebody waits
            async with held(bench.database, "thread") as second:
                assert second is None
            await bench.engine.wake("thread")
            await asyncio.sleep(0.1)  # long enough for a claim that should not be made
            assert await bench.status(run) == "pending"
        await bench.engine.wake("thread")
        assert (await bench.result(run))["log"] == ["one", "two", "three"]


async def test_a_thread_is_held_for_as_long_as_it_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "LEASE", timedelta(seconds=0.6))
    renew, renewals = holds.Hold.renew, list[int]()

    async def fails_once(self: holds.Hold) -> bool:
        renewals.append(len(renewals))
        if len(renewals) == 1:
            raise OSError("the database is away")
        return await renew(self)

    monkeypatch.setattr(holds.Hold, "renew", fails_once)
    async with held(bench.database, "thread"):
        await asyncio.sleep(1.2)
        async with held(bench.database, "thread") as second:
            assert second is None


async def test_a_hold_that_was_lost_in_a_long_stall_says_so(bench: Bench) -> None:
    hold = holds.Hold(bench.database, "thread")
    assert await hold.take()
    now = datetime.now(UTC)
    async with bench.database.begin() as connection:
        later = now + 2 * holds.LEASE
        assert await leases.take(connection, "thread", "another", later, later + holds.LEASE)
    assert not await hold.renew()


async def test_the_hold_of_a_process_that_died_ends_by_itself(bench: Bench) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with bench.database.begin() as connection:
        assert await leases.take(connection, "thread", "the dead", past, past)
    async with bench.working():
        assert await talk(bench, "thread", 1)


async def test_a_run_that_comes_during_a_long_sweep_goes_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphwright_checkpoints.retention.BATCH", 1)
    saver, began, go_on = saver_of(bench), threading.Event(), threading.Event()
    retain = Saver.retain

    def slowly(self: Saver, thread_id: str, policy: Retention, *, proceed: Any) -> Any:
        def asked() -> bool:
            began.set()
            assert go_on.wait(10)
            return bool(proceed())

        return retain(self, thread_id, policy, proceed=asked)

    monkeypatch.setattr(Saver, "retain", slowly)
    async with bench.working():
        await talk(bench, "thread")
        before = count(bench, "thread")
        sweeping = asyncio.ensure_future(sweep_of(bench).once(saver))
        await asyncio.to_thread(began.wait, 10)
        run = await bench.start("thread", pause=0)
        await asyncio.sleep(0.2)  # a few of the sweep's looks for runs
        go_on.set()
        assert len((await bench.result(run))["log"]) == 12
        total = await sweeping
    assert total is not None
    assert total.checkpoints < before - 1


async def test_one_process_sweeps_at_a_time(bench: Bench) -> None:
    now = datetime.now(UTC)
    async with bench.database.begin() as connection:
        await leases.take(connection, "retention", "another", now, now + timedelta(minutes=1))
    assert await sweep_of(bench).once(saver_of(bench)) is None
    async with bench.database.begin() as connection:
        await leases.release(connection, "retention", "another")
    assert await sweep_of(bench).once(saver_of(bench)) is not None


async def test_runs_are_undisturbed_by_sweeps_without_pause(bench: Bench) -> None:
    """Eight threads talk while all of them are swept again and again."""
    stop = asyncio.Event()

    async def sweep() -> int:
        deleted = 0
        while not stop.is_set():
            total = await sweep_of(bench).once(saver_of(bench))
            assert total is not None
            deleted += total.checkpoints
            await asyncio.sleep(0)
        return deleted

    async with bench.working():
        sweeping = asyncio.ensure_future(sweep())
        results = await asyncio.gather(*(talk(bench, f"thread {n}", 6) for n in range(8)))
        stop.set()
        assert await asyncio.wait_for(sweeping, 10) > 0
    assert all(result["log"] == ["one", "two", "three"] * 6 for result in results)


async def test_a_run_from_a_checkpoint_that_is_gone_fails_by_name(bench: Bench) -> None:
    async with bench.working():
        await talk(bench, "thread")
    saver = saver_of(bench)
    thread: Any = {"configurable": {"thread_id": "thread"}}
    old = list(saver.list(thread))[-2].config["configurable"]["checkpoint_id"]
    body = RunCreate(
        assistant_id="stages", input={"pause": 0}, checkpoint=Checkpoint(checkpoint_id=old)
    )
    run = await bench.runs.start(DEFAULT_TENANT, "thread", body)
    saver.prune(["thread"])  # as another program may
    async with bench.working():
        await reaches(lambda: _ended(bench, run))
        assert await bench.status(run) == "error"
    assert count(bench, "thread") == 1


async def _ended(bench: Bench, run: Any) -> bool:
    return await bench.status(run) not in rows.UNFINISHED


async def test_old_runs_go_and_the_newest_of_a_thread_stays(bench: Bench) -> None:
    async with bench.working():
        await talk(bench, "thread", 3)
        await talk(bench, "quiet", 1)
    await asyncio.sleep(0.01)
    policy = Retention(age=timedelta(milliseconds=5), keep=None)
    _, foretold = await sweep_of(bench, policy).preview(saver_of(bench))
    assert foretold == 2
    total = await sweep_of(bench, policy).once(saver_of(bench))
    assert total is not None
    assert total.runs == 2
    for thread in ("thread", "quiet"):
        left = await bench.runs.list(DEFAULT_TENANT, thread, status=None, limit=10, offset=0)
        assert len(left) == 1


@pytest.fixture
async def http(service_at: Callable[..., Service]) -> AsyncIterator[httpx.AsyncClient]:
    flags = ("--retention-every", "1s", "--retention-keep", "2")
    service = service_at(PLAIN).start(*flags)
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as connected:
        yield connected


async def test_the_service_sweeps_by_itself(http: httpx.AsyncClient, tmp_path: Path) -> None:
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    for turn in range(3):
        body = {"assistant_id": "echo", "input": {"text": str(turn)}}
        await http.post(f"/threads/{thread}/runs/wait", json=body)

    async def is_swept() -> bool:
        answer = await http.get(f"/threads/{thread}/storage")
        return answer.json()["checkpoints"]["count"] == 2

    await reaches(is_swept)
    log = tmp_path / "service-0" / "serve.log"

    async def is_told() -> bool:
        return "retention deleted" in log.read_text()

    with suppress(TimeoutError):
        await reaches(is_told)
    lines = [line for line in log.read_text().splitlines() if "retention" in line]
    assert len(lines) == 1
    assert "checkpoints of 1 threads (" in lines[0]
    state = (await http.get(f"/threads/{thread}/state")).json()
    assert state["values"]["log"] == ["echo:0", "echo:1", "echo:2"]

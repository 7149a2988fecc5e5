"""What every engine does. A new engine adds itself to `ENGINES`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from graphwright.database import database_at
from graphwright.database.events import EventArchive
from graphwright.engine import Engine, Signal
from graphwright.engine.local import LocalEngine
from graphwright.events import Outcome, encode, end

Making = Callable[[Path], AbstractAsyncContextManager[Engine]]
END = end(Outcome("success"))


@asynccontextmanager
async def local(_folder: Path) -> AsyncIterator[Engine]:
    yield LocalEngine()


@asynccontextmanager
async def local_with_archive(folder: Path) -> AsyncIterator[Engine]:
    database = database_at(f"sqlite:///{folder / 'record.db'}")
    async with database.opened():
        yield LocalEngine(EventArchive(database))


ENGINES: list[Making] = [local, local_with_archive]


@pytest.fixture(params=ENGINES, ids=lambda made: made.__name__)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    async with request.param(tmp_path) as made:
        yield made
        await made.stop(grace=0)


def event(number: int) -> bytes:
    return encode("values", number)


async def read(engine: Engine, run: str, after: int = 0) -> list[tuple[int, bytes]]:
    return [(one.id, one.data) async for batch in engine.read(run, after) for one in batch]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_events_are_numbered_from_one(engine: Engine) -> None:
    assert await engine.position("run") == 0
    assert await engine.publish("run", [event(1), event(2)]) == 2
    assert await engine.publish("run", [END]) == 3
    assert await engine.position("run") == 3
    assert await read(engine, "run") == [(1, event(1)), (2, event(2)), (3, END)]


async def test_reading_goes_on_after_an_id(engine: Engine) -> None:
    await engine.publish("run", [event(1), event(2), END])
    assert await read(engine, "run", after=2) == [(3, END)]
    assert await read(engine, "run", after=3) == []


async def test_runs_have_logs_of_their_own(engine: Engine) -> None:
    await engine.publish("one", [event(1), END])
    await engine.publish("two", [event(2), END])
    assert await read(engine, "two") == [(1, event(2)), (2, END)]


async def test_replay_and_live_are_one_read(engine: Engine) -> None:
    """Readers that come at every moment see each event once, in order, and then the end."""
    readers = []
    for number in range(50):
        readers.append(asyncio.create_task(read(engine, "run")))
        await engine.publish("run", [event(number)])
        if number % 3 == 0:
            await asyncio.sleep(0)
    await engine.publish("run", [END])
    whole = [*enumerate(map(event, range(50)), start=1), (51, END)]
    assert await asyncio.gather(*readers) == [whole] * 50


async def test_a_reader_that_leaves_does_not_disturb_the_others(engine: Engine) -> None:
    leaves, stays = (asyncio.create_task(read(engine, "run")) for _ in range(2))
    await engine.publish("run", [event(1)])
    await asyncio.sleep(0.01)
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    await engine.publish("run", [END])
    assert await stays == [(1, event(1)), (2, END)]


async def test_an_attempts_ids_are_higher_than_all_before(engine: Engine) -> None:
    await engine.begin("run", attempt=1, kept=True)
    reader = asyncio.create_task(read(engine, "run"))
    last = await engine.publish("run", [event(1), event(2)])
    await asyncio.sleep(0.05)
    await engine.begin("run", attempt=2, kept=True)
    await engine.publish("run", [event(3), END])
    seen = await reader
    assert [data for _, data in seen] == [event(1), event(2), event(3), END]
    assert seen[2][0] > last + 1000
    assert seen[3][0] == seen[2][0] + 1


async def test_a_forgotten_log_is_gone(engine: Engine) -> None:
    await engine.begin("run", attempt=1, kept=False)
    await engine.publish("run", [event(1), END])
    await engine.forget("run", ttl=0)
    async with asyncio.timeout(5):
        while await engine.position("run"):
            await asyncio.sleep(0.01)


async def test_a_signal_is_heard_by_its_run_alone(engine: Engine) -> None:
    async with engine.signals("one") as one, engine.signals("two") as two:
        await engine.signal("one", Signal.INTERRUPT)
        assert await anext(one) is Signal.INTERRUPT
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(two), 0.02)


async def test_a_signal_is_not_lost_before_it_is_listened_for(engine: Engine) -> None:
    async with engine.signals("run") as signals:
        await engine.signal("run", Signal.ROLLBACK)
        await asyncio.sleep(0.01)
        assert await anext(signals) is Signal.ROLLBACK


async def test_a_signal_waits_for_a_run_that_has_begun(engine: Engine) -> None:
    await engine.begin("run", attempt=1, kept=False)
    await engine.signal("run", Signal.INTERRUPT)
    async with engine.signals("run") as signals:
        assert await asyncio.wait_for(anext(signals), 5) is Signal.INTERRUPT


async def test_a_signal_that_nobody_hears_does_no_harm(engine: Engine) -> None:
    await engine.signal("run", Signal.INTERRUPT)


class Work:
    """A handler that shows what it was given and ends when it is let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.let_go = asyncio.Event()

    async def __call__(self, thread: str) -> None:
        self.began.append(thread)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(thread)
            raise
        self.ended.append(thread)


async def test_a_woken_thread_is_worked_on(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=4)
    await engine.wake("thread")
    await until(lambda: work.began == ["thread"])


async def test_a_thread_has_one_handler_at_a_time(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=4)
    for _ in range(5):
        await engine.wake("thread")
    await until(lambda: work.began == ["thread"])
    await asyncio.sleep(0.02)
    assert work.began == ["thread"]


async def test_waking_during_work_makes_it_look_once_more(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=4)
    await engine.wake("thread")
    await until(lambda: work.began == ["thread"])
    for _ in range(5):
        await engine.wake("thread")
    work.let_go.set()
    await until(lambda: work.ended == ["thread"] * 2)
    await asyncio.sleep(0.02)
    assert work.began == ["thread"] * 2


async def test_no_more_threads_at_once_than_slots(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=2)
    for number in range(4):
        await engine.wake(f"thread {number}")
    await until(lambda: len(work.began) == 2)
    await asyncio.sleep(0.02)
    assert len(work.began) == 2
    work.let_go.set()
    await until(lambda: len(work.ended) == 4)


async def test_a_handler_that_fails_frees_its_thread_and_slot(engine: Engine) -> None:
    seen: list[str] = []

    async def fails(thread: str) -> None:
        seen.append(thread)
        if len(seen) == 1:
            raise RuntimeError("a fault of the handler")

    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: unheard.append(what))
    await engine.start(fails, slots=1)
    await engine.wake("thread")
    await until(lambda: seen == ["thread"])
    await asyncio.sleep(0.01)
    await engine.wake("thread")
    await until(lambda: seen == ["thread"] * 2)


async def test_stop_lets_work_end_within_its_grace(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=4)
    await engine.wake("thread")
    await until(lambda: work.began == ["thread"])
    asyncio.get_running_loop().call_later(0.02, work.let_go.set)
    await engine.stop(grace=5)
    assert (work.ended, work.cancelled) == (["thread"], [])


async def test_stop_cancels_what_is_late_and_takes_no_more(engine: Engine) -> None:
    work = Work()
    await engine.start(work, slots=1)
    await engine.wake("late")
    await until(lambda: work.began == ["late"])
    await engine.wake("waits for a slot")
    await engine.stop(grace=0.01)
    await engine.wake("after")
    await asyncio.sleep(0.02)
    assert (work.began, work.cancelled) == (["late"], ["late"])


async def test_without_a_worker_nothing_is_worked_on(engine: Engine) -> None:
    await engine.wake("thread")

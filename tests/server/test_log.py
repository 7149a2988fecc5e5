"""Logs that outlive their process, and what they cost in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from unittest.mock import AsyncMock

import pytest

from graphwright.database import database_at
from graphwright.database.events import EventArchive
from graphwright.engine import log as logs
from graphwright.engine.local import LocalEngine
from graphwright.engine.log import Log
from graphwright.errors import Unavailable
from graphwright.events import Event, Outcome, encode, end

END = end(Outcome("success"))


def event(number: int) -> bytes:
    return encode("values", {"number": number, "text": "x" * 100})


@pytest.fixture
async def archive(record_url: str) -> AsyncIterator[EventArchive]:
    database = database_at(record_url)
    async with database.opened():
        yield EventArchive(database)


async def following(log: Log, after: int = 0) -> AsyncIterator[Sequence[Event]]:
    while batch := await log.next(after):
        yield batch
        after = batch[-1].id
        if batch[-1].data == END:
            return


async def read(log: Log, after: int = 0) -> list[tuple[int, bytes]]:
    return [(one.id, one.data) async for batch in following(log, after) for one in batch]


async def test_a_log_is_read_by_the_next_process(archive: EventArchive) -> None:
    engine = LocalEngine(archive)
    await engine.begin("run", attempt=1, kept=True)
    for number in range(1, 200):
        await engine.publish("run", [event(number)])
        await asyncio.sleep(0.0003)
    await engine.publish("run", [END])
    after = LocalEngine(archive)
    assert await after.position("run") == 200
    whole = [*((n, event(n)) for n in range(1, 200)), (200, END)]
    for start in (0, 1, 57, 199):
        found = [(one.id, one.data) async for batch in after.read("run", start) for one in batch]
        assert found == whole[start:]


async def test_what_lies_back_is_read_from_the_archive(
    archive: EventArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "TAIL", 2000)
    monkeypatch.setattr(logs, "BATCH", 500)
    log = Log("run", archive)
    slow = following(log)
    seen: list[Event] = [*(await _first(slow, log))]
    for number in range(2, 300):
        await log.append([event(number)])
        if number % 20 == 0:
            await log.saved()
    await log.append([END])
    held = sum(len(data) for data in log._events)
    assert held < 2000 + 20 * len(event(100))
    seen += [one async for batch in slow for one in batch]
    assert [one.id for one in seen] == list(range(1, 301))
    assert await read(log) == [*((n, event(n)) for n in range(1, 300)), (300, END)]


async def _first(reading: AsyncIterator[Sequence[Event]], log: Log) -> Sequence[Event]:
    await log.append([event(1)])
    return await anext(reading)


async def test_the_oldest_events_of_an_endless_run_go(
    archive: EventArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "TAIL", 2000)
    monkeypatch.setattr(logs, "LIMIT", 20_000)
    log = Log("run", archive)
    for number in range(1, 1001):
        await log.append([event(number)])
        if number % 5 == 0:
            await log.saved()
    await log.append([END])
    found = await read(Log("run", archive, 1001))
    assert found[-1] == (1001, END)
    assert 1 < found[0][0] < 1000
    assert [number for number, _ in found] == list(range(found[0][0], 1002))
    assert sum(len(data) for _, data in found) < 20_000 + 2 * 2000


async def test_an_archive_that_fails_does_not_stop_the_run(
    archive: EventArchive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise OSError("no space left on device")

    log = Log("run", archive)
    await log.append([event(1)])
    await log.saved()
    monkeypatch.setattr(archive, "append", full)
    monkeypatch.setattr(logs, "RETRIES", 1)
    monkeypatch.setattr(logs, "RETRY_INTERVAL", 0)
    await log.append([event(2), END])
    assert await read(log) == [(1, event(1)), (2, event(2)), (3, END)]
    assert "events 2 to 3 are not kept: no space left" in caplog.text


async def test_another_process_is_followed(archive: EventArchive) -> None:
    here, there = LocalEngine(archive, poll=0.02), LocalEngine(archive, poll=0.02)

    async def follow() -> list[bytes]:
        return [one.data async for batch in here.read("run") for one in batch]

    reader = asyncio.create_task(follow())
    await there.begin("run", attempt=1, kept=True)
    for number in range(20):
        await there.publish("run", [event(number)])
        await asyncio.sleep(0.005)
    await there.publish("run", [END])
    assert await asyncio.wait_for(reader, 5) == [*map(event, range(20)), END]


async def test_readers_go_on_where_another_process_took_the_run_over(
    archive: EventArchive,
) -> None:
    here, there = LocalEngine(archive, poll=0.02), LocalEngine(archive, poll=0.02)
    await here.begin("run", attempt=1, kept=True)

    async def follow() -> list[bytes]:
        return [one.data async for batch in here.read("run") for one in batch]

    reader = asyncio.create_task(follow())
    await here.publish("run", [event(1)])
    await there.begin("run", attempt=2, kept=True)
    await there.publish("run", [event(2)])
    await here.publish("run", [event(3)])  # it does not know yet
    await here.leave("run")
    await asyncio.sleep(0.1)
    await there.publish("run", [event(4), END])
    assert await asyncio.wait_for(reader, 5) == [event(1), event(3), event(2), event(4), END]
    assert (here._logs, here._listeners) == ({}, {})


async def test_many_readers_ask_the_archive_as_one_does(archive: EventArchive) -> None:
    asked = AsyncMock(wraps=archive.position)
    archive.position = asked  # type: ignore[method-assign]
    log = Log("run", archive, poll=0.1)
    readers = [asyncio.create_task(read(log)) for _ in range(50)]
    await asyncio.sleep(0.55)
    assert 2 <= asked.await_count <= 6
    await log.begin(1)
    await log.append([event(1)])
    asked.reset_mock()
    await asyncio.sleep(0.3)  # what comes next comes here
    assert asked.await_count == 0
    await log.append([END])
    assert await asyncio.gather(*readers) == [[(1, event(1)), (2, END)]] * 50


async def test_a_reader_waits_while_the_archive_is_away(archive: EventArchive) -> None:
    there = LocalEngine(EventArchive(archive._database))
    position = archive.position
    archive.position = AsyncMock(side_effect=Unavailable)  # type: ignore[method-assign]
    log = Log("run", archive, poll=0.02)
    reader = asyncio.create_task(read(log))
    await there.begin("run", attempt=1, kept=True)
    await there.publish("run", [event(1), END])
    await asyncio.sleep(0.1)
    assert not reader.done()
    archive.position = position  # type: ignore[method-assign]
    assert await asyncio.wait_for(reader, 5) == [(1, event(1)), (2, END)]


async def test_readers_that_leave_are_forgotten(archive: EventArchive) -> None:
    engine = LocalEngine(archive)
    reading = asyncio.create_task(anext(engine.read("unknown")))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert engine._logs == {}

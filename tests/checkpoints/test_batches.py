"""Writes of one tick share commits, and none is lost or answered for another."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphwright_checkpoints import DatabaseUnavailable
from graphwright_checkpoints.sqlite import file
from graphwright_checkpoints.sqlite.batches import INLINE, Batches
from graphwright_checkpoints.sqlite.connection import Locked, Transaction
from graphwright_checkpoints.sqlite.file import File
from graphwright_checkpoints.ticks import Ticks


@pytest.fixture
def database(tmp_path: Path) -> Iterator[File]:
    opened = File(str(tmp_path / "c.db"))
    opened.open(lambda transaction: transaction.execute("CREATE TABLE t (n UNIQUE)"))
    yield opened
    opened.close()


def insert(number: int) -> Any:
    def work(transaction: Transaction) -> int:
        transaction.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


def stored(database: File) -> list[int]:
    link = sqlite3.connect(database.path)
    rows = link.execute("SELECT n FROM t ORDER BY n").fetchall()
    link.close()
    return [number for (number,) in rows]


async def test_a_call_that_returned_is_committed(database: File) -> None:
    batches = Batches(database, Ticks())

    async def write(number: int) -> None:
        assert await batches.write(insert(number), 1) == number
        assert number in stored(database)

    await asyncio.gather(*(write(number) for number in range(20)))
    assert stored(database) == list(range(20))


async def test_calls_of_one_tick_share_commits(database: File) -> None:
    batches, statements = Batches(database, Ticks()), list[str]()
    database.inline._link.set_trace_callback(statements.append)
    await asyncio.gather(*(batches.write(insert(number), 1) for number in range(64)))
    assert statements.count("COMMIT") == 1
    assert stored(database) == list(range(64))


async def test_urgent_calls_wait_for_nothing_and_take_along_what_waits(database: File) -> None:
    batches, order = Batches(database, Ticks()), []

    async def write(number: int, urgent: bool) -> None:
        await batches.write(insert(number), 1, urgent=urgent)
        order.append((number, stored(database)))

    await asyncio.gather(write(0, True), write(1, False), write(2, True), write(3, True))
    assert order[:2] == [(0, [0]), (2, [0, 1, 2])]
    assert sorted(order[2:]) == [(1, [0, 1, 2, 3]), (3, [0, 1, 2, 3])]


async def test_a_failure_is_the_calls_own(database: File) -> None:
    batches = Batches(database, Ticks())
    numbers = [1, 2, 3, 2, 4]
    outcomes = await asyncio.gather(
        *(batches.write(insert(number), 1) for number in numbers), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [int, int, int, DatabaseUnavailable, int]
    assert stored(database) == [1, 2, 3, 4]


async def test_a_lock_that_nobody_lets_go_of_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "PATIENCE", 0.5)
    database = File(str(tmp_path / "c.db"))
    database.open(lambda transaction: transaction.execute("CREATE TABLE t (n UNIQUE)"))
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    batches = Batches(database, Ticks())
    begin = time.monotonic()
    outcomes = await asyncio.gather(
        *(batches.write(insert(number), 1) for number in range(20)), return_exceptions=True
    )
    assert time.monotonic() - begin < 5  # in place of 10, and of one call's 0.5
    assert {type(outcome) for outcome in outcomes} == {Locked}
    assert "another process kept it locked" in str(outcomes[0])
    other.close()
    database.close()


async def test_large_and_small_calls_together(database: File) -> None:
    batches = Batches(database, Ticks())
    sizes = [1, INLINE + 1, 1, INLINE, INLINE, 1]
    calls = (batches.write(insert(number), size) for number, size in enumerate(sizes))
    assert await asyncio.gather(*calls) == list(range(6))
    assert stored(database) == list(range(6))


async def test_a_cancelled_call_does_not_hurt_the_others(database: File) -> None:
    batches = Batches(database, Ticks())
    tasks = [asyncio.create_task(batches.write(insert(number), 1)) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, asyncio.CancelledError, int]
    assert {0, 2} <= set(stored(database))

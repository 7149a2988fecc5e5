"""What the coroutines of one loop insert in one tick shares a round trip and a commit.

A superstep writes its tasks' results and a checkpoint, and many runs do so at once. While as many
round trips are under way as there are connections, what comes waits and shares the next one; so
does what is for a thread that is under way: its numbers are known when that is stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphwright_checkpoints.postgres.inserting import Group, Insert
from graphwright_checkpoints.postgres.pools import CONNECTIONS

CARGO = 256 * 1024  # bytes; sending more than this holds the loop for milliseconds
LIMIT = CONNECTIONS - 1  # flights at a time: one connection is left for those who read

TICKS = 1  # before a departure: what a superstep inserts is called for in one
RETURNING = 8  # before one for those who waited: what a run inserts when a call returns comes along

Carry = Callable[[Sequence[Group], int], Awaitable[None]]
"""Stores groups, which have so many bytes; every insert is done afterwards."""


class Call:
    """Inserts that were asked for together; `done` is so when all of them are."""

    def __init__(self, inserts: Sequence[Insert]) -> None:
        self.done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._inserts = inserts

    def settle(self) -> None:
        """Let the caller go on if every insert is done."""
        if self.done.done() or not all([insert.is_done for insert in self._inserts]):
            return
        try:
            self.done.set_result([insert.outcome() for insert in self._inserts])
        except Exception as error:
            self.done.set_exception(error)


class Flights:
    """The inserts of one event loop."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._waiting: dict[str, list[tuple[Insert, Call]]] = {}
        self._under_way: dict[asyncio.Task[None], set[str]] = {}
        self._is_called = False

    async def insert(self, inserts: Sequence[Insert]) -> list[Any]:
        """Store some of one thread with all else of this tick, and return their results."""
        call = Call(inserts)
        self._waiting.setdefault(inserts[0].thread_id, []).extend((each, call) for each in inserts)
        self._call(TICKS)
        return await call.done

    async def land(self) -> None:
        """Wait for all that was to be inserted when this was called."""
        waiting = {call.done for inserts in self._waiting.values() for _, call in inserts}
        pending: list[asyncio.Future[Any]] = [*waiting, *self._under_way]
        if pending:
            await asyncio.wait(pending)

    def _depart(self) -> None:
        self._is_called = False
        while self._waiting and len(self._under_way) < LIMIT and (taken := self._take()):
            task = asyncio.create_task(self._fly(taken))
            self._under_way[task] = {insert.thread_id for insert, _ in taken}
            task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        if self._waiting:
            self._call(RETURNING)

    def _call(self, ticks: int) -> None:
        if not self._is_called:
            self._is_called = True
            self._wait(ticks)

    def _wait(self, ticks: int) -> None:
        if ticks:
            asyncio.get_running_loop().call_soon(self._wait, ticks - 1)
        else:
            self._depart()

    def _take(self) -> list[tuple[Insert, Call]]:
        """Inserts that may go together: one fence for each thread, and not too much."""
        busy = {thread_id for threads in self._under_way.values() for thread_id in threads}
        taken: list[tuple[Insert, Call]] = []
        room = CARGO
        for thread_id, waiting in list(self._waiting.items()):
            if thread_id in busy:
                continue
            while (
                waiting
                and (room == CARGO or waiting[0][0].size <= room)
                and (taken[-1:] == [] or _agree(taken[-1][0], waiting[0][0]))
            ):
                taken.append(waiting.pop(0))
                room -= taken[-1][0].size
            if not waiting:
                del self._waiting[thread_id]
            if room <= 0:
                break
        return taken

    async def _fly(self, taken: Sequence[tuple[Insert, Call]]) -> None:
        by_thread: dict[str, list[Insert]] = {}
        for insert, _ in taken:
            by_thread.setdefault(insert.thread_id, []).append(insert)
        groups = [Group(inserts) for inserts in by_thread.values()]
        await self._carry(groups, sum(insert.size for insert, _ in taken))
        for _, call in taken:
            call.settle()


def _agree(one: Insert, other: Insert) -> bool:
    return one.thread_id != other.thread_id or one.fence == other.fence

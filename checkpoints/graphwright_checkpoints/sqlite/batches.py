"""What the coroutines of one loop write in one tick shares its commits.

A superstep writes its tasks' results and a checkpoint, and many runs do so at once: a commit for
each call would be most of what the calls cost. A call that has returned is committed, as ever.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, cast

from graphwright_checkpoints.sqlite.connection import (
    WRITE,
    Locked,
    Result,
    Taken,
    Transaction,
    Work,
)
from graphwright_checkpoints.sqlite.file import File
from graphwright_checkpoints.ticks import Ticks

INLINE = 256 * 1024  # bytes; copying and committing more than this holds the loop for milliseconds
URGENT = 2  # commits of a tick; a step that follows another at once asks for two
SYNC_EVERY = 128  # commits; well below the 1000 pages at which SQLite copies its log back


class Call(NamedTuple):
    """One call's work, and the future that its coroutine waits for."""

    work: Work[Any]
    size: int  # bytes
    done: asyncio.Future[Any]


class Failure(NamedTuple):
    """Why a call's work was not done."""

    error: Exception


class Tick:
    """What one loop writes in one tick: the calls that wait, and how many may yet wait for none."""

    __slots__ = ("calls", "urgent")

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.urgent = URGENT


class Batches:
    """Collects writes by event loop, and commits each loop's before its next tick.

    Commits that are not `inline` are all made in threads.
    """

    def __init__(self, file: File, ends: Ticks, *, inline: bool = True) -> None:
        self._file = file
        self._ends = ends
        self._limit = INLINE if inline else -1
        self._ticks: dict[asyncio.AbstractEventLoop, Tick] = {}
        self._counter = itertools.count(1)

    async def write(self, work: Work[Result], size: int, *, urgent: bool = False) -> Result:
        """Do `work`, of about `size` bytes, and commit it before returning.

        What the calls of one tick do is committed at its end. An urgent call is one that a run
        waits for: the first ones of a tick commit at once, together with what waits already. A
        failure is the call's own: the others' are kept.
        """
        loop = asyncio.get_running_loop()
        tick = self._ticks.get(loop)
        if tick is None:
            tick = self._ticks[loop] = Tick()
            self._ends.at_end(self._end_tick, loop)
        at_once = urgent and tick.urgent > 0
        tick.urgent -= at_once
        if at_once and not tick.calls:
            with suppress(Taken):
                return self._inline(work, size)
        call = Call(work, size, loop.create_future())
        tick.calls.append(call)
        if at_once:
            self.flush(loop)
        return cast(Result, await call.done)

    def _end_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.flush(loop)
        del self._ticks[loop]

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits, on the loop where that is quick, else in a thread."""
        tick = self._ticks.get(loop)
        if tick is None or not tick.calls:
            return
        calls, tick.calls = tick.calls, []
        size = sum([call.size for call in calls])
        try:
            _settle(calls, _run(calls, lambda work: self._inline(work, size)))
        except Taken:
            self._hop(loop, calls)

    def _inline(self, work: Work[Result], size: int) -> Result:
        """Do `work` on the loop, or raise `Taken` where that could take long.

        It could when there is much to write, when another thread or process is writing (the loop
        would wait for it), and once in a while: the log is copied back by a thread.
        """
        if size > self._limit or not next(self._counter) % SYNC_EVERY:
            raise Taken
        return self._file.inline.try_run(work, WRITE)

    def _hop(self, loop: asyncio.AbstractEventLoop, calls: Sequence[Call]) -> None:
        def finish(outcomes: asyncio.Future[Sequence[Any]]) -> None:
            _settle(calls, outcomes.result())

        hop = loop.run_in_executor(None, partial(_run, calls, self._file.write))
        hop.add_done_callback(finish)


def _run(
    calls: Sequence[Call], write: Callable[[Work[Sequence[Any]]], Sequence[Any]]
) -> Sequence[Any]:
    """Do all calls in one transaction: what each returned, or the `Failure` of it."""

    def together(transaction: Transaction) -> Sequence[Any]:
        return [call.work(transaction) for call in calls]

    try:
        return write(together)
    except Taken:
        raise
    except Locked as error:  # so it would be for each
        return [Failure(error)] * len(calls)
    except Exception as error:
        if len(calls) == 1:
            return [Failure(error)]
        # One of them is at fault: each gets a transaction of its own.
        return [outcome for call in calls for outcome in _run([call], write)]


def _settle(calls: Sequence[Call], outcomes: Sequence[Any]) -> None:
    for call, outcome in zip(calls, outcomes, strict=True):
        if call.done.done():  # its caller was cancelled meanwhile
            continue
        if type(outcome) is Failure:
            call.done.set_exception(outcome.error)
        else:
            call.done.set_result(outcome)

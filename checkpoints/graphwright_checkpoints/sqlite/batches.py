"""What the coroutines of one loop write in one tick shares its commits.

A superstep writes its tasks' results and a checkpoint, and many runs do so at once: a commit for
each call would be most of what the calls cost. A call that has returned is committed, as ever.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from graphwright_checkpoints.sqlite.connection import Begin, Result, Taken, Transaction, Work
from graphwright_checkpoints.sqlite.database import Database

INLINE = 256 * 1024  # bytes; copying and committing more than this holds the loop for milliseconds
SYNC_EVERY = 128  # commits; well below the 1000 pages at which SQLite copies its log back


class Call(NamedTuple):
    """One call's work, and the future that its coroutine waits for."""

    work: Work[Any]
    size: int  # bytes
    done: asyncio.Future[Any]


class Batches:
    """Collects writes by event loop, and commits each loop's before its next tick."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[asyncio.AbstractEventLoop, list[Call]] = {}
        self._counter = itertools.count(1)

    async def write(self, work: Work[Result], size: int) -> Result:
        """Do `work`, of about `size` bytes, and commit it before returning.

        The first call of a tick commits at once, so that a lone caller waits for nothing; those
        that come after it in the tick share the next commit. A failure is the call's own: the
        others' are kept.
        """
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(loop)
        if waiting is None:
            waiting = self._waiting[loop] = []
            loop.call_soon(self.flush, loop)
            try:
                return self._inline(work, size)
            except Taken:
                pass
        call = Call(work, size, loop.create_future())
        waiting.append(call)
        return cast(Result, await call.done)

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits, on the loop where that is quick, else in a thread."""
        calls = self._waiting.pop(loop, None)
        if not calls:
            return
        size = sum(call.size for call in calls)
        try:
            outcomes = _run(calls, lambda work: self._inline(work, size))
        except Taken:
            self._hop(loop, calls)
        else:
            _settle(outcomes)

    def _inline(self, work: Work[Result], size: int) -> Result:
        """Do `work` on the loop, or raise `Taken` where that could take long.

        It could when there is much to write, when another thread or process is writing (the loop
        would wait for it), and once in a while: the log is copied back by a thread.
        """
        if size > INLINE or not next(self._counter) % SYNC_EVERY:
            raise Taken
        return self._database.inline.try_run(work, Begin.WRITE)

    def _hop(self, loop: asyncio.AbstractEventLoop, calls: Sequence[Call]) -> None:
        def finish(outcome: asyncio.Future[list[Callable[[], None]]]) -> None:
            _settle(outcome.result())

        hop = loop.run_in_executor(None, partial(_run, calls, self._database.write))
        hop.add_done_callback(finish)


def _run(
    calls: Sequence[Call], write: Callable[[Work[list[Any]]], list[Any]]
) -> list[Callable[[], None]]:
    """Do all calls in one transaction, and return how to tell each what became of it."""

    def together(transaction: Transaction) -> list[Any]:
        return [call.work(transaction) for call in calls]

    try:
        results = write(together)
    except Taken:
        raise
    except Exception as error:
        if len(calls) == 1:
            return [partial(_fail, calls[0].done, error)]
        # One of them is at fault: each gets a transaction of its own.
        return [outcome for call in calls for outcome in _run([call], write)]
    return [
        partial(_succeed, call.done, result) for call, result in zip(calls, results, strict=True)
    ]


def _settle(outcomes: Sequence[Callable[[], None]]) -> None:
    for outcome in outcomes:
        outcome()


def _succeed(done: asyncio.Future[Any], result: object) -> None:
    if not done.done():  # a caller may have been cancelled meanwhile
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)

"""The engine: who works on which thread, and how a run's events reach its readers.

The unit that is scheduled is the thread. An engine keeps nothing that cannot be rebuilt from the
record: order, strategies, leases and attempts live in the database, and are the same for every
engine.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from graphwright.events import Event

Handler = Callable[[str], Awaitable[None]]

LOG_TTL = 10.0  # seconds a finished run's events can still be read
RESUMABLE_LOG_TTL = 120.0  # seconds; the official server's RESUMABLE_STREAM_TTL_SECONDS


class Signal(StrEnum):
    """What can be said to a run that executes."""

    INTERRUPT = "interrupt"
    ROLLBACK = "rollback"


class Engine(Protocol):
    """The seam between one process and many. `tests/server/test_engines.py` is its conformance
    suite.
    """

    async def start(self, handler: Handler, *, slots: int) -> None:
        """Take the worker's role: call `handler(thread)` for threads that have work, `slots` at a
        time.

        A thread is never given to two handlers at once.
        """
        ...

    async def stop(self, grace: float) -> None:
        """Take no more work, wait `grace` seconds for what is under way, then cancel it."""
        ...

    @property
    def has_room(self) -> bool:
        """Whether this process would begin at once with a thread that is woken now."""
        ...

    async def wake(self, thread: str) -> None:
        """Say that a thread has work. Saying it again, or without need, does no harm."""
        ...

    async def signal(self, run: str, what: Signal) -> None:
        """Tell a run that executes or has begun, wherever it does. Nobody hears it if the run has
        not begun.
        """
        ...

    def signals(self, run: str) -> AbstractAsyncContextManager[AsyncIterator[Signal]]:
        """Hear what is said to a run, since its attempt began or from the moment the context is
        entered.
        """
        ...

    async def begin(self, run: str, *, attempt: int, kept: bool) -> None:
        """Begin an attempt's part of a run's log, whose ids are higher than any before.

        `kept` says that the log is to outlive the process.
        """
        ...

    async def publish(self, run: str, events: Sequence[bytes]) -> int:
        """Append to a run's log; the id of the last event."""
        ...

    def read(self, run: str, after: int = 0) -> AsyncIterator[Sequence[Event]]:
        """The events after an id, replayed and then live, in batches of what is there; ends after
        the `end` event.

        Where ids are left out, the events are kept no more, or an attempt begins (`metadata`).
        """
        ...

    async def position(self, run: str) -> int:
        """The id of the last event published so far; 0 if there is none."""
        ...

    async def leave(self, run: str) -> None:
        """Say that another process has the run: what comes next in its log is not published here.
        For logs that are kept.
        """
        ...

    async def forget(self, run: str, ttl: float) -> None:
        """Say that a run's log is complete, and need not be at hand after `ttl` seconds."""
        ...

"""How a server is called: in threads, and again where the connection broke or others were faster.

Drivers are used as they are, without asyncio: a call from a coroutine is done in a thread of the
database's own pool, so that a graph's blocking tools cannot keep checkpoints waiting.
"""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from graphwright_checkpoints.errors import DatabaseUnavailable, ValueNotStored
from graphwright_checkpoints.networked.server import Disconnected, Moved

WORKERS = 16  # threads, and so connections, that coroutines share
ATTEMPTS = 50  # of a change; each that fails is another process's that succeeded
PAUSE = 0.005  # seconds between two of them, for a start

Result = TypeVar("Result")


class Calls:
    """Calls from any number of threads and event loops, between `open` and `close`."""

    def __init__(self) -> None:
        self._is_open = False

    def open(self) -> None:
        """Be ready for calls."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="checkpoints")
        self._is_open = True

    def close(self) -> None:
        """Refuse further calls, once those under way have ended."""
        self._is_open = False
        self._pool.shutdown()

    def once(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the server for what must not be asked for twice without another look."""
        if not self._is_open:
            raise DatabaseUnavailable(
                "these checkpoints are closed. Use them inside the `with` block that opened them."
            )
        try:
            return do(*arguments)
        except UnicodeEncodeError as error:
            raise ValueNotStored(
                "address", f"a thread id, a namespace or a name is not valid Unicode ({error})"
            ) from error

    def ask(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the server; once more where the connection broke.

        That is safe even if it had been done: every change names rows by keys of its own, and one
        that finds its own elements or shelf there already is refused and drafted anew.
        """
        try:
            return self.once(do, *arguments)
        except Disconnected:
            return self.once(do, *arguments)

    def change(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the server for a change that can be asked for again when others are in its way."""
        for attempt in range(ATTEMPTS):
            try:
                return self.ask(do, *arguments)
            except Moved:
                pause(attempt)
        raise DatabaseUnavailable(f"others were in the way of this {ATTEMPTS} times. Try again.")

    async def soon(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Do something in a thread of the pool."""
        if not self._is_open:
            return self.once(do)  # says so
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(do, *arguments))


def pause(attempt: int) -> None:
    """Wait a random moment, as whoever is slower would lose every time."""
    time.sleep(random.uniform(0, PAUSE * min(attempt, 10)))


def too_busy(thread_id: str) -> DatabaseUnavailable:
    """The error of a thread that is never as it was a moment ago."""
    return DatabaseUnavailable(
        f"thread {thread_id[:80]!r}: other processes changed it {ATTEMPTS} times while this one"
        " tried to read or to write it. Let one process at a time run a thread."
    )

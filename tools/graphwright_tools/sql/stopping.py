"""Stopping a statement from another thread, when its time is over or nobody waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Result = TypeVar("Result")


class Stopped(Exception):
    """The call should end."""


class Stop:
    """Says that a call should end, and stops what the call is doing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._act: Callable[[], None] | None = None
        self.is_set = False

    def set(self) -> None:
        """End the call. May take as long as a connection to the database."""
        with self._lock:
            self.is_set = True
            act, self._act = self._act, None
            if act is not None:
                # The statement may have ended in the meantime, or the server may be gone.
                with suppress(Exception):
                    act()

    @contextmanager
    def acting(self, act: Callable[[], None], seconds: float) -> Iterator[None]:
        """Call `act` if the call should end while this is entered, or lasts longer."""
        timer = threading.Timer(seconds, self.set)
        timer.daemon = True
        with self._lock:
            self._act = act
            gone = self.is_set
        timer.start()
        try:
            if gone:
                raise Stopped
            yield
        finally:
            timer.cancel()
            with self._lock:  # waits for one that acts just now
                self._act = None


async def in_thread(work: Callable[[Stop], Result]) -> Result:
    """Run a call in a thread; whoever cancels this, stops the call too."""
    stop = Stop()
    try:
        return await asyncio.to_thread(work, stop)
    except asyncio.CancelledError:
        threading.Thread(target=stop.set, daemon=True).start()
        raise

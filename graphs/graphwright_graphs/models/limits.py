"""How much may be asked of a provider: calls at once, and requests in a span of time.

One set of limits serves a whole process, all its threads and event loops.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple

from graphwright_graphs.models.errors import ModelError

ANY: Final = "*"  # in the place of a provider: each that has no limit of its own
SPANS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}  # seconds

_LIMIT = re.compile(r"(?P<provider>\*|\w+)=(?P<most>[1-9]\d{0,8})(/(?P<span>[smh]))?")


class Limit(NamedTuple):
    """What holds for one provider. `per_second` is requests, and `burst` how many at a stroke."""

    at_once: int | None = None
    per_second: float | None = None
    burst: int = 1


# A model in this process takes all cores for one call.
DEFAULTS: Final = {"huggingface": Limit(at_once=1)}


class Gate:
    """Lets a number of calls through at once; the others get their turns in order."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._free = most
        self._waiting: deque[Future[None]] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, in a thread."""
        self._ask().result()
        try:
            yield
        finally:
            self._leave()

    @asynccontextmanager
    async def aturn(self) -> AsyncIterator[None]:
        """Wait for a turn, on an event loop. Who is cancelled while waiting takes none."""
        asked = self._ask()
        try:
            await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            if not asked.cancel():  # it was this one's turn already
                self._leave()
            raise
        try:
            yield
        finally:
            self._leave()

    def _ask(self) -> Future[None]:
        asked: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                asked.set_result(None)
            else:
                self._waiting.append(asked)
        return asked

    def _leave(self) -> None:
        with self._lock:
            while self._waiting:
                following = self._waiting.popleft()
                if following.set_running_or_notify_cancel():
                    following.set_result(None)
                    return
            self._free += 1


class Bucket:
    """A bucket of tokens, one for each request; it fills at a steady rate, up to the burst.

    A request may take a token that is yet to come; it is told how long to wait for it.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._lock = threading.Lock()
        self._rate = per_second
        self._burst = burst
        self._level = float(burst)
        self._at = time.monotonic()

    def take(self) -> float:
        """Take a token; the seconds until it is there."""
        with self._lock:
            now = time.monotonic()
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
            self._at = now
            self._level -= 1
            return max(0.0, -self._level / self._rate)

    def give_back(self) -> None:
        """Return a token that was not used."""
        with self._lock:
            self._level += 1


class Limits:
    """The limits of a process, by provider.

    Args:
        text: `openai=8, openai=500/m, *=4`: calls at once, or requests per second, minute or hour.

    Raises:
        ModelError: the text cannot be read.
    """

    def __init__(self, text: str = "") -> None:
        self._limits = _parsed(text)
        self._gates: dict[str, Gate | None] = {}
        self._buckets: dict[str, Bucket | None] = {}
        self._lock = threading.Lock()

    def gate(self, provider: str) -> Gate | None:
        """Where calls of this provider wait for their turn; None when any number may run."""
        with self._lock:
            if provider not in self._gates:
                most = self._of(provider).at_once
                self._gates[provider] = Gate(most) if most else None
            return self._gates[provider]

    def bucket(self, provider: str) -> Bucket | None:
        """Where requests to this provider take their tokens; None when there is no such limit."""
        with self._lock:
            if provider not in self._buckets:
                limit = self._of(provider)
                rate = limit.per_second
                self._buckets[provider] = Bucket(rate, limit.burst) if rate else None
            return self._buckets[provider]

    def _of(self, provider: str) -> Limit:
        own = self._limits.get(provider) or self._limits.get(ANY)
        return own or DEFAULTS.get(provider) or Limit()


def _parsed(text: str) -> dict[str, Limit]:
    limits: dict[str, Limit] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _LIMIT.fullmatch(part)
        if found is None:
            raise ModelError(
                f"Model limit {part!r} cannot be read. Write provider=8 for calls at once, or "
                "provider=500/m for requests per s, m or h; * stands for any other provider."
            )
        limit, most = limits.get(found["provider"], Limit()), int(found["most"])
        if found["span"]:
            limit = limit._replace(per_second=most / SPANS[found["span"]], burst=most)
        else:
            limit = limit._replace(at_once=most)
        limits[found["provider"]] = limit
    return limits

"""Calls that bring the same elements to a store at once, one of which is enough.

A node's message comes to the saver twice in a moment: as the node's write, and in the checkpoint.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NamedTuple


class Flight(NamedTuple):
    """A call under way; `landed` is done when it has ended, well or not."""

    landed: Future[None]
    on_loop: bool


class Flights:
    """The calls under way, by the names of the elements that they bring."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Flight] = {}

    @contextmanager
    def announce(self, names: Iterable[str], *, on_loop: bool) -> Iterator[list[Future[None]]]:
        """Announce what this call brings, and give the calls that bring some of it already.

        All of those came before this one, so that no two wait for each other. A call from a thread
        does not wait for a coroutine's: that thread may be the one that the coroutine needs.
        """
        mine = Flight(Future(), on_loop)
        mine.landed.set_running_or_notify_cancel()  # a waiter that is cancelled ends itself alone
        with self._lock:
            known = [(name, self._by_name.get(name)) for name in names]
            announced = [name for name, other in known if other is None]
            self._by_name.update(dict.fromkeys(announced, mine))
        others = {other for _, other in known if other is not None}
        try:
            yield [other.landed for other in others if on_loop or not other.on_loop]
        finally:
            with self._lock:
                for name in announced:
                    del self._by_name[name]
            mine.landed.set_result(None)

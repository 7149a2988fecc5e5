"""What a connection remembers of the threads that it wrote to.

It is true for as long as no other connection commits, and SQLite counts those commits: one look at
the count stands for looking up a thread, its fence and its next free numbers.
"""

import sqlite3

from graphwright_checkpoints.elements import Shelf

MAX_THREADS = 10_000  # that a connection keeps in mind


class Ledger:
    """A thread's shelf, the newest fencing token it has seen, and the next number of each lane."""

    __slots__ = ("fence", "next", "shelf")

    def __init__(self, shelf: Shelf, fence: int) -> None:
        self.shelf = shelf
        self.fence = fence
        self.next: dict[int, int] = {}


class Ledgers:
    """The threads of one connection. A transaction that fails has to `forget` them."""

    def __init__(self, link: sqlite3.Connection) -> None:
        self._ask = link.cursor().execute
        self._version = -1
        self._is_checked = False
        self._kept: dict[str, Ledger] = {}

    def distrust(self) -> None:
        """Have the next `find` see whether other connections committed: a transaction begins."""
        self._is_checked = False

    def find(self, thread_id: str) -> Ledger | None:
        """What is known of a thread. Needs the write lock to mean much."""
        if thread_id not in self._kept:
            return None
        if not self._is_checked:
            self._check()
        return self._kept.get(thread_id)

    def keep(self, ledger: Ledger) -> Ledger:
        """Remember a thread that was just looked up, or made."""
        self._kept[ledger.shelf.thread_id] = ledger
        return ledger

    def forget(self) -> None:
        """Remember nothing: a thread's row, or its elements, are about to be deleted."""
        self._kept.clear()

    def _check(self) -> None:
        (version,) = self._ask("PRAGMA data_version").fetchone()
        if version != self._version or len(self._kept) >= MAX_THREADS:
            self._kept.clear()
            self._version = version
        self._is_checked = True

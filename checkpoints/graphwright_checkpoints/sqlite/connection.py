"""One SQLite connection that any thread may use, one transaction at a time."""

import sqlite3
import threading
from collections.abc import Callable
from typing import Literal, TypeVar

from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import CheckpointError, DatabaseUnavailable, ValueNotStored
from graphwright_checkpoints.sqlite.ledgers import Ledgers

Result = TypeVar("Result")


class Transaction:
    """The transaction of a connection, which has one at a time; and what it places meanwhile.

    `execute` is for statements that have rows: each has a cursor of its own. The others share one:
    to make a cursor takes a fifth of the time of an insert.
    """

    __slots__ = ("change", "change_many", "execute", "ledgers", "link", "placed")

    def __init__(self, link: sqlite3.Connection) -> None:
        self.link = link
        self.execute = link.execute
        cursor = link.cursor()
        self.change = cursor.execute
        self.change_many = cursor.executemany
        self.ledgers = Ledgers(link)
        self.placed: dict[Shelf, dict[Element, int]] = {}
        """The elements that it stores, or finds stored, with their numbers on each shelf."""

    def begin(self, how: "Begin") -> None:
        """Begin. What others committed since the last one is seen from now on."""
        self.placed.clear()
        self.change(how)
        self.ledgers.distrust()

    def place(self) -> None:
        """Let the elements know where they are stored."""
        for shelf, placed in self.placed.items():
            for element, number in placed.items():
                element.place(shelf, number)
        self.placed.clear()

    def undo(self) -> None:
        """Undo what was done since it began."""
        if self.link.in_transaction:
            self.ledgers.forget()
            self.change("ROLLBACK")


Work = Callable[[Transaction], Result]

Begin = Literal["BEGIN", "BEGIN IMMEDIATE"]
"""How a transaction starts."""

READ: Begin = "BEGIN"
WRITE: Begin = "BEGIN IMMEDIATE"
"""Takes the write lock at once: to take it after a read can fail in a way no waiting helps."""


class Taken(Exception):
    """Somebody else holds the connection or the database's write lock."""


class Locked(DatabaseUnavailable):
    """Another process kept the write lock for longer than anybody waits for it."""


class Connection:
    """A connection and the lock that serialises its users.

    `patience` is in seconds and bounds the wait for another process's transaction.
    """

    def __init__(self, path: str, *, patience: float) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._link = sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False
        )
        self._transaction = Transaction(self._link)

    def run(self, work: Work[Result], begin: Begin) -> Result:
        """Do `work` in a transaction, after whoever is using the connection."""
        with self._lock:
            try:
                return self._transact(work, begin)
            except Taken as error:
                raise Locked(
                    f"{self.path}: another process kept it locked for too long."
                    " End that process, or give the checkpoints a file of their own."
                ) from error

    def try_run(self, work: Work[Result], begin: Begin) -> Result:
        """Do `work` in a transaction, or raise `Taken` at once rather than wait for this process.

        Nothing of `work` is kept then, so that it can be given to another connection.
        """
        if not self._lock.acquire(False):
            raise Taken
        try:
            return self._transact(work, begin)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection. Later calls raise `DatabaseUnavailable`."""
        with self._lock:
            self._link.close()

    def configure(self, *pragmas: str) -> None:
        """Run statements that cannot be part of a transaction."""
        with self._lock:
            try:
                for pragma in pragmas:
                    self._link.execute(f"PRAGMA {pragma}")
            except sqlite3.Error as error:
                raise self._explain(error) from error

    def _transact(self, work: Work[Result], begin: Begin) -> Result:
        transaction = self._transaction
        try:
            try:
                transaction.begin(begin)
                result = work(transaction)
                transaction.change("COMMIT")
            except BaseException:
                transaction.undo()
                raise
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise self._explain(error) from error
        if transaction.placed:
            transaction.place()
        return result

    def _explain(self, error: Exception) -> CheckpointError | Taken:
        if isinstance(error, UnicodeEncodeError):
            return ValueNotStored(
                "address", f"a thread id, a namespace or a name is not valid Unicode ({error})"
            )
        if _family(error) == sqlite3.SQLITE_BUSY:
            return Taken()
        if "closed database" in str(error):
            return DatabaseUnavailable(
                f"{self.path}: these checkpoints are closed."
                " Use them inside the `with` block that opened them."
            )
        return DatabaseUnavailable(f"{self.path}: {error}. {_advice(error)}")


def _family(error: Exception) -> int:
    """The kind of an error of SQLite: that somebody recovers the log is one way to be busy."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _advice(error: Exception) -> str:
    return {
        sqlite3.SQLITE_NOTADB: "The file is something else: move it away, or give another path.",
        sqlite3.SQLITE_CORRUPT: "The file is damaged: restore it from a backup.",
        sqlite3.SQLITE_CANTOPEN: "Its folder has to exist, and to be yours to write.",
        sqlite3.SQLITE_READONLY: "The file and its folder have to be yours to write.",
        sqlite3.SQLITE_FULL: "Free some space on that disk.",
    }.get(_family(error), "See the error above for what SQLite said.")

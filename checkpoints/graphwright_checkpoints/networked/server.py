"""What is asked of a server that keeps threads: sorted rows, and changes that are all or nothing.

`networked.database.NetworkedDatabase` does the rest, for every server alike. A server needs no
locks and no transactions that last.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import DatabaseUnavailable
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans

VERSION = 1
"""Of the rows' form. A server that holds a higher one was written to by a newer release."""


class Moved(Exception):
    """A change was refused as a whole: its shelf is not as its draft took it to be."""


class Disconnected(DatabaseUnavailable):
    """The connection broke, so that it is not known whether the server did what it was asked."""


class Thread(NamedTuple):
    """A thread as its server has it. Each change adds one to `revision`."""

    shelf: Shelf
    fence: int
    revision: int


class Found(NamedTuple):
    """A checkpoint and its pending writes, in any order."""

    shelf: Shelf
    row: CheckpointRow
    writes: Sequence[WriteRow]


class Change(NamedTuple):
    """What is stored as a whole or, with `Moved` or `LeaseLost`, not at all.

    A server refuses it where the thread has another shelf, or an element of one of these numbers;
    where `is_new`, if it has the thread at all. To store a change twice is to store it once.
    """

    shelf: Shelf
    is_new: bool
    fence: int | None
    elements: Sequence[NewElement] = ()
    checkpoints: Sequence[CheckpointRow] = ()
    writes: Sequence[WriteRow] = ()


class Server(Protocol):
    """A server that keeps threads and their rows. Any number of threads may call it at once.

    Errors are those of `errors`, with `Disconnected` where a second attempt may help.
    """

    def open(self, key: Encoded) -> Encoded:
        """Connect, make tables and the like, and keep `key` unless there is one: return that.

        Called again where the first attempt ended with `Disconnected`.
        """
        ...

    def close(self) -> None:
        """Disconnect."""
        ...

    def thread(self, thread_id: str) -> Thread | None:
        """What the server has of a thread, rows and elements left out."""
        ...

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        """Number and digest of every element."""
        ...

    def store(self, change: Change) -> None:
        """Store a change."""
        ...

    def find(self, address: Address) -> Found | None:
        """The checkpoint at `address`; the latest of its namespace where its id is empty."""
        ...

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        """The elements of these numbers, in their order; those that are missing are left out."""
        ...

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        """All rows of a thread."""
        ...

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        """Addresses and metadata of what may match, in any order."""
        ...

    def of_run(self, run_id: str) -> Sequence[Address]:
        """The checkpoints that a run wrote."""
        ...

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        """Delete checkpoints and their writes."""
        ...

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        """Delete elements and change the epoch, unless the thread was changed: then do nothing."""
        ...

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        """Leave nothing of a thread; with `unless_changed` only if that is what it still is."""
        ...


def chunks(data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """An element's bytes in pieces that a server can take, and the number of each."""
    for number, start in enumerate(range(0, len(data) or 1, size)):
        yield number, data[start : start + size]


def joined(pieces: Iterable[NewElement]) -> Iterator[NewElement]:
    """Elements from their pieces, which come in order."""
    whole: list[NewElement] = []
    for piece in pieces:
        if whole and whole[0].number != piece.number:
            yield _join(whole)
            whole = []
        whole.append(piece)
    if whole:
        yield _join(whole)


def _join(pieces: Sequence[NewElement]) -> NewElement:
    if len(pieces) == 1:
        return pieces[0]
    return pieces[0]._replace(data=b"".join(piece.data for piece in pieces))

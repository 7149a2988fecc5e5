"""What is asked of a server that keeps threads: sorted rows, and changes that are all or nothing.

`networked.database.NetworkedDatabase` does the rest, for every server alike. A server needs no
locks and no transactions that last.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import DatabaseTooNew, DatabaseUnavailable
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans

VERSION = 2
"""Of the rows' form. A server that holds a higher one was written to by a newer release.

In version 2 an element's bytes may be in a blob. What version 1 wrote is read as it is.
"""


Content = CheckpointRow | WriteRow | NewElement
"""What holds something that a serializer wrote."""


class Moved(Exception):
    """A change was refused as a whole: its shelf is not as its draft took it to be."""


class Scattered(Moved):
    """As `Moved`, but some of the change's elements may be there, and nothing refers to them."""


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


class Blobs(Protocol):
    """The keys of blobs, which a server keeps with the elements whose bytes they have.

    Whatever deletes an element dooms its blob: in the same transaction, or before it where nobody
    may refer to the element any more.
    """

    def numbers(self, shelf: Shelf) -> Iterable[int]:
        """The elements that have a blob."""
        ...

    def kept(self, keys: Collection[str]) -> Collection[str]:
        """Those of these keys that elements have, in any thread."""
        ...

    def doom(self, shelf: Shelf, keys: Collection[str]) -> None:
        """Doom blobs of a thread that no element has."""
        ...

    def doomed(self) -> Sequence[str]:
        """Some of the keys that are doomed; none when there are no more."""
        ...

    def forget(self, keys: Collection[str]) -> None:
        """Take doomed keys off the list."""
        ...


class Contents(Protocol):
    """What a serializer wrote, to be written with another key."""

    def key(self) -> Encoded:
        """The digest key that `Server.open` keeps."""
        ...

    def replace_key(self, old: Encoded, new: Encoded) -> None:
        """Keep another digest key, where it is the old one."""
        ...

    def replace(self, shelf: Shelf, old: Content, new: Content) -> None:
        """Store a row or an element in the place of what it was, if that is still there."""
        ...


class Server(Protocol):
    """A server that keeps threads and their rows. Any number of threads may call it at once.

    Errors are those of `errors`, with `Disconnected` where a second attempt may help.
    """

    @property
    def blobs(self) -> Blobs:
        """The keys of its blobs, once it is open."""
        ...

    @property
    def contents(self) -> Contents:
        """What is written anew when keys change, once it is open."""
        ...

    def open(self, key: Encoded) -> Encoded:
        """Connect, make tables and the like, and keep `key` unless there is one: return that.

        Called again where the first attempt ended with `Disconnected`.
        """
        ...

    def close(self) -> None:
        """Disconnect."""
        ...

    def threads(self) -> Iterable[str]:
        """The ids of all threads, in any order."""
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


def refuse_newer(where: str, found: int, another: str = "another database") -> None:
    """Raise `DatabaseTooNew` where a newer release wrote; one can give `another` place instead."""
    if found > VERSION:
        raise DatabaseTooNew(
            f"{where}: its checkpoints have schema {found} and this release knows up to {VERSION}."
            " Install the release of Graphwright that wrote it, or a newer one, or give"
            f" {another}."
        )

"""What the saver asks of a database, whichever it is.

A database stores records (`records`) and decides nothing: what goes into them is the encoder's
affair, what may be deleted is retention's. Calls from coroutines have an "a" before their name;
maintenance has only the other form, and coroutines give it to `in_thread`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.records import (
    Address,
    Head,
    New,
    Reference,
    Selection,
    StoredCheckpoint,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.storage import Amount, Outline, Usage
from graphwright_checkpoints.templates import Templates
from graphwright_checkpoints.ticks import Ticks

Result = TypeVar("Result")
Placed = tuple[Shelf, Sequence[Reference]]
"""Where an insert went: the shelf, and the references that a checkpoint has there."""


class Stale(Exception):
    """What was remembered of a thread is out of date: encode again without trusting it."""


class Spent(Stale):
    """An element that a call stored may be deleted again, and its blob: bring other blobs.

    Nobody knows, as the answer was lost; so that an insert may have to be done a second time.
    """


class Database(Protocol):
    """Checkpoints behind a URL. Every call is one transaction, committed when it returns.

    Errors are those of `errors`; `insert` and `ainsert` may also raise `Stale`.
    """

    @property
    def ticks(self) -> Ticks | None:
        """Those of its loops. None where a commit is a round trip: for that, a run's entries wait
        for each other longer than a tick.
        """
        ...

    def open(self, serde: SerializerProtocol) -> Codec:
        """Connect, bring the tables to this release, and return the codec for what they hold."""
        ...

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        """`open`, and be ready for coroutines too."""
        ...

    def close(self) -> None:
        """Let go of everything that `open` took. Later calls raise `DatabaseUnavailable`."""
        ...

    async def aclose(self) -> None:
        """Let go of everything that `aopen` took."""
        ...

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        """The checkpoint at `address`, with its writes and those elements that are not `known`."""
        ...

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        """`find`, for coroutines."""
        ...

    def head(self, address: Address) -> Head | None:
        """The checkpoint at `address` without its writes and elements."""
        ...

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        """Addresses and metadata, newest first, of what may match.

        A database need not compare metadata, or not as Python does: the caller compares it once
        more. `limit` is heeded only where `metadata` is empty.
        """
        ...

    async def aselect(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        """`select`, for coroutines."""
        ...

    def insert(self, new: New) -> Placed:
        """Store a checkpoint or a task's writes, with the elements that they bring.

        A task that runs again repeats its writes, and the first ones count; those with a negative
        position replace each other.
        """
        ...

    async def ainsert(self, new: Sequence[New]) -> Sequence[Placed]:
        """`insert`, for coroutines, of some of one thread in their order."""
        ...

    def raise_fence(self, thread_id: str, token: int) -> None:
        """Refuse writes with an older token from now on, or raise `LeaseLost` if this one is."""
        ...

    async def araise_fence(self, thread_id: str, token: int) -> None:
        """`raise_fence`, for coroutines."""
        ...

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        """Do maintenance off the event loop, after what this loop has under way."""
        ...

    def copy_thread(self, source: str, target: str) -> None:
        """Give `target` all that `source` has; what `target` had under the same ids is replaced."""
        ...

    def delete_thread(self, thread_id: str) -> None:
        """Leave nothing of a thread. An unknown thread is no error."""
        ...

    def delete_checkpoints(self, addresses: Iterable[Address]) -> None:
        """Delete checkpoints and their writes, in small transactions; their elements stay."""
        ...

    def sweep(self, thread_id: str) -> None:
        """Delete the elements that nothing in the thread refers to; and the thread, if empty."""
        ...

    def of_run(self, run_id: str) -> Sequence[Address]:
        """The checkpoints that a run wrote."""
        ...

    def threads(self, after: str, limit: int) -> Sequence[str]:
        """Ids of threads, in an order that stays, that come after one; "" comes before all."""
        ...

    def outline(self, thread_id: str) -> Sequence[Outline]:
        """A thread's checkpoints, by namespace, oldest first. Need not be one consistent view."""
        ...

    def usage(self, thread_id: str) -> Usage:
        """What a thread takes; nothing, if it is unknown."""
        ...

    def elements(
        self, thread_id: str, without: Collection[Address] = frozenset()
    ) -> Mapping[str, Amount]:
        """The elements by channel that a thread would have in use without some checkpoints."""
        ...

    def pin(self, address: Address, pinned: bool) -> bool:
        """Pin a checkpoint for retention to keep, or let it go; False if there is none."""
        ...

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        """One page of everything the serializer wrote, keys included, with the place of each.

        `after` is the last place of the page before, and None for the first page. A page takes few
        milliseconds to read; an empty one is the end.
        """
        ...

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        """Store other bytes at some places, where the old ones are still there: place, old, new."""
        ...


@runtime_checkable
class BlobRows(Database, Protocol):
    """A database whose elements may have their bytes in a blob: `offloading` sees to the blobs.

    An element's row has the key that `NewPart.blobs` gives for it, and empty data. A blob belongs
    to one row: the transaction that deletes the row dooms the blob, by a row in a table of keys.
    """

    def copy_thread(self, source: str, target: str, blobs: Mapping[str, str] | None = None) -> None:
        """`Database.copy_thread`, with the copy's key for each of the source's blobs.

        Raises `Stale` where one is not among them.
        """
        ...

    def stored_blobs(self, thread_id: str, digests: Collection[bytes]) -> Collection[str]:
        """The keys that a thread's elements with these digests have.

        Those of other threads may be among them.
        """
        ...

    def kept_blobs(self, keys: Collection[str]) -> Collection[str]:
        """Those of these keys that elements have, in any thread. Others may be among them.

        It may have to look at all elements: ask for many keys at once.
        """
        ...

    def blobs_of(self, thread_id: str) -> Collection[str]:
        """The keys that a thread's elements have."""
        ...

    def outside(self, after: object) -> Sequence[tuple[object, str, str]]:
        """One page of the elements that have a blob: their places, types and keys.

        `after` is the last place of the page before, and None for the first page; an empty page
        is the end. `contents` leaves these elements out.
        """
        ...

    def move_blobs(self, changes: Sequence[tuple[object, str, str, str]]) -> None:
        """Give elements another type and another blob: place, old blob, new type, new blob.

        The old blob is doomed; the new one, where the element does not have the old one any more.
        """
        ...

    def doomed_blobs(self) -> Sequence[str]:
        """Some of the keys whose rows are gone; none when there are no more."""
        ...

    def forget_blobs(self, keys: Sequence[str]) -> None:
        """Take doomed keys off the list: their blobs are deleted."""
        ...

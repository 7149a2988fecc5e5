"""What a process knows of the shelves in a database, so that it numbers elements by itself.

To ask for the numbers of stored elements, and for the next free one, would be a round trip before
each insert. So a process remembers this of the threads that it has touched. It may be mistaken,
when another process wrote or deleted meanwhile. So the database compares: it takes an insert only
where the shelf's key and epoch are as drafted, and nobody has taken the numbers. Else it takes
nothing, and the insert is drafted anew from a look-up that holds the thread's lock.

Nothing here speaks to a database. One does this for each insert::

    known = numbering.recall(thread_id) or look_up()   # `numbering.learn` what the look-up finds
    draft = Draft(known)
    references = draft.file(parts)
    ...                                                # store `draft.added` and what refers to it
    numbering.keep(draft)                              # once it is committed
"""

import random
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.records import Blobs, NewPart, Reference
from graphwright_checkpoints.spans import collect

BITS = 32  # of an element's number
LANE_BITS = 26  # of a number count a lane's elements; the lane is above them
LANES = 2 ** (BITS - LANE_BITS)
MAX_THREADS = 10_000  # that are kept in mind
MAX_ELEMENTS = 300_000  # of them together; each takes about 180 bytes

Result = TypeVar("Result")


def new_epoch() -> int:
    """An epoch that no shelf had before."""
    return random.getrandbits(62)


def new_shelf(thread_id: str) -> Shelf:
    """A shelf for a thread that has none. Later keys are greater, so that indexes grow at an end.

    Should two have the same key after all, the database refuses the second.
    """
    key = (time.time_ns() >> 20) << 22 | random.getrandbits(22)
    return Shelf(thread_id, key, new_epoch())


def lane_of_number(number: int) -> int:
    """The lane that a number belongs to."""
    return number >> LANE_BITS


class Known:
    """What is known of one shelf: its elements' numbers by digest, and the next one of each lane.

    `is_stored` is False for the shelf of a thread that the database does not have yet.
    """

    __slots__ = ("is_stored", "next", "numbers", "shelf")

    def __init__(
        self, shelf: Shelf, elements: Iterable[tuple[int, bytes]] = (), *, is_stored: bool
    ) -> None:
        self.shelf = shelf
        self.is_stored = is_stored
        self.numbers: dict[bytes, int] = {}
        self.next: dict[int, int] = {}
        for number, digest in elements:
            self.numbers[digest] = number
            lane = lane_of_number(number)
            self.next[lane] = max(self.next.get(lane, 0), number + 1)


class NewElement(NamedTuple):
    """An element to store, under a number that was free as far as is known."""

    number: int
    digest: bytes
    many: bool
    type: str
    data: bytes
    blob: str | None = None
    """The key of the blob that has the bytes; `data` is empty then."""


class Draft:
    """What one transaction is to add to one shelf. It changes nothing that others see."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.shelf = known.shelf
        self.added: list[NewElement] = []
        """The elements to store."""
        self.placed: list[tuple[Element, int]] = []
        """The elements that will be on the shelf, and their numbers."""
        self.surplus: list[tuple[int, str]] = []
        """Blobs that were brought for elements which the shelf has already, by their numbers. To
        be doomed, unless it is the blob that the element's row has: see `records.Blobs`."""
        self._numbers: dict[bytes, int] = {}
        self._next: dict[int, int] = {}

    def file(self, parts: Iterable[NewPart]) -> list[Reference]:
        """Refer to parts of a value, adding the elements that the shelf lacks.

        Raises `Stale` where a part trusts in what the shelf does not have.
        """
        references: list[Reference] = []
        for channel, path, form, lane, elements, spans, carried_from, blobs in parts:
            if carried_from is None:
                spans = collect([self._number(element, lane, blobs) for element in elements])
            elif carried_from != self.shelf:
                raise Stale
            references.append(Reference(channel, path, form, spans))
        return references

    def all_or_nothing(self, do: Callable[[], Result]) -> Result:
        """Do something that files parts. Where it fails, nothing of it stays in this draft."""
        added, placed, surplus = len(self.added), len(self.placed), len(self.surplus)
        try:
            return do()
        except BaseException:
            for element in self.added[added:]:
                del self._numbers[element.digest]
            del self.added[added:], self.placed[placed:], self.surplus[surplus:]
            raise

    def _number(self, element: Element, lane: str, blobs: Blobs) -> int:
        data = element.data  # before its place: another thread may be storing it
        if element.shelf == self.shelf:
            return element.number
        digest = element.digest
        number = self.known.numbers.get(digest)
        if number is None:
            number = self._numbers.get(digest)
        blob = blobs.get(digest)
        if number is None:
            if data is None or (digest in blobs and blob is None):
                raise Stale
            number = self._numbers[digest] = self._take(lane)
            content = data if blob is None else b""
            self.added.append(NewElement(number, digest, element.many, element.type, content, blob))
        elif blob is not None:
            self.surplus.append((number, blob))
        self.placed.append((element, number))
        return number

    def _take(self, name: str) -> int:
        # Two names may share a lane: that only makes for more spans.
        lane = zlib.crc32(name.encode("utf-8", "surrogatepass")) % LANES
        number = self._next.get(lane) or self.known.next.get(lane) or lane << LANE_BITS
        self._next[lane] = number + 1
        return number


class Numbering:
    """The shelves that were used last, for all threads and event loops of a process."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._elements = 0
        self._lock = threading.Lock()

    def recall(self, thread_id: str) -> Known | None:
        """What is known of a thread."""
        with self._lock:
            known = self._known.get(thread_id)
            if known is not None:
                self._known.move_to_end(thread_id)
            return known

    def learn(self, shelf: Shelf, elements: Iterable[tuple[int, bytes]]) -> Known:
        """Remember what a look-up found: all numbers and digests that a shelf has."""
        known = Known(shelf, elements, is_stored=True)
        with self._lock:
            self._remember(known)
        return known

    def expect_new(self, thread_id: str) -> Known:
        """Take it that the database does not have a thread, as a read of it found nothing."""
        with self._lock:
            known = self._known.get(thread_id)
            if known is None:
                known = Known(new_shelf(thread_id), is_stored=False)
                self._remember(known)
            return known

    def saw(self, shelf: Shelf) -> None:
        """Forget what is known of a thread if a read found it on another shelf."""
        with self._lock:
            known = self._known.get(shelf.thread_id)
            if known is not None and known.shelf != shelf:
                self._drop(shelf.thread_id)

    def forget(self, thread_id: str) -> None:
        """Know nothing of a thread, so that the next insert looks it up."""
        with self._lock:
            self._drop(thread_id)

    def keep(self, draft: Draft) -> None:
        """Remember what was committed, and let its elements know where they are."""
        for element, number in draft.placed:
            element.place(draft.shelf, number)
        known = draft.known
        with self._lock:
            known.is_stored = True
            for new in draft.added:
                known.numbers[new.digest] = new.number
                lane = lane_of_number(new.number)
                known.next[lane] = max(known.next.get(lane, 0), new.number + 1)
            if self._known.get(draft.shelf.thread_id) is known:
                self._elements += len(draft.added)
                self._make_room()

    def _remember(self, known: Known) -> None:
        self._drop(known.shelf.thread_id)
        self._known[known.shelf.thread_id] = known
        self._elements += len(known.numbers)
        self._make_room()

    def _drop(self, thread_id: str) -> None:
        if (known := self._known.pop(thread_id, None)) is not None:
            self._elements -= len(known.numbers)

    def _make_room(self) -> None:
        # The newest stays, however large it is: it is in use.
        while len(self._known) > 1 and (
            len(self._known) > MAX_THREADS or self._elements > MAX_ELEMENTS
        ):
            self._drop(next(iter(self._known)))

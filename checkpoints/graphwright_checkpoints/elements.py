"""Elements: the pieces that a thread stores once, however many checkpoints have them.

An element is a message, a large value, or a pack of small neighbours in a list. It is found by its
digest among those its thread has, and referred to by its number there. Nothing here knows SQL.
"""

import weakref
from collections import OrderedDict
from typing import Any, NamedTuple

from pydantic import BaseModel

from graphwright_checkpoints import snapshots

CROWD = 2000  # models, dead or alive, that are always worth keeping in mind
STRONG_LIMIT = 16_000_000  # bytes that values, other than models, may take that are kept in mind
OVERHEAD = 1_000  # bytes of such a value and its snapshot beside its encoded ones, about


class Shelf(NamedTuple):
    """Where a thread's elements are.

    `key` is never given to another thread. `epoch` grows when elements are deleted, so that nobody
    refers by number to one that is gone.
    """

    thread_id: str
    key: int
    epoch: int


class Element:
    """One piece of content. Its bytes are dropped when it is stored; then it has a place.

    `media` are the elements that a message's images and the like became: wherever a list refers to
    the message, it refers to them just before.
    """

    __slots__ = ("data", "digest", "many", "media", "number", "shelf", "type")

    def __init__(self, digest: bytes, many: bool, type: str, data: bytes | None) -> None:
        self.digest = digest
        self.many = many
        self.type = type
        self.data = data
        self.shelf: Shelf | None = None
        self.number = -1
        self.media: tuple[Element, ...] = ()

    @classmethod
    def stored(cls, shelf: Shelf, number: int, type: str = "") -> "Element":
        """An element that is on a shelf already: its number is all that anybody needs."""
        element = cls(b"", False, type, None)
        element.shelf, element.number = shelf, number
        return element

    @property
    def size(self) -> int:
        """Bytes to store, media included."""
        return len(self.data or b"") + sum(medium.size for medium in self.media)

    def place(self, shelf: Shelf, number: int) -> None:
        """Note that this element is stored."""
        self.shelf, self.number = shelf, number
        self.data = None


class Memory:
    """Which live objects are known as which elements, so that they are not encoded again.

    Models are held weakly: what the graph lets go is forgotten. Other values cannot be, and are
    held up to `STRONG_LIMIT` bytes. An object that was changed in place is not recognised.
    """

    def __init__(self) -> None:
        self._models: dict[int, tuple[weakref.ref[BaseModel], Any, Element]] = {}
        self._values: OrderedDict[int, tuple[object, Any, Element, int]] = OrderedDict()
        self._held = 0  # bytes
        self._crowded = CROWD  # models, at which it is time to look for dead ones

    def recall(self, value: object) -> Element | None:
        """The element that this very object was, if it still is."""
        if (model := self._models.get(id(value))) is not None:
            reference, snapshot, element = model
            if reference() is value and snapshot == snapshots.view(value):
                return element
        if (kept := self._values.get(id(value))) is not None:
            held, snapshot, element, _ = kept
            if held is value and snapshot == value:
                return element
        return None

    def remember(self, value: object, snapshot: Any, element: Element, size: int) -> None:
        """Know `value` from now on, of which `snapshot` was just taken, as this element."""
        if snapshots.is_model(value):
            self._models[id(value)] = (weakref.ref(value), snapshot, element)
            if len(self._models) > self._crowded:
                self._forget_the_dead()
        else:
            self._remember_value(value, snapshot, element, size)

    def _forget_the_dead(self) -> None:
        # Not by a callback of each reference: those take longer than all else that is done here.
        living = {
            key: known for key, known in self._models.copy().items() if known[0]() is not None
        }
        self._models = living
        self._crowded = max(2 * len(living), CROWD)

    def _remember_value(self, value: object, snapshot: Any, element: Element, size: int) -> None:
        size += OVERHEAD
        if size > STRONG_LIMIT // 4:
            return
        if (old := self._values.pop(id(value), None)) is not None:
            self._held -= old[3]
        self._values[id(value)] = (value, snapshot, element, size)
        self._held += size
        while self._held > STRONG_LIMIT:
            _, oldest = self._values.popitem(last=False)
            self._held -= oldest[3]

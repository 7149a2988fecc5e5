"""Checkpoints as records: what a database stores. Nothing here knows SQL.

A checkpoint is its body, which holds the small values, and references to the elements that the
large ones are made of (`splitting`, `elements`, `spans`). A pending write is kept in the same way,
so that a message in a write and in ten checkpoints is stored once.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import ormsgpack
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import get_checkpoint_id

from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.errors import CheckpointError
from graphwright_checkpoints.metadata import matches
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, absolute, relative
from graphwright_checkpoints.splitting import Form, Part
from graphwright_checkpoints.templates import Template

TRIGGER = "branch:to:"  # begins the names of LangGraph's channels that trigger a node
FENCE = "__fence"
"""The key of a config's `configurable` that carries a fencing token, see `LeaseLost`."""


class Address(NamedTuple):
    """Where a checkpoint lives. An empty `checkpoint_id` stands for the latest one."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str

    @classmethod
    def of(cls, config: RunnableConfig) -> "Address":
        """The address that a config names."""
        part = config.get("configurable", {})
        if "thread_id" not in part:
            raise CheckpointError(
                'the config names no thread: pass {"configurable": {"thread_id": "…"}}.'
            )
        return cls(
            str(part["thread_id"]),
            part.get("checkpoint_ns") or "",
            part.get("checkpoint_id") or "",
        )

    def config(self) -> RunnableConfig:
        """The config that names this address."""
        thread_id, checkpoint_ns, checkpoint_id = self
        return {
            "configurable": {
                "thread_id": thread_id,
                "checkpoint_ns": checkpoint_ns,
                "checkpoint_id": checkpoint_id,
            }
        }


class Reference(NamedTuple):
    """A part of a stored value, by the numbers of its elements."""

    channel: str
    path: tuple[str, ...]
    form: Form
    spans: Spans


Blobs = Mapping[bytes, str | None]
"""By an element's digest the key of the blob that has its bytes, for the element's row alone.

None says that the thread has the element already: a database that does not find it there raises
`Stale`, and one that finds it with another blob than the key that is given dooms that key.
"""


class NewPart(NamedTuple):
    """A part of a value that is to be stored: its elements, or its reference on a shelf."""

    channel: str
    path: tuple[str, ...]
    form: Form
    lane: str
    """Elements of one lane are numbered without gaps, see `lane_of`."""
    elements: Sequence[Element]
    spans: Spans = ()
    shelf: Shelf | None = None
    blobs: Blobs = MappingProxyType({})

    @property
    def size(self) -> int:
        """Bytes that may have to be written."""
        blobs = self.blobs
        return sum(
            [
                len(data)
                for element in self.elements
                if (data := element.data) and element.digest not in blobs
            ]
        )


class NewCheckpoint(NamedTuple):
    """Everything that one `put` stores."""

    address: Address
    parent_id: str | None
    run_id: str | None
    fence: int | None
    body: Encoded
    metadata: str
    parts: Sequence[NewPart]
    source: str | None = None
    """LangGraph's word for where it comes from."""
    updated: Iterable[str] | None = None
    """The channels that were written to."""

    @property
    def passing(self) -> bool:
        """Whether the graph goes on from it at once, so that the next one is not far.

        From an input it does, and where a node has been triggered.
        """
        updated = self.updated or ()
        return self.source == "input" or any([name.startswith(TRIGGER) for name in updated])

    @property
    def size(self) -> int:
        """Bytes to write, keys left out."""
        size = len(self.body.data)
        return size + sum([part.size for part in self.parts]) if self.parts else size


class NewWrite(NamedTuple):
    """One pending write of a task. LangGraph's own have a negative position."""

    task_id: str
    position: int
    task_path: str
    channel: str
    content: Encoded
    parts: Sequence[NewPart]

    @property
    def size(self) -> int:
        """Bytes to write, keys left out."""
        size = len(self.content.data)
        return size + sum([part.size for part in self.parts]) if self.parts else size


class NewWrites(NamedTuple):
    """What a task wrote, to be stored with the checkpoint at `address`."""

    address: Address
    fence: int | None
    writes: Sequence[NewWrite]

    @property
    def parts(self) -> list[NewPart]:
        """The parts of all of them."""
        return [part for write in self.writes for part in write.parts]

    @property
    def size(self) -> int:
        """Bytes to write, keys left out."""
        return sum([write.size for write in self.writes])

    @property
    def passing(self) -> bool:
        """Whether the graph goes on from it. LangGraph's own are interrupts and errors: nothing
        follows them.
        """
        return all([write.position >= 0 for write in self.writes])


New = NewCheckpoint | NewWrites
"""What one insert stores."""


HasParts = TypeVar("HasParts", NewCheckpoint, NewWrite)


def with_blobs(new: New, blobs: Blobs) -> New:
    """The same, with the blobs that its elements are in."""
    if not blobs:
        return new
    if isinstance(new, NewWrites):
        return new._replace(writes=[_holding(write, blobs) for write in new.writes])
    return _holding(new, blobs)


def _holding(new: HasParts, blobs: Blobs) -> HasParts:
    return new._replace(parts=[part._replace(blobs=blobs) for part in new.parts])


class StoredElement(NamedTuple):
    """An element as the database has it. Its data is empty where a blob has the bytes."""

    many: bool
    content: Encoded
    blob: str | None = None


class StoredWrite(NamedTuple):
    """A pending write as the database has it."""

    task_id: str
    channel: str
    content: Encoded
    references: Sequence[Reference]


class Head(NamedTuple):
    """A stored checkpoint without its writes and elements."""

    shelf: Shelf
    address: Address
    parent_id: str | None
    body: Encoded
    metadata: str
    references: Sequence[Reference]


class StoredCheckpoint(NamedTuple):
    """Everything that one read finds."""

    shelf: Shelf
    address: Address
    parent_id: str | None
    body: Encoded
    metadata: str
    references: Sequence[Reference]
    writes: Sequence[StoredWrite]
    elements: Mapping[int, StoredElement | Template]
    size: int
    """Bytes to decode."""

    @property
    def outside(self) -> dict[int, str]:
        """The keys of the blobs to fetch, by their elements' numbers."""
        return {
            number: element.blob
            for number, element in self.elements.items()
            if isinstance(element, StoredElement) and element.blob is not None
        }

    def filled(self, blobs: Mapping[int, bytes]) -> "StoredCheckpoint":
        """The same, with the bytes that are outside."""
        elements = dict(self.elements)
        for number, data in blobs.items():
            row = elements[number]
            assert isinstance(row, StoredElement)
            elements[number] = StoredElement(row.many, row.content._replace(data=data))
        size = self.size + sum(map(len, blobs.values()))
        return self._replace(elements=elements, size=size)


class Selection(NamedTuple):
    """Which checkpoints `list` asks for, and how many. None means any; `before` is an id."""

    thread_id: str | None = None
    checkpoint_ns: str | None = None
    checkpoint_id: str | None = None
    before: str | None = None
    metadata: Mapping[str, Any] = MappingProxyType({})
    limit: int | None = None

    @classmethod
    def of(
        cls,
        config: RunnableConfig | None,
        filter: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> "Selection":
        """What LangGraph's words for it select."""
        part = config.get("configurable", {}) if config else {}
        return cls(
            thread_id=str(part["thread_id"]) if "thread_id" in part else None,
            checkpoint_ns=part.get("checkpoint_ns"),
            checkpoint_id=part.get("checkpoint_id"),
            before=get_checkpoint_id(before) if before else None,
            metadata=filter or {},
            limit=limit,
        )

    def matching(self, found: Iterable[tuple[Address, str]]) -> Sequence[Address]:
        """Those of some checkpoints whose metadata is as wanted, and no more than wanted."""
        addresses = [address for address, facts in found if matches(facts, self.metadata)]
        return addresses if self.limit is None else addresses[: max(self.limit, 0)]


def fence(config: RunnableConfig) -> int | None:
    """The fencing token that a config carries."""
    token = config.get("configurable", {}).get(FENCE)
    return None if token is None else int(token)


def lane_of(channel: str, part: Part, *, in_channel: bool) -> str:
    """Which elements to number together, so that what one list holds is one run.

    An input's messages, and a task's, come to the channel of their name. Those that have an id are
    there as they are. Others get one before, and are other elements then; and so are texts, pairs
    and dicts that become messages there: all these are kept apart.
    """
    name = part.path[0] if part.path else channel
    last = part.pieces[-1] if part.pieces else None
    return f"{name}?" if getattr(last, "id", "" if in_channel else None) is None else name


def encode_references(references: Sequence[Reference]) -> bytes | None:
    """References in bytes that need no key to be read; None for none."""
    if not references:
        return None
    rows = [
        (channel, path, int(form), relative(spans)) for channel, path, form, spans in references
    ]
    return ormsgpack.packb(rows)


def decode_references(data: bytes | None) -> list[Reference]:
    """What `encode_references` was given."""
    if data is None:
        return []
    return [
        Reference(channel, tuple(path), Form(form), absolute(spans))
        for channel, path, form, spans in ormsgpack.unpackb(data)
    ]

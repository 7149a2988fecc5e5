"""Rows as Firestore's documents.

What belongs together is a range of `place`, a field of its own, since one field's range needs no
index but the one that Firestore makes by itself. Keys and epochs are texts in hexadecimal.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from graphwright_checkpoints.errors import ValueNotStored
from graphwright_checkpoints.networked.pieces import Piece, cut
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow, digest
from graphwright_checkpoints.networked.server import Change
from graphwright_checkpoints.numbering import NewElement

CHUNK = 700_000  # bytes of an element in one document
LIMIT = 1_040_000  # bytes of any other document: 1 MiB with all its names

Row = TypeVar("Row", CheckpointRow, WriteRow)


class Document(NamedTuple):
    """A document to store: its collection, its name there, and its fields."""

    collection: str
    name: str
    fields: dict[str, Any]

    @property
    def size(self) -> int:
        """Bytes, about."""
        return 200 + sum(
            len(value) for value in self.fields.values() if isinstance(value, bytes | str)
        )


def prefix(key: int) -> str:
    """What the place of each of a thread's documents begins with."""
    return f"{key:016x}/"


def key_of(fields: Mapping[str, Any]) -> int:
    """The key of the thread that a document belongs to."""
    return int(fields["place"].partition("/")[0], 16)


def checkpoint(key: int, row: CheckpointRow) -> Document:
    """A checkpoint's document."""
    fields = {**row._asdict(), "place": prefix(key) + row.place}
    return Document("checkpoints", checkpoint_name(key, row.place), fields)


def checkpoint_name(key: int, place: str) -> str:
    """The name of a checkpoint's document: a place may be no name here, an id may have a slash."""
    return f"{key:016x}.{digest(place)}"


def write(key: int, row: WriteRow) -> Document:
    """A pending write's document."""
    place = f"{writes_of(key, row.place)}{row.name}"
    return Document("writes", place.replace("/", "."), {**row._asdict(), "place": place})


def writes_of(key: int, place: str) -> str:
    """What the places of a checkpoint's writes begin with."""
    return f"{prefix(key)}{digest(place)}/"


def pieces(change: Change) -> Iterator[Document]:
    """A change's elements, the first piece of each last."""
    for element in change.elements:
        for piece in reversed(cut(element, CHUNK)):
            yield of_piece(change.shelf.key, piece)


def of_piece(key: int, piece: Piece) -> Document:
    """One piece of an element."""
    element, chunk, rest, total = piece
    place = f"{prefix(key)}{element.number:08x}/{chunk:04x}"
    fields = {**element._asdict(), "chunk": chunk, "rest": rest, "total": total, "place": place}
    return Document("elements", place.replace("/", "."), fields)


def piece(fields: Mapping[str, Any]) -> Piece:
    """One piece of an element again."""
    values = {"blob": None, **fields}
    element = NewElement(*(values[name] for name in NewElement._fields))
    return Piece(element, fields["chunk"], fields.get("rest", 0), fields.get("total", 0))


def numbered(key: int, start: int, count: int) -> tuple[str, str]:
    """Where the places of elements begin, by their numbers, and where they end."""
    return f"{prefix(key)}{start:08x}", f"{prefix(key)}{start + count:08x}"


def doomed(blob: str) -> Document:
    """The document of a blob that is to be deleted."""
    return Document("doomed_blobs", blob.replace("/", "."), {"blob": blob})


def row(kind: type[Row], fields: Mapping[str, Any]) -> Row:
    """A row again."""
    return kind(*(fields[name] for name in kind._fields))


def refuse_large(change: Change) -> None:
    """Raise `ValueNotStored` where a row is more than a document takes; elements are cut to fit."""
    parts = [
        *(
            ("checkpoint", len(row.body) + len(row.metadata) + len(row.refs or b""))
            for row in change.checkpoints
        ),
        *((row.channel, len(row.value) + len(row.refs or b"")) for row in change.writes),
        ("address", len(change.shelf.thread_id.encode())),
    ]
    for channel, size in parts:
        if size > LIMIT:
            raise ValueNotStored(
                channel, f"it takes {size} bytes, and a document of Firestore takes {LIMIT}"
            )

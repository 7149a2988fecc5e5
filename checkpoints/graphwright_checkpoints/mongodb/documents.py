"""Rows as MongoDB's documents.

A document's `_id` begins with its thread's key, so that the index that every collection has is all
that is needed: what belongs together is a range of it.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import ValueNotStored
from graphwright_checkpoints.networked.pieces import Piece, cut
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow, after, digest
from graphwright_checkpoints.networked.server import Change
from graphwright_checkpoints.numbering import NewElement

LIMIT = 15_000_000  # bytes of a change's rows: a document may have 16 MB
CHUNK = 4_000_000  # bytes of an element in one document

Document = dict[str, Any]
Row = TypeVar("Row", CheckpointRow, WriteRow)


def _range(start: str) -> Document:
    return {"_id": {"$gte": start, "$lt": after(start)}}


def _prefix(key: int) -> str:
    return f"{key:016x}/"


def key_of(document: Mapping[str, Any]) -> int:
    """The key of the thread that a document belongs to."""
    return int(document["_id"].partition("/")[0], 16)


def all_of(key: int) -> Document:
    """What a collection has of a thread."""
    return _range(_prefix(key))


def checkpoint_id(key: int, place: str) -> str:
    """The `_id` of a checkpoint."""
    return _prefix(key) + place


def write_id(key: int, row: WriteRow) -> str:
    """The `_id` of a write."""
    return f"{_prefix(key)}{digest(row.place)}/{row.name}"


def checkpoints_of(key: int, place: str) -> Document:
    """A namespace's checkpoints."""
    return _range(_prefix(key) + place)


def writes_of(key: int, place: str) -> Document:
    """A checkpoint's writes."""
    return _range(f"{_prefix(key)}{digest(place)}/")


def numbered(key: int, start: int, count: int) -> Document:
    """Elements, by their numbers."""
    first, last = (f"{_prefix(key)}{number:08x}" for number in (start, start + count))
    return {"_id": {"$gte": first, "$lt": last}}


def pieces(change: Change) -> list[Document]:
    """A change's elements, the first piece of each last."""
    return [
        of_piece(change.shelf, piece)
        for element in change.elements
        for piece in reversed(cut(element, CHUNK))
    ]


def of_piece(shelf: Shelf, piece: Piece) -> Document:
    """One piece of an element."""
    fields = {**piece.element._asdict(), "epoch": shelf.epoch}
    if piece.element.blob is None:
        del fields["blob"]  # the index has only those that there are
    if not piece.chunk:
        fields |= {"rest": piece.rest, "total": piece.total}
    return {"_id": piece_id(shelf.key, piece), "chunk": piece.chunk, **fields}


def piece_id(key: int, piece: Piece) -> str:
    """The `_id` of a piece."""
    return f"{_prefix(key)}{piece.element.number:08x}/{piece.chunk:04x}"


def piece(document: Mapping[str, Any]) -> Piece:
    """One piece of an element again."""
    values = {"blob": None, **document}
    element = NewElement(*(values[name] for name in NewElement._fields))
    return Piece(element, document["chunk"], document.get("rest", 0), document.get("total", 0))


def entry(change: Change, name: str) -> Document:
    """All rows of a change, to be kept in the thread's document for a moment."""
    key = change.shelf.key
    return {
        "id": name,
        "checkpoints": [
            {"_id": checkpoint_id(key, row.place), "place": row.place, **row._asdict()}
            for row in change.checkpoints
        ],
        "writes": [
            {
                "_id": write_id(key, row),
                "place": row.place,
                **row._asdict(),
            }
            for row in change.writes
        ],
    }


def row(kind: type[Row], document: Mapping[str, Any]) -> Row:
    """A row again."""
    return kind(*(document[name] for name in kind._fields))


def refuse_large(change: Change) -> None:
    """Raise `ValueNotStored` where a change's rows are more than a document takes."""
    parts = [
        *(("checkpoint", len(row.body) + len(row.metadata)) for row in change.checkpoints),
        *((row.channel, len(row.value)) for row in change.writes),
    ]
    if sum(size for _, size in parts) > LIMIT:
        channel, size = max(parts, key=lambda part: part[1])
        raise ValueNotStored(
            channel, f"it takes {size} bytes, and all of one call may take {LIMIT} in MongoDB"
        )

"""What a serializer wrote, in MongoDB, to be written with another key."""

from collections.abc import Sequence
from typing import Any

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.mongodb import documents, pending
from graphwright_checkpoints.mongodb.collections import Collections, explained, insert_all
from graphwright_checkpoints.networked import pieces
from graphwright_checkpoints.networked.pieces import Piece
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Content
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.serialization import Encoded


class MongoContents:
    """The values in one database."""

    def __init__(self, collections: Collections) -> None:
        self._at = collections

    def key(self) -> Encoded:
        with explained(self._at.where):
            kept = self._at.keys.find_one({"_id": "digest"})
        return Encoded(kept["type"], kept["value"])

    def replace_key(self, old: Encoded, new: Encoded) -> None:
        with explained(self._at.where):
            self._at.keys.update_one(
                {"_id": "digest", "type": old.type, "value": old.data},
                {"$set": {"type": new.type, "value": new.data}},
            )

    def replace(self, shelf: Shelf, old: Content, new: Content) -> None:
        with explained(self._at.where):
            if isinstance(old, NewElement) and isinstance(new, NewElement):
                pieces.replace(MongoPieces(self._at, shelf), old, new, documents.CHUNK)
                return
            pending.settle_all(self._at, shelf.key)
            if isinstance(old, CheckpointRow) and isinstance(new, CheckpointRow):
                name = documents.checkpoint_id(shelf.key, old.place)
                self._at.checkpoints.update_one(
                    {"_id": name, "type": old.type, "body": old.body},
                    {"$set": {"type": new.type, "body": new.body}},
                )
            elif isinstance(old, WriteRow) and isinstance(new, WriteRow):
                self._at.writes.update_one(
                    {
                        "_id": documents.write_id(shelf.key, old),
                        "type": old.type,
                        "value": old.value,
                    },
                    {"$set": {"type": new.type, "value": new.value}},
                )


class MongoPieces:
    """The pieces of one shelf's elements."""

    def __init__(self, collections: Collections, shelf: Shelf) -> None:
        self._elements = collections.elements
        self._shelf = shelf

    def read(self, number: int) -> Sequence[Piece]:
        found = self._elements.find(documents.numbered(self._shelf.key, number, 1))
        return [documents.piece(document) for document in found.sort("_id", 1)]

    def add(self, pieces: Sequence[Piece]) -> None:
        insert_all(self._elements, [documents.of_piece(self._shelf, piece) for piece in pieces])

    def change(self, old: Piece, new: Piece) -> bool:
        element = old.element
        which: dict[str, Any] = {"_id": documents.piece_id(self._shelf.key, old)}
        which |= {"type": element.type, "data": element.data, "blob": element.blob}
        fields = documents.of_piece(self._shelf, new)
        what = {name: fields[name] for name in fields if name not in ("_id", "epoch")}
        return bool(self._elements.update_one(which, {"$set": what}).matched_count)

    def remove(self, pieces: Sequence[Piece]) -> None:
        names = [documents.piece_id(self._shelf.key, piece) for piece in pieces]
        self._elements.delete_many({"_id": {"$in": names}})

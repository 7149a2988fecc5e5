"""What a serializer wrote, in Firestore, to be written with another key."""

from collections.abc import Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.firestore import documents, transactions
from graphwright_checkpoints.firestore.collections import Collections, explained
from graphwright_checkpoints.firestore.documents import Document
from graphwright_checkpoints.networked import pieces
from graphwright_checkpoints.networked.pieces import Piece
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Content
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.serialization import Encoded


class FirestoreContents:
    """The values in one database."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def key(self) -> Encoded:
        with explained(self._collections.where):
            kept = self._collections.get("keys", "digest") or {}
        return Encoded(kept["type"], kept["value"])

    def replace_key(self, old: Encoded, new: Encoded) -> None:
        documents = [
            Document("keys", "digest", {"type": type_, "value": data}) for type_, data in (old, new)
        ]
        with explained(self._collections.where):
            self._collections.transact(transactions.replace, *documents, "type", "value")

    def replace(self, shelf: Shelf, old: Content, new: Content) -> None:
        with explained(self._collections.where):
            if isinstance(old, NewElement) and isinstance(new, NewElement):
                own = FirestorePieces(self._collections, shelf)
                pieces.replace(own, old, new, documents.CHUNK)
            elif isinstance(old, CheckpointRow) and isinstance(new, CheckpointRow):
                rows = [documents.checkpoint(shelf.key, row) for row in (old, new)]
                self._collections.transact(transactions.replace, *rows, "type", "body")
            elif isinstance(old, WriteRow) and isinstance(new, WriteRow):
                rows = [documents.write(shelf.key, row) for row in (old, new)]
                self._collections.transact(transactions.replace, *rows, "type", "value")


class FirestorePieces:
    """The pieces of one shelf's elements."""

    def __init__(self, collections: Collections, shelf: Shelf) -> None:
        self._collections = collections
        self._key = shelf.key

    def read(self, number: int) -> Sequence[Piece]:
        ends = documents.numbered(self._key, number, 1)
        return [documents.piece(each) for each in self._collections.between("elements", *ends)]

    def add(self, pieces: Sequence[Piece]) -> None:
        for document in self._documents(pieces):  # a request takes few pieces
            self._collections.add([document])

    def change(self, old: Piece, new: Piece) -> bool:
        first, other = self._documents([old, new])
        return self._collections.transact(
            transactions.replace, first, other, "type", "data", "blob"
        )

    def remove(self, pieces: Sequence[Piece]) -> None:
        self._collections.remove(self._documents(pieces))

    def _documents(self, pieces: Sequence[Piece]) -> list[Document]:
        return [documents.of_piece(self._key, piece) for piece in pieces]

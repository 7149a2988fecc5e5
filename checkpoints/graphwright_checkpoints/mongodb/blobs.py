"""The keys of blobs in MongoDB.

An element is deleted when nobody may refer to it any more: it is condemned, or its thread is gone.
Its blob is doomed before that, so that a deletion that was cut off does it again.
"""

from collections.abc import Collection, Iterable, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.mongodb import documents
from graphwright_checkpoints.mongodb.collections import Collections, Document, explained, insert

BATCH = 500  # keys

HAS_BLOB = {"blob": {"$gt": ""}}


class MongoBlobs:
    """The keys in one database."""

    def __init__(self, collections: Collections) -> None:
        self._at = collections

    def numbers(self, shelf: Shelf) -> Iterable[int]:
        with explained(self._at.where):
            found = self._at.elements.find({**documents.all_of(shelf.key), **HAS_BLOB})
            return [document["number"] for document in found]

    def kept(self, keys: Collection[str]) -> Collection[str]:
        asked, kept = list(keys), set[str]()
        with explained(self._at.where):
            for start in range(0, len(asked), BATCH):
                some = {"blob": {"$in": asked[start : start + BATCH]}}
                kept.update(document["blob"] for document in self._at.elements.find(some))
        return kept

    def doom(self, shelf: Shelf, keys: Collection[str]) -> None:
        with explained(self._at.where):
            for key in keys:
                insert(self._at.doomed_blobs, {"_id": key})

    def doom_those_of(self, which: Document) -> None:
        """Doom the blobs of elements that are about to be deleted."""
        for document in self._at.elements.find({**which, **HAS_BLOB}):
            insert(self._at.doomed_blobs, {"_id": document["blob"]})

    def doomed(self) -> Sequence[str]:
        with explained(self._at.where):
            return [document["_id"] for document in self._at.doomed_blobs.find().limit(BATCH)]

    def forget(self, keys: Collection[str]) -> None:
        with explained(self._at.where):
            self._at.doomed_blobs.delete_many({"_id": {"$in": list(keys)}})

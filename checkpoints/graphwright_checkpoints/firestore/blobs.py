"""The keys of blobs in Firestore: what deletes an element dooms its blob in the same request."""

from collections.abc import Collection, Iterable, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.firestore import documents
from graphwright_checkpoints.firestore.collections import BATCH, RETRY, Collections, explained

ABOUT = ("number", "blob")


class FirestoreBlobs:
    """The keys in one database."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections

    def numbers(self, shelf: Shelf) -> Iterable[int]:
        with explained(self._collections.where):
            found = self._collections.range("elements", documents.prefix(shelf.key), *ABOUT)
            return [fields["number"] for fields in found if fields.get("blob") is not None]

    def kept(self, keys: Collection[str]) -> Collection[str]:
        with explained(self._collections.where):
            found = self._collections.having("elements", "blob", list(keys))
            return {fields["blob"] for fields in found}

    def doom(self, shelf: Shelf, keys: Collection[str]) -> None:
        with explained(self._collections.where):
            self._collections.put([documents.doomed(key) for key in keys])

    def doomed(self) -> Sequence[str]:
        with explained(self._collections.where):
            query = self._collections.at("doomed_blobs").limit(BATCH)
            return [snapshot.to_dict()["blob"] for snapshot in query.stream(retry=RETRY)]

    def forget(self, keys: Collection[str]) -> None:
        with explained(self._collections.where):
            self._collections.remove([documents.doomed(key) for key in keys])

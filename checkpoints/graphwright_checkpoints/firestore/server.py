"""What the saver asks of Firestore.

A change is one transaction: it reads the thread's document, compares, and writes all. Elements that
one request cannot take are stored before it. Nothing refers to them then: what a crash leaves of
them is swept.
"""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote, urlsplit

from google.cloud import firestore

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import InvalidURL
from graphwright_checkpoints.firestore import documents
from graphwright_checkpoints.firestore.blobs import FirestoreBlobs
from graphwright_checkpoints.firestore.collections import (
    BATCH,
    DELETED,
    RETRY,
    Collections,
    explained,
)
from graphwright_checkpoints.firestore.contents import FirestoreContents
from graphwright_checkpoints.firestore.documents import Document
from graphwright_checkpoints.firestore.transactions import (
    commit,
    detach,
    discard,
    thread_of,
    touch,
)
from graphwright_checkpoints.networked.database import NetworkedDatabase
from graphwright_checkpoints.networked.pieces import joined
from graphwright_checkpoints.networked.rows import (
    CheckpointRow,
    WriteRow,
    after,
    may_match,
    place,
    thread_digest,
)
from graphwright_checkpoints.networked.server import (
    VERSION,
    Change,
    Found,
    Moved,
    Scattered,
    Thread,
    refuse_newer,
)
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, pairs

FORMS = "firestore://project or firestore://project/database"
REQUEST = 3_000_000  # bytes of one request; Firestore takes 10 MiB, its emulator 4

ABOUT_PIECES = ("number", "chunk", "digest", "place", "blob")
ABOUT_ROWS = ("checkpoint_ns", "checkpoint_id", "metadata")


class FirestoreServer:
    """A database of a Google Cloud project."""

    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self.blobs = FirestoreBlobs(collections)
        self.contents = FirestoreContents(collections)

    @classmethod
    def at(cls, url: str) -> NetworkedDatabase:
        """The database that a URL names, or raise `InvalidURL`."""
        parts = urlsplit(url)
        names = [unquote(parts.netloc), *unquote(parts.path).strip("/").split("/")]
        if not parts.netloc or len(names) > 2 or parts.query:
            raise InvalidURL(f"{url}: give {FORMS}, without options.")
        return NetworkedDatabase(cls(Collections(names[0], names[1] or "(default)", url)))

    def open(self, key: Encoded) -> Encoded:
        with explained(self._collections.where):
            self._collections.open()
            self._collections.create("keys", "version", {"value": VERSION})
            self._collections.create("keys", "digest", {"type": key.type, "value": key.data})
            version = self._collections.get("keys", "version") or {"value": VERSION}
            refuse_newer(self._collections.where, version["value"])
            self._collections.put([Document("keys", "version", {"value": VERSION})])
        return self.contents.key()

    def close(self) -> None:
        self._collections.close()

    def threads(self) -> Iterable[str]:
        with explained(self._collections.where):
            for shelf in self._shelves(None):
                yield shelf.thread_id

    def thread(self, thread_id: str) -> Thread | None:
        with explained(self._collections.where):
            found = self._collections.get("threads", thread_digest(thread_id))
        return None if found is None else thread_of(found)

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        with explained(self._collections.where):
            for found in self._collections.range(
                "elements", documents.prefix(shelf.key), *ABOUT_PIECES
            ):
                # The number of an element that is not whole is taken all the same.
                is_whole = found["chunk"] == 0
                yield found["number"], found["digest"] if is_whole else found["place"].encode()

    def store(self, change: Change) -> None:
        documents.refuse_large(change)
        pieces = list(documents.pieces(change))
        with explained(self._collections.where):
            if len(pieces) <= BATCH // 2 and sum(piece.size for piece in pieces) <= REQUEST // 2:
                self._collections.transact(commit, change, pieces)
                return
            if change.is_new:
                made = change._replace(elements=(), checkpoints=(), writes=())
                self._collections.transact(commit, made, ())
                change = change._replace(is_new=False)
            try:
                for batch in _batches(pieces):
                    self._collections.add(batch)
                self._collections.transact(commit, change, ())
            except Moved as error:
                self._forget_orphans(change, pieces)
                raise Scattered from error

    def find(self, address: Address) -> Found | None:
        with explained(self._collections.where):
            thread = self._collections.get("threads", thread_digest(address.thread_id))
            if thread is None:
                return None
            shelf, where = thread_of(thread).shelf, place(*address[1:])
            row = self._row(shelf.key, where, is_latest=not address.checkpoint_id)
            if row is None:
                return None
            writes = self._collections.range("writes", documents.writes_of(shelf.key, row.place))
            return Found(shelf, row, [documents.row(WriteRow, write) for write in writes])

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        with explained(self._collections.where):
            for start, count in pairs(spans):
                ends = documents.numbered(shelf.key, start, count)
                found = self._collections.between("elements", *ends)
                yield from joined(documents.piece(fields) for fields in found)

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        start = documents.prefix(shelf.key)
        with explained(self._collections.where):
            for fields in self._collections.range("checkpoints", start):
                yield documents.row(CheckpointRow, fields)
            for fields in self._collections.range("writes", start):
                yield documents.row(WriteRow, fields)

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        with explained(self._collections.where):
            for shelf in self._shelves(wanted.thread_id):
                for fields in self._collections.range(
                    "checkpoints", documents.prefix(shelf.key), *ABOUT_ROWS
                ):
                    names = fields["checkpoint_ns"], fields["checkpoint_id"]
                    if may_match(*names, wanted):
                        yield Address(shelf.thread_id, *names), fields["metadata"]

    def of_run(self, run_id: str) -> Sequence[Address]:
        with explained(self._collections.where):
            found = list(self._collections.all("checkpoints", run_id=run_id))
            threads = {key: self._thread_at(key) for key in map(documents.key_of, found)}
        return [
            Address(thread_id, fields["checkpoint_ns"], fields["checkpoint_id"])
            for fields in found
            if (thread_id := threads[documents.key_of(fields)]) is not None
        ]

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        with explained(self._collections.where):
            self._collections.transact(touch, shelf)
            for where in places:
                name = documents.checkpoint_name(shelf.key, where)
                self._collections.at("checkpoints").document(name).delete(retry=RETRY)
                self._collections.delete("writes", documents.writes_of(shelf.key, where))

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        doomed = set(numbers)
        with explained(self._collections.where):
            start = documents.prefix(thread.shelf.key)
            found = self._collections.range("elements", start, *ABOUT_PIECES)
            pieces = [documents.piece(each) for each in found if each["number"] in doomed]
            # An element of many pieces goes by its first one first, in the order of their names.
            self._collections.transact(discard, thread, pieces[:DELETED], epoch)

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        with explained(self._collections.where):
            self._collections.transact(detach, thread_id, unless_changed)
            # Those too whose deletion was cut off.
            for snapshot in list(self._collections.at("deleted").stream(retry=RETRY)):
                for collection in ("checkpoints", "writes", "elements"):
                    self._collections.delete(collection, f"{snapshot.id}/")
                snapshot.reference.delete(retry=RETRY)

    def _forget_orphans(self, change: Change, pieces: Sequence[Document]) -> None:
        """Delete what was stored for a thread that is gone: nobody would ever sweep it."""
        thread = self._collections.get("threads", thread_digest(change.shelf.thread_id))
        if thread is None or thread_of(thread).shelf.key != change.shelf.key:
            self._collections.remove(pieces)

    def _row(self, key: int, where: str, *, is_latest: bool) -> CheckpointRow | None:
        """The row at a place, or the latest of the namespace that is there."""
        if not is_latest:
            fields = self._collections.get("checkpoints", documents.checkpoint_name(key, where))
            return None if fields is None else documents.row(CheckpointRow, fields)
        start = documents.prefix(key) + where
        query = self._collections.query("checkpoints", start, after(start))
        query = query.order_by("place", direction=firestore.Query.DESCENDING).limit(1)
        for snapshot in query.stream(retry=RETRY):
            return documents.row(CheckpointRow, snapshot.to_dict())
        return None

    def _shelves(self, thread_id: str | None) -> Iterator[Shelf]:
        if thread_id is not None:
            found = self._collections.get("threads", thread_digest(thread_id))
            yield from () if found is None else [thread_of(found).shelf]
            return
        for fields in self._collections.all("threads"):
            yield thread_of(fields).shelf

    def _thread_at(self, key: int) -> str | None:
        for fields in self._collections.all("threads", key=f"{key:016x}"):
            return str(fields["thread_id"])
        return None


def _batches(pieces: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in the order given, as many together as one request takes."""
    batch: list[Document] = []
    size = 0
    for piece in pieces:
        if batch and (len(batch) == BATCH or size + piece.size > REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += piece.size
    if batch:
        yield batch

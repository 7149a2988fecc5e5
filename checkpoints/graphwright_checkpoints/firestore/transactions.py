"""What transactions do. Each function may be done again, from the start.

In a transaction of Firestore all reads come before all writes.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.cloud import firestore

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import LeaseLost
from graphwright_checkpoints.firestore import documents
from graphwright_checkpoints.firestore.collections import Collections
from graphwright_checkpoints.firestore.documents import Document
from graphwright_checkpoints.networked.pieces import Piece
from graphwright_checkpoints.networked.rows import WriteRow, thread_digest
from graphwright_checkpoints.networked.server import Change, Moved, Thread

BIAS = 2**63  # makes fencing tokens texts that compare as the numbers do


def thread_of(fields: dict[str, Any]) -> Thread:
    """A thread's document again."""
    shelf = Shelf(fields["thread_id"], int(fields["key"], 16), int(fields["epoch"], 16))
    return Thread(shelf, int(fields["fence"]) - BIAS, fields["revision"])


def commit(
    transaction: Any, collections: Collections, change: Change, pieces: Iterable[Document]
) -> None:
    """Store a change if the thread is as it takes it to be, or raise."""
    shelf, token = change.shelf, change.fence
    reference, found = _read(transaction, collections, shelf.thread_id)
    if change.is_new != (found is None) or (found and thread_of(found).shelf != shelf):
        raise Moved
    fence = thread_of(found).fence if found else 0
    if found and token is not None and token < fence:
        raise LeaseLost(shelf.thread_id, token, fence)
    rows = [documents.checkpoint(shelf.key, row) for row in change.checkpoints]
    rows += _missing(transaction, collections, shelf.key, change.writes)
    fields = {
        "thread_id": shelf.thread_id,
        "key": f"{shelf.key:016x}",
        "epoch": f"{shelf.epoch:016x}",
        "fence": f"{(fence if token is None else token) + BIAS:020}",
        "revision": firestore.Increment(1) if found else 1,
    }
    (transaction.update if found else transaction.create)(reference, fields)
    for piece in pieces:
        transaction.create(collections.reference(piece), piece.fields)
    for row in rows:
        transaction.set(collections.reference(row), row.fields)


def _missing(
    transaction: Any, collections: Collections, key: int, writes: Iterable[WriteRow]
) -> Iterator[Document]:
    """The writes to store: a task that runs again repeats its own, and the first ones count."""
    made = [(write.position, documents.write(key, write)) for write in writes]
    references = {
        collections.reference(document).id: collections.reference(document)
        for position, document in made
        if position >= 0
    }
    kept = collections.existing(transaction, list(references.values()))
    return (document for _, document in made if document.name not in kept)


def touch(transaction: Any, collections: Collections, shelf: Shelf) -> None:
    """Let a sweep know that there is a change."""
    reference, found = _read(transaction, collections, shelf.thread_id)
    if found and thread_of(found).shelf == shelf:
        transaction.update(reference, {"revision": firestore.Increment(1)})


def discard(
    transaction: Any, collections: Collections, thread: Thread, pieces: Iterable[Piece], epoch: int
) -> None:
    """Delete elements, doom their blobs and change the epoch, unless the thread was changed."""
    reference, found = _read(transaction, collections, thread.shelf.thread_id)
    if found and thread_of(found) == thread:
        what = {"epoch": f"{epoch:016x}", "revision": firestore.Increment(1)}
        transaction.update(reference, what)
        for piece in pieces:
            transaction.delete(collections.reference(documents.of_piece(thread.shelf.key, piece)))
            if piece.element.blob is not None:
                doomed = documents.doomed(piece.element.blob)
                transaction.set(collections.reference(doomed), doomed.fields)


def replace(
    transaction: Any, collections: Collections, old: Document, new: Document, *names: str
) -> bool:
    """Store some fields of a document where they are as they were; whether they were."""
    reference = collections.reference(old)
    found = reference.get(transaction=transaction).to_dict()
    is_there = found is not None and all(found.get(name) == old.fields[name] for name in names)
    if is_there:
        transaction.update(reference, new.fields)
    return is_there


def detach(
    transaction: Any, collections: Collections, thread_id: str, unless_changed: Thread | None
) -> None:
    """Let a thread be gone for everybody at once, and note what is to be deleted."""
    reference, found = _read(transaction, collections, thread_id)
    if found and unless_changed in (None, thread_of(found)):
        transaction.delete(reference)
        transaction.set(collections.at("deleted").document(found["key"]), {})


def _read(
    transaction: Any, collections: Collections, thread_id: str
) -> tuple[Any, dict[str, Any] | None]:
    reference = collections.at("threads").document(thread_digest(thread_id))
    return reference, reference.get(transaction=transaction).to_dict()

"""Checkpoints in MongoDB, on a single server as on a replica set: there are no transactions here.

One document is all that MongoDB changes as a whole, so a change is stored in three steps:

1. Its elements. Nothing refers to them yet: what a crash leaves of them is swept.
2. Its rows, as one entry in the thread's own document, where key, epoch and fence are compared.
   This commits the change. Readers look there first.
3. The rows again, where they belong; then the entry is taken away. If a crash comes before that,
   the next change of the thread does it.

To sweep, the thread's document first gets another epoch and the list of what is condemned, so that
nobody refers to that any more; then it is deleted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pymongo
from pymongo import errors, uri_parser

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import InvalidURL, LeaseLost
from graphwright_checkpoints.mongodb import documents, pending
from graphwright_checkpoints.mongodb.blobs import MongoBlobs
from graphwright_checkpoints.mongodb.collections import (
    Collections,
    Document,
    explained,
    insert,
    insert_all,
)
from graphwright_checkpoints.mongodb.contents import MongoContents
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

FORMS = "mongodb://host:27017/database or mongodb+srv://host/database"
DELETED = "deleted "  # a thread's name from when it is deleted until its last document is gone
GONE: dict[str, Any] = {"thread": {"$gte": DELETED, "$lt": after(DELETED)}}
LIVING: dict[str, Any] = {"thread": {"$not": GONE["thread"]}}


class MongoServer:
    """A database of a MongoDB server or replica set."""

    def __init__(self, collections: Collections) -> None:
        self._at = collections
        self.blobs = MongoBlobs(collections)
        self.contents = MongoContents(collections)

    @classmethod
    def at(cls, url: str) -> NetworkedDatabase:
        """The database that a URL names, or raise `InvalidURL`."""
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        try:
            if parts.scheme == "mongodb":  # the other form is looked up in the DNS
                uri_parser.parse_uri(url)
        except (errors.PyMongoError, ValueError) as error:
            raise InvalidURL(f"{where}: {error}. Give {FORMS}.") from error
        return NetworkedDatabase(cls(Collections(url, where)))

    def open(self, key: Encoded) -> Encoded:
        with explained(self._at.where):
            self._at.open()
            keys = self._at.keys
            insert(keys, {"_id": "version", "value": VERSION})
            insert(keys, {"_id": "digest", "type": key.type, "value": key.data})
            refuse_newer(self._at.where, keys.find_one({"_id": "version"})["value"])
            keys.update_one({"_id": "version"}, {"$set": {"value": VERSION}})
            self._at.index()
        return self.contents.key()

    def close(self) -> None:
        self._at.close()

    def threads(self) -> Iterable[str]:
        with explained(self._at.where):
            for found in self._at.threads.find(LIVING):
                yield found["thread_id"]

    def thread(self, thread_id: str) -> Thread | None:
        with explained(self._at.where):
            found = self._thread(thread_id)
        if found is None:
            return None
        shelf = Shelf(thread_id, found["_id"], found["epoch"])
        return Thread(shelf, found["fence"], found["revision"])

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        with explained(self._at.where):
            condemned = set(
                (self._thread(shelf.thread_id) or {}).get("condemned", {}).get("ids", ())
            )
            for found in self._at.elements.find(documents.all_of(shelf.key), {"data": 0}):
                # The number of one that nobody may refer to is taken all the same.
                usable = found["chunk"] == 0 and found["_id"] not in condemned
                yield found["number"], found["digest"] if usable else found["_id"].encode()

    def store(self, change: Change) -> None:
        key = change.shelf.key
        documents.refuse_large(change)
        with explained(self._at.where):
            if change.is_new:
                self._make(change.shelf)
            entry = documents.entry(change, uuid4().hex)
            try:
                if change.elements:
                    # In this order: an element is there when its first piece is: it comes last.
                    insert_all(self._at.elements, documents.pieces(change))
                left = self._commit(change, entry)
            except Moved as error:
                raise (Scattered if change.elements else Moved) from error
            for other in left:
                pending.settle(self._at, key, other, is_mine=other["id"] == entry["id"])

    def find(self, address: Address) -> Found | None:
        with explained(self._at.where):
            thread = self._thread(address.thread_id)
            if thread is None:
                return None
            row = self._row(thread, place(*address[1:]), is_latest=not address.checkpoint_id)
            if row is None:
                return None
            key = thread["_id"]
            writes = {
                found["_id"]: found
                for found in self._at.writes.find(documents.writes_of(key, row["place"]))
            }
        for found in pending.of(thread, "writes"):
            if found["place"] == row["place"]:
                writes.setdefault(found["_id"], found)
        return Found(
            Shelf(address.thread_id, key, thread["epoch"]),
            documents.row(CheckpointRow, row),
            [documents.row(WriteRow, write) for write in writes.values()],
        )

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        with explained(self._at.where):
            for start, count in pairs(spans):
                found = self._at.elements.find(documents.numbered(shelf.key, start, count))
                yield from joined(map(documents.piece, found.sort("_id", pymongo.ASCENDING)))

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        with explained(self._at.where):
            thread = self._thread(shelf.thread_id)
            if thread is None or thread["_id"] != shelf.key:
                return
            for row in self._all(thread, "checkpoints").values():
                yield documents.row(CheckpointRow, row)
            for row in self._all(thread, "writes").values():
                yield documents.row(WriteRow, row)

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        which: dict[str, Any] = LIVING
        if wanted.thread_id is not None:
            which = {"thread": thread_digest(wanted.thread_id)}
        with explained(self._at.where):
            for thread in self._at.threads.find(which):
                for found in self._all(thread, "checkpoints").values():
                    row = documents.row(CheckpointRow, found)
                    if may_match(*row[:2], wanted):
                        yield Address(thread["thread_id"], *row[:2]), row.metadata

    def of_run(self, run_id: str) -> Sequence[Address]:
        with explained(self._at.where):
            threads: dict[int, Document | None] = {}
            addresses = []
            for found in list(self._at.checkpoints.find({"run_id": run_id})):
                key = documents.key_of(found)
                if key not in threads:
                    threads[key] = self._at.threads.find_one({"_id": key})
                thread = threads[key]
                if thread is not None and not thread["thread"].startswith(DELETED):
                    names = found["checkpoint_ns"], found["checkpoint_id"]
                    addresses.append(Address(thread["thread_id"], *names))
        return addresses

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        with explained(self._at.where):
            pending.settle_all(self._at, shelf.key)
            self._at.threads.update_one({"_id": shelf.key}, {"$inc": {"revision": 1}})
            ids = [documents.checkpoint_id(shelf.key, where) for where in places]
            self._at.checkpoints.delete_many({"_id": {"$in": ids}})
            for where in places:
                self._at.writes.delete_many(documents.writes_of(shelf.key, where))

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        key, doomed = thread.shelf.key, set(numbers)
        with explained(self._at.where):
            self._execute(key)
            pieces = [
                found
                for found in self._at.elements.find(documents.all_of(key), {"data": 0})
                if found["number"] in doomed
            ]
            condemned = {
                "ids": [piece["_id"] for piece in pieces],
                # Under another epoch somebody may have stored another one of the same id.
                "epochs": sorted({piece["epoch"] for piece in pieces}),
            }
            found = self._at.threads.update_one(
                _state(thread),
                {"$set": {"epoch": epoch, "condemned": condemned}, "$inc": {"revision": 1}},
            )
            if found.matched_count:
                self._execute(key)

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        with explained(self._at.where):
            thread = self._thread(thread_id)
            if thread is not None:
                which = {"_id": thread["_id"]} if unless_changed is None else _state(unless_changed)
                name = f"{DELETED}{thread['_id']}"
                self._at.threads.update_one(which, {"$set": {"thread": name}})
            # Those too whose deletion was cut off.
            for found in list(self._at.threads.find(GONE)):
                self.blobs.doom_those_of(documents.all_of(found["_id"]))
                for collection in (self._at.checkpoints, self._at.writes, self._at.elements):
                    collection.delete_many(documents.all_of(found["_id"]))
                self._at.threads.delete_one({"_id": found["_id"]})

    def _thread(self, thread_id: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._at.threads.find_one(
            {"thread": thread_digest(thread_id)}
        )
        return found

    def _make(self, shelf: Shelf) -> None:
        thread_id, key, epoch = shelf
        made = {"_id": key, "thread": thread_digest(thread_id), "thread_id": thread_id}
        made |= {"epoch": epoch, "fence": 0, "revision": 0, "pending": []}
        if not insert(self._at.threads, made):
            raise Moved

    def _commit(self, change: Change, entry: Document) -> Sequence[Document]:
        """Take the change, or raise; the entries that are to be settled, its own included."""
        (thread_id, key, epoch), token = change.shelf, change.fence
        which: dict[str, Any] = {"_id": key, "thread": thread_digest(thread_id), "epoch": epoch}
        what: dict[str, Any] = {"$inc": {"revision": 1}, "$push": {"pending": entry}}
        if token is not None:
            which["fence"] = {"$lte": token}
            what["$set"] = {"fence": token}
        found = self._at.threads.find_one_and_update(
            which, what, return_document=pymongo.ReturnDocument.AFTER
        )
        if found is not None:
            return list(found["pending"])
        found = self._at.threads.find_one({"_id": key})
        if found is None:  # deleted: nobody would ever sweep these
            ids = [piece["_id"] for piece in documents.pieces(change)]
            self._at.elements.delete_many({"_id": {"$in": ids}})
        elif found["epoch"] == epoch and token is not None and token < found["fence"]:
            raise LeaseLost(thread_id, token, found["fence"])
        raise Moved

    def _execute(self, key: int) -> None:
        """Delete what is condemned."""
        thread = self._at.threads.find_one({"_id": key}) or {}
        if condemned := thread.get("condemned"):
            which = {"_id": {"$in": condemned["ids"]}, "epoch": {"$in": condemned["epochs"]}}
            self.blobs.doom_those_of(which)
            self._at.elements.delete_many(which)
            self._at.threads.update_one(
                {"_id": key, "epoch": thread["epoch"]}, {"$unset": {"condemned": ""}}
            )

    def _row(self, thread: Document, where: str, *, is_latest: bool) -> dict[str, Any] | None:
        """The row at a place, or the latest of the namespace that is there."""
        if is_latest:
            which = documents.checkpoints_of(thread["_id"], where)
            found = list(self._at.checkpoints.find(which).sort("_id", pymongo.DESCENDING).limit(1))
        else:
            found = list(
                self._at.checkpoints.find({"_id": documents.checkpoint_id(thread["_id"], where)})
            )
        matches = str.startswith if is_latest else str.__eq__
        for row in pending.of(thread, "checkpoints"):
            if matches(row["place"], where):
                found.append(row)
        return max(found, key=lambda row: row["place"], default=None)

    def _all(self, thread: Document, name: str) -> dict[str, dict[str, Any]]:
        collection = {"checkpoints": self._at.checkpoints, "writes": self._at.writes}[name]
        found = {row["_id"]: row for row in pending.of(thread, name)}
        found.update((row["_id"], row) for row in collection.find(documents.all_of(thread["_id"])))
        return found


def _state(thread: Thread) -> dict[str, Any]:
    (thread_id, key, epoch), _, revision = thread
    name = thread_digest(thread_id)
    return {"_id": key, "thread": name, "epoch": epoch, "revision": revision}

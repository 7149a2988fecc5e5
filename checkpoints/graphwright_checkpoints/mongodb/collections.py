"""The collections in MongoDB, what is done with one, and the driver's errors in our words."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import errors

from graphwright_checkpoints.errors import DatabaseUnavailable, ValueNotStored
from graphwright_checkpoints.networked.server import Disconnected, Moved

DATABASE = "graphwright"
SELECTING = 10_000  # milliseconds until a server that does not answer is an error

Document = Mapping[str, Any]


class Collections:
    """A client, and its collections, each of which has documents of one kind."""

    def __init__(self, url: str, where: str) -> None:
        self._url = url
        self.where = where
        """The URL for people, without its password."""
        self._client: Any = None

    def open(self) -> None:
        """Connect."""
        self.close()
        self._client = pymongo.MongoClient(
            self._url, serverSelectionTimeoutMS=SELECTING, w="majority"
        )
        database = self._client.get_default_database(DATABASE)
        self.threads = database["graphwright_threads"]
        self.checkpoints = database["graphwright_checkpoints"]
        self.writes = database["graphwright_writes"]
        self.elements = database["graphwright_elements"]
        self.doomed_blobs = database["graphwright_doomed_blobs"]
        self.keys = database["graphwright_keys"]

    def index(self) -> None:
        """Make the indexes where they are missing."""
        self.threads.create_index("thread", unique=True)
        self.checkpoints.create_index("run_id")
        self.elements.create_index("blob", sparse=True)

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.close()


def insert(collection: Any, document: Document) -> bool:
    """Insert a document unless there is one; whether it was inserted."""
    try:
        collection.insert_one(document)
    except errors.DuplicateKeyError:
        return False
    return True


def insert_all(collection: Any, new: Sequence[Document]) -> None:
    """Insert documents in their order, or raise `Moved` where there is one of them already."""
    try:
        collection.insert_many(new)
    except errors.BulkWriteError as error:
        if all(one["code"] == 11000 for one in error.details["writeErrors"]):
            raise Moved from error  # somebody has these ids
        raise


def put(collection: Any, row: Document, *, replace: bool) -> None:
    """Insert a document; where there is one, replace it or leave it."""
    # Two that insert one document at once: MongoDB tells one of them so, and it replaces it then.
    if not insert(collection, row) and replace:
        collection.replace_one({"_id": row["_id"]}, row)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise the driver's errors as ours, with what to do."""
    try:
        yield
    except errors.DocumentTooLarge as error:
        raise ValueNotStored("checkpoint", f"MongoDB's documents have 16 MB ({error})") from error
    except errors.ConnectionFailure as error:
        raise Disconnected(
            f"{where}: {str(error)[:300]}. See that MongoDB runs and can be reached from here."
        ) from error
    except errors.OperationFailure as error:
        advice = " Put the right user and password into the URL." if error.code == 18 else ""
        raise DatabaseUnavailable(f"{where}: {error.args[0]}.{advice}") from error
    except errors.PyMongoError as error:
        raise DatabaseUnavailable(f"{where}: {error}") from error

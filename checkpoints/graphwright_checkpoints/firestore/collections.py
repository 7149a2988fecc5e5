"""Firestore's client: the collections of checkpoints, and its errors in our words."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import firestore

from graphwright_checkpoints.errors import DatabaseUnavailable
from graphwright_checkpoints.firestore import documents
from graphwright_checkpoints.firestore.documents import Document
from graphwright_checkpoints.networked.rows import after
from graphwright_checkpoints.networked.server import Disconnected, Moved

PREFIX = "graphwright_"
BATCH = 400  # documents of one request
DELETED = 200  # of them, where those of their blobs come beside them
IN = 30  # values of one query
PATIENCE = 15.0  # seconds that a call is tried again when Firestore does not answer
RETRY = Retry(timeout=PATIENCE)

Result = TypeVar("Result")


class Collections:
    """A client for one database of a project. Each collection has documents of one kind."""

    def __init__(self, project: str, database: str, where: str) -> None:
        self._project = project
        self._database = database
        self.where = where
        """The URL."""
        self._client: Any = None

    def open(self) -> None:
        """Connect."""
        self.close()
        self._client = firestore.Client(project=self._project, database=self._database)

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.close()

    def at(self, name: str) -> Any:
        """A collection."""
        return self._client.collection(PREFIX + name)

    def reference(self, document: Document) -> Any:
        """Where a document is, or will be."""
        return self.at(document.collection).document(document.name)

    def get(self, collection: str, name: str) -> dict[str, Any] | None:
        """A document's fields, if there is one."""
        found: dict[str, Any] | None = self.at(collection).document(name).get(retry=RETRY).to_dict()
        return found

    def existing(self, transaction: Any, references: Sequence[Any]) -> set[str]:
        """The names of those documents that there are."""
        if not references:
            return set()
        found = self._client.get_all(references, transaction=transaction)
        return {snapshot.id for snapshot in found if snapshot.exists}

    def create(self, collection: str, name: str, fields: dict[str, Any]) -> None:
        """Store a document unless there is one."""
        with suppress(exceptions.AlreadyExists):
            self.at(collection).document(name).create(fields, retry=RETRY)

    def add(self, some: Sequence[Document]) -> None:
        """Store documents, or raise `Moved` where one of them is there already."""
        try:
            self._commit(lambda batch, each: batch.create(self.reference(each), each.fields), some)
        except exceptions.AlreadyExists as error:
            raise Moved from error

    def transact(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Do something in a transaction, or raise `Moved` where others are in its way."""
        try:
            done: Result = firestore.transactional(do)(self._client.transaction(), self, *arguments)
        except (exceptions.AlreadyExists, exceptions.NotFound, exceptions.Aborted) as error:
            raise Moved from error
        except ValueError as error:  # the driver's, after as many attempts as it makes
            raise Moved from error
        return done

    def all(self, collection: str, **equal: str) -> Iterator[dict[str, Any]]:
        """The documents that have these fields."""
        query = self.at(collection)
        for name, value in equal.items():
            query = query.where(filter=firestore.FieldFilter(name, "==", value))
        for snapshot in query.stream(retry=RETRY):
            yield snapshot.to_dict()

    def range(self, collection: str, start: str, *fields: str) -> Iterator[dict[str, Any]]:
        """All whose place begins like this, in its order."""
        return self.between(collection, start, after(start), *fields)

    def between(
        self, collection: str, start: str, end: str, *fields: str
    ) -> Iterator[dict[str, Any]]:
        """Those whose place is from `start` on and before `end`."""
        query = self.query(collection, start, end).order_by("place")
        if fields:
            query = query.select(fields)
        for snapshot in query.stream(retry=RETRY):
            yield snapshot.to_dict()

    def query(self, collection: str, start: str, end: str) -> Any:
        """A query for a range of places."""
        query = self.at(collection).where(filter=firestore.FieldFilter("place", ">=", start))
        return query.where(filter=firestore.FieldFilter("place", "<", end))

    def having(self, collection: str, name: str, values: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Those of whose fields one has any of these values."""
        for start in range(0, len(values), IN):
            condition = firestore.FieldFilter(name, "in", values[start : start + IN])
            for snapshot in self.at(collection).where(filter=condition).stream(retry=RETRY):
                yield snapshot.to_dict()

    def put(self, some: Sequence[Document]) -> None:
        """Store documents, whatever is there."""
        self._commit(lambda batch, each: batch.set(self.reference(each), each.fields), some)

    def remove(self, some: Sequence[Document]) -> None:
        """Delete documents, if they are there."""
        self._commit(lambda batch, each: batch.delete(self.reference(each)), some)

    def delete(self, collection: str, start: str) -> None:
        """Delete all whose place begins like this, and doom the blobs that they have."""
        query = self.query(collection, start, after(start)).select(["place", "blob"])
        query = query.limit(DELETED)
        while found := list(query.stream(retry=RETRY)):
            batch = self._client.batch()
            for snapshot in found:
                batch.delete(snapshot.reference)
                if blob := snapshot.to_dict().get("blob"):
                    doomed = documents.doomed(blob)
                    batch.set(self.reference(doomed), doomed.fields)
            batch.commit(retry=RETRY)

    def _commit(self, do: Callable[[Any, Document], None], some: Sequence[Document]) -> None:
        for start in range(0, len(some), BATCH):
            batch = self._client.batch()
            for document in some[start : start + BATCH]:
                do(batch, document)
            batch.commit(retry=RETRY)


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Raise the driver's errors as ours, with what to do."""
    try:
        yield
    except GoogleAuthError as error:
        raise DatabaseUnavailable(
            f"{where}: {error} Log in with `gcloud auth application-default login`, or"
            " set GOOGLE_APPLICATION_CREDENTIALS to a service account's file."
        ) from error
    except exceptions.PermissionDenied as error:
        raise DatabaseUnavailable(
            f"{where}: {error.message}. Grant the account the role `roles/datastore.user`"
            " in that project."
        ) from error
    except exceptions.NotFound as error:
        raise DatabaseUnavailable(
            f"{where}: {error.message}. Make the database first, in native mode:"
            " `gcloud firestore databases create`."
        ) from error
    except (exceptions.ServerError, exceptions.RetryError) as error:
        raise Disconnected(
            f"{where}: {error.message}. See that Firestore can be reached from here."
        ) from error
    except exceptions.GoogleAPIError as error:
        raise DatabaseUnavailable(f"{where}: {error}") from error

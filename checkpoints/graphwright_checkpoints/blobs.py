"""A store for large values outside the database, by URL.

The package that speaks to the stores is imported when the first blob moves, so that whoever has
none does not wait for it.
"""

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from graphwright_checkpoints.errors import BlobsUnavailable, InvalidURL

CLASSES = {"file": "LocalStore", "s3": "S3Store", "az": "AzureStore", "gs": "GCSStore"}
FORMS = "file:///folder, s3://bucket/prefix, az://container/prefix or gs://bucket/prefix"
SECRET = re.compile("key|secret|token|password|sas|credential", re.IGNORECASE)

PARALLEL = 16  # blobs that move at the same time
BATCH = 500  # blobs of one listing
MULTIPART = 64_000_000  # bytes above which an upload is sent in parts
SAID = 400  # characters, at most, of what a store said
CLIENT = {"connect_timeout": "5s", "timeout": "2m"}
RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}


class Absent(Exception):
    """The store does not have a blob: its key, and what the store said."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


class BlobStore:
    """Blobs by key. Every call waits: coroutines give theirs to `pool`.

    Credentials come from the environment, by the names that each cloud's own tools use.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme, self._place = parts.scheme, unquote(parts.netloc)
        self._path, self._options = unquote(parts.path), dict(parse_qsl(parts.query))
        if self._scheme not in CLASSES or "@" in parts.netloc:
            raise InvalidURL(
                f"blobs cannot be kept at {self._scheme or '…'}://…: give {FORMS}, without a name"
                " or a password: credentials come from the environment."
            )
        self.name = f"{self._scheme}://{self._place}{self._path}"
        """The URL without its options."""
        if (self._scheme == "file") == bool(self._place):
            raise InvalidURL(
                f"{self.name}: a folder for blobs has three slashes and an absolute path, and"
                f" anything else a bucket's or container's name: {FORMS}."
            )
        if self._scheme == "file" and self._options:
            raise InvalidURL(
                f"{self.name}: a folder has no options; leave out what follows the question mark."
            )
        for option in self._options:
            if SECRET.search(option):
                raise InvalidURL(
                    f"{self.name}: {option} does not belong in a URL, which others may see."
                    " Credentials come from the environment: see docs/blobs.md."
                )

    def open(self) -> None:
        """See that the store is there, or raise `BlobsUnavailable`."""
        self.pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="blobs")
        if self._scheme != "file":
            with self._explaining():
                next(iter(self._api.list(self._store, chunk_size=1)), None)
            return
        try:
            Path(self._path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unavailable(error.strerror or str(error)) from error

    def close(self) -> None:
        """Let go of the threads, once their calls have ended."""
        self.pool.shutdown()

    def put(self, key: str, data: bytes) -> None:
        """Store a blob; it is there as a whole or not at all, and stays when power is lost."""
        with self._explaining():
            self._api.put(self._store, key, data, use_multipart=len(data) > MULTIPART)
            self._flush(key)

    def get(self, key: str) -> bytes:
        """A blob's bytes, or raise `Absent`."""
        with self._explaining(key):
            return bytes(self._api.get(self._store, key).bytes())

    def copy(self, source: str, target: str) -> None:
        """Store a blob once more under another key, or raise `Absent`."""
        with self._explaining(source):
            self._api.copy(self._store, source, target)
            self._flush(target)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete blobs. Those that are gone already are no error."""
        with self._explaining():
            try:
                self._api.delete(self._store, keys)
            except FileNotFoundError:  # a folder stops at the first one that it lacks
                for key in keys:
                    with suppress(FileNotFoundError):
                        self._api.delete(self._store, key)

    def list(self, prefix: str, before: datetime) -> Iterator[list[str]]:
        """The keys of blobs that were stored before a moment, in batches."""
        with self._explaining():
            for batch in self._api.list(self._store, prefix, chunk_size=BATCH):
                yield [blob["path"] for blob in batch if blob["last_modified"] < before]

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The keys of blobs and their bytes."""
        with self._explaining():
            for batch in self._api.list(self._store, prefix, chunk_size=BATCH):
                yield from ((blob["path"], blob["size"]) for blob in batch)

    def delete_unfinished(self, prefix: str, before: datetime) -> None:
        """Delete what uploads into a folder left that were killed before a moment.

        Other stores show nothing of such uploads, and have rules of their own to end them.
        """
        if self._scheme == "file":
            for path in Path(self._path, prefix).rglob("*#*"):
                with suppress(OSError):
                    if path.stat().st_mtime < before.timestamp():
                        path.unlink()

    @cached_property
    def _api(self) -> Any:
        return import_module("obstore")

    @cached_property
    def _store(self) -> Any:
        make = getattr(import_module("obstore.store"), CLASSES[self._scheme])
        if self._scheme == "file":
            return make(self._path, mkdir=True, automatic_cleanup=True)
        # In `config`, because `client_options` would undo what the environment says of the client.
        options = {**CLIENT, **self._options}
        if options.get("endpoint", "").startswith("http://"):
            options["allow_http"] = "true"
        prefix = self._path.strip("/") or None
        return make(self._place, prefix=prefix, config=options, retry_config=RETRIES)

    def _flush(self, key: str) -> None:
        """Wait for the disk to have a folder's blob, whose row may be there in a moment."""
        if self._scheme == "file":
            path = Path(self._path, key)
            places = (path, *path.parents[:2]) if os.name == "posix" else ()
            for place in places:
                flush(place)

    @contextmanager
    def _explaining(self, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if key is None:
                raise self._unavailable(_said(error)) from None
            raise Absent(key, _said(error)) from None
        # Not as the cause: what the package says at length may show a signed address.
        except Exception as error:
            raise self._unavailable(_said(error)) from None

    def _unavailable(self, reason: str) -> BlobsUnavailable:
        return BlobsUnavailable(
            f"{self.name}: {reason}. The store has to be there, and yours to read, write, list and"
            " delete in: see its address, and the credentials in the environment."
        )


def flush(place: Path) -> None:
    """Have a file, or the names in a folder, on the disk before returning."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(error: Exception) -> str:
    """What a store said, without the options of addresses in it and the package's own details."""
    said = re.sub(r"\?[\w-]+=[^\s)>]*", "", str(error).partition("Debug source")[0])
    return " ".join(said.split())[:SAID].rstrip(". ")

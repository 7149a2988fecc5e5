"""Files in a bucket of S3, Azure or Google, by obstore."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store

from graphwright_tools.errors import Failed, TooLarge
from graphwright_tools.files.roots import Entry

SCHEMES: Final = {"s3": S3Store, "az": AzureStore, "gs": GCSStore}
CLIENT: Final = {"connect_timeout": "5s", "timeout": "30s"}
RETRIES: Final = {"max_retries": 2, "retry_timeout": timedelta(seconds=30)}
SAID: Final = 300  # characters, at most, of what a store said


class Bucket:
    """A bucket, or what is below a prefix in it.

    Args:
        url: Options of obstore's may follow it: s3://bucket/folder?region=eu-central-1.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {**CLIENT, **dict(parse_qsl(parts.query))}
        if options.get("endpoint", "").startswith("http://"):
            options["allow_http"] = "true"
        # Each store has options of its own, which come from the URL.
        make: Any = SCHEMES[parts.scheme]
        self._name = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._store: S3Store | AzureStore | GCSStore | MemoryStore = make(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            config=options,
            retry_config=RETRIES,
        )

    def entries(self, folder: str) -> Iterator[Entry]:
        """What is in a folder, its folders first."""
        with self._explaining():
            found = obstore.list_with_delimiter(self._store, folder or None)
        for prefix in sorted(found["common_prefixes"]):
            yield Entry(prefix.rpartition("/")[2], None)
        for item in sorted(found["objects"], key=lambda item: item["path"]):
            yield Entry(item["path"].rpartition("/")[2], item["size"])

    def read(self, path: str, most: int) -> bytes:
        """An object's content."""
        with self._explaining():
            found = obstore.get(self._store, path)
            if found.meta["size"] > most:
                raise TooLarge(
                    f"{path} has {found.meta['size']} bytes; at most {most} can be read."
                )
            return bytes(found.bytes())

    def write(self, path: str, content: bytes) -> bool:
        """Put an object."""
        with self._explaining():
            existed = self._has(path)
            obstore.put(self._store, path, content)
            return existed

    def delete(self, path: str) -> None:
        """Delete an object; the stores themselves don't say whether there was one."""
        with self._explaining():
            obstore.head(self._store, path)
            obstore.delete(self._store, path)

    def _has(self, path: str) -> bool:
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, TooLarge):
            raise
        # Not as the cause: what the package says at length may show a signed address.
        except (obstore.exceptions.BaseError, OSError, ValueError) as error:
            raise Failed(
                f"{self._name} answered: {_said(error)}. Try again later; if it stays so, an "
                "operator must see to the store and its credentials."
            ) from None


def _said(error: Exception) -> str:
    """What a store said, without the options of addresses in it and the package's own details."""
    said = re.sub(r"\?[\w-]+=[^\s)>]*", "", str(error).partition("Debug source")[0])
    return " ".join(said.split())[:SAID].rstrip(". ")

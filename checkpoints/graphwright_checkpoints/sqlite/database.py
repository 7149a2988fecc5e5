"""Checkpoints in one SQLite file."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.database import Placed, Stale
from graphwright_checkpoints.errors import DatabaseUnavailable, InvalidURL
from graphwright_checkpoints.keys import digest_in
from graphwright_checkpoints.records import (
    Address,
    Head,
    New,
    NewCheckpoint,
    Selection,
    StoredCheckpoint,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.sqlite import (
    contents,
    copying,
    deleting,
    outside,
    queries,
    schema,
    shelves,
    storage,
)
from graphwright_checkpoints.sqlite.batches import Batches
from graphwright_checkpoints.sqlite.connection import Transaction
from graphwright_checkpoints.sqlite.file import File
from graphwright_checkpoints.storage import Amount, Outline, Usage
from graphwright_checkpoints.templates import Templates
from graphwright_checkpoints.ticks import Ticks

FORMS = "sqlite:///relative.db, sqlite:////absolute/path.db or sqlite:// (in memory)"
READ_INLINE = 512 * 1024  # bytes of elements; reading more holds the loop for milliseconds
OPTIONS = {"": "NORMAL", "synchronous=normal": "NORMAL", "synchronous=full": "FULL"}
"""`PRAGMA synchronous` by the URL's query."""

PAGE = 500  # rows that one read of an outline takes, so that other readers have their turn

Result = TypeVar("Result")


class SqliteDatabase:
    """A `Database` that threads, event loops and processes may share, any number of each."""

    def __init__(self, path: str, synchronous: str = "NORMAL") -> None:
        self.ticks = Ticks()
        self._path = path
        self._synchronous = synchronous

    @classmethod
    def at(cls, url: str) -> "SqliteDatabase":
        """The database that a URL names, or raise `InvalidURL`."""
        host, _, rest = url.partition("://")[2].partition("/")
        path, _, query = rest.partition("?")
        synchronous = OPTIONS.get(query)
        if host or synchronous is None:
            raise InvalidURL(
                f"{url}: a sqlite URL has three slashes before its path, and no options but"
                f" ?synchronous=full or =normal: {FORMS}."
            )
        return cls(path or ":memory:", synchronous)

    def open(self, serde: SerializerProtocol) -> Codec:
        self._file = File(self._path, self._synchronous)
        # A commit that waits for the disk would hold the loop for as long.
        self._batches = Batches(self._file, self.ticks, inline=self._synchronous == "NORMAL")
        return self._file.open(partial(schema.migrate, serde=serde))

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        return self.open(serde)

    def close(self) -> None:
        self._file.close()

    async def aclose(self) -> None:
        self._file.close()

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return self._file.read(partial(queries.select_checkpoint, address=address, known=known))

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        self._batches.flush(asyncio.get_running_loop())
        work = partial(queries.select_checkpoint, address=address, known=known)
        return await self._file.read_soon(partial(work, limit=READ_INLINE), work)

    def head(self, address: Address) -> Head | None:
        return self._file.read(partial(queries.select_head, address=address))

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return self._file.read(partial(queries.select_addresses, wanted=wanted))

    async def aselect(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        self._batches.flush(asyncio.get_running_loop())
        work = partial(queries.select_addresses, wanted=wanted)
        return await self._file.read_soon(work, work)

    def insert(self, new: New) -> Placed:
        (placed,) = self._file.write(partial(queries.insert, new=[new]))
        return placed

    async def ainsert(self, new: Sequence[New]) -> Sequence[Placed]:
        # LangGraph waits for the last checkpoint before it goes on, and for no writes.
        return await self._batches.write(
            partial(queries.insert, new=new),
            sum([each.size for each in new]),
            urgent=type(new[-1]) is NewCheckpoint,
        )

    def raise_fence(self, thread_id: str, token: int) -> None:
        self._file.write(partial(shelves.open_for, thread_id=thread_id, fence=token))

    async def araise_fence(self, thread_id: str, token: int) -> None:
        await self._batches.write(
            partial(shelves.open_for, thread_id=thread_id, fence=token), size=0
        )

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        self._batches.flush(asyncio.get_running_loop())
        return await asyncio.to_thread(do)

    def copy_thread(self, source: str, target: str, blobs: Mapping[str, str] | None = None) -> None:
        copy = partial(copying.copy_thread, source=source, target=target, blobs=blobs or {})
        try:
            self._file.write(copy)
        except Stale as error:
            if blobs is not None:
                raise
            raise DatabaseUnavailable(
                f"{self._path}: thread {source[:80]!r} has values in a blob store and none is open:"
                " give open_checkpointer its URL as `blobs`."
            ) from error

    def delete_thread(self, thread_id: str) -> None:
        deleting.delete_thread(self._file, thread_id)

    def delete_checkpoints(self, addresses: Iterable[Address]) -> None:
        deleting.delete_checkpoints(self._file, addresses)

    def sweep(self, thread_id: str) -> None:
        deleting.sweep(self._file, thread_id)

    def stored_blobs(self, thread_id: str, digests: Collection[bytes]) -> Collection[str]:
        return self._file.read(partial(outside.select_kept, digests=digests))

    def kept_blobs(self, keys: Collection[str]) -> Collection[str]:
        return self.stored_blobs("", {digest_in(key) for key in keys})

    def blobs_of(self, thread_id: str) -> Collection[str]:
        def work(transaction: Transaction) -> Collection[str]:
            shelf = shelves.find(transaction, thread_id)
            bounds = shelves.bounds(shelf) if shelf else (0, -1)
            return {blob for _, blob in outside.select_between(transaction, *bounds)}

        return self._file.read(work)

    def outside(self, after: object) -> Sequence[tuple[object, str, str]]:
        return self._file.read(partial(outside.select_page, after=after))

    def move_blobs(self, changes: Sequence[tuple[object, str, str, str]]) -> None:
        self._file.write(partial(outside.move, changes=changes))

    def doomed_blobs(self) -> Sequence[str]:
        return self._file.read(outside.select_doomed)

    def forget_blobs(self, keys: Sequence[str]) -> None:
        self._file.write(partial(outside.forget, blobs=keys))

    def of_run(self, run_id: str) -> Sequence[Address]:
        return self._file.read(partial(queries.select_run, run_id=run_id))

    def threads(self, after: str, limit: int) -> Sequence[str]:
        return self._file.read(partial(storage.select_threads, after=after, limit=limit))

    def outline(self, thread_id: str) -> Sequence[Outline]:
        found: list[Outline] = []
        after = ("", "")
        while True:
            page = self._file.read(
                partial(storage.select_outline, thread_id=thread_id, after=after, limit=PAGE)
            )
            found += page
            if len(page) < PAGE:
                return found
            after = page[-1].address[1:]

    def usage(self, thread_id: str) -> Usage:
        return self._file.read(partial(storage.select_usage, thread_id=thread_id))

    def elements(
        self, thread_id: str, without: Collection[Address] = frozenset()
    ) -> Mapping[str, Amount]:
        return self._file.read(
            partial(storage.select_elements, thread_id=thread_id, without=without)
        )

    def pin(self, address: Address, pinned: bool) -> bool:
        return self._file.write(partial(storage.pin, address=address, pinned=pinned))

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        return self._file.read(partial(contents.select, after=after))

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        self._file.write(partial(contents.update, changes=changes))

"""A database whose large elements are outside, in a blob store.

A blob belongs to one element's row. It is written before the transaction that stores the row, and
deleted after the one that deletes it, so that a row's blob is always there. What a crash leaves in
between is a blob without a row: an orphan, which `delete_orphans` finds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TypeVar

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints import blob_upkeep
from graphwright_checkpoints.blobs import Absent, BlobStore
from graphwright_checkpoints.database import BlobRows, Placed, Spent, Stale
from graphwright_checkpoints.errors import BlobMissing, BlobsUnavailable, LeaseLost, ValueNotStored
from graphwright_checkpoints.flights import Flights
from graphwright_checkpoints.keys import Keys, digest_in, names, new_keys
from graphwright_checkpoints.media import TYPE
from graphwright_checkpoints.records import (
    Address,
    Blobs,
    New,
    NewPart,
    StoredCheckpoint,
    StoredElement,
    with_blobs,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.spans import expand
from graphwright_checkpoints.storage import Amount
from graphwright_checkpoints.templates import Templates

LARGE = 256 * 1024  # bytes above which an element goes to the store; media always do
ORPHANED = timedelta(hours=1)  # after which nobody can still be about to store a blob's row
COPIES = 5  # attempts at copying a thread that others write to

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
REFUSED = (Stale, LeaseLost, ValueNotStored)
"""After these a call stores nothing any more; after others nobody knows."""
Large = Mapping[bytes, bytes]
"""Elements that are to be outside: their bytes by digest."""


class OffloadingDatabase:
    """A `Database` over one that has the rows and a store that has the large elements.

    Keys begin with a name of the database's own, so that several may share a store.
    """

    def __init__(self, rows: BlobRows, store: BlobStore, *, large: int = LARGE) -> None:
        self._rows = rows
        self._store = store
        self._large = large
        self._flights = Flights()
        self.ticks = rows.ticks
        # What has to do with no blob is the rows' own affair.
        self.head, self.select, self.aselect = rows.head, rows.select, rows.aselect
        self.raise_fence, self.araise_fence = rows.raise_fence, rows.araise_fence
        self.delete_checkpoints, self.of_run = rows.delete_checkpoints, rows.of_run
        self.threads, self.outline, self.pin = rows.threads, rows.outline, rows.pin
        self.usage, self.elements = rows.usage, rows.elements

    def open(self, serde: SerializerProtocol) -> Codec:
        """Connect to both, and delete the blobs that were left to be deleted."""
        codec = self._rows.open(serde)
        try:
            self._begin(codec)
        except BaseException:
            self._rows.close()
            raise
        return codec

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        """`open`, and be ready for coroutines too."""
        codec = await self._rows.aopen(serde)
        try:
            await asyncio.to_thread(self._begin, codec)
        except BaseException:
            await self._rows.aclose()
            raise
        return codec

    def close(self) -> None:
        """Let go of both."""
        self._store.close()
        self._rows.close()

    async def aclose(self) -> None:
        """Let go of both."""
        await asyncio.to_thread(self._store.close)
        await self._rows.aclose()

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        """The checkpoint at `address`, with the bytes of those elements that are not `known`."""
        for is_last in (False, True):
            stored = self._rows.find(address, known)
            if stored is None or not (keys := stored.outside):
                return stored
            try:
                fetched = self._store.pool.map(partial(self._fetch, stored), keys)
                return stored.filled(dict(zip(keys, fetched, strict=True)))
            except Absent as error:  # gone with its row, or lost
                if is_last:
                    raise self._missing(stored, error) from error
        return None

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        """`find`, for coroutines."""
        for is_last in (False, True):
            stored = await self._rows.afind(address, known)
            if stored is None or not (keys := stored.outside):
                return stored
            try:
                found = await asyncio.gather(
                    *(self._soon(self._fetch, stored, number) for number in keys)
                )
                return stored.filled(dict(zip(keys, found, strict=True)))
            except Absent as error:
                if is_last:
                    raise self._missing(stored, error) from error
        return None

    def insert(self, new: New) -> Placed:
        """Store a checkpoint or a task's writes, after the large elements that they bring."""
        return self._insert(
            new.address.thread_id,
            new.parts,
            lambda blobs: self._rows.insert(with_blobs(new, blobs)),
        )

    async def ainsert(self, new: Sequence[New]) -> Sequence[Placed]:
        """`insert`, for coroutines, of some of one thread in their order."""
        return await self._ainsert(
            new[0].address.thread_id,
            chain.from_iterable(each.parts for each in new),
            lambda blobs: self._rows.ainsert([with_blobs(each, blobs) for each in new]),
        )

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        """Do maintenance off the event loop, after what this loop has under way."""
        return await self._rows.in_thread(do)

    def copy_thread(self, source: str, target: str) -> None:
        """Give `target` all that `source` has, with blobs of its own."""
        copied: dict[str, str] = {}
        reason = ""
        for _ in range(COPIES):
            try:
                self._copy_blobs(source, self._keys.folder(target), copied)
                self._rows.copy_thread(source, target, copied)
                # Elements that nothing refers to are not copied everywhere; their blobs were.
                self._discard(target, copied.values())
                return self.delete_doomed()
            except (Absent, Stale) as error:  # somebody deletes from the source, or adds to it
                reason = str(error)
                if isinstance(error, Spent):
                    self._discard(target, copied.values())
                    copied = {}
        self._discard(target, copied.values())
        raise BlobsUnavailable(
            f"thread {source[:80]!r} could not be copied: it changed all the time, or a blob of it"
            f" is lost ({reason}). Try again when nobody writes to it."
        )

    def _copy_blobs(self, source: str, folder: str, copied: dict[str, str]) -> None:
        """Copy the blobs of a thread that are not copied yet."""
        digests = {digest_in(key): key for key in self._rows.blobs_of(source) if key not in copied}
        copies = {digests[digest]: name for digest, name in new_keys(folder, digests).items()}
        under_way = {
            key: self._store.pool.submit(self._store.copy, key, copies[key]) for key in copies
        }
        wait(under_way.values())
        copied.update((key, copies[key]) for key, copy in under_way.items() if not copy.exception())
        for copy in under_way.values():
            copy.result()

    def delete_thread(self, thread_id: str) -> None:
        """Leave nothing of a thread, and no blob."""
        self._rows.delete_thread(thread_id)
        self.delete_doomed()

    def sweep(self, thread_id: str) -> None:
        """Delete the elements that nothing in the thread refers to, and their blobs."""
        self._rows.sweep(thread_id)
        self.delete_doomed()

    def delete_doomed(self) -> None:
        """Delete the blobs whose rows are gone. Those that cannot be now are left for later."""
        try:
            while keys := self._rows.doomed_blobs():
                self._store.delete(keys)
                self._rows.forget_blobs(keys)
        except BlobsUnavailable as error:
            logger.warning("Blobs of deleted values will be deleted later: %s", error)

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        """One page of what the serializer wrote: first of what is in rows, then of blobs."""
        if not isinstance(after, blob_upkeep.Place) and (page := self._rows.contents(after)):
            return page
        return blob_upkeep.read_page(self._rows, self._store, after)

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        """Store other bytes at some places."""
        outside = [change for change in changes if isinstance(change[0], blob_upkeep.Place)]
        if len(outside) < len(changes):
            self._rows.replace_contents([change for change in changes if change not in outside])
        if outside:
            blob_upkeep.replace(self._rows, self._store, outside)
            self.delete_doomed()

    def delete_orphans(self, older_than: timedelta = ORPHANED) -> int:
        """Delete the blobs that no row refers to, and return how many there were.

        They come from processes that ended between a blob and its row. Younger ones may be about
        to get their row.
        """
        self.delete_doomed()
        before = datetime.now(UTC) - older_than
        return blob_upkeep.delete_orphans(self._rows, self._store, self._keys.database, before)

    def outside_of(self, thread_id: str) -> Amount:
        """What a thread has in the store."""
        folder = self._keys.folder(thread_id)
        return blob_upkeep.amounts(self._store, folder).get(folder, Amount())

    def outside_of_all(self) -> Callable[[str], Amount]:
        """What every thread has in the store, by its id. The store is listed once."""
        found = blob_upkeep.amounts(self._store, self._keys.database)
        return lambda thread_id: found.get(self._keys.folder(thread_id), Amount())

    def _begin(self, codec: Codec) -> None:
        self._codec = codec
        self._keys = Keys(codec.key)
        self._store.open()
        self.delete_doomed()

    def _insert(
        self, thread_id: str, parts: Iterable[NewPart], insert: Callable[[Blobs], Result]
    ) -> Result:
        if not (large := self._large_in(parts)):
            return insert({})
        folder = self._keys.folder(thread_id)
        with self._flights.announce(names(folder, large), on_loop=False) as others:
            for other in others:
                other.result()
            stored = self._stored(thread_id, folder, large)
            while True:
                new = new_keys(folder, large.keys() - stored)
                list(self._store.pool.map(self._store.put, new.values(), map(large.get, new)))
                try:
                    return insert({**dict.fromkeys(stored), **new})
                except REFUSED as error:
                    self._discard(thread_id, new.values())
                    if not _is_for_blobs(error, stored):
                        raise
                    stored = set()

    async def _ainsert(
        self,
        thread_id: str,
        parts: Iterable[NewPart],
        insert: Callable[[Blobs], Awaitable[Result]],
    ) -> Result:
        if not (large := self._large_in(parts)):
            return await insert({})
        folder = self._keys.folder(thread_id)
        with self._flights.announce(names(folder, large), on_loop=True) as others:
            for other in others:
                await asyncio.wrap_future(other)
            stored = await self.in_thread(partial(self._stored, thread_id, folder, large))
            while True:
                new = new_keys(folder, large.keys() - stored)
                await asyncio.gather(
                    *(self._soon(self._store.put, key, large[name]) for name, key in new.items())
                )
                try:
                    return await insert({**dict.fromkeys(stored), **new})
                except REFUSED as error:
                    await self._soon(self._discard, thread_id, new.values())
                    if not _is_for_blobs(error, stored):
                        raise
                    stored = set()

    def _fetch(self, stored: StoredCheckpoint, number: int) -> bytes:
        row = stored.elements[number]
        assert isinstance(row, StoredElement)
        assert row.blob is not None
        data = self._store.get(row.blob)
        content = Encoded(row.content.type, data)
        if not self._codec.is_whole(digest_in(row.blob), row.many, content):
            raise Absent(row.blob, f"the {len(data)} bytes there are not those that were stored")
        return data

    def _large_in(self, parts: Iterable[NewPart]) -> Large:
        return {
            element.digest: data
            for part in parts
            for element in part.elements
            # Read once: another thread may be storing the same element.
            if (data := element.data) is not None
            and (len(data) > self._large or element.type.startswith(TYPE))
        }

    def _stored(self, thread_id: str, folder: str, large: Large) -> set[bytes]:
        """Which of the elements the thread has already, outside."""
        kept = self._rows.stored_blobs(thread_id, large.keys())
        return {digest_in(key) for key in kept if key.startswith(f"{folder}/")}

    def _discard(self, thread_id: str, keys: Collection[str]) -> None:
        blob_upkeep.discard(self._rows, self._store, thread_id, keys)

    def _soon(self, do: Callable[..., Result], *arguments: object) -> Awaitable[Result]:
        return asyncio.get_running_loop().run_in_executor(self._store.pool, do, *arguments)

    def _missing(self, stored: StoredCheckpoint, error: Absent) -> BlobMissing:
        references = chain(stored.references, *(write.references for write in stored.writes))
        (number,) = (number for number, key in stored.outside.items() if key == error.key)
        channel = next(r.channel for r in references if number in expand(r.spans))
        return BlobMissing(
            channel,
            error.key,
            f"is missing from {self._store.name} ({error}). Restore it there, or open the"
            " checkpoints with the `blobs` URL that they were written with",
        )


def _is_for_blobs(error: Exception, stored: Collection[bytes]) -> bool:
    """Whether an insert was refused for its blobs, and may be done with others."""
    return isinstance(error, Spent) or (isinstance(error, Stale) and bool(stored))

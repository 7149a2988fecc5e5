"""One `Database` over any `Server`: what databases on the network have in common."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import TypeVar, cast

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.database import Placed
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import ValueNotRead
from graphwright_checkpoints.networked import contents, copying, rows, storage
from graphwright_checkpoints.networked.calls import ATTEMPTS, Calls, too_busy
from graphwright_checkpoints.networked.inserting import Inserts, change_of, fill_with
from graphwright_checkpoints.networked.reading import Reader, read_elements
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Moved, Server
from graphwright_checkpoints.numbering import NewElement, new_epoch
from graphwright_checkpoints.records import (
    Address,
    Head,
    New,
    Selection,
    StoredCheckpoint,
    decode_references,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.spans import Spans, collect, outside, union
from graphwright_checkpoints.storage import Amount, Outline, Usage
from graphwright_checkpoints.templates import Templates

BATCH = 400  # rows deleted at once; Firestore takes 500

Result = TypeVar("Result")


class NetworkedDatabase:
    """A `BlobRows` on a server, for any number of threads, event loops and processes."""

    ticks = None

    def __init__(self, server: Server) -> None:
        self._server = server
        self._calls = Calls()
        self._inserts = Inserts(server, self._calls)
        self._reader = Reader(server, self._calls, self._inserts.numbering)

    def open(self, serde: SerializerProtocol) -> Codec:
        self._calls.open()
        try:
            return Codec(serde, self._digest_key(serde))
        except BaseException:
            self.close()
            raise

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        return await asyncio.to_thread(self.open, serde)

    def close(self) -> None:
        self._calls.close()
        self._server.close()

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    # Reading

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return self._reader.find(address, known)

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return await self._calls.soon(self.find, address, known)

    def head(self, address: Address) -> Head | None:
        found = self._reader.row(address)
        return found and rows.head(found.shelf, found.row)

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return self._reader.select(wanted)

    async def aselect(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return await self._calls.soon(self.select, wanted)

    def of_run(self, run_id: str) -> Sequence[Address]:
        return self._calls.ask(self._server.of_run, run_id)

    # Writing

    def insert(self, new: New) -> Placed:
        (placed,) = self._insert([new])
        return placed

    async def ainsert(self, new: Sequence[New]) -> Sequence[Placed]:
        return await self._calls.soon(self._insert, new)

    def _insert(self, new: Sequence[New]) -> Sequence[Placed]:
        """Store some of one thread, those under one fence in one transaction."""
        placed: list[Placed] = []
        for fence, group in groupby(new, lambda each: each.fence):
            fill = partial(fill_with, fence, list(group))
            placed += self._inserts.insert(new[0].address.thread_id, fill)[1]
        return placed

    def raise_fence(self, thread_id: str, token: int) -> None:
        self._inserts.insert(thread_id, lambda draft: (change_of(draft, token), None))

    async def araise_fence(self, thread_id: str, token: int) -> None:
        await self._calls.soon(self.raise_fence, thread_id, token)

    # Maintenance

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(do)

    def copy_thread(self, source: str, target: str, blobs: Mapping[str, str] | None = None) -> None:
        # Not as a whole, but from the oldest on: what was cut off can be done again.
        for _ in range(ATTEMPTS):
            thread = self._calls.ask(self._server.thread, source)
            if thread is None or source == target:
                return
            with suppress(Moved):
                return self._copy(thread.shelf, target, blobs)
        raise too_busy(source)

    def _copy(self, shelf: Shelf, target: str, blobs: Mapping[str, str] | None) -> None:
        held = self._calls.ask(lambda: list(self._server.rows(shelf)))
        held = [row for row in held if not storage.is_pin(row)]
        held.sort(key=lambda row: row.checkpoint_id)
        origin = copying.Source(shelf, partial(self._reader.elements, shelf), blobs)
        for fill in copying.changes(held, origin):
            self._inserts.insert(target, fill)

    def delete_thread(self, thread_id: str) -> None:
        with self._inserts.flight(thread_id):
            self._inserts.numbering.forget(thread_id)
            self._calls.change(self._server.delete_thread, thread_id)

    def delete_checkpoints(self, addresses: Iterable[Address]) -> None:
        by_thread: dict[str, list[str]] = {}
        for address in addresses:
            by_thread.setdefault(address.thread_id, []).append(rows.place(*address[1:]))
        for thread_id, places in by_thread.items():
            if (thread := self._calls.ask(self._server.thread, thread_id)) is not None:
                for start in range(0, len(places), BATCH):
                    some = places[start : start + BATCH]
                    self._calls.change(self._server.delete_rows, thread.shelf, some)

    def sweep(self, thread_id: str) -> None:
        while self._sweep_some(thread_id):
            pass
        self._inserts.numbering.forget(thread_id)

    def _sweep_some(self, thread_id: str) -> bool:
        thread = self._calls.ask(self._server.thread, thread_id)
        if thread is None:
            return False
        held = self._calls.ask(lambda: list(self._server.rows(thread.shelf)))
        if not held:
            self._calls.change(self._server.delete_thread, thread_id, thread)
            return True
        used = union(reference.spans for row in held for reference in decode_references(row.refs))
        numbers = self._calls.ask(lambda: [n for n, _ in self._server.digests(thread.shelf)])
        doomed = list(outside(sorted(numbers), used))[:BATCH]
        if doomed:
            self._calls.change(self._server.discard, thread, doomed, new_epoch())
        return bool(doomed)

    # Storage and retention

    def threads(self, after: str, limit: int) -> Sequence[str]:
        found = self._calls.ask(lambda: sorted(self._server.threads()))
        return [thread_id for thread_id in found if thread_id > after][:limit]

    def outline(self, thread_id: str) -> Sequence[Outline]:
        return storage.outline(thread_id, self._rows(thread_id))

    def usage(self, thread_id: str) -> Usage:
        return storage.usage(self._rows(thread_id), self._elements(thread_id))

    def elements(
        self, thread_id: str, without: Collection[Address] = frozenset()
    ) -> Mapping[str, Amount]:
        return storage.by_channel(
            thread_id, self._rows(thread_id), self._elements(thread_id), without
        )

    def pin(self, address: Address, pinned: bool) -> bool:
        if self._reader.row(address) is None:
            return False
        row = storage.pin(address, pinned)
        self._inserts.insert(
            address.thread_id, lambda draft: (change_of(draft, None, writes=[row]), None)
        )
        return True

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        return contents.read_page(self._server, self._calls, after)

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        for change in changes:
            contents.replace(self._server, self._calls, *change)

    # Blobs

    def stored_blobs(self, thread_id: str, digests: Collection[bytes]) -> Collection[str]:
        numbers = self._inserts.known(thread_id).numbers
        wanted = collect(sorted(numbers[digest] for digest in digests if digest in numbers))
        thread = self._calls.ask(self._server.thread, thread_id) if wanted else None
        found = self._read_elements(thread.shelf, wanted) if thread else ()
        return {element.blob for element in found if element.blob is not None}

    def kept_blobs(self, keys: Collection[str]) -> Collection[str]:
        return self._calls.ask(self._server.blobs.kept, keys)

    def blobs_of(self, thread_id: str) -> Collection[str]:
        thread = self._calls.ask(self._server.thread, thread_id)
        if thread is None:
            return ()
        found = contents.elements_outside(self._server, self._calls, thread.shelf)
        return {element.blob for element in found if element.blob is not None}

    def outside(self, after: object) -> Sequence[tuple[object, str, str]]:
        return contents.read_outside(self._server, self._calls, after)

    def move_blobs(self, changes: Sequence[tuple[object, str, str, str]]) -> None:
        for place, old, type_, new in changes:
            shelf, element = contents.element_at(place)
            moved = element._replace(type=type_, blob=new)
            self._calls.change(self._server.contents.replace, shelf, element, moved)
            # Whichever the element does not have: where an answer was lost, it has the new one.
            self._inserts.doom_unused(shelf, {old, new}, [element.number])

    def doomed_blobs(self) -> Sequence[str]:
        return self._calls.ask(self._server.blobs.doomed)

    def forget_blobs(self, keys: Sequence[str]) -> None:
        self._calls.change(self._server.blobs.forget, keys)

    # How

    def _rows(self, thread_id: str) -> Sequence[CheckpointRow | WriteRow]:
        thread = self._calls.ask(self._server.thread, thread_id)
        return self._calls.ask(lambda: list(self._server.rows(thread.shelf))) if thread else ()

    def _elements(self, thread_id: str) -> Sequence[NewElement]:
        thread = self._calls.ask(self._server.thread, thread_id)
        if thread is None:
            return ()
        numbers = self._calls.ask(lambda: [n for n, _ in self._server.digests(thread.shelf)])
        return self._read_elements(thread.shelf, collect(sorted(numbers)))

    def _read_elements(self, shelf: Shelf, spans: Spans) -> Sequence[NewElement]:
        return read_elements(self._server, self._calls, shelf, spans)

    def _digest_key(self, serde: SerializerProtocol) -> bytes:
        made = secrets.token_bytes(32)
        offered = Encoded(*serde.dumps_typed(made))
        kept = self._calls.change(self._server.open, offered)
        try:
            return made if kept == offered else cast(bytes, serde.loads_typed(kept))
        except Exception as error:
            raise ValueNotRead("digest key", f"{error} (stored as {kept.type!r})") from error

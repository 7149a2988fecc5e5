"""One `Database` over any `Server`: what databases on the network have in common.

Drivers are used as they are, without asyncio: a call from a coroutine is done in a thread of the
database's own pool, so that a graph's blocking tools cannot keep checkpoints waiting.
"""

import asyncio
import random
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, TypeVar, cast

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import (
    DatabaseUnavailable,
    NotOffered,
    ValueNotRead,
    ValueNotStored,
)
from graphwright_checkpoints.networked import copying, rows, storage
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Change, Disconnected, Found, Moved, Server
from graphwright_checkpoints.numbering import Draft, Known, NewElement, Numbering, new_epoch
from graphwright_checkpoints.records import (
    Address,
    Head,
    NewCheckpoint,
    NewWrite,
    Reference,
    Selection,
    StoredCheckpoint,
    StoredElement,
    decode_references,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.spans import Spans, collect, outside, union
from graphwright_checkpoints.storage import Amount, Outline, Usage
from graphwright_checkpoints.templates import COPY, Template, Templates

WORKERS = 16  # threads, and so connections, that coroutines share
BATCH = 400  # rows deleted at once; Firestore takes 500
ATTEMPTS = 50  # of an insert; each that fails is another process's that succeeded
PAUSE = 0.005  # seconds between two of them, for a start
FLIGHTS = 64  # locks that a process's threads share

Result = TypeVar("Result")


class NetworkedDatabase:
    """A `Database` on a server, for any number of threads, event loops and processes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._numbering = Numbering()
        # Inserts of one thread one by one: two at once would choose the same numbers.
        self._flights = [threading.Lock() for _ in range(FLIGHTS)]
        self._is_open = False

    def open(self, serde: SerializerProtocol) -> Codec:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="checkpoints")
        self._is_open = True
        try:
            return Codec(serde, self._digest_key(serde))
        except BaseException:
            self.close()
            raise

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        return await asyncio.to_thread(self.open, serde)

    def close(self) -> None:
        self._is_open = False
        self._pool.shutdown()
        self._server.close()

    async def aclose(self) -> None:
        await asyncio.to_thread(self.close)

    # Reading

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        for _ in range(ATTEMPTS):
            found = self._find(address)
            if found is None:
                return None
            with suppress(Moved):
                return self._whole(found, known)
        raise _too_busy(address.thread_id)

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return await self._soon(self.find, address, known)

    def head(self, address: Address) -> Head | None:
        found = self._find(address)
        return found and rows.head(found.shelf, found.row)

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        found = sorted(
            self._call(lambda: list(self._server.addresses(wanted))),
            key=lambda item: (item[0].thread_id, item[0].checkpoint_ns),
        )
        found.sort(key=lambda item: item[0].checkpoint_id, reverse=True)
        if wanted.metadata or wanted.limit is None:
            return found
        return found[: max(wanted.limit, 0)]

    async def aselect(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return await self._soon(self.select, wanted)

    def of_run(self, run_id: str) -> Sequence[Address]:
        return self._call(self._server.of_run, run_id)

    # Writing

    def insert_checkpoint(self, new: NewCheckpoint) -> tuple[Shelf, Sequence[Reference]]:

        def change(draft: Draft) -> tuple[Change, Sequence[Reference]]:
            references = draft.file(new.parts)
            row = rows.of_checkpoint(new, references)
            return _change_of(draft, new.fence, checkpoints=[row]), references

        return self._insert(new.address.thread_id, change)

    async def ainsert_checkpoints(
        self, new: Sequence[NewCheckpoint]
    ) -> Sequence[tuple[Shelf, Sequence[Reference]]]:
        return await self._soon(lambda: [self.insert_checkpoint(each) for each in new])

    def insert_writes(
        self, address: Address, fence: int | None, writes: Sequence[NewWrite]
    ) -> None:

        def change(draft: Draft) -> tuple[Change, None]:
            made = [rows.of_write(address, new, draft.file(new.parts)) for new in writes]
            return _change_of(draft, fence, writes=made), None

        self._insert(address.thread_id, change)

    async def ainsert_writes(
        self, address: Address, fence: int | None, writes: Sequence[NewWrite]
    ) -> None:
        await self._soon(self.insert_writes, address, fence, writes)

    def raise_fence(self, thread_id: str, token: int) -> None:
        self._insert(thread_id, lambda draft: (_change_of(draft, token), None))

    async def araise_fence(self, thread_id: str, token: int) -> None:
        await self._soon(self.raise_fence, thread_id, token)

    # Maintenance

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(do)

    def copy_thread(self, source: str, target: str) -> None:
        # Not as a whole, but from the oldest on: what was cut off can be done again.
        for _ in range(ATTEMPTS):
            thread = self._call(self._server.thread, source)
            if thread is None or source == target:
                return
            with suppress(Moved):
                return self._copy(thread.shelf, target)
        raise _too_busy(source)

    def _copy(self, shelf: Shelf, target: str) -> None:
        held = self._call(lambda: list(self._server.rows(shelf)))
        held = [row for row in held if not storage.is_pin(row)]
        held.sort(key=lambda row: row.checkpoint_id)
        for change in copying.changes(held, partial(self._elements, shelf)):
            self._insert(target, change)

    def delete_thread(self, thread_id: str) -> None:
        with self._flight(thread_id):
            self._numbering.forget(thread_id)
            self._change(self._server.delete_thread, thread_id)

    def delete_checkpoints(self, addresses: Iterable[Address]) -> None:
        by_thread: dict[str, list[str]] = {}
        for address in addresses:
            by_thread.setdefault(address.thread_id, []).append(rows.place(*address[1:]))
        for thread_id, places in by_thread.items():
            if (thread := self._call(self._server.thread, thread_id)) is not None:
                for start in range(0, len(places), BATCH):
                    some = places[start : start + BATCH]
                    self._change(self._server.delete_rows, thread.shelf, some)

    def sweep(self, thread_id: str) -> None:
        while self._sweep_some(thread_id):
            pass
        self._numbering.forget(thread_id)

    def _sweep_some(self, thread_id: str) -> bool:
        thread = self._call(self._server.thread, thread_id)
        if thread is None:
            return False
        held = self._call(lambda: list(self._server.rows(thread.shelf)))
        if not held:
            self._change(self._server.delete_thread, thread_id, thread)
            return True
        used = union(reference.spans for row in held for reference in decode_references(row.refs))
        numbers = self._call(lambda: [number for number, _ in self._server.digests(thread.shelf)])
        doomed = list(outside(sorted(numbers), used))[:BATCH]
        if doomed:
            self._change(self._server.discard, thread, doomed, new_epoch())
        return bool(doomed)

    # Storage and retention

    def threads(self, after: str, limit: int) -> Sequence[str]:
        found = {address.thread_id for address, _ in self.select(Selection())}
        return sorted(thread_id for thread_id in found if thread_id > after)[:limit]

    def outline(self, thread_id: str) -> Sequence[Outline]:
        return storage.outline(thread_id, self._rows(thread_id))

    def usage(self, thread_id: str) -> Usage:
        return storage.usage(self._rows(thread_id), self._all_elements(thread_id))

    def elements(
        self, thread_id: str, without: Collection[Address] = frozenset()
    ) -> Mapping[str, Amount]:
        rows, elements = self._rows(thread_id), self._all_elements(thread_id)
        return storage.by_channel(thread_id, rows, elements, without)

    def pin(self, address: Address, pinned: bool) -> bool:
        if self._find(address) is None:
            return False
        row = storage.pin(address, pinned)
        self._insert(address.thread_id, lambda draft: (_change_of(draft, None, writes=[row]), None))
        return True

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        raise NotOffered("keys cannot be changed on this kind of database")

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        raise NotOffered("keys cannot be changed on this kind of database")

    def _rows(self, thread_id: str) -> Sequence[CheckpointRow | WriteRow]:
        thread = self._call(self._server.thread, thread_id)
        return self._call(lambda: list(self._server.rows(thread.shelf))) if thread else ()

    def _all_elements(self, thread_id: str) -> Sequence[NewElement]:
        thread = self._call(self._server.thread, thread_id)
        if thread is None:
            return ()
        numbers = self._call(lambda: [number for number, _ in self._server.digests(thread.shelf)])
        spans = collect(sorted(numbers))
        return self._call(lambda: list(self._server.elements(thread.shelf, spans)))

    # How

    def _digest_key(self, serde: SerializerProtocol) -> bytes:
        made = secrets.token_bytes(32)
        offered = Encoded(*serde.dumps_typed(made))
        kept = self._change(self._server.open, offered)
        try:
            return made if kept == offered else cast(bytes, serde.loads_typed(kept))
        except Exception as error:
            raise ValueNotRead("digest key", f"{error} (stored as {kept.type!r})") from error

    def _insert(
        self, thread_id: str, change: Callable[[Draft], tuple[Change, Result]]
    ) -> tuple[Shelf, Result]:
        """Store what `change` makes of a draft, on the thread as it is by then."""
        with self._flight(thread_id):
            for attempt in range(ATTEMPTS):
                draft = Draft(self._known(thread_id))
                try:
                    made, result = change(draft)
                    self._call(self._server.store, made)
                except Stale:
                    self._numbering.forget(thread_id)
                    if attempt:  # nothing was taken for granted: the encoder has to look again
                        raise
                except Moved:
                    self._numbering.forget(thread_id)
                    _pause(attempt)
                else:
                    self._numbering.keep(draft)
                    return draft.shelf, result
        raise _too_busy(thread_id)

    def _known(self, thread_id: str) -> Known:
        known = self._numbering.recall(thread_id)
        if known is not None:
            return known
        thread = self._call(self._server.thread, thread_id)
        if thread is None:
            return self._numbering.expect_new(thread_id)
        found = self._call(lambda: list(self._server.digests(thread.shelf)))
        return self._numbering.learn(thread.shelf, found)

    def _find(self, address: Address) -> Found | None:
        found = self._call(self._server.find, address)
        if found is not None:
            self._numbering.saw(found.shelf)
        elif address[1:] == ("", ""):  # most often a thread that begins
            self._numbering.expect_new(address.thread_id)
        return found

    def _whole(self, found: Found, known: Templates) -> StoredCheckpoint:
        """What was found, with its elements; `Moved` if they may be others' by now."""
        refs = chain([found.row.refs], (write.refs for write in found.writes))
        spans = union(reference.spans for data in refs for reference in decode_references(data))
        loaded: dict[int, StoredElement | Template] = {}
        size, missing = 0, []
        for number in chain.from_iterable(spans):
            if (template := known.find(found.shelf, number)) is not None:
                loaded[number] = template
                size += COPY
            else:
                missing.append(number)
        for element in self._elements(found.shelf, collect(missing)) if missing else ():
            content = Encoded(element.type, element.data)
            loaded[element.number] = StoredElement(element.many, content)
            size += len(element.data)
        pending = [row for row in found.writes if not storage.is_pin(row)]
        writes = [rows.write(row) for row in sorted(pending, key=lambda row: row.order)]
        return StoredCheckpoint(*rows.head(found.shelf, found.row), writes, loaded, size)

    def _elements(self, shelf: Shelf, spans: Spans) -> list[NewElement]:
        """Elements of a shelf, or `Moved` if their numbers may have been given to others."""
        found = self._call(lambda: list(self._server.elements(shelf, spans)))
        thread = self._call(self._server.thread, shelf.thread_id)
        if thread is None or thread.shelf != shelf:
            raise Moved
        return found

    def _flight(self, thread_id: str) -> threading.Lock:
        return self._flights[hash(thread_id) % FLIGHTS]

    def _change(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the server for a change that can be asked for again when others are in its way."""
        for attempt in range(ATTEMPTS):
            try:
                return self._call(do, *arguments)
            except Moved:
                _pause(attempt)
        raise DatabaseUnavailable(f"others were in the way of this {ATTEMPTS} times. Try again.")

    def _call(self, do: Callable[..., Result], *arguments: Any) -> Result:
        """Ask the server; once more where the connection broke.

        That is safe even if it had been done: every change names rows by keys of its own, and one
        that finds its own elements or shelf there already is refused and drafted anew.
        """
        if not self._is_open:
            raise DatabaseUnavailable(
                "these checkpoints are closed. Use them inside the `with` block that opened them."
            )
        try:
            try:
                return do(*arguments)
            except Disconnected:
                return do(*arguments)
        except UnicodeEncodeError as error:
            raise ValueNotStored(
                "address", f"a thread id, a namespace or a name is not valid Unicode ({error})"
            ) from error

    async def _soon(self, do: Callable[..., Result], *arguments: Any) -> Result:
        if not self._is_open:
            return self._call(do)  # says so
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(do, *arguments))


def _pause(attempt: int) -> None:
    """Wait a random moment, as whoever is slower would lose every time."""
    time.sleep(random.uniform(0, PAUSE * min(attempt, 10)))


def _too_busy(thread_id: str) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"thread {thread_id[:80]!r}: other processes changed it {ATTEMPTS} times while this one"
        " tried to read or to write it. Let one process at a time run a thread."
    )


def _change_of(
    draft: Draft,
    fence: int | None,
    checkpoints: Sequence[CheckpointRow] = (),
    writes: Sequence[WriteRow] = (),
) -> Change:
    rows.check([*checkpoints, *writes])  # before anything is stored
    is_new = not draft.known.is_stored
    return Change(draft.shelf, is_new, fence, draft.added, checkpoints, writes)

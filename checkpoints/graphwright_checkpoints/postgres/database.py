"""Checkpoints in a Postgres database."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from threading import Lock
from typing import Any, TypeVar

import psycopg
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg.conninfo import conninfo_to_dict

from graphwright_checkpoints.database import Placed, Stale
from graphwright_checkpoints.errors import DatabaseUnavailable, InvalidURL
from graphwright_checkpoints.keys import digest_in
from graphwright_checkpoints.numbering import Numbering
from graphwright_checkpoints.postgres import (
    contents,
    copying,
    deleting,
    failures,
    inserting,
    outside,
    reading,
    schema,
    shelves,
    storage,
)
from graphwright_checkpoints.postgres.flights import CARGO, Flights
from graphwright_checkpoints.postgres.inserting import Group, Insert
from graphwright_checkpoints.postgres.pools import Pools, Work, transaction
from graphwright_checkpoints.records import (
    Address,
    Head,
    New,
    Selection,
    StoredCheckpoint,
)
from graphwright_checkpoints.serialization import Codec, Encoded
from graphwright_checkpoints.storage import Amount, Outline, Usage
from graphwright_checkpoints.templates import Templates

FORMS = "postgresql://user:password@host:5432/database"
LOCKS = 64  # among which the threads of this process are spread
CHECKPOINTS = 100  # deleted in one transaction, with their writes

Result = TypeVar("Result")


class PostgresDatabase:
    """A `Database` that threads, one event loop and any number of processes may share.

    Coroutines of other event loops are served too, in threads.
    """

    ticks = None

    def __init__(self, conninfo: str, place: str) -> None:
        self._conninfo = conninfo
        self._place = place
        self._numbering = Numbering()
        # Two inserts into one thread would choose the same numbers: the second would be refused.
        self._locks = [Lock() for _ in range(LOCKS)]

    @classmethod
    def at(cls, url: str) -> "PostgresDatabase":
        """The database that a URL names, or raise `InvalidURL`."""
        conninfo = f"postgresql://{url.partition('://')[2]}"
        try:
            return cls(conninfo, _place(conninfo_to_dict(conninfo)))
        except psycopg.Error:
            pass
        # Neither the URL nor the driver's error are shown: they may have the password in them.
        raise InvalidURL(
            f"this {url.partition('://')[0]}:// URL cannot be read: give {FORMS}. In a user or a"
            " password, write %40 %2F %3A %25 %23 for @ / : % #."
        )

    def open(self, serde: SerializerProtocol) -> Codec:
        try:
            codec = schema.open_database(self._conninfo, serde)
        except psycopg.Error as error:
            raise failures.explain(self._place, error) from error
        except DatabaseUnavailable as error:
            raise type(error)(f"{self._place}: {error}") from error
        self._pools = Pools(self._conninfo, self._place)
        self._flights = Flights(self._carry)
        self._pools.open()
        return codec

    async def aopen(self, serde: SerializerProtocol) -> Codec:
        codec = await asyncio.to_thread(self.open, serde)
        await self._pools.aopen()
        return codec

    def close(self) -> None:
        self._pools.close()

    async def aclose(self) -> None:
        await self._flights.land()
        await self._pools.aclose()

    def find(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return self._pools.run(partial(reading.find, self._numbering, address, known))

    async def afind(self, address: Address, known: Templates) -> StoredCheckpoint | None:
        return await self._pools.arun(partial(reading.find, self._numbering, address, known))

    def head(self, address: Address) -> Head | None:
        return self._pools.run(partial(reading.find_head, self._numbering, address))

    def select(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return self._pools.run(partial(reading.select_addresses, wanted))

    async def aselect(self, wanted: Selection) -> Sequence[tuple[Address, str]]:
        return await self._pools.arun(partial(reading.select_addresses, wanted))

    def insert(self, new: New) -> Placed:
        placed: Placed
        (placed,) = self._insert([inserting.insert(new)])
        return placed

    async def ainsert(self, new: Sequence[New]) -> Sequence[Placed]:
        return await self._ainsert([inserting.insert(each) for each in new])

    def raise_fence(self, thread_id: str, token: int) -> None:
        self._transact(partial(shelves.lock, self._numbering, thread_id, token))

    async def araise_fence(self, thread_id: str, token: int) -> None:
        work = partial(shelves.lock, self._numbering, thread_id, token)
        await self._pools.arun(lambda: transaction(work()))

    async def in_thread(self, do: Callable[[], Result]) -> Result:
        if self._pools.serve_this_loop():
            await self._flights.land()
        return await asyncio.to_thread(do)

    def copy_thread(self, source: str, target: str, blobs: Mapping[str, str] | None = None) -> None:
        copy = partial(copying.copy_thread, self._numbering, source, target, blobs or {})
        try:
            self._transact(copy)
        except Stale as error:
            if blobs is not None:
                raise
            raise DatabaseUnavailable(
                f"{self._place}: thread {source[:80]!r} has values in a blob store and none is"
                " open: give open_checkpointer its URL as `blobs`."
            ) from error
        finally:
            self._numbering.forget(target)

    def delete_thread(self, thread_id: str) -> None:
        self._transact(partial(deleting.detach, thread_id))
        self._numbering.forget(thread_id)
        while self._transact(deleting.delete_some_detached):
            pass

    def delete_checkpoints(self, addresses: Iterable[Address]) -> None:
        remaining = iter(addresses)
        while batch := list(islice(remaining, CHECKPOINTS)):
            self._transact(partial(deleting.delete_checkpoints, batch))

    def sweep(self, thread_id: str) -> None:
        while self._transact(partial(deleting.sweep_some, thread_id)):
            pass
        self._numbering.forget(thread_id)

    def stored_blobs(self, thread_id: str, digests: Collection[bytes]) -> Collection[str]:
        return self._pools.run(partial(outside.select_kept, digests))

    def kept_blobs(self, keys: Collection[str]) -> Collection[str]:
        return self.stored_blobs("", {digest_in(key) for key in keys})

    def blobs_of(self, thread_id: str) -> Collection[str]:
        return self._pools.run(partial(outside.select_of_thread, thread_id))

    def outside(self, after: object) -> Sequence[tuple[object, str, str]]:
        return self._pools.run(partial(outside.select_page, after))

    def move_blobs(self, changes: Sequence[tuple[object, str, str, str]]) -> None:
        for change in changes:
            self._transact(partial(outside.move, *change))

    def doomed_blobs(self) -> Sequence[str]:
        return self._pools.run(outside.select_doomed)

    def forget_blobs(self, keys: Sequence[str]) -> None:
        self._pools.run(partial(outside.forget, keys))

    def of_run(self, run_id: str) -> Sequence[Address]:
        return self._pools.run(partial(reading.select_run, run_id))

    def threads(self, after: str, limit: int) -> Sequence[str]:
        return self._pools.run(partial(storage.select_threads, after, limit))

    def outline(self, thread_id: str) -> Sequence[Outline]:
        return self._pools.run(partial(storage.select_outline, thread_id))

    def usage(self, thread_id: str) -> Usage:
        return self._pools.run(partial(storage.select_usage, thread_id))

    def elements(
        self, thread_id: str, without: Collection[Address] = frozenset()
    ) -> Mapping[str, Amount]:
        return self._pools.run(partial(storage.select_elements, thread_id, without))

    def pin(self, address: Address, pinned: bool) -> bool:
        return self._transact(partial(storage.pin, address, pinned))

    def contents(self, after: object) -> Sequence[tuple[object, Encoded]]:
        return self._pools.run(partial(contents.select, after))

    def replace_contents(self, changes: Sequence[tuple[object, Encoded, Encoded]]) -> None:
        # One by one: who holds a single row never waits in a circle with those who delete.
        for change in changes:
            self._pools.run(partial(contents.update, *change))

    def _transact(self, work: Callable[[], Work[Result]]) -> Result:
        return self._pools.run(lambda: transaction(work()))

    def _insert(self, inserts: Sequence[Insert]) -> list[Any]:
        self._store([Group(inserts)])
        return [insert.outcome() for insert in inserts]

    async def _ainsert(self, inserts: Sequence[Insert]) -> list[Any]:
        if not self._pools.serve_this_loop():
            return await asyncio.to_thread(self._insert, inserts)
        return await self._flights.insert(inserts)

    async def _carry(self, groups: Sequence[Group], size: int) -> None:
        """Store groups, large ones in a thread: the loop would be held while they are sent."""
        if size > CARGO:
            await asyncio.to_thread(self._store, groups)
            return
        try:
            await self._pools.arun(partial(inserting.store, self._numbering, groups))
        except Exception as error:
            _fail(groups, error)
        self._explain(groups)

    def _store(self, groups: Sequence[Group]) -> None:
        with ExitStack() as stack:
            for number in sorted({hash(group.thread_id) % LOCKS for group in groups}):
                stack.enter_context(self._locks[number])
            try:
                self._pools.run(partial(inserting.store, self._numbering, groups))
            except Exception as error:
                _fail(groups, error)
        self._explain(groups)

    def _explain(self, groups: Sequence[Group]) -> None:
        for group in groups:
            for insert in group.inserts:
                if isinstance(insert.error, failures.KNOWN):
                    insert.error = self._pools.explain(insert.error)


def _fail(groups: Sequence[Group], error: Exception) -> None:
    for group in groups:
        group.fail(error)


def _place(named: Mapping[str, Any]) -> str:
    """The database's URL for people, without its password."""
    user = f"{named['user']}@" if "user" in named else ""
    host = named.get("host") or named.get("hostaddr") or ""
    port = f":{named['port']}" if "port" in named else ""
    return f"postgresql://{user}{host}{port}/{named.get('dbname', '')}"

"""Checkpoints in Redis or Valkey, with no modules.

A thread is up to nine keys with one hash tag, so that a cluster keeps them in one slot, and each
change is one Lua script. Where a run has written is noted in a set of its own, before the change:
what it names may turn out not to be there.

    {thread}:thread     hash: thread_id, key, epoch, fence, revision
    {thread}:places     sorted set of the checkpoints' keys, all with one score
    {thread}:rows       hash: a checkpoint's key -> the packed row
    {thread}:names      sorted set of the writes' keys
    {thread}:writes     hash: a write's key -> the packed row
    {thread}:elements   hash: number -> the packed element
    {thread}:digests    hash: number -> digest
    {thread}:blobs      hash: number -> the key of the blob that has the element's bytes
    {thread}:doomed     set of the keys of blobs to be deleted: it outlives the thread
    run:…               set of the threads that a run has written to
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

import ormsgpack

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import LeaseLost, ValueNotStored
from graphwright_checkpoints.networked.database import NetworkedDatabase
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow, may_match, place
from graphwright_checkpoints.networked.server import (
    VERSION,
    Change,
    Found,
    Moved,
    Thread,
    refuse_newer,
)
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection, decode_references
from graphwright_checkpoints.redis import scripts
from graphwright_checkpoints.redis.blobs import RedisBlobs
from graphwright_checkpoints.redis.contents import RedisContents
from graphwright_checkpoints.redis.link import Link, field_of
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, expand

READ = 200  # elements of one read, so that a long thread does not hold the server up
LARGEST = 512 * 1024 * 1024 - 4096  # bytes; `proto-max-bulk-len`, and room for the rest of the row
TOGETHER = 1_000_000_000  # bytes; `client-query-buffer-limit` is 1 GB
BIAS = 2**63  # makes fencing tokens texts that compare as the numbers do


class RedisServer:
    """A Redis server or cluster, and the prefix of the keys."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.blobs = RedisBlobs(link)
        self.contents = RedisContents(link)

    @classmethod
    def at(cls, url: str) -> NetworkedDatabase:
        """The database that a URL names, or raise `InvalidURL`."""
        return NetworkedDatabase(cls(Link(url)))

    def open(self, key: Encoded) -> Encoded:
        settings = self._link.settings
        with self._link.explained():
            self._link.open()
            client = self._link.client
            client.hsetnx(settings, "version", VERSION)
            client.hsetnx(settings, "digest", ormsgpack.packb(tuple(key)))
            found = int(client.hget(settings, "version"))
            refuse_newer(self._link.where, found, "another prefix (?prefix=name)")
            client.hset(settings, "version", VERSION)
        return self.contents.key()

    def close(self) -> None:
        self._link.close()

    def threads(self) -> Iterable[str]:
        with self._link.explained():
            names = self._link.of_all("thread")
            found = [self._link.client.hget(name, "thread_id") for name in names]
        return [thread_id.decode() for thread_id in found if thread_id is not None]

    def thread(self, thread_id: str) -> Thread | None:
        with self._link.explained():
            found = self._link.client.hmget(
                self._link.key(thread_id, "thread"), "key", "epoch", "fence", "revision"
            )
        if found[0] is None:
            return None
        key, epoch, fence, revision = found
        token = int(fence) - BIAS if fence else 0
        return Thread(Shelf(thread_id, int(key), int(epoch)), token, int(revision))

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        with self._link.explained():
            found = self._link.client.hgetall(self._link.key(shelf.thread_id, "digests"))
        return [(int(number), name) for number, name in found.items()]

    def store(self, change: Change) -> None:
        _refuse_large(change)
        shelf = change.shelf
        with self._link.explained():
            for row in change.checkpoints:
                if row.run_id is not None:
                    self._link.client.sadd(self._link.run(row.run_id), shelf.thread_id)
            outcome, *newest = self._link.do(scripts.STORE, shelf.thread_id, *_arguments(change))
        if outcome == b"moved":
            raise Moved
        if outcome == b"lost":
            raise LeaseLost(shelf.thread_id, change.fence or 0, int(newest[0]) - BIAS)

    def find(self, address: Address) -> Found | None:
        which = "one" if address.checkpoint_id else "latest"
        with self._link.explained():
            found = self._link.do(scripts.FIND, address.thread_id, place(*address[1:]), which)
        if found is None:
            return None
        key, epoch, row, *writes = found
        return Found(
            Shelf(address.thread_id, int(key), int(epoch)),
            CheckpointRow(*ormsgpack.unpackb(row)),
            [WriteRow(*ormsgpack.unpackb(write)) for write in writes],
        )

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        name = self._link.key(shelf.thread_id, "elements")
        remaining = expand(spans)
        while numbers := list(islice(remaining, READ)):
            with self._link.explained():
                found = self._link.client.hmget(name, numbers)
            for number, packed in zip(numbers, found, strict=True):
                if packed is not None:
                    yield NewElement(number, *ormsgpack.unpackb(packed))

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        rows, writes = (self._link.key(shelf.thread_id, part) for part in ("rows", "writes"))
        with self._link.explained():
            checkpoints, writes = self._link.client.hvals(rows), self._link.client.hvals(writes)
        yield from (CheckpointRow(*ormsgpack.unpackb(row)) for row in checkpoints)
        yield from (WriteRow(*ormsgpack.unpackb(row)) for row in writes)

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        threads = self.threads() if wanted.thread_id is None else [wanted.thread_id]
        for thread_id in threads:
            for row in self._checkpoints(thread_id):
                if may_match(*row[:2], wanted):
                    yield Address(thread_id, *row[:2]), row.metadata

    def of_run(self, run_id: str) -> Sequence[Address]:
        with self._link.explained():
            threads = sorted(
                name.decode() for name in self._link.client.smembers(self._link.run(run_id))
            )
        found: list[Address] = []
        for thread_id in threads:
            rows = [row for row in self._checkpoints(thread_id) if row.run_id == run_id]
            found += [Address(thread_id, *row[:2]) for row in rows]
            if not rows:
                self._forget_runs(thread_id, [run_id])
        return found

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        before = self._runs(shelf.thread_id)
        with self._link.explained():
            self._link.do(scripts.DELETE_ROWS, shelf.thread_id, shelf.key, *places)
        self._forget_runs(shelf.thread_id, before - self._runs(shelf.thread_id))

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        self._delete(scripts.DISCARD, thread.shelf.thread_id, *_state(thread), epoch, *numbers)

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        runs = self._runs(thread_id)
        if unless_changed is None:
            self._delete(scripts.DELETE_THREAD, thread_id)
        else:
            self._delete(scripts.DELETE_UNCHANGED, thread_id, *_state(unless_changed))
        self._forget_runs(thread_id, runs)

    def _delete(self, script: str, thread_id: str, *arguments: Any) -> None:
        with self._link.explained():
            doomed = self._link.do(script, thread_id, *arguments)
        if doomed:
            self.blobs.look_into(thread_id)

    def _checkpoints(self, thread_id: str) -> list[CheckpointRow]:
        with self._link.explained():
            packed = self._link.client.hvals(self._link.key(thread_id, "rows"))
        return [CheckpointRow(*ormsgpack.unpackb(row)) for row in packed]

    def _runs(self, thread_id: str) -> set[str]:
        return {row.run_id for row in self._checkpoints(thread_id) if row.run_id is not None}

    def _forget_runs(self, thread_id: str, runs: Iterable[str]) -> None:
        with self._link.explained():
            for run_id in runs:
                self._link.client.srem(self._link.run(run_id), thread_id)


def _refuse_large(change: Change) -> None:
    """Raise `ValueNotStored` for what makes Redis hang up without a word."""
    elements = sorted(change.elements, key=lambda element: -len(element.data))
    if not elements:
        return
    largest = len(elements[0].data)
    if largest > LARGEST or sum(len(element.data) for element in elements) > TOGETHER:
        raise ValueNotStored(
            _channel(change, elements[0].number),
            f"it takes {largest} bytes; Redis takes {LARGEST} as one value and {TOGETHER} in one"
            " call. Keep large values in a blob store: see docs/blobs.md",
        )


def _channel(change: Change, number: int) -> str:
    """The name of the channel that brings an element."""
    rows: Iterable[CheckpointRow | WriteRow] = chain(change.checkpoints, change.writes)
    for row in rows:
        for reference in decode_references(row.refs):
            if number in expand(reference.spans):
                return row.channel if isinstance(row, WriteRow) else reference.channel
    return "checkpoint"


def _arguments(change: Change) -> Iterator[Any]:
    shelf, is_new, fence, elements, checkpoints, writes = change
    token = "" if fence is None else f"{fence + BIAS:020}"
    yield from (shelf.key, shelf.epoch, int(is_new), token, shelf.thread_id if is_new else "")
    yield len(elements)
    for element in elements:
        packed = ormsgpack.packb(element[1:])
        yield from (element.number, element.digest, packed, element.blob or "")
    yield len(checkpoints)
    for row in checkpoints:
        yield from (row.place, ormsgpack.packb(tuple(row)))
    yield len(writes)
    for write in writes:
        yield from (field_of(write), int(write.position < 0), ormsgpack.packb(tuple(write)))


def _state(thread: Thread) -> tuple[int, int, int]:
    return thread.shelf.key, thread.shelf.epoch, thread.revision

"""Checkpoints in Redis or Valkey, with no modules.

A thread is seven keys with one hash tag, so that a cluster keeps them in one slot, and each change
is one Lua script. Where a run has written is noted in a set of its own, before the change: what it
names may turn out not to be there.

    {thread}:thread     hash: thread_id, key, epoch, fence, revision
    {thread}:places     sorted set of the checkpoints' keys, all with one score
    {thread}:rows       hash: a checkpoint's key -> the packed row
    {thread}:names      sorted set of the writes' keys
    {thread}:writes     hash: a write's key -> the packed row
    {thread}:elements   hash: number -> the packed element
    {thread}:digests    hash: number -> digest
    run:…               set of the threads that a run has written to
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import ormsgpack
import redis

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import (
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    LeaseLost,
)
from graphwright_checkpoints.networked.database import NetworkedDatabase
from graphwright_checkpoints.networked.rows import (
    CheckpointRow,
    WriteRow,
    digest,
    may_match,
    place,
    thread_digest,
)
from graphwright_checkpoints.networked.server import (
    VERSION,
    Change,
    Disconnected,
    Found,
    Moved,
    Thread,
)
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection
from graphwright_checkpoints.redis import scripts
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, expand

FORMS = "redis://host:6379/0, rediss://… (TLS), redis+cluster://host:6379; ?prefix=name"
PREFIX = "graphwright"
READ = 200  # elements of one read, so that a long thread does not hold the server up
BIAS = 2**63  # makes fencing tokens texts that compare as the numbers do

Client = redis.Redis | redis.RedisCluster


class RedisServer:
    """A Redis server or cluster, and the prefix of the keys."""

    def __init__(self, url: str, client: type[Client], where: str, prefix: str) -> None:
        self._url = url
        self._kind = client
        self._where = where
        self._prefix = prefix
        self._client: Any = None

    @classmethod
    def at(cls, url: str) -> NetworkedDatabase:
        """The database that a URL names, or raise `InvalidURL`."""
        scheme, _, rest = url.partition("://")
        name, _, driver = scheme.partition("+")
        parts = urlsplit(f"{'rediss' if name == 'rediss' else 'redis'}://{rest}")
        where = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        options = parse_qs(parts.query)
        prefix = options.pop("prefix", [PREFIX])[-1]
        plain = urlunsplit(parts._replace(query=urlencode(options, doseq=True)))
        try:
            kind: Any = {"": redis.Redis, "cluster": redis.RedisCluster}[driver]
            redis.Redis.from_url(plain)  # to see whether it can be read: it does not connect
        except (KeyError, ValueError, TypeError) as error:
            raise InvalidURL(f"{where}: {error}. Give {FORMS}.") from error
        return NetworkedDatabase(cls(plain, kind, where, prefix))

    def open(self, key: Encoded) -> Encoded:
        name = f"{self._prefix}:keys"
        self.close()
        with self._explained():
            client: Any = self._kind.from_url(self._url)
            self._client = client
            self._scripts = {script: client.register_script(script) for script in scripts.ALL}
            client.hsetnx(name, "version", VERSION)
            client.hsetnx(name, "digest", ormsgpack.packb(tuple(key)))
            version, kept = client.hmget(name, "version", "digest")
        if int(version) > VERSION:
            raise DatabaseTooNew(
                f"{self._where}: its checkpoints have schema {int(version)} and this release knows"
                f" up to {VERSION}. Install the release of Graphwright that wrote it, or a newer"
                " one, or give another prefix (?prefix=name)."
            )
        return Encoded(*ormsgpack.unpackb(kept))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def thread(self, thread_id: str) -> Thread | None:
        with self._explained():
            found = self._client.hmget(
                self._keys(thread_id)[0], "key", "epoch", "fence", "revision"
            )
        if found[0] is None:
            return None
        key, epoch, fence, revision = found
        token = int(fence) - BIAS if fence else 0
        return Thread(Shelf(thread_id, int(key), int(epoch)), token, int(revision))

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        with self._explained():
            found = self._client.hgetall(self._keys(shelf.thread_id)[6])
        return [(int(number), name) for number, name in found.items()]

    def store(self, change: Change) -> None:
        shelf = change.shelf
        with self._explained():
            for row in change.checkpoints:
                if row.run_id is not None:
                    self._client.sadd(self._run(row.run_id), shelf.thread_id)
            outcome, *newest = self._do(scripts.STORE, shelf.thread_id, *_arguments(change))
        if outcome == b"moved":
            raise Moved
        if outcome == b"lost":
            raise LeaseLost(shelf.thread_id, change.fence or 0, int(newest[0]) - BIAS)

    def find(self, address: Address) -> Found | None:
        which = "one" if address.checkpoint_id else "latest"
        with self._explained():
            found = self._do(scripts.FIND, address.thread_id, place(*address[1:]), which)
        if found is None:
            return None
        key, epoch, row, *writes = found
        return Found(
            Shelf(address.thread_id, int(key), int(epoch)),
            CheckpointRow(*ormsgpack.unpackb(row)),
            [WriteRow(*ormsgpack.unpackb(write)) for write in writes],
        )

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        name = self._keys(shelf.thread_id)[5]
        remaining = expand(spans)
        while numbers := list(islice(remaining, READ)):
            with self._explained():
                found = self._client.hmget(name, numbers)
            for number, packed in zip(numbers, found, strict=True):
                if packed is not None:
                    yield NewElement(number, *ormsgpack.unpackb(packed))

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        keys = self._keys(shelf.thread_id)
        with self._explained():
            checkpoints, writes = self._client.hvals(keys[2]), self._client.hvals(keys[4])
        yield from (CheckpointRow(*ormsgpack.unpackb(row)) for row in checkpoints)
        yield from (WriteRow(*ormsgpack.unpackb(row)) for row in writes)

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        threads = self._threads() if wanted.thread_id is None else [wanted.thread_id]
        for thread_id in threads:
            for row in self._checkpoints(thread_id):
                if may_match(*row[:2], wanted):
                    yield Address(thread_id, *row[:2]), row.metadata

    def of_run(self, run_id: str) -> Sequence[Address]:
        with self._explained():
            threads = sorted(name.decode() for name in self._client.smembers(self._run(run_id)))
        found: list[Address] = []
        for thread_id in threads:
            rows = [row for row in self._checkpoints(thread_id) if row.run_id == run_id]
            found += [Address(thread_id, *row[:2]) for row in rows]
            if not rows:
                self._forget_runs(thread_id, [run_id])
        return found

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        before = self._runs(shelf.thread_id)
        with self._explained():
            self._do(scripts.DELETE_ROWS, shelf.thread_id, shelf.key, *places)
        self._forget_runs(shelf.thread_id, before - self._runs(shelf.thread_id))

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        with self._explained():
            self._do(scripts.DISCARD, thread.shelf.thread_id, *_state(thread), epoch, *numbers)

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        runs = self._runs(thread_id)
        with self._explained():
            if unless_changed is None:
                self._do(scripts.DELETE_THREAD, thread_id)
            else:
                self._do(scripts.DELETE_UNCHANGED, thread_id, *_state(unless_changed))
        self._forget_runs(thread_id, runs)

    def _do(self, script: str, thread_id: str, *arguments: Any) -> Any:
        return self._scripts[script](keys=self._keys(thread_id), args=arguments)

    def _keys(self, thread_id: str) -> list[str]:
        tag = f"{self._prefix}:{{{thread_digest(thread_id)}}}"
        return [f"{tag}:{part}" for part in scripts.PARTS]

    def _run(self, run_id: str) -> str:
        return f"{self._prefix}:run:{digest(run_id)}"

    def _checkpoints(self, thread_id: str) -> list[CheckpointRow]:
        with self._explained():
            packed = self._client.hvals(self._keys(thread_id)[2])
        return [CheckpointRow(*ormsgpack.unpackb(row)) for row in packed]

    def _runs(self, thread_id: str) -> set[str]:
        return {row.run_id for row in self._checkpoints(thread_id) if row.run_id is not None}

    def _forget_runs(self, thread_id: str, runs: Iterable[str]) -> None:
        with self._explained():
            for run_id in runs:
                self._client.srem(self._run(run_id), thread_id)

    def _threads(self) -> Iterator[str]:
        with self._explained():
            # A prefix may have characters that mean something to MATCH.
            pattern = re.sub(r"([*?\[\]\\])", r"\\\1", self._prefix) + ":{*}:thread"
            names = list(self._client.scan_iter(match=pattern, count=1000))
            found = [self._client.hget(name, "thread_id") for name in names]
        return (thread_id.decode() for thread_id in found if thread_id is not None)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except redis.AuthenticationError as error:
            raise DatabaseUnavailable(
                f"{self._where}: {error}. Put the right user and password into the URL:"
                " redis://user:password@host."
            ) from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise Disconnected(
                f"{self._where}: {error}. See that Redis runs and can be reached from here."
            ) from error
        except redis.OutOfMemoryError as error:
            raise DatabaseUnavailable(
                f"{self._where}: {error} Raise `maxmemory`, or delete threads."
            ) from error
        except redis.RedisError as error:
            raise DatabaseUnavailable(f"{self._where}: {error}") from error


def _arguments(change: Change) -> Iterator[Any]:
    shelf, is_new, fence, elements, checkpoints, writes = change
    token = "" if fence is None else f"{fence + BIAS:020}"
    yield from (shelf.key, shelf.epoch, int(is_new), token, shelf.thread_id if is_new else "")
    yield len(elements)
    for element in elements:
        yield from (element.number, element.digest, ormsgpack.packb(element[1:]))
    yield len(checkpoints)
    for row in checkpoints:
        yield from (row.place, ormsgpack.packb(tuple(row)))
    yield len(writes)
    for write in writes:
        names = hashlib.sha1(write.place.encode(), usedforsecurity=False).hexdigest()
        yield from (names + write.name, int(write.position < 0), ormsgpack.packb(tuple(write)))


def _state(thread: Thread) -> tuple[int, int, int]:
    return thread.shelf.key, thread.shelf.epoch, thread.revision

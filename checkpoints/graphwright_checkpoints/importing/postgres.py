"""The tables of `langgraph-checkpoint-postgres`: a channel's value is a row for each version.

`ShallowPostgresSaver` keeps one checkpoint of a thread and namespace, and no versions.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import psycopg
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.types import TASKS
from psycopg import IsolationLevel

from graphwright_checkpoints.errors import SourceError
from graphwright_checkpoints.importing.source import (
    Size,
    SourceCheckpoint,
    SourceWrite,
    add_sends,
    expects_sends,
)
from graphwright_checkpoints.postgres.failures import one_line
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.serialization import Codec, Encoded

CONNECTING = 30  # seconds
NAMESPACES = 8  # whose newest values are kept in mind

CHECKPOINTS = {"thread_id", "checkpoint_ns", "checkpoint", "metadata"}
BLOBS = {"thread_id", "checkpoint_ns", "channel", "type", "blob"}
WRITES = {"thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "blob"}

ID = "checkpoint ->> 'id'"
COLUMNS = """
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
COUNT_CHECKPOINTS = """
    SELECT count(*),
        coalesce(sum(octet_length(checkpoint::text) + octet_length(metadata::text)), 0)::bigint
    FROM checkpoints WHERE thread_id = %s
"""
COUNT_BLOBS = """
    SELECT coalesce(sum(octet_length(blob)), 0)::bigint FROM checkpoint_blobs WHERE thread_id = %s
"""
COUNT_WRITES = """
    SELECT count(*), count(*) FILTER (WHERE c.thread_id IS NULL),
        coalesce(sum(octet_length(w.blob)), 0)::bigint
    FROM checkpoint_writes w LEFT JOIN checkpoints c
    ON c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns AND c.{id} = w.checkpoint_id
    WHERE w.thread_id = %s
"""
PLACE = "thread_id = %s AND checkpoint_ns = %s"


class Known(NamedTuple):
    """The version of a channel that was read last, and its value, if it has one."""

    version: str
    value: tuple[()] | tuple[Any]


@contextmanager
def opened(url: str, codec: Codec) -> Iterator["PostgresSource"]:
    """The source in the database at `url`."""
    try:
        # Prepared statements would outlive their connection behind pgbouncer.
        link = psycopg.connect(url, connect_timeout=CONNECTING, prepare_threshold=None)
    except psycopg.Error as error:
        raise _explain(error) from error
    with link:
        link.isolation_level = IsolationLevel.REPEATABLE_READ
        link.read_only = True
        yield PostgresSource(link, codec)


class PostgresSource:
    """Reads in one transaction, so that a program that goes on writing changes nothing here."""

    def __init__(self, link: psycopg.Connection[Any], codec: Codec) -> None:
        self._link = link
        self._codec = codec
        self._known: OrderedDict[tuple[str, str], dict[str, Known]] = OrderedDict()
        columns = self._columns("checkpoints")
        if not (
            columns >= CHECKPOINTS
            and self._columns("checkpoint_blobs") >= BLOBS
            and self._columns("checkpoint_writes") >= WRITES
        ):
            raise SourceError(
                "the database has no tables of langgraph-checkpoint-postgres (`checkpoints`,"
                " `checkpoint_blobs`, `checkpoint_writes`) on its search path. Name the database"
                " that PostgresSaver was given; ?options=-csearch_path%3D… chooses a schema."
            )
        self._shallow = "checkpoint_id" not in columns
        self._id = ID if self._shallow else "checkpoint_id"
        self._parent = "NULL" if self._shallow else "parent_checkpoint_id"
        has_path = "task_path" in self._columns("checkpoint_writes")
        self._task_path = "task_path" if has_path else "''"

    def threads(self) -> Sequence[str]:
        """The ids of the threads that have checkpoints, in order."""
        rows = self._rows('SELECT DISTINCT thread_id COLLATE "C" FROM checkpoints ORDER BY 1')
        return [thread_id for (thread_id,) in rows]

    def size(self, thread_id: str) -> Size:
        """How much a thread has."""
        ((checkpoints, held),) = self._rows(COUNT_CHECKPOINTS, thread_id)
        ((blobs,),) = self._rows(COUNT_BLOBS, thread_id)
        ((writes, lost, written),) = self._rows(COUNT_WRITES.format(id=self._id), thread_id)
        return Size(checkpoints, writes - lost, lost, held + blobs + written)

    def addresses(self, thread_id: str) -> Sequence[Address]:
        """Where a thread's checkpoints are, oldest first."""
        rows = self._rows(
            f"SELECT thread_id, checkpoint_ns, {self._id} FROM checkpoints WHERE thread_id = %s",
            thread_id,
        )
        # Sorted here: a database's collation may order digits and letters in its own way.
        return sorted(
            (Address(*row) for row in rows), key=lambda a: (a.checkpoint_id, a.checkpoint_ns)
        )

    def metadata(self, address: Address) -> Mapping[str, Any]:
        """The metadata of a checkpoint."""
        ((found,),) = self._rows(f"SELECT metadata FROM checkpoints WHERE {self._at}", *address)
        return found if isinstance(found, dict) else {}

    def read(self, address: Address) -> SourceCheckpoint:
        """The checkpoint at an address."""
        ((parent_id, body, metadata),) = self._rows(
            f"SELECT {self._parent}, checkpoint, metadata FROM checkpoints WHERE {self._at}",
            *address,
        )
        inline = body.get("channel_values") or {}
        checkpoint = cast(
            Checkpoint,
            {**body, "channel_values": {**inline, **self._blobs(address, body)}},
        )
        if expects_sends(checkpoint, parent_id):
            parent = address._replace(checkpoint_id=parent_id)
            sends = [write.value for write in self._writes(parent, f"AND channel = '{TASKS}'")]
            add_sends(checkpoint, sends)
        return SourceCheckpoint(
            address, parent_id, checkpoint, metadata or {}, self._writes(address)
        )

    @property
    def _at(self) -> str:
        return f"{PLACE} AND {self._id} = %s"

    def _blobs(self, address: Address, body: Mapping[str, Any]) -> dict[str, Any]:
        """The values that are not in the checkpoint itself. Each version is decoded once."""
        known = self._recent(address)
        versions = {name: str(version) for name, version in body["channel_versions"].items()}
        missing = {
            name: version
            for name, version in versions.items()
            if name not in known or known[name].version != version
        }
        known |= {name: Known(version, ()) for name, version in missing.items()}
        for name, type_, data in self._select_blobs(address, missing):
            if type_ != "empty":
                value = self._codec.decode(name, Encoded(type_, data))
                known[name] = Known(missing[name], (value,))
        return {name: value for name in versions for value in known[name].value}

    def _recent(self, address: Address) -> dict[str, Known]:
        place = (address.thread_id, address.checkpoint_ns)
        known = self._known.setdefault(place, {})
        self._known.move_to_end(place)
        while len(self._known) > NAMESPACES:
            self._known.popitem(last=False)
        return known

    def _select_blobs(
        self, address: Address, versions: Mapping[str, str]
    ) -> Sequence[tuple[str, str, bytes]]:
        columns = "channel" if self._shallow else "channel, version"
        arrays = [list(versions), list(versions.values())][: 1 if self._shallow else 2]
        wanted = ", ".join(["%s::text[]"] * len(arrays))
        return self._rows(
            f"SELECT channel, type, blob FROM checkpoint_blobs WHERE {PLACE}"
            f" AND ({columns}) IN (SELECT * FROM unnest({wanted}))",
            *(address.thread_id, address.checkpoint_ns, *arrays),
        )

    def _writes(self, address: Address, condition: str = "") -> list[SourceWrite]:
        rows = self._rows(
            f"SELECT task_id, {self._task_path}, idx, channel, type, blob FROM checkpoint_writes"
            f" WHERE {PLACE} AND checkpoint_id = %s {condition} ORDER BY 2, task_id, idx",
            *address,
        )
        return [
            SourceWrite(task_id, path, idx, name, self._codec.decode(name, Encoded(type_, value)))
            for task_id, path, idx, name, type_, value in rows
        ]

    def _columns(self, table: str) -> set[str]:
        return {name for (name,) in self._rows(COLUMNS, table)}

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            # The bytes of values come as they are, not as text that is twice as long.
            with self._link.cursor(binary=True) as cursor:
                return cursor.execute(statement.encode(), values).fetchall()
        except psycopg.Error as error:
            raise _explain(error) from error


def _explain(error: psycopg.Error) -> SourceError:
    return SourceError(f"the source on Postgres cannot be read: {one_line(str(error))}")

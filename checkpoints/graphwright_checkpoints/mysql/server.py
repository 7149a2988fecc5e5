"""What the saver asks of MySQL, as statements."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from pymysql.cursors import Cursor

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import DatabaseUnavailable, LeaseLost, ValueNotStored
from graphwright_checkpoints.mysql import contents, schema
from graphwright_checkpoints.mysql.blobs import MysqlBlobs
from graphwright_checkpoints.mysql.connections import Connections, parse
from graphwright_checkpoints.networked.database import NetworkedDatabase
from graphwright_checkpoints.networked.pieces import Piece, joined
from graphwright_checkpoints.networked.rows import (
    CheckpointRow,
    WriteRow,
    digest,
    place,
    thread_digest,
)
from graphwright_checkpoints.networked.server import (
    Change,
    Found,
    Moved,
    Thread,
)
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.records import Address, Selection
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import Spans, pairs

SMALLEST = 2 * 1024 * 1024  # bytes of the server's packets
SPANS = 100  # of one statement
BATCH = 500  # rows that one transaction deletes
LOWEST = -(2**63)  # of a fencing token

CHECKPOINT = (
    "checkpoint_ns, checkpoint_id, parent_checkpoint_id, run_id, type, body, metadata, refs"
)
WRITE = "checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, value, refs"
INSERT_THREAD = "INSERT INTO graphwright_threads VALUES (%s, %s, %s, %s, %s, 1)"
# Takes the thread's row lock, which it keeps until the change is committed.
CHANGE_THREAD = """
    UPDATE graphwright_threads SET revision = revision + 1, fence = GREATEST(fence, %s)
    WHERE id = %s AND digest = %s AND epoch = %s AND (%s IS NULL OR fence <= %s)
"""
SELECT_THREAD = "SELECT id, epoch, fence, revision FROM graphwright_threads WHERE digest = %s"
INSERT_CHECKPOINT = f"""
    REPLACE INTO graphwright_checkpoints (thread, place, run, {CHECKPOINT})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
WRITE_VALUES = f"""
    INTO graphwright_writes (thread, place, name, {WRITE})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# A task that runs again repeats its writes, and the first ones count; LangGraph's own writes
# (negative position) replace each other.
KEEP_WRITE = f"INSERT {WRITE_VALUES} ON DUPLICATE KEY UPDATE name = name"
REPLACE_WRITE = f"REPLACE {WRITE_VALUES}"
SELECT_FOUND = f"""
    SELECT id, epoch, place, {CHECKPOINT}
    FROM graphwright_threads JOIN graphwright_checkpoints ON thread = id
    WHERE digest = %s AND
"""
SELECT_ELEMENTS = """
    SELECT number, digest, many, type, data, name, chunk
    FROM graphwright_elements LEFT JOIN graphwright_blobs USING (thread, number, chunk)
    WHERE thread = %s AND ({}) ORDER BY number, chunk
"""
SELECT_ADDRESSES = """
    SELECT thread_id, checkpoint_ns, checkpoint_id, metadata
    FROM graphwright_threads JOIN graphwright_checkpoints ON thread = id
    WHERE digest IS NOT NULL AND {}
"""


class MysqlServer:
    """A database of a MySQL or MariaDB server."""

    def __init__(self, url: str) -> None:
        self._place = parse(url)
        self._connections = Connections(self._place)
        self.blobs = MysqlBlobs(self._connections)
        self.contents = contents.MysqlContents(self._connections)
        self._packet = 0  # bytes

    @classmethod
    def at(cls, url: str) -> NetworkedDatabase:
        """The database that a URL names, or raise `InvalidURL`."""
        return NetworkedDatabase(cls(url))

    def open(self, key: Encoded) -> Encoded:
        with self._connections.transaction() as cursor:
            cursor.execute("SELECT @@max_allowed_packet")
            ((self._packet,),) = cursor.fetchall()
            if self._packet < SMALLEST:
                raise DatabaseUnavailable(
                    f"the server's `max_allowed_packet` is {self._packet}. Set it to at least"
                    f" {SMALLEST}, or better to its default of 16 MB or more."
                )
            return schema.migrate(cursor, key, self._place.shown)

    def close(self) -> None:
        self._connections.close()

    def threads(self) -> Iterable[str]:
        with self._connections.transaction() as cursor:
            cursor.execute("SELECT thread_id FROM graphwright_threads WHERE digest IS NOT NULL")
            return [thread_id for (thread_id,) in cursor.fetchall()]

    def thread(self, thread_id: str) -> Thread | None:
        with self._connections.transaction() as cursor:
            cursor.execute(SELECT_THREAD, (thread_digest(thread_id),))
            row = cursor.fetchone()
        if row is None:
            return None
        key, epoch, fence, revision = row
        return Thread(Shelf(thread_id, key, epoch), fence, revision)

    def digests(self, shelf: Shelf) -> Iterable[tuple[int, bytes]]:
        with self._connections.transaction() as cursor:
            cursor.execute(
                "SELECT number, digest FROM graphwright_elements WHERE thread = %s AND chunk = 0",
                (shelf.key,),
            )
            return list(cursor.fetchall())

    def store(self, change: Change) -> None:
        key = change.shelf.key
        self._refuse_large(change)
        with self._connections.transaction() as cursor:
            _pass(cursor, change)
            contents.insert(cursor, key, change.elements)
            for row in change.checkpoints:
                run = None if row.run_id is None else digest(row.run_id)
                cursor.execute(INSERT_CHECKPOINT, (key, row.place, run, *row))
            for write in change.writes:
                statement = REPLACE_WRITE if write.position < 0 else KEEP_WRITE
                cursor.execute(statement, (key, write.place, write.name, *write))

    def find(self, address: Address) -> Found | None:
        thread, where = thread_digest(address.thread_id), place(*address[1:])
        with self._connections.transaction() as cursor:
            if address.checkpoint_id:
                cursor.execute(f"{SELECT_FOUND} place = %s", (thread, where))
            else:
                cursor.execute(
                    # The byte FF is above all that UTF-8 has.
                    f"{SELECT_FOUND} place >= %s AND place < CONCAT(%s, x'FF')"
                    " ORDER BY place DESC LIMIT 1",
                    (thread, where, where),
                )
            if (row := cursor.fetchone()) is None:
                return None
            key, epoch, found, *checkpoint = row
            cursor.execute(
                f"SELECT {WRITE} FROM graphwright_writes WHERE thread = %s AND place = %s",
                (key, found),
            )
            writes = [WriteRow(*write) for write in cursor.fetchall()]
        return Found(Shelf(address.thread_id, key, epoch), CheckpointRow(*checkpoint), writes)

    def elements(self, shelf: Shelf, spans: Spans) -> Iterator[NewElement]:
        remaining = pairs(spans)
        while batch := list(islice(remaining, SPANS)):
            clause = " OR ".join(["number BETWEEN %s AND %s"] * len(batch))
            ends = [end for start, count in batch for end in (start, start + count - 1)]
            with self._connections.transaction() as cursor:
                cursor.execute(SELECT_ELEMENTS.format(clause), (shelf.key, *ends))
                found = cursor.fetchall()
            pieces = (Piece(NewElement(*row), chunk) for *row, chunk in found)
            for element in joined(pieces):
                yield element._replace(many=bool(element.many))

    def rows(self, shelf: Shelf) -> Iterable[CheckpointRow | WriteRow]:
        with self._connections.transaction() as cursor:
            cursor.execute(
                f"SELECT {CHECKPOINT} FROM graphwright_checkpoints WHERE thread = %s", (shelf.key,)
            )
            checkpoints = [CheckpointRow(*row) for row in cursor.fetchall()]
            cursor.execute(
                f"SELECT {WRITE} FROM graphwright_writes WHERE thread = %s", (shelf.key,)
            )
            return [*checkpoints, *(WriteRow(*row) for row in cursor.fetchall())]

    def addresses(self, wanted: Selection) -> Iterable[tuple[Address, str]]:
        conditions = dict(_conditions(wanted))
        where = " AND ".join(["TRUE", *conditions])
        with self._connections.transaction() as cursor:
            cursor.execute(SELECT_ADDRESSES.format(where), list(conditions.values()))
            return [(Address(*row[:3]), row[3]) for row in cursor.fetchall()]

    def of_run(self, run_id: str) -> Sequence[Address]:
        with self._connections.transaction() as cursor:
            cursor.execute(SELECT_ADDRESSES.format("run = %s"), (digest(run_id),))
            return [Address(*row[:3]) for row in cursor.fetchall()]

    def delete_rows(self, shelf: Shelf, places: Sequence[str]) -> None:
        marks = ", ".join(["%s"] * len(places))
        for table in ("graphwright_checkpoints", "graphwright_writes"):
            with self._connections.transaction() as cursor:
                cursor.execute(
                    f"DELETE FROM {table} WHERE thread = %s AND place IN ({marks})",
                    (shelf.key, *places),
                )

    def discard(self, thread: Thread, numbers: Sequence[int], epoch: int) -> None:
        marks = ", ".join(["%s"] * len(numbers))
        with self._connections.transaction() as cursor:
            changed = cursor.execute(
                "UPDATE graphwright_threads SET epoch = %s, revision = revision + 1"
                " WHERE id = %s AND epoch = %s AND revision = %s AND digest IS NOT NULL",
                (epoch, *thread.shelf[1:], thread.revision),
            )
            if changed:
                cursor.execute(
                    f"DELETE FROM graphwright_elements WHERE thread = %s AND number IN ({marks})",
                    (thread.shelf.key, *numbers),
                )

    def delete_thread(self, thread_id: str, unless_changed: Thread | None = None) -> None:
        revision = unless_changed and unless_changed.revision
        with self._connections.transaction() as cursor:
            cursor.execute(
                "UPDATE graphwright_threads SET digest = NULL"
                " WHERE digest = %s AND (%s IS NULL OR revision = %s)",
                (thread_digest(thread_id), revision, revision),
            )
        # Those too whose deletion was cut off.
        while self._delete_some():
            pass

    def _delete_some(self) -> bool:
        """Delete up to a batch of what is left of deleted threads; whether there was any."""
        with self._connections.transaction() as cursor:
            cursor.execute("SELECT id FROM graphwright_threads WHERE digest IS NULL LIMIT 1")
            if (row := cursor.fetchone()) is None:
                return False
            for table in ("checkpoints", "writes", "elements"):
                statement = f"DELETE FROM graphwright_{table} WHERE thread = %s LIMIT {BATCH}"
                if cursor.execute(statement, row):
                    return True
            cursor.execute("DELETE FROM graphwright_threads WHERE id = %s", row)
            return True

    def _refuse_large(self, change: Change) -> None:
        """Say so where a row would not fit into a packet; elements are cut to fit."""
        parts = [
            *(("checkpoint", len(row.body) + len(row.metadata)) for row in change.checkpoints),
            *((row.channel, len(row.value)) for row in change.writes),
            *([("address", len(change.shelf.thread_id.encode()))] if change.is_new else []),
        ]
        for channel, size in parts:
            # Escaping may double a value, and the statement has other parts.
            if 2 * size + 10_000 > self._packet:
                raise ValueNotStored(
                    channel,
                    f"it takes {size} bytes and the server's `max_allowed_packet` is"
                    f" {self._packet}. Set that to {2 * size + 10_000} or more",
                )


def _pass(cursor: Cursor, change: Change) -> None:
    """Lock the thread, or raise where it is not as the change takes it to be."""
    shelf, token = change.shelf, change.fence
    name = thread_digest(shelf.thread_id)
    if change.is_new:
        values = (shelf.key, name, shelf.thread_id, shelf.epoch, 0 if token is None else token)
        cursor.execute(INSERT_THREAD, values)
        return
    lowest = LOWEST if token is None else token
    if cursor.execute(CHANGE_THREAD, (lowest, shelf.key, name, shelf.epoch, token, token)):
        return
    cursor.execute(SELECT_THREAD, (name,))
    if (row := cursor.fetchone()) is not None and token is not None:
        key, epoch, fence, _ = row
        if (key, epoch) == shelf[1:] and token < fence:
            raise LeaseLost(shelf.thread_id, token, fence)
    raise Moved


def _conditions(wanted: Selection) -> Iterator[tuple[str, Any]]:
    # As bytes, because texts are equal that differ in their trailing spaces.
    if wanted.thread_id is not None:
        yield "digest = %s", thread_digest(wanted.thread_id)
    if wanted.checkpoint_ns is not None:
        yield "CAST(checkpoint_ns AS BINARY) = %s", wanted.checkpoint_ns.encode()
    if wanted.checkpoint_id is not None:
        yield "CAST(checkpoint_id AS BINARY) = %s", wanted.checkpoint_id.encode()
    if wanted.before is not None:
        yield "CAST(checkpoint_id AS BINARY) < %s", wanted.before.encode()

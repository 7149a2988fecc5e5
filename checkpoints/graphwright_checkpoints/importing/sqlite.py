"""The files of `langgraph-checkpoint-sqlite`: a checkpoint is one blob, values and all."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.types import TASKS

from graphwright_checkpoints.errors import SourceError, ValueNotRead
from graphwright_checkpoints.importing.source import (
    Size,
    SourceCheckpoint,
    SourceWrite,
    add_sends,
    expects_sends,
)
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.serialization import Codec, Encoded

PATIENCE = 30.0  # seconds to wait for a program that writes

CHECKPOINTS = {"thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type"}
WRITES = {"thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type"}

PLACE = "thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?"
COUNT_CHECKPOINTS = """
    SELECT count(*), coalesce(sum(length(checkpoint) + coalesce(length(metadata), 0)), 0)
    FROM checkpoints WHERE thread_id = ?
"""
COUNT_WRITES = """
    SELECT count(*), coalesce(sum(lost), 0), coalesce(sum(size), 0) FROM (
        SELECT length(value) AS size, NOT EXISTS (
            SELECT 1 FROM checkpoints c
            WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = w.checkpoint_ns
            AND c.checkpoint_id = w.checkpoint_id
        ) AS lost
        FROM writes w WHERE thread_id = ?
    )
"""


@contextmanager
def opened(path: str, codec: Codec) -> Iterator["SqliteSource"]:
    """The source in the file at `path`, which has to exist."""
    if not Path(path).is_file():
        raise SourceError(f"{path}: there is no such file to import from. Check the path.")
    try:
        link = sqlite3.connect(
            f"{Path(path).absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=PATIENCE,
            isolation_level=None,
        )
    except sqlite3.Error as error:
        raise _explain(path, error) from error
    try:
        yield SqliteSource(path, link, codec)
    finally:
        link.close()


class SqliteSource:
    """Reads in one transaction, so that a program that goes on writing changes nothing here."""

    def __init__(self, path: str, link: sqlite3.Connection, codec: Codec) -> None:
        self._path = path
        self._link = link
        self._codec = codec
        self._rows("BEGIN")
        columns = {table: self._columns(table) for table in ("checkpoints", "writes")}
        if not (columns["checkpoints"] >= CHECKPOINTS and columns["writes"] >= WRITES):
            raise SourceError(_strange(path, columns["checkpoints"]))
        # Files from before it existed were written by one task at a time.
        self._task_path = "task_path" if "task_path" in columns["writes"] else "''"

    def threads(self) -> Sequence[str]:
        """The ids of the threads that have checkpoints, in order."""
        rows = self._rows("SELECT DISTINCT thread_id FROM checkpoints ORDER BY thread_id")
        return [thread_id for (thread_id,) in rows]

    def size(self, thread_id: str) -> Size:
        """How much a thread has."""
        ((checkpoints, held),) = self._rows(COUNT_CHECKPOINTS, thread_id)
        ((writes, lost, written),) = self._rows(COUNT_WRITES, thread_id)
        return Size(checkpoints, writes - lost, lost, held + written)

    def addresses(self, thread_id: str) -> Sequence[Address]:
        """Where a thread's checkpoints are, oldest first."""
        rows = self._rows(
            "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints"
            " WHERE thread_id = ? ORDER BY checkpoint_id, checkpoint_ns",
            thread_id,
        )
        return [Address(*row) for row in rows]

    def metadata(self, address: Address) -> Mapping[str, Any]:
        """The metadata of a checkpoint."""
        ((text,),) = self._rows(f"SELECT metadata FROM checkpoints WHERE {PLACE}", *address)
        return _metadata(text)

    def read(self, address: Address) -> SourceCheckpoint:
        """The checkpoint at an address."""
        ((parent_id, type_, data, metadata),) = self._rows(
            "SELECT parent_checkpoint_id, type, checkpoint, metadata"
            f" FROM checkpoints WHERE {PLACE}",
            *address,
        )
        decoded = self._codec.decode("checkpoint", Encoded(type_, data))
        checkpoint = cast(Checkpoint, decoded)
        if expects_sends(checkpoint, parent_id):
            parent = address._replace(checkpoint_id=parent_id)
            sends = [write.value for write in self._writes(parent, f"AND channel = '{TASKS}'")]
            add_sends(checkpoint, sends)
        return SourceCheckpoint(
            address, parent_id, checkpoint, _metadata(metadata), self._writes(address)
        )

    def _writes(self, address: Address, condition: str = "") -> list[SourceWrite]:
        rows = self._rows(
            f"SELECT task_id, {self._task_path} AS path, idx, channel, type, value"
            f" FROM writes WHERE {PLACE} {condition} ORDER BY path, task_id, idx",
            *address,
        )
        return [
            SourceWrite(task_id, path, idx, name, self._codec.decode(name, Encoded(type_, value)))
            for task_id, path, idx, name, type_, value in rows
        ]

    def _columns(self, table: str) -> set[str]:
        return {name for (name,) in self._rows(f"SELECT name FROM pragma_table_info('{table}')")}

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._link.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _explain(self._path, error) from error


def _metadata(text: bytes | str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError as error:
        raise ValueNotRead("metadata", f"it is not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ValueNotRead("metadata", "it is not a JSON object")
    return found


def _explain(path: str, error: sqlite3.Error) -> SourceError:
    return SourceError(
        f"{path}: {error}. The file has to be a SQLite database, and yours to read;"
        " if it is in use, its folder has to be yours to write."
    )


def _strange(path: str, found: set[str]) -> str:
    if "body" in found:
        return f"{path}: these are Graphwright's own checkpoints. Use the file as it is."
    return (
        f"{path}: it has no tables of langgraph-checkpoint-sqlite (`checkpoints` and `writes`)."
        " Name the file that SqliteSaver or AsyncSqliteSaver was given."
    )

"""The tables, and how a database of an older release becomes one of this release.

`PRAGMA user_version` counts the migrations that a file has had.
"""

import secrets
import sqlite3
from typing import cast

from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.errors import DatabaseTooNew, ValueNotRead
from graphwright_checkpoints.serialization import Codec
from graphwright_checkpoints.sqlite import version_1
from graphwright_checkpoints.sqlite.connection import Transaction

VERSION = 3

TABLES = (
    # `thread_id` is NULL from the moment a thread is deleted until its last row is gone.
    """
    CREATE TABLE checkpoint_threads (
        key INTEGER PRIMARY KEY,
        thread_id TEXT UNIQUE,
        epoch INTEGER NOT NULL,
        fence INTEGER NOT NULL
    )
    """,
    # `refs` are references to elements; with `body` they make the checkpoint's values.
    """
    CREATE TABLE checkpoints (
        thread INTEGER NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        parent_checkpoint_id TEXT,
        run_id TEXT,
        type TEXT NOT NULL,
        body BLOB NOT NULL,
        metadata TEXT NOT NULL,
        refs BLOB,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id)
    )
    """,
    "CREATE INDEX checkpoints_run ON checkpoints (run_id) WHERE run_id IS NOT NULL",
    # Large values are elements, so that these rows are small enough to live in their index.
    """
    CREATE TABLE checkpoint_writes (
        thread INTEGER NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        task_id TEXT NOT NULL,
        idx INTEGER NOT NULL,
        task_path TEXT NOT NULL,
        channel TEXT NOT NULL,
        type TEXT NOT NULL,
        value BLOB NOT NULL,
        refs BLOB,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id, task_id, idx)
    ) WITHOUT ROWID
    """,
    # `id` is the thread's key in the upper half and the element's number in the lower 32 bits.
    """
    CREATE TABLE checkpoint_elements (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        many INTEGER NOT NULL,
        type TEXT NOT NULL,
        data BLOB NOT NULL
    )
    """,
    "CREATE INDEX checkpoint_elements_digest ON checkpoint_elements (digest)",
    "CREATE TABLE checkpoint_keys (name TEXT PRIMARY KEY, type TEXT NOT NULL, value BLOB NOT NULL)",
)
"""Those of version 2."""

PINS = """
    CREATE TABLE checkpoint_pins (
        thread INTEGER NOT NULL,
        checkpoint_ns TEXT NOT NULL,
        checkpoint_id TEXT NOT NULL,
        PRIMARY KEY (thread, checkpoint_ns, checkpoint_id)
    ) WITHOUT ROWID
"""
"""Checkpoints that retention keeps; since version 3."""

# Since version 3. `blob` is the key of the blob that has an element's bytes. Whoever deletes the
# element dooms its blob, which is deleted once the transaction is committed.
BLOBS = (
    "ALTER TABLE checkpoint_elements ADD COLUMN blob TEXT",
    "CREATE TABLE checkpoint_doomed_blobs (blob TEXT PRIMARY KEY) WITHOUT ROWID",
    """
    CREATE TRIGGER checkpoint_elements_blob AFTER DELETE ON checkpoint_elements
    WHEN old.blob IS NOT NULL
    BEGIN INSERT OR IGNORE INTO checkpoint_doomed_blobs VALUES (old.blob); END
    """,
)


def version(link: sqlite3.Connection) -> int:
    """How many migrations the database has had."""
    found: int = link.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(transaction: Transaction, serde: SerializerProtocol) -> Codec:
    """Bring the database to this release, and return the codec that reads and writes it."""
    found = version(transaction.link)
    if found > VERSION:
        raise DatabaseTooNew(
            f"its checkpoints have schema {found} and this release knows up to {VERSION}."
            " Install the release of Graphwright that wrote it, or a newer one."
        )
    if found == 1:
        version_1.set_aside(transaction)
    if found < VERSION:
        for statement in (*(TABLES if found < 2 else ()), PINS, *BLOBS):
            transaction.execute(statement)
        transaction.execute(f"PRAGMA user_version = {VERSION}")
    codec = Codec(serde, _digest_key(transaction, serde))
    if found == 1:
        version_1.convert(transaction, Encoder(codec))
    return codec


def _digest_key(transaction: Transaction, serde: SerializerProtocol) -> bytes:
    row = transaction.execute(
        "SELECT type, value FROM checkpoint_keys WHERE name = 'digest'"
    ).fetchone()
    if row is not None:
        try:
            return cast(bytes, serde.loads_typed(row))
        except Exception as error:
            raise ValueNotRead("digest key", f"{error} (stored as {row[0]!r})") from error
    key = secrets.token_bytes(32)
    transaction.execute(
        "INSERT INTO checkpoint_keys VALUES ('digest', ?, ?)", serde.dumps_typed(key)
    )
    return key

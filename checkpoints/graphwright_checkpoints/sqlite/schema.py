"""The tables, and how a database of an older release becomes one of this release.

`PRAGMA user_version` counts the migrations that a file has had.
"""

import sqlite3

from graphwright_checkpoints.errors import DatabaseTooNew

# Never edit a migration that was released: append one. A version column has no type on purpose,
# because LangGraph's versions may be str, int or float and must come back as they were.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE checkpoints (
            thread_id TEXT NOT NULL,
            checkpoint_ns TEXT NOT NULL,
            checkpoint_id TEXT NOT NULL,
            parent_checkpoint_id TEXT,
            run_id TEXT,
            type TEXT NOT NULL,
            checkpoint BLOB NOT NULL,
            metadata TEXT NOT NULL,
            PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
        )
        """,
        "CREATE INDEX checkpoints_run ON checkpoints (run_id) WHERE run_id IS NOT NULL",
        """
        CREATE TABLE blobs (
            thread_id TEXT NOT NULL,
            checkpoint_ns TEXT NOT NULL,
            channel TEXT NOT NULL,
            version NOT NULL,
            type TEXT NOT NULL,
            blob BLOB NOT NULL,
            PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
        )
        """,
        """
        CREATE TABLE writes (
            thread_id TEXT NOT NULL,
            checkpoint_ns TEXT NOT NULL,
            checkpoint_id TEXT NOT NULL,
            task_id TEXT NOT NULL,
            idx INTEGER NOT NULL,
            task_path TEXT NOT NULL,
            channel TEXT NOT NULL,
            type TEXT NOT NULL,
            blob BLOB NOT NULL,
            PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
        )
        """,
    ),
)


def version(link: sqlite3.Connection) -> int:
    """How many migrations the database has had."""
    found: int = link.execute("PRAGMA user_version").fetchone()[0]
    return found


def migrate(link: sqlite3.Connection) -> None:
    """Bring the database to this release. Call it inside a write transaction."""
    found = version(link)
    if found > len(MIGRATIONS):
        raise DatabaseTooNew(
            f"its checkpoints have schema {found} and this release knows up to {len(MIGRATIONS)}."
            " Install the release of Graphwright that wrote it, or a newer one."
        )
    for number, statements in enumerate(MIGRATIONS[found:], found + 1):
        for statement in statements:
            link.execute(statement)
        link.execute(f"PRAGMA user_version = {number}")

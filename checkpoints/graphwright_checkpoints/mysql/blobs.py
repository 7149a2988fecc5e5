"""The keys of blobs in MySQL.

A key refers to its element's row by a foreign key. When the row is deleted, MySQL itself empties
the reference, and that is what makes a key a doomed one.
"""

from collections.abc import Collection, Iterable, Sequence

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.mysql.connections import Connections

BATCH = 500  # keys

INSERT = "INSERT INTO graphwright_blobs VALUES (%s, %s, %s, 0)"
SELECT_NUMBERS = "SELECT number FROM graphwright_blobs WHERE thread = %s"
SELECT_KEPT = """
    SELECT name FROM graphwright_blobs WHERE thread IS NOT NULL AND name IN %s
"""
DOOM = "INSERT IGNORE INTO graphwright_blobs (name) VALUES (%s)"
SELECT_DOOMED = "SELECT name FROM graphwright_blobs WHERE thread IS NULL LIMIT %s"
FORGET = "DELETE FROM graphwright_blobs WHERE name = %s AND thread IS NULL"


class MysqlBlobs:
    """The keys in one database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def numbers(self, shelf: Shelf) -> Iterable[int]:
        with self._connections.transaction() as cursor:
            cursor.execute(SELECT_NUMBERS, (shelf.key,))
            return [number for (number,) in cursor.fetchall()]

    def kept(self, keys: Collection[str]) -> Collection[str]:
        found: set[str] = set()
        asked = list(keys)
        with self._connections.transaction() as cursor:
            for start in range(0, len(asked), BATCH):
                cursor.execute(SELECT_KEPT, (asked[start : start + BATCH],))
                found.update(name for (name,) in cursor.fetchall())
        return found

    def doom(self, shelf: Shelf, keys: Collection[str]) -> None:
        with self._connections.transaction() as cursor:
            cursor.executemany(DOOM, [(key,) for key in keys])

    def doomed(self) -> Sequence[str]:
        with self._connections.transaction() as cursor:
            cursor.execute(SELECT_DOOMED, (BATCH,))
            return [name for (name,) in cursor.fetchall()]

    def forget(self, keys: Collection[str]) -> None:
        with self._connections.transaction() as cursor:
            cursor.executemany(FORGET, [(key,) for key in keys])

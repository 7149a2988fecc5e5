"""What a serializer wrote, in MySQL, to be written with another key."""

import hashlib
from collections.abc import Sequence
from typing import Any

from pymysql.cursors import Cursor

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.mysql import blobs
from graphwright_checkpoints.mysql.connections import Connections
from graphwright_checkpoints.mysql.schema import KEY
from graphwright_checkpoints.networked.pieces import cut
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Content
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.serialization import Encoded

CHUNK = 512 * 1024  # bytes of one row; escaping may double them

# The old bytes by their hash: a large value goes over the network once.
UPDATE_KEY = f"""
    UPDATE graphwright_keys SET type = %s, value = %s
    WHERE name = '{KEY}' AND type = %s AND SHA2(value, 256) = %s
"""
UPDATE_CHECKPOINT = """
    UPDATE graphwright_checkpoints SET type = %s, body = %s
    WHERE type = %s AND SHA2(body, 256) = %s AND thread = %s AND place = %s
"""
UPDATE_WRITE = """
    UPDATE graphwright_writes SET type = %s, value = %s
    WHERE type = %s AND SHA2(value, 256) = %s AND thread = %s AND place = %s AND name = %s
"""
LOCK_ELEMENT = """
    SELECT type, data FROM graphwright_elements WHERE thread = %s AND number = %s
    ORDER BY chunk FOR UPDATE
"""
DELETE_ELEMENT = "DELETE FROM graphwright_elements WHERE thread = %s AND number = %s"
INSERT_ELEMENT = "INSERT INTO graphwright_elements VALUES (%s, %s, %s, %s, %s, %s, %s)"
LOCK_BLOB = """
    SELECT name FROM graphwright_blobs WHERE thread = %s AND number = %s AND name = %s FOR UPDATE
"""


def insert(cursor: Cursor, key: int, elements: Sequence[NewElement]) -> None:
    """Store elements, in several rows where they are large, and the keys of their blobs."""
    rows: list[tuple[Any, ...]] = [
        (key, piece.number, chunk, piece.digest, piece.many, piece.type, piece.data)
        for element in elements
        for piece, chunk, *_ in cut(element, CHUNK)
    ]
    cursor.executemany(INSERT_ELEMENT, rows)
    named = [(each.blob, key, each.number) for each in elements if each.blob is not None]
    if named:
        cursor.executemany(blobs.INSERT, named)


class MysqlContents:
    """The values in one database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def key(self) -> Encoded:
        with self._connections.transaction() as cursor:
            cursor.execute("SELECT type, value FROM graphwright_keys WHERE name = %s", (KEY,))
            (found,) = cursor.fetchall()
        return Encoded(*found)

    def replace_key(self, old: Encoded, new: Encoded) -> None:
        with self._connections.transaction() as cursor:
            cursor.execute(UPDATE_KEY, (*new, old.type, _hash(old.data)))

    def replace(self, shelf: Shelf, old: Content, new: Content) -> None:
        with self._connections.transaction() as cursor:
            if isinstance(old, NewElement) and isinstance(new, NewElement):
                _replace_element(cursor, shelf.key, old, new)
            elif isinstance(old, CheckpointRow) and isinstance(new, CheckpointRow):
                known = (old.type, _hash(old.body), shelf.key, old.place)
                cursor.execute(UPDATE_CHECKPOINT, (new.type, new.body, *known))
            elif isinstance(old, WriteRow) and isinstance(new, WriteRow):
                known = (old.type, _hash(old.value), shelf.key, old.place)
                cursor.execute(UPDATE_WRITE, (new.type, new.value, *known, old.name))


def _replace_element(cursor: Cursor, key: int, old: NewElement, new: NewElement) -> None:
    cursor.execute(LOCK_ELEMENT, (key, old.number))
    pieces = cursor.fetchall()
    is_there = b"".join(data for _, data in pieces) == old.data and {old.type} == {
        type_ for type_, _ in pieces
    }
    if is_there and old.blob is not None:
        is_there = bool(cursor.execute(LOCK_BLOB, (key, old.number, old.blob)))
    if is_there:  # its blob is doomed by this, if it has one
        cursor.execute(DELETE_ELEMENT, (key, old.number))
        insert(cursor, key, [new])


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

"""What a serializer wrote, in Redis, to be written with another key.

A packed row is replaced if it is the very one that was read.
"""

from typing import Any

import ormsgpack

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Content
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.redis import scripts
from graphwright_checkpoints.redis.link import Link, field_of
from graphwright_checkpoints.serialization import Encoded

REPLACE_KEY = """
if redis.call('HGET', KEYS[1], 'digest') ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'digest', ARGV[2])
"""


class RedisContents:
    """The values under one prefix."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def key(self) -> Encoded:
        with self._link.explained():
            packed = self._link.client.hget(self._link.settings, "digest")
        return Encoded(*ormsgpack.unpackb(packed))

    def replace_key(self, old: Encoded, new: Encoded) -> None:
        packed = (ormsgpack.packb(tuple(each)) for each in (old, new))
        with self._link.explained():
            self._link.client.eval(REPLACE_KEY, 1, self._link.settings, *packed)

    def replace(self, shelf: Shelf, old: Content, new: Content) -> None:
        part, field = _place(old)
        name = self._link.key(shelf.thread_id, part)
        blob = new.blob if isinstance(new, NewElement) and new.blob else ""
        with self._link.explained():
            packed = self._link.client.hget(name, field)
            if packed is None or _unpacked(old, packed) != old:
                return
            hash_ = scripts.PARTS.index(part) + 1  # Lua counts from one
            self._link.do(
                scripts.REPLACE, shelf.thread_id, hash_, field, packed, _packed(new), blob
            )


def _place(content: Content) -> tuple[str, str | int]:
    """The hash that has a row or an element, and its field there."""
    if isinstance(content, NewElement):
        return "elements", content.number
    if isinstance(content, CheckpointRow):
        return "rows", content.place
    return "writes", field_of(content)


def _packed(content: Content) -> bytes:
    row: tuple[Any, ...] = content
    return ormsgpack.packb(row[1:] if isinstance(content, NewElement) else tuple(row))


def _unpacked(like: Content, packed: bytes) -> Content:
    row = ormsgpack.unpackb(packed)
    if isinstance(like, NewElement):
        return NewElement(like.number, *row)
    return (CheckpointRow if isinstance(like, CheckpointRow) else WriteRow)(*row)

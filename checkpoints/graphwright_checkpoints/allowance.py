"""How much may be encoded on an event loop, before a thread has to do it."""

from collections.abc import Iterable
from typing import Any, cast

CONTAINERS = {list, tuple, dict}


class TakesLong(Exception):
    """There is more to encode than was allowed: encode again, in a thread."""


class Allowance:
    """Bytes that may be encoded; any number where there is no limit."""

    __slots__ = ("_left",)

    def __init__(self, limit: int | None) -> None:
        self._left = limit

    def look_at(self, value: Any) -> None:
        """Raise `TakesLong` for a value that is too large, before it is encoded."""
        if self._left is not None and bulk(value, self._left) > self._left:
            raise TakesLong

    def take(self, size: int) -> None:
        """Count what was encoded, or raise `TakesLong` where it is enough."""
        if self._left is not None:
            self._left -= size
            if self._left < 0:
                raise TakesLong


def bulk(value: Any, limit: int) -> int:
    """Bytes of text and data that any value holds, about. Beyond `limit` it is only known to be
    more. Far quicker than encoding, as text is not looked at.
    """
    if type(value) is str or type(value) is bytes:
        return len(value)
    inner = _inside(value)
    if inner is None:
        return int(getattr(value, "nbytes", 9))  # of arrays
    size = 9
    for part in inner:
        if size > limit:
            break
        # Most of a message is text, or nothing.
        kind = type(part)
        if kind is str:
            size += len(part)
        elif part is not None and (kind not in CONTAINERS or part):
            size += bulk(part, limit - size)
    return size


def _inside(value: Any) -> Iterable[Any] | None:
    kind = type(value)
    if kind is list or kind is tuple:
        return cast(Iterable[Any], value)
    if kind is dict:
        return cast(Iterable[Any], value.values())
    fields = getattr(value, "__dict__", None)
    return None if fields is None else fields.values()

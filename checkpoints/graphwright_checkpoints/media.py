"""Base64 media in messages, to be stored as the bytes that they stand for.

An image in a message is a long string: behind "data:image/png;base64," in one provider's blocks, by
itself in another's. So it is told by what it is and not by its key: any long base64 in a message,
or in plain dicts and lists. What would not come back as the very same text stays where it is.
"""

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage

SMALL = 4096  # bytes; smaller media stay in their message
TYPE = "media:"
"""What the stored type of media begins with."""

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MARK = ";base64,"
HEADER = 256  # characters, at most, of a data URL before its data
WINDOW = SMALL // 2  # bytes; any media that count have a whole window
SAMPLE = 64  # bytes of a window that are looked at first

Path = Sequence[str | int]
"""Attributes, keys and positions that lead from a value to a string in it."""


class Medium(NamedTuple):
    """One piece of media, and where it was."""

    path: Path
    data: bytes


def is_likely(data: bytes) -> bool:
    """Whether a serialized value may hold media: quick, and right when it says no."""
    if len(data) < SMALL:
        return False
    return any(
        not data[start : start + SAMPLE].translate(None, ALPHABET)
        and not data[start : start + WINDOW].translate(None, ALPHABET)
        for start in range(0, len(data) - WINDOW + 1, WINDOW)
    )


def take_out(value: Any) -> tuple[Any, list[Medium]]:
    """A copy of `value` without its media, and the media. `value` stays as it is."""
    found: list[Medium] = []
    try:
        return _without(value, (), found), found
    except RecursionError:
        return value, []


def put_back(value: Any, media: Iterable[Medium]) -> Any:
    """What `take_out` was given; `value` is changed in place where that is possible."""
    for path, data in media:
        text = b2a_base64(data, newline=False).decode()
        if not path:
            return value + text
        holder = _inside(value)
        for step in path[:-1]:
            holder = _inside(holder[step])
        holder[path[-1]] += text
    return value


def _inside(value: Any) -> Any:
    # Past the validators, which have seen the message when it was made.
    return vars(value) if isinstance(value, BaseMessage) else value


def _without(value: Any, path: tuple[str | int, ...], found: list[Medium]) -> Any:
    kind = type(value)
    if kind is str:
        return _header(value, path, found)
    if kind is list:
        inner = [_without(item, (*path, place), found) for place, item in enumerate(value)]
        return (
            inner if any(new is not old for new, old in zip(inner, value, strict=True)) else value
        )
    if kind is dict:
        changed = _changed(value, path, found)
        return {**value, **changed} if changed else value
    if isinstance(value, BaseMessage):
        return _message(value, path, found)
    return value


def _message(value: BaseMessage, path: tuple[str | int, ...], found: list[Medium]) -> BaseMessage:
    if not (changed := _changed(vars(value), path, found)):
        return value
    copy = value.model_copy()
    vars(copy).update(changed)
    return copy


def _changed(
    values: dict[Any, Any], path: tuple[str | int, ...], found: list[Medium]
) -> dict[str, Any]:
    pairs = [
        (key, inner, _without(inner, (*path, key), found))
        for key, inner in values.items()
        if type(key) is str
    ]
    return {key: new for key, old, new in pairs if new is not old}


def _header(text: str, path: tuple[str | int, ...], found: list[Medium]) -> str:
    """What stays of a string: all of it, or what comes before its media."""
    if len(text) < SMALL:
        return text
    start = text.find(MARK, 0, HEADER) + len(MARK) if text.startswith("data:") else 0
    if start == len(MARK) - 1:  # not found
        return text
    encoded = text[start:]
    if not start and "/" not in encoded and "+" not in encoded:
        return text  # a long word: one in 32 characters of media is one of these
    try:
        data = a2b_base64(encoded, strict_mode=True)
    except (Error, ValueError):
        return text
    if len(data) < SMALL or b2a_base64(data, newline=False).decode() != encoded:
        return text
    found.append(Medium(path, data))
    return text[:start]

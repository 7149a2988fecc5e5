"""Which parts of a value become elements, and how a value is put together again.

Small plain values stay where they are. A list becomes elements, one by one; a dict gives away its
large entries; anything else that is large becomes one element.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import chain
from typing import Any, NamedTuple

from langgraph.checkpoint.serde.types import _DeltaSnapshot

from graphwright_checkpoints.snapshots import is_model

SMALL = 256  # bytes, about: what a row of its own costs more than
PACK = 1024  # bytes, about: small neighbours in a list share an element until they reach this
UNKNOWN = 1 << 60  # bytes: of values whose size is seen only once they are encoded

CONTAINERS = {dict, list, tuple}
SCALARS = {type(None): 1, bool: 1, float: 9}
"""Bytes that a scalar takes, by its exact type: subclasses have forms of their own."""


class Form(IntEnum):
    """What the elements of a part make together. Stored: never renumber."""

    VALUE = 0
    LIST = 1
    SNAPSHOT = 2
    """A list in a `DeltaChannel`'s snapshot."""


class Pack(list[Any]):
    """Small neighbours in a list, to be stored as one element."""


class Part(NamedTuple):
    """A part that was taken out of a value, at a path of at most one key."""

    path: tuple[str, ...]
    form: Form
    pieces: list[Any]
    """The value of each element, or its values as a `Pack`."""


def split(value: Any) -> tuple[Any, list[Part]]:
    """What stays of a large value, and the parts to store as elements."""
    if type(value) is list:
        return None, [Part((), Form.LIST, pieces(value))]
    if type(value) is _DeltaSnapshot and type(value.value) is list:
        return None, [Part((), Form.SNAPSHOT, pieces(value.value))]
    if type(value) is dict:
        return _split_dict(value)
    return None, [Part((), Form.VALUE, [value])]


def _split_dict(value: dict[Any, Any]) -> tuple[Any, list[Part]]:
    rest: dict[Any, Any] = {}
    parts: list[Part] = []
    for key, inner in value.items():
        if type(key) is str and weight(inner) > SMALL:
            rest[key] = None  # keeps the entry's place in the order
            parts.append(_part_at(key, inner))
        else:
            rest[key] = inner
    if weight(rest) <= SMALL:
        return rest, parts
    return None, [Part((), Form.VALUE, [rest]), *parts]


def _part_at(key: str, value: Any) -> Part:
    if type(value) is list:
        return Part((key,), Form.LIST, pieces(value))
    return Part((key,), Form.VALUE, [value])


def pieces(values: list[Any]) -> list[Any]:
    """A list's elements: each model and each large value by itself, small neighbours together.

    Packs are filled from the start, so that appending changes the last one alone.
    """
    # Long lists are made of models.
    return values.copy() if all(map(is_model, values)) else list(_pack(values))


def _pack(values: list[Any]) -> Iterator[Any]:
    small = Pack()
    size = 0
    for value in values:
        added = UNKNOWN if is_model(value) else weight(value, PACK)
        if added < PACK:
            small.append(value)
            size += added
        if small and (added >= PACK or size >= PACK):
            yield small
            small, size = Pack(), 0
        if added >= PACK:
            yield value
    if small:
        yield small


def weight(value: Any, limit: int = SMALL) -> int:
    """Bytes that a plain value takes, about. Beyond `limit` it is only known to be more."""
    kind = type(value)
    if kind is str or kind is bytes:
        return len(value) + 3
    if (size := SCALARS.get(kind)) is not None:
        return size
    if kind not in CONTAINERS:
        is_int = kind is int and -(2**63) <= value < 2**63  # others: refused, by channel's name
        return 9 if is_int else UNKNOWN
    return _total(chain.from_iterable(value.items()) if kind is dict else value, limit)


def _total(values: Iterable[Any], limit: int) -> int:
    size = 3
    if size > limit:  # however deep it is nested beyond
        return UNKNOWN
    for value in values:
        size += weight(value, limit - size)
        if size > limit:
            break
    return size


def join(kept: Any, parts: Iterable[tuple[tuple[str, ...], Form, list[Any]]]) -> Any:
    """The value that `split` was given. A part of form VALUE has one value in its list."""
    for path, form, values in parts:
        part: Any = values[0] if form is Form.VALUE else values
        if form is Form.SNAPSHOT:
            part = _DeltaSnapshot(part)
        if path:
            kept[path[0]] = part
        else:
            kept = part
    return kept

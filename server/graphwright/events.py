"""The events of a run, and their bytes.

An event is encoded once, where it happens, to the lines that a server-sent event consists of:

    event: values\r\n
    data: {"messages":[]}\r\n

Everything downstream (log, readers, framing) passes these bytes on. The last event of every run is
`end`; its data is the run's result, and it stays inside the service: the Agent Server API ends a
stream by closing it.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel

END = "end"

Status = Literal["success", "error", "interrupted"]


class Outcome(NamedTuple):
    """How a run ended. `values` is the final state as JSON; `error` has the keys `error` and
    `message`.
    """

    status: Status
    values: bytes = b"null"
    error: dict[str, str] | None = None


class Event(NamedTuple):
    """One event in a run's log. Ids count from 1, without gaps."""

    id: int
    data: bytes


def encode(name: str, value: Any) -> bytes:
    """The bytes of one event."""
    return encoded(name, to_json(value))


def encoded(name: str, data: bytes) -> bytes:
    """The bytes of one event whose data is JSON already."""
    return b"event: %b\r\ndata: %b\r\n" % (name.encode(), data)


def end(outcome: Outcome) -> bytes:
    """The event that closes a run's log; its data is what waiting for the run answers."""
    if outcome.error is not None:
        return encode(END, {"__error__": outcome.error})
    return encoded(END, outcome.values)


def name_of(event: bytes) -> str:
    """`values` of `event: values`, with its namespace."""
    return event[7 : event.index(b"\r\n")].decode()


def data_of(event: bytes) -> bytes:
    """The JSON of an event."""
    start = event.index(b"\r\n") + 8
    return event[start:-2]


def selects(modes: Sequence[str]) -> Callable[[bytes], bool]:
    """Tells which events a reader of these stream modes sees."""
    wanted = {"messages" if mode == "messages-tuple" else mode for mode in modes}
    wanted |= {"metadata", "error", END}

    def select(event: bytes) -> bool:
        return name_of(event).split("|", 1)[0].split("/", 1)[0] in wanted

    return select


def to_json(value: Any) -> bytes:
    """JSON as the Agent Server API writes it: messages and models as objects, NaN as null, whatever
    else as text.
    """
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:
        return _lenient_json(value)


def _lenient_json(value: Any) -> bytes:
    """What orjson's fast path refuses: keys that are no strings, wide integers, lone surrogates."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        text = json.dumps(_stringly(value), default=_plain)
        return text.encode()


def _stringly(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _stringly(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_stringly(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | None):
        return value
    return _stringly(_plain(value))


def _key(key: Any) -> str:
    # Other than None and booleans, what JSON can say is spelled there as in Python.
    return json.dumps(key) if key is None or isinstance(key, bool) else str(key)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)

"""Half characters, which no UTF-8 can hold.

LangGraph's serializer writes a question mark for a lone surrogate and says nothing. They come from
text that was cut between the halves of an emoji.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel


def find(value: Any, path: str) -> str | None:
    """The path of the first string with a lone surrogate: "messages[3].content", for instance."""
    if isinstance(value, str):
        return None if value.isascii() or _is_whole(value) else path
    for step, inner in _inside(value):
        if (found := find(inner, path + step)) is not None:
            return found
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"[key {key!a}]", key
            yield f"[{key!r}]", inner
    elif isinstance(value, list | tuple | set | frozenset):
        for position, inner in enumerate(value):
            yield f"[{position}]", inner
    else:
        for name, inner in _attributes(value).items():
            yield f".{name}", inner


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
    else:  # of a snapshot and of a Send
        names = ["value", "node", "arg"] if hasattr(value, "__slots__") else []
    found = {name: getattr(value, name, None) for name in names}
    return {name: inner for name, inner in found.items() if inner is not None}

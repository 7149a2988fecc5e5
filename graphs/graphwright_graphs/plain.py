"""The state as plain data, which is what conditions and templates see of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

_SCALARS = (str, bool, int, float, type(None))
FIELDS: Final[Mapping[str, Callable[[BaseMessage], Any]]] = {
    "type": lambda message: message.type,
    "content": lambda message: str(message.text),
    "name": lambda message: message.name or "",
    "id": lambda message: message.id or "",
    "tool_calls": lambda message: getattr(message, "tool_calls", []),
    "status": lambda message: getattr(message, "status", ""),
}
NO_MESSAGE = {"type": "", "content": "", "name": "", "id": "", "tool_calls": [], "status": ""}


def plain(value: Any) -> Any:
    """A value as JSON has it; a message as the fields that conditions know."""
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, BaseMessage):
        return fields_of(value, FIELDS)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return plain(value.model_dump()) if isinstance(value, BaseModel) else str(value)


def fields_of(message: BaseMessage, fields: Iterable[str]) -> dict[str, Any]:
    """Some fields of a message, as conditions know them."""
    return {field: plain(FIELDS[field](message)) for field in fields}

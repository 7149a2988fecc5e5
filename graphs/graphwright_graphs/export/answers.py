"""What exported Python brings along to ask people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from langgraph.types import interrupt
from pydantic import TypeAdapter, ValidationError

from graphwright_graphs.approval import UnclearAnswer
from graphwright_graphs.problems import shown

T = TypeVar("T")


def answer_to(request: dict[str, Any], read: Callable[[Any], T]) -> T:
    """What a person says to a request, asked until `read` can make something of it."""
    again = request
    while True:
        answer: Any = interrupt(again)
        try:
            return read(answer)
        except UnclearAnswer as error:
            again = {**request, "error": str(error)}


def fitted(answer: Any, kind: Any, expected: str) -> Any:
    """An answer as a value of a type; people may have typed a number."""
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError:
        raise UnclearAnswer(f"{shown(answer)} is no answer: {expected} is needed") from None


def said(answer: Any) -> str:
    """An answer as the text of a message."""
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)

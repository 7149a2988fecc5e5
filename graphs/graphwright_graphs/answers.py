"""Answers of people: asked for until something can be made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from langgraph.types import interrupt
from pydantic import TypeAdapter, ValidationError

from graphwright_graphs.approval import UnclearAnswer
from graphwright_graphs.problems import shown
from graphwright_graphs.values import misfit

T = TypeVar("T")


def answer_to(request: dict[str, Any], read: Callable[[Any], T]) -> T:
    """What a person says to a request, asked until `read` can make something of it.

    `read` raises UnclearAnswer for what it can't read; the request is made again with that `error`.
    """
    again = request
    while True:
        answer: Any = interrupt(again)
        try:
            return read(answer)
        except UnclearAnswer as error:
            # Failing here would keep the useless answer: LangGraph replays it on every retry.
            again = {**request, "error": str(error)}


def typed(answer: Any, kind: Any, expected: str) -> Any:
    """An answer as a value of a type; people may have typed a number. Raises UnclearAnswer."""
    try:
        return TypeAdapter(kind).validate_python(answer)
    except ValidationError:
        raise UnclearAnswer(f"{shown(answer)} is no answer: {expected} is needed") from None


def fitting(answer: Any, schema: Mapping[str, Any]) -> Any:
    """An answer that fits a JSON Schema. Raises UnclearAnswer."""
    if expected := misfit(answer, schema):
        raise UnclearAnswer(f"{shown(answer)} is no answer: {expected} is needed")
    return answer


def said(answer: Any) -> str:
    """An answer as the text of a message."""
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)

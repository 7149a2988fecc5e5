"""Structured output that is checked, and repaired once by telling the model what was wrong.

Models get a JSON Schema, never a Pydantic class: with a class, some clients validate by themselves
and raise, so that nothing could be repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable

from graphwright_graphs.nodes.node import Call

T = TypeVar("T")

_REPAIR = "That was not in the form I need: {error}\nAnswer again, in the form of the schema."


def ask(
    model: Runnable[Any, Any], messages: Sequence[BaseMessage], check: Callable[[Any], T]
) -> Generator[Call, Any, T | None]:
    """Ask a model bound by `with_schema`, at most twice; None when neither answer was valid.

    `check` makes the value from the parsed JSON, or raises ValueError for one that will not do.
    """
    # The faulty answer is not sent back: a tool call without its result is refused by providers.
    error: object = None
    for _ in range(2):
        repair = [HumanMessage(_REPAIR.format(error=error))] if error else []
        answer = yield Call(model, [*messages, *repair])
        try:
            return check(_parsed(answer))
        except ValueError as invalid:
            error = invalid
    return None


def _parsed(answer: Mapping[str, Any]) -> Any:
    if answer["parsing_error"] is not None:
        raise ValueError(str(answer["parsing_error"]))
    if answer["parsed"] is None:
        raise ValueError("no structured answer was given")
    return answer["parsed"]

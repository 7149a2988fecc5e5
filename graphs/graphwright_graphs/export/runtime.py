"""Small functions that exported Python brings along where it needs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig

from graphwright_graphs.nodes.structured import CUT_OFF, REPAIR, is_cut_off, parsed

T = TypeVar("T")


def last(items: Sequence[Any]) -> Any:
    """The last item, None where there is none."""
    return items[-1] if items else None


def quotient(left: float, right: float) -> float:
    """One number divided by another; of whole numbers the whole part, rounded towards zero."""
    if isinstance(left, float):
        return left / right
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def remainder(left: int, right: int) -> int:
    """What is left over when `left` is divided; it has the sign of `left`."""
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


def text_of(value: object) -> str:
    """A value as text: `true`, `2.5`, `3`."""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "g") if isinstance(value, float) else str(value)


async def structured(
    model: Runnable[Any, Any],
    messages: Sequence[BaseMessage],
    check: Callable[[Any], T],
    config: RunnableConfig,
) -> T | None:
    """What a model says in the form of its schema; told once what was wrong, then None.

    `check` makes the value of the parsed JSON, or raises ValueError.
    """
    error: object = None
    for _ in range(2):
        repair = [HumanMessage(REPAIR.format(error=error))] if error else []
        try:
            answer = await model.ainvoke([*messages, *repair], config)
        except Exception as failure:
            if not is_cut_off(failure):
                raise
            error = CUT_OFF
            continue
        try:
            return check(parsed(answer))
        except ValueError as invalid:
            error = invalid
    return None


def collected(values: list[Any], value: Any) -> list[Any]:
    """A reducer that keeps each update as it is, in the order of the tasks."""
    return [*values, value]


def settings_around(schema: Callable[..., T], context: Any) -> T:
    """The settings of a graph inside of another: those of that one, by their names."""
    found = {
        name: context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
        for name in inspect.signature(schema).parameters
    }
    return schema(**{name: value for name, value in found.items() if value is not None})

"""Small functions that exported Python brings along where it needs them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import ToolException

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
        repair = (
            f"That was not in the form I need: {error}\nAnswer again, in the form of the schema."
        )
        asked = [*messages, HumanMessage(repair)] if error else messages
        answer = await model.ainvoke(asked, config)
        try:
            if answer["parsing_error"] is not None:
                raise ValueError(str(answer["parsing_error"]))
            if answer["parsed"] is None:
                raise ValueError("no structured answer was given")
            return check(answer["parsed"])
        except ValueError as invalid:
            error = invalid
    return None


def as_object(parsed: Any) -> dict[str, Any]:
    """The parsed JSON, which has to be an object."""
    if not isinstance(parsed, dict):
        raise ValueError(f"a JSON object is needed, not {type(parsed).__name__}")
    return parsed


def with_choices(
    messages: Sequence[BaseMessage], choices: Mapping[str, str], default: str | None = None
) -> list[BaseMessage]:
    """The messages with the choices at the end of their system message."""
    lines = ["The choices are:", *(f"- {label}: {text}" for label, text in choices.items())]
    listing = "\n".join([*lines, *([f"When none fits, choose {default}."] if default else [])])
    first, *others = messages or [SystemMessage("")]
    if isinstance(first, SystemMessage):
        return [SystemMessage(f"{first.text}\n\n{listing}".strip()), *others]
    return [SystemMessage(listing), first, *others]


def label_of(parsed: Any, labels: Iterable[str]) -> str:
    """The label that a model chose. Raises ValueError for any other."""
    said = str(parsed.get("choice") if isinstance(parsed, dict) else parsed).strip().casefold()
    for label in labels:
        if label.casefold() == said:
            return label
    raise ValueError(f'"{said}" is none of {", ".join(labels)}')


def collected(values: list[Any], value: Any) -> list[Any]:
    """A reducer that keeps each update as it is, in the order of the tasks."""
    return [*values, value]


def flat(values: Iterable[Any]) -> list[Any]:
    """The items of lists, and what is no list as an item."""
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def label(text: str) -> str:
    """A label of a namespace: an empty one would be everybody's, and LangGraph allows no dot."""
    if not text.strip():
        raise ValueError("a label of a namespace is empty")
    return text.strip().replace("%", "%25").replace(".", "%2E")


def content_of(answer: Any) -> Any:
    """What a service answered: its JSON, or else its text."""
    try:
        return answer.json()
    except ToolException:
        if answer.is_cut or answer.text is None:
            raise
        return answer.text


def settings_around(schema: Callable[..., T], context: Any) -> T:
    """The settings of a graph inside of another: those of that one, by their names."""
    found = {
        name: context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
        for name in inspect.signature(schema).parameters
    }
    return schema(**{name: value for name, value in found.items() if value is not None})

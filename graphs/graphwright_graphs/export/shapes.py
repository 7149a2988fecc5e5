"""What is known of a Python expression that a condition has become: its text and its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

# How tightly Python binds, from loose to tight.
CHOICE, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, ATOM = range(9)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a value: `message`, `list`, `integer`, … or `any`; and of its items."""

    name: str = "any"
    item: Shape | None = None


ANY = Shape()
BOOLEAN, INTEGER, NUMBER, STRING, OBJECT = map(
    Shape, ("boolean", "integer", "number", "string", "object")
)
MESSAGE = Shape("message")
MAYBE = Shape("maybe")
"""The last message of a conversation that may be empty."""
REPLY = Shape("reply")
"""A message that is surely an AI message."""
MESSAGES = (MESSAGE, MAYBE, REPLY)
TIMESTAMP, DURATION = Shape("timestamp"), Shape("duration")


@dataclass(frozen=True, slots=True)
class Text:
    """Python text, how tightly its outermost operator binds, and the shape of its value."""

    text: str
    binds: int = ATOM
    shape: Shape = ANY

    def within(self, level: int) -> str:
        """The text as an operand of an operator that binds that tightly."""
        return self.text if self.binds >= level else f"({self.text})"


def of(value: object) -> Shape:
    """The shape of a constant."""
    kinds = ((bool, BOOLEAN), (int, INTEGER), (float, NUMBER), (str, STRING))
    return next((shape for kind, shape in kinds if isinstance(value, kind)), ANY)


def common(values: Iterable[Text]) -> Shape:
    """The shape that all of the values have."""
    shapes = {each.shape for each in values}
    return shapes.pop() if len(shapes) == 1 else ANY


def outcome(left: Shape, sign: str, right: Shape) -> Shape:
    """The shape of a sum or a difference, a product or a quotient."""
    if left == right == TIMESTAMP:
        return DURATION
    if {left, right} == {TIMESTAMP, DURATION}:
        return TIMESTAMP
    return left if left == right else ANY


def _attribute(name: str, empty: str) -> Callable[[Text], Text]:
    """An attribute that only some messages have, or that no message has while there is none."""

    def read(of: Text) -> Text:
        shape = STRING if empty == '""' else Shape("list", OBJECT)
        return Text(f'getattr({of.text}, "{name}", {empty})', ATOM, shape)

    return read


def _optional(name: str) -> Callable[[Text], Text]:
    """An attribute that every message has, and that may be None."""

    def read(of: Text) -> Text:
        at = f'getattr({of.text}, "{name}", None)' if of.shape == MAYBE else f"{of.text}.{name}"
        return Text(f'{at} or ""', OR, STRING)

    return read


def _sure(name: str) -> Callable[[Text], Text]:
    """An attribute that every message has."""
    missing = _attribute(name, '""')
    return lambda of: (
        missing(of) if of.shape == MAYBE else Text(f"{of.within(ATOM)}.{name}", ATOM, STRING)
    )


MEMBERS: Mapping[str, Callable[[Text], Text]] = {
    "type": _sure("type"),
    "content": _sure("text"),
    "name": _optional("name"),
    "id": _optional("id"),
    "tool_calls": _attribute("tool_calls", "[]"),
    "status": _attribute("status", '""'),
}
"""The members of a message."""


MOMENT: Mapping[str, tuple[str, int]] = {
    "getFullYear": ("{}.year", ATOM),
    "getMonth": ("{}.month - 1", SUM),
    "getDate": ("{}.day", ATOM),
    "getDayOfMonth": ("{}.day - 1", SUM),
    "getDayOfWeek": ("{}.isoweekday() % 7", PRODUCT),
    "getDayOfYear": ("{}.timetuple().tm_yday - 1", SUM),
    "getHours": ("{}.hour", ATOM),
    "getMinutes": ("{}.minute", ATOM),
    "getSeconds": ("{}.second", ATOM),
    "getMilliseconds": ("{}.microsecond // 1000", PRODUCT),
}
"""What a timestamp is asked for, and how tightly that binds."""

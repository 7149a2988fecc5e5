"""Conditions of usual shapes, answered without CEL's library.

The way to the library and back costs more than all else between two nodes, since the data is copied
twice. A shortcut answers only where CEL's answer is certain; where CEL would convert a value, or
say what is wrong, it raises Unsure, and the library is asked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from langchain_core.messages import BaseMessage

from graphwright_graphs import cel
from graphwright_graphs.cel import Call, Expr, Literal, Member, Name, Operation
from graphwright_graphs.context import Readable
from graphwright_graphs.plain import FIELDS
from graphwright_graphs.unanswerable import LONGEST

Ask = Callable[[Mapping[str, Any]], Any]
"""Gives the value of an expression in a state. Raises Unsure."""

_SCALARS = (bool, int, float, str)
_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_INTEGERS = range(-(2**63), 2**63)  # CEL's


class Unsure(Exception):
    """Only CEL knows."""


def shortcut(text: str, channels: Mapping[str, Readable]) -> Ask | None:
    """The shortcut of an expression that CEL has compiled; None for one of another shape."""
    if len(text) > LONGEST:
        return None
    try:
        return _ask(cel.parse(text), channels)
    except cel.Unreadable:
        return None


def _ask(tree: Expr, channels: Mapping[str, Readable]) -> Ask:
    inner = partial(_ask, channels=channels)
    match tree:
        case Literal(value):
            return lambda state: value
        case Name(name) if name in channels:
            return _channel(name, channels[name])
        case Member(of, name):
            return _member(inner(of), name)
        case Operation("!", (of,)):
            turned = inner(of)
            return lambda state: not _certain(turned(state), bool)
        case Operation(("&&" | "||") as sign, (left, right)):
            return _either(inner(left), inner(right), decides=sign == "||")
        case Operation(sign, (left, right)) if sign in _SIGNS:
            return _compared(inner(left), sign, inner(right))
        case Call():
            return _called(tree, inner)
    raise cel.Unreadable("another shape")


def _called(call: Call, inner: Callable[[Expr], Ask]) -> Ask:
    given = call.arguments if call.target is None else (call.target, *call.arguments)
    match call.function, given:
        case "has", (Member(whole, name),):
            of = inner(whole)
            return lambda state: name in _certain(of(state), dict)
        case "size", (items,):
            of = inner(items)
            return lambda state: len(_certain(of(state), list, dict, str))
        case "last", (items,):
            return _last(inner(items))
    raise cel.Unreadable("another function")


def _certain(value: Any, *types: type) -> Any:
    """A value of these types that is the same to CEL, and no more than it can hold."""
    kind = type(value)
    if kind not in types:
        raise Unsure
    if kind is int and value not in _INTEGERS:
        raise Unsure
    if kind is dict and any(type(key) is not str for key in value):
        raise Unsure
    return value


def _channel(name: str, channel: Readable) -> Ask:
    def ask(state: Mapping[str, Any]) -> Any:
        value = state.get(name)
        return channel.empty() if value is None else value

    return ask


def _member(of: Ask, name: str) -> Ask:
    field = FIELDS.get(name)

    def ask(state: Mapping[str, Any]) -> Any:
        value = of(state)
        if field is not None and isinstance(value, BaseMessage):
            return field(value)
        if name in _certain(value, dict):
            return value[name]
        raise Unsure

    return ask


def _last(of: Ask) -> Ask:
    def ask(state: Mapping[str, Any]) -> Any:
        if items := _certain(of(state), list):
            return items[-1]
        raise Unsure

    return ask


def _either(left: Ask, right: Ask, *, decides: bool) -> Ask:
    """`||`, which a true operand decides, or `&&`, which a false one does."""

    def ask(state: Mapping[str, Any]) -> Any:
        first: bool = _certain(left(state), bool)
        return first if first is decides else _certain(right(state), bool)

    return ask


def _compared(left: Ask, sign: str, right: Ask) -> Ask:
    compare = _SIGNS[sign]
    types = (*_SCALARS, type(None), list, dict) if sign in ("==", "!=") else _SCALARS

    def ask(state: Mapping[str, Any]) -> bool:
        one, other = _certain(left(state), *types), _certain(right(state), *types)
        alike = type(one) is type(other) and type(one) in _SCALARS
        if alike or one is None or other is None:
            return compare(one, other)
        raise Unsure

    return ask

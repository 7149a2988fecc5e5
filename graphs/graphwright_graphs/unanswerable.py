"""What CEL compiles although no state can answer it: to CEL, a message is any value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple

from graphwright_graphs import cel
from graphwright_graphs.cel import Call, Expr, Index, Items, Member, Name, Operation
from graphwright_graphs.context import Readable
from graphwright_graphs.plain import FIELDS
from graphwright_graphs.problems import did_you_mean, meant, quoted

LONGEST: Final = 300  # characters; a longer one might nest deeper than Python's stack

_OTHER_WORDS = {"role": "type", "text": "content"}
_OTHER_TYPES = {"assistant": "ai", "user": "human"}
_WITH_VARIABLE = frozenset(("all", "exists", "exists_one", "existsOne", "filter", "map"))


class Mistake(NamedTuple):
    """A part of an expression, and what is wrong with it."""

    part: str
    said: tuple[str, str, str | None]
    """What was found, what was expected, and a hint."""
    warning: bool = False
    """Whether there is an answer all the same."""


Known = Literal["messages", "message", "value", "unknown"]
"""What a name stands for: a conversation, one message of it, another channel, anything."""


def mistakes(
    text: str,
    channels: Mapping[str, Readable],
    values: Mapping[str, Collection[str]],
    *,
    is_condition: bool,
) -> Iterator[Mistake]:
    """The mistakes in an expression that CEL has compiled, as far as they can be seen.

    `values` has the texts that some channels hold.
    """
    if (tree := _tree(text)) is None:
        return
    names: dict[str, Known] = {
        name: "messages" if channel.reducer == "messages" else "value"
        for name, channel in channels.items()
    }
    yield from _in(tree, names)
    if is_condition:
        yield from _asked(tree, names)
    yield from _strangers(tree, values)


def _strangers(tree: Expr, values: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    """The texts that a channel is compared with, and never holds."""
    for name, other in _comparisons(tree):
        said = other.value if isinstance(other, cel.Literal) else None
        known = values.get(name)
        if known and said and isinstance(said, str) and said not in known:
            expected = f"what `{name}` may hold ({', '.join(known)})"
            yield Mistake(said, (quoted(said), expected, did_you_mean(said, known)), warning=True)


def _comparisons(tree: Expr) -> Iterator[tuple[str, Expr]]:
    """Every name, with what it is compared with."""
    match tree:
        case Operation("==" | "!=", (Name(name), other) | (other, Name(name))):
            yield name, other
        case Operation("in", (Name(name), Items(several))):
            yield from ((name, each) for each in several)
    for part in cel.parts(tree):
        yield from _comparisons(part)


def _tree(text: str) -> Expr | None:
    """The tree of an expression; None where it can't be read, or is too long for it."""
    if len(text) > LONGEST:
        return None
    try:
        return cel.parse(text)
    except cel.Unreadable:
        return None


def _in(tree: Expr, names: Mapping[str, Known]) -> Iterator[Mistake]:
    """The mistakes in a tree whose names are known."""
    yield from _wrong(tree, names)
    match tree:
        case Call("has", None, (Member(of, _),)):
            yield from _in(of, names)  # whether it has the field is what is asked
            return
        case Call(function, target, (Name(), *_) as given) if target and function in _WITH_VARIABLE:
            yield from _in(target, names)
            yield from _in(given[-1], {**names, **_variables(target, given, names)})
            return
    for part in cel.parts(tree):
        yield from _in(part, names)


def _wrong(tree: Expr, names: Mapping[str, Known]) -> Iterator[Mistake]:
    """What is wrong with a tree itself."""
    match tree:
        case Member(of, name) if _known(of, names) == "message" and name not in FIELDS:
            yield _no_field(name)
        case Index(of, cel.Literal(int(key))) if key < 0 and _known(of, names) != "unknown":
            yield _below_zero(of, key)
        case Operation("!" | "&&" | "||", operands):
            for each in operands:
                yield from _asked(each, names)
        case Operation(sign, (of, cel.Literal(other))) if field := _field(of, names):
            yield from _compared(sign, field, other)


def _field(tree: Expr, names: Mapping[str, Known]) -> str | None:
    """The field of a message that is asked for."""
    if isinstance(tree, Member) and tree.name in FIELDS and _known(tree.of, names) == "message":
        return tree.name
    return None


def _asked(tree: Expr, names: Mapping[str, Known]) -> Iterator[Mistake]:
    """What is asked whether it is true, and is a field of a message, or one itself."""
    if name := _field(tree, names):
        hint = "ask `size(…) > 0`" if name == "tool_calls" else None
        yield Mistake(name, (f"{quoted(name)} of a message", "true or false", hint))
    elif _known(tree, names) == "message":
        yield Mistake("", ("a message", "true or false", None))


def _compared(sign: str, field: str, other: object) -> Iterator[Mistake]:
    """A field of a message that is compared with what it is not."""
    if sign in ("<", "<=", ">", ">=") and isinstance(other, int | float):
        hint = "compare its `size(…)`" if field in ("content", "tool_calls") else None
        yield Mistake(field, (f"{quoted(field)} of a message", "a number", hint))
    if field == "type" and isinstance(other, str) and other in _OTHER_TYPES:
        hint = meant(_OTHER_TYPES[other])
        yield Mistake(other, (quoted(other), "the type of a message", hint), warning=True)


def _variables(target: Expr, given: Sequence[Expr], names: Mapping[str, Known]) -> dict[str, Known]:
    """What the variables of a macro stand for; one of two is an index."""
    found = [each.name for each in given[:-1] if isinstance(each, Name)]
    is_message = len(given) == 2 and _known(target, names) == "messages"
    return dict.fromkeys(found, "message" if is_message else "unknown")


def _known(tree: Expr, names: Mapping[str, Known]) -> Known:
    """What an expression stands for."""
    inner = partial(_known, names=names)
    match tree:
        case Name(name):
            return names.get(name, "unknown")
        case Call("filter", of, _) if of:
            return inner(of)
        case Index(of, _) | Call("last", of, ()) if of:
            return "message" if inner(of) == "messages" else inner(of)
        case Member(of, _):
            return "unknown" if inner(of) == "unknown" else "value"
    return "unknown"


def _no_field(name: str) -> Mistake:
    other = _OTHER_WORDS.get(name)
    hint = meant(other) if other else did_you_mean(name, FIELDS)
    expected = f"a field of a message ({', '.join(FIELDS)})"
    return Mistake(name, (quoted(name), expected, hint))


def _below_zero(of: Expr, key: int) -> Mistake:
    name = of.name if isinstance(of, Name) else "list"
    item = f"{name}.last()" if key == -1 else f"{name}[size({name}) - {-key}]"
    found, expected = f"{quoted(str(key))} as an index", "one from 0 on"
    return Mistake(f"[{key}]", (found, expected, f"from the end it is `{item}`"))

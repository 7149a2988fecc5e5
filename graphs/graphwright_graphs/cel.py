"""The syntax of CEL, the language of `when:`, as a tree.

An expression was checked by the real CEL when its document was loaded, so that only its structure
is read here. Grammar: https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Expr: TypeAlias = "Literal | Name | Member | Index | Call | Operation | Items | Entries | Choice"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A channel, or the variable of a macro."""

    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`of.name`."""

    of: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """`of[key]`."""

    of: Expr
    key: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """`function(…)`, or `target.function(…)`; macros are calls too."""

    function: str
    target: Expr | None
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One or two operands and what is done with them."""

    sign: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list in brackets."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map in braces."""

    entries: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`when ? yes : no`."""

    when: Expr
    yes: Expr
    no: Expr


def parts(tree: Expr) -> Sequence[Expr]:
    """The expressions that an expression is made of."""
    match tree:
        case Member(of, _):
            return (of,)
        case Index(of, key):
            return (of, key)
        case Call(_, target, arguments):
            return arguments if target is None else (target, *arguments)
        case Operation(_, several) | Items(several):
            return several
        case Entries(entries):
            return [each for entry in entries for each in entry]
        case Choice(when, yes, no):
            return (when, yes, no)
    return ()


class Unreadable(ValueError):
    """A piece of CEL that has no place in this tree: the message names it."""


def parse(text: str) -> Expr:
    """The tree of an expression. Raises Unreadable for syntax that it does not know."""
    reader = _Reader(text)
    tree = reader.expression()
    reader.expect("")
    return tree


_STRING = "|".join(
    rf"{quote}(?:\\.|[^\\{one}]){repeated}{quote}"
    for quote, one, repeated in (
        ('"""', "", "*?"),
        ("'''", "", "*?"),
        ('"', '"', "*"),
        ("'", "'", "*"),
    )
)
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<string>[rR]?(?:{_STRING}))
    | (?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    | (?P<int>(?:0[xX][0-9a-fA-F]+|\d+)[uU]?)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>\|\||&&|[<>=!]=|[-+*/%<>!?:.,()\[\]{{}}])
    | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}
_LEVELS = (
    ("||",),
    ("&&",),
    ("<", "<=", ">", ">=", "==", "!=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)


class _Reader:
    """Reads tokens from left to right, one level of precedence a method."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind, self._token = "", ""
        self._advance()

    def _advance(self) -> None:
        if (found := _TOKEN.match(self._text, self._at)) is None:
            raise Unreadable(f"`{self._text[self._at :].strip()[:20]}`")
        self._kind = str(found.lastgroup)
        self._token = found[self._kind]
        self._at = found.end()

    def _take(self) -> str:
        token = self._token
        self._advance()
        return token

    def _is(self, *signs: str) -> bool:
        return self._kind not in ("string", "float", "int") and self._token in signs

    def expect(self, sign: str) -> None:
        """Pass the token that has to stand here."""
        if not self._is(sign):
            raise Unreadable(f"`{self._token or 'the end'}`")
        if sign:
            self._advance()

    def expression(self) -> Expr:
        """A whole expression: a choice, or what stands without `?`."""
        condition = self._level(0)
        if not self._is("?"):
            return condition
        self._advance()
        yes = self._level(0)
        self.expect(":")
        return Choice(condition, yes, self.expression())

    def _level(self, level: int) -> Expr:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._is(*_LEVELS[level]):
            sign = self._take()
            left = Operation(sign, (left, self._level(level + 1)))
        return left

    def _unary(self) -> Expr:
        if not self._is("!", "-"):
            return self._member()
        sign = self._take()
        inner = self._unary()
        if sign == "-" and isinstance(inner, Literal) and isinstance(inner.value, int | float):
            return Literal(-inner.value)
        return Operation(sign, (inner,))

    def _member(self) -> Expr:
        tree = self._primary()
        while self._is(".", "["):
            if self._take() == "[":
                tree = Index(tree, self.expression())
                self.expect("]")
            else:
                name = self._name()
                tree = self._call(name, tree) if self._is("(") else Member(tree, name)
        return tree

    def _name(self) -> str:
        if self._kind != "name":
            raise Unreadable(f"`{self._token}` after a dot")
        return self._take()

    def _call(self, name: str, target: Expr | None) -> Call:
        self.expect("(")
        return Call(name, target, self._list(")", self.expression))

    def _primary(self) -> Expr:
        read: dict[str, Callable[[], Expr]] = {
            "string": lambda: Literal(_text(self._take())),
            "float": lambda: Literal(float(self._take())),
            "int": lambda: Literal(_integer(self._take())),
            "name": self._word,
        }
        return read[self._kind]() if self._kind in read else self._bracket()

    def _word(self) -> Expr:
        name = self._take()
        if name in _WORDS:
            return Literal(_WORDS[name])
        return self._call(name, None) if self._is("(") else Name(name)

    def _bracket(self) -> Expr:
        if self._is("("):
            self._advance()
            inner = self.expression()
            self.expect(")")
            return inner
        if self._is("["):
            self._advance()
            return Items(self._list("]", self.expression))
        self.expect("{")
        return Entries(self._list("}", self._entry))

    def _entry(self) -> tuple[Expr, Expr]:
        key = self.expression()
        self.expect(":")
        return key, self.expression()

    def _list(self, end: str, read: Callable[[], T]) -> tuple[T, ...]:
        found: list[T] = []
        while not self._is(end):
            found.append(read())
            if not self._is(end):
                self.expect(",")
        self.expect(end)
        return tuple(found)


def _integer(token: str) -> int:
    """The value of a whole number, which may begin with 0, unlike in Python."""
    digits = token.rstrip("uU")
    return int(digits, 16 if digits[:2] in ("0x", "0X") else 10)


def _text(token: str) -> str:
    """The value of a string token. Its escapes are Python's, but for the few of its own."""
    prefix, quoted = ("r", token[1:]) if token[0] in "rR" else ("", token)
    if not prefix:
        quoted = re.sub(
            r"\\(.)", lambda found: {"?": "?", "`": "`", "X": "\\x"}.get(found[1], found[0]), quoted
        )
    value: str = ast.literal_eval(prefix + quoted)
    return value

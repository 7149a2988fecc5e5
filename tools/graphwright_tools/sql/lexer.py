"""SQL as tokens: enough to see which names a statement says, and which functions it calls.

This is no parser. It tells names from strings and comments in the way of a dialect; what a
statement means, and whether it is one, the database says.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from graphwright_tools.errors import Refused

Kind = Literal["word", "name", "string", "sign"]

# Every character beyond ASCII is a part of a name, as the servers have it. Each alternative is a
# group by the kind of token; what begins no other one is a sign.
POSTGRES: Final = re.compile(
    r"(?P<hidden>[uU]&[\"'])"
    r"|(?P<comment>--[^\r\n]*|/\*)"
    r"|(?P<string>[eE]'(?:[^'\\]|\\.|'')*'|[bBxXnN]?'(?:[^']|'')*'"
    r"|\$(?P<tag>(?:[a-zA-Z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)?)\$.*?\$(?P=tag)\$)"
    r'|(?P<name>"(?:[^"]|"")+")'
    r"|(?P<word>[a-zA-Z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*)"
    r"|(?P<number>[0-9][\w.]*)|(?P<open>['\"])|(?P<sign>[^ \t\r\n])",
    re.DOTALL,
)
MYSQL: Final = re.compile(
    r"(?P<comment>--(?=[ \t\r\n]|\Z)[^\n]*|\#[^\n]*|/\*(?![!+M]).*?\*/)"
    r"|(?P<hidden>/\*)"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\")"
    r"|(?P<name>`(?:[^`]|``)+`)"
    r"|(?P<word>[0-9]*[a-zA-Z_$@\x80-\U0010ffff][\w$@\x80-\U0010ffff]*)"
    r"|(?P<number>[0-9]+)|(?P<open>['\"`])|(?P<sign>[^ \t\r\n])",
    re.DOTALL,
)
CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f](?<!\r)"
)  # servers differ in how they read them


BEGINNINGS: Final = frozenset({"select", "with", "values", "table"})
_BEGINNINGS_OF_ANY: Final = BEGINNINGS | {"explain"}  # SQLite, of its authorizer
# Servers fold no other letters.
LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Token:
    """A token: of a word the ASCII letters are in lower case, of a name the quotes are off."""

    kind: Kind
    text: str

    @property
    def is_named(self) -> bool:
        """Whether it may be the name of something."""
        return self.kind in ("word", "name")


def tokens(statement: str, dialect: re.Pattern[str]) -> list[Token]:
    """The tokens of a statement, without its comments.

    Raises:
        Refused: a quotation or comment has no end, or is of a kind that hides what it says.
    """
    if CONTROL.search(statement):
        raise Refused("The statement holds a control character. Write it without.")
    found: list[Token] = []
    place = 0
    while match := dialect.search(statement, place):
        place = match.end()
        if match["comment"] == "/*":
            place = _after_nested(statement, place)
        elif token := _token(match):
            found.append(token)
    return found


def check_kind(found: Sequence[Token]) -> None:
    """Refuse what does not begin as a query does; the server says whether it is one."""
    first = next((token for token in found if token.text != "("), None)
    if first is None or first.kind != "word" or first.text not in BEGINNINGS:
        raise Refused("Only a SELECT is allowed here: nothing can be changed.")


def may_be_query(statement: str) -> bool:
    """Whether some database takes it for a query, before it is known which one is asked."""
    for dialect in (POSTGRES, MYSQL):
        try:
            found = tokens(statement, dialect)
        except Refused:
            return True  # what another dialect reads as a quotation may be none in this one
        first = next((token for token in found if token.text not in ("(", ";")), None)
        if first is not None and first.kind == "word" and first.text in _BEGINNINGS_OF_ANY:
            return True
    return False


def called(found: Sequence[Token]) -> set[str]:
    """The names that stand before a parenthesis: functions, and a few words of SQL."""
    pairs = pairwise(found)
    return {name.text for name, after in pairs if name.is_named and after == Token("sign", "(")}


def _token(match: re.Match[str]) -> Token | None:
    kind, text = match.lastgroup, match[0]
    match kind:
        case "comment":
            return None
        case "word":
            return Token("word", text.translate(LOWER))
        case "name":
            return Token("name", text[1:-1].replace(text[0] * 2, text[0]))
        case "string" | "number":
            return Token("string", text)
        case "sign":
            return Token("sign", text)
    raise Refused(
        f"The statement has {text!r} where no end of it was found, or a kind of comment or "
        "quotation that is not allowed here. Write it without."
    )


def _after_nested(statement: str, place: int) -> int:
    """The place after a comment in which others may be nested, as Postgres reads them."""
    depth = 1
    for mark in re.finditer(r"/\*|\*/", statement[place:]):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return place + mark.end()
    raise Refused("The statement has a comment that does not end. Write it without.")

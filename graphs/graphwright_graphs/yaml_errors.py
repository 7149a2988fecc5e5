"""What is wrong with a text that is no YAML, in words of this language.

The parser says what it did not find, which is seldom what a person got wrong. Here the usual
mistakes are told from the parser's words and from what stands at the place. What is not one of
them is said in the parser's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

_SPECIAL: Final = re.compile(r"(?:^|:|-)\s+(?P<sign>[!&*@`%>|])\S")
_BLOCK: Final = re.compile(r"(?::|-)\s*[|>][-+0-9]*\s*(?:#.*)?$")
_BRACKETS: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|[\[\]{}]")
_ENDS: Final = {"{": "}", "[": "]"}
_ENTRY: Final = "`key: value`"
_SPACES: Final = "spaces: YAML takes no tabs for it"
_QUOTES: Final = "quotes around the whole text"


class Said(NamedTuple):
    """What is wrong, what is expected instead, and where."""

    found: str
    expected: str
    line: int
    """Counted from 0, as the parser does; so is `column`."""
    column: int


class _Place:
    """Where the parser stopped, and where what it was reading begins."""

    def __init__(self, error: Any, text: str) -> None:
        mark = error.problem_mark or error.context_mark
        begin = error.context_mark or mark
        self.error = error
        self.text = text
        self.lines = text.splitlines()
        self.line: int = mark.line if mark else 0
        self.column: int = mark.column if mark else 0
        self.begin: tuple[int, int] = (begin.line, begin.column) if begin else (0, 0)
        self.offset = begin.index if begin else 0

    def at(self, line: int) -> str:
        return self.lines[line] if 0 <= line < len(self.lines) else ""

    @property
    def before(self) -> str:
        """What stands before the place in its line."""
        return self.at(self.line)[: self.column]

    @property
    def rest(self) -> str:
        """What stands from the place on, to the end of its line."""
        return self.at(self.line)[self.column :].strip()

    def indent(self, line: int) -> int:
        """How far in a line begins, after the dashes of lists."""
        begins = re.match(r"(?:\s|-\s)*", self.at(line))
        return begins.end() if begins else 0

    def above(self, line: int) -> int:
        """The nearest line above that is not empty."""
        return next((each for each in range(line - 1, -1, -1) if self.at(each).strip()), 0)

    def further_in(self) -> Said:
        found = f"{_shown(self.at(self.line))}, which is further in than the line before"
        expected = "the same indentation, since that one has a value"
        return Said(found, expected, self.line, self.indent(self.line))

    def here(self, found: str, expected: str) -> Said:
        return Said(found, expected, self.line, self.column)

    def there(self, found: str, expected: str) -> Said:
        return Said(found, expected, *self.begin)


def said(error: Any, text: str) -> Said:
    """What is said of a `yaml.MarkedYAMLError`."""
    place = _Place(error, text)
    tab = re.match(r" *\t", place.at(place.line))
    if tab and not place.before.strip():
        return Said("a tab as indentation", _SPACES, place.line, tab.end() - 1)
    for problem, read in _READERS.items():
        if problem in str(error.problem) and (found := read(place)):
            return found
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return place.here(f"a syntax error ({words})", "YAML or JSON")


def _open_quote(place: _Place) -> Said | None:
    quote = place.text[place.offset : place.offset + 1]
    if quote not in ("'", '"'):
        return None
    return place.there(f"a {quote} that begins a text and is not followed by another", "one")


def _in_brackets(place: _Place) -> Said:
    """Entries of `{…}` or `[…]` that do not follow one another."""
    begins = place.text[place.offset : place.offset + 1]
    ends = _ENDS.get(begins, begins)
    inside = place.text[place.offset :]
    if inside.count(begins) > inside.count(ends):
        return place.there(f"a {begins} that no {ends} ends", f"{ends} after its last entry")
    if place.rest.startswith(":"):
        expected = f"a comma between entries, or {_QUOTES} where a colon belongs to it"
        return place.here("a second colon in one entry", expected)
    return place.here(_shown(place.rest), "a comma before it")


def _colon(place: _Place) -> Said:
    """A colon where no key can be: in a text, or in a line that goes on with the one before."""
    if ":" in re.sub(r"^[\s-]*", "", place.before):
        return place.here("a colon in a text without quotes", _QUOTES)
    above = place.above(place.line)
    if place.indent(place.line) > place.indent(above):
        return place.further_in()
    column = place.indent(above)
    return Said(f"{_shown(place.at(above)[column:])}, which has no colon", _ENTRY, above, column)


def _no_key(place: _Place) -> Said:
    """What is neither a further entry nor the end of a mapping or list."""
    if place.rest[:1] in ("}", "]"):
        return place.here(f"one {place.rest[0]} too many", "one for each that begins")
    before = place.before.strip()
    if before.endswith(("'", '"')):
        expected = f"{_QUOTES}, in which '' stands for ' and \\\" for \""
        return place.here(f"{_shown(place.rest)} after a text in quotes", expected)
    if before:
        return place.here(f"{_shown(place.rest)} after {_shown(before)}", _QUOTES)
    if place.column > place.indent(place.above(place.line)):
        return place.further_in()
    if place.column != place.begin[1]:
        found = f"{_shown(place.rest)}, which is further out than the lines before, and fits none"
        return place.here(found, "the indentation of a line above")
    return place.here(f"{_shown(place.rest)} among the keys of a mapping", _ENTRY)


def _no_dash(place: _Place) -> Said:
    if place.before.strip() or place.column != place.begin[1]:
        return _no_key(place)
    return place.here(f"{_shown(place.rest)} among the items of a list", "`- ` before each item")


def _no_colon(place: _Place) -> Said:
    """A line without a colon, where there must be a key."""
    line, column = place.begin
    found = f"{_shown(place.at(line)[column:])}, which has no colon"
    if _BLOCK.search(place.at(place.above(line))):
        return place.there(found, "a text that is further in than its key")
    return place.there(found, _ENTRY)


def _sign(place: _Place) -> Said | None:
    """A text that begins with a sign that means something else."""
    line = place.at(place.begin[0])
    signs = [each for each in _SPECIAL.finditer(line) if each.start("sign") <= place.column]
    column = signs[-1].start("sign") if signs else place.begin[1]
    sign = line[column : column + 1]
    if not sign or sign.isalnum() or sign.isspace():
        return None
    return Said(f"a text that begins with {sign}", _QUOTES, place.begin[0], column)


def _no_value(place: _Place) -> Said | None:
    """What is no value; at the end of the document, a bracket is open."""
    if place.text[place.offset :].strip():
        return _sign(place)
    opened: list[int] = []
    for found in _BRACKETS.finditer(place.text):
        if found[0] in ("{", "["):
            opened.append(found.start())
        elif found[0] in ("}", "]") and opened:
            opened.pop()
    if not opened:
        return None
    before = place.text[: opened[-1]]
    begins, line = place.text[opened[-1]], before.count("\n")
    ends = _ENDS[begins]
    column = len(before) - before.rfind("\n") - 1
    return Said(f"a {begins} that no {ends} ends", f"{ends} after its last entry", line, column)


def _no_anchor(place: _Place) -> Said:
    name = place.rest.split()[0].lstrip("*") if place.rest else ""
    expected = f"`&{name}` before it at what it repeats, or quotes around a text"
    return place.here(f"`*{name}`, which repeats nothing", expected)


def _escape(place: _Place) -> Said:
    sign = place.rest[:2]
    expected = "two backslashes for one, or single quotes around the text"
    return place.here(f"{sign} in a text in double quotes", expected)


def _after_first(place: _Place) -> Said | None:
    if not place.at(0).startswith(" "):
        return None
    found = f"{_shown(place.rest)}, which is further out than the first line"
    return place.here(found, "the same indentation for both")


def _two(place: _Place) -> Said:
    return place.here("a second document", "one in each file, without `---` between")


_READERS: Final[dict[str, Callable[[_Place], Said | None]]] = {
    "unexpected end of stream": _open_quote,
    "did not find expected ',' or": _in_brackets,
    "mapping values are not allowed": _colon,
    "did not find expected key": _no_key,
    "did not find expected '-'": _no_dash,
    "could not find expected ':'": _no_colon,
    "cannot start any token": _sign,
    "did not find expected alphabetic": _sign,
    "expected comment or line break": _sign,
    "did not find expected node content": _no_value,
    "entries are not allowed in this context": _sign,
    "keys are not allowed in this context": _sign,
    "undefined alias": _no_anchor,
    "unknown escape character": _escape,
    "expected <document start>": _after_first,
    "found another document": _two,
}


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}..."'

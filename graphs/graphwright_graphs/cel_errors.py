"""What is wrong with an expression that CEL does not compile, in words of this language."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from graphwright_graphs.problems import did_you_mean, meant, quoted
from graphwright_graphs.source import Part

_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_ERROR: Final = re.compile(r"ERROR: <input>:1:(\d+): ([^\n]*)")
_OVERLOAD: Final = re.compile(r"no matching overload for '([^']*)' applied to '\(([^']*)\)'")
_STRING: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_EXPRESSION: Final = "a CEL expression"

# What CEL has beside channels; `last` is ours.
_FUNCTIONS: Final = (
    *("all", "contains", "endsWith", "exists", "exists_one", "filter", "has", "last", "map"),
    *("matches", "size", "startsWith", "true", "false", "null", "double", "int", "string", "type"),
)
_OF_OTHER_LANGUAGES: Final = {
    **dict.fromkeys(("len", "length", "count"), "size"),
    **dict.fromkeys(("None", "nil", "undefined"), "null"),
    **dict.fromkeys(("includes", "include"), "contains"),
    **dict.fromkeys(("startswith", "starts_with"), "startsWith"),
    **dict.fromkeys(("endswith", "ends_with"), "endsWith"),
    "any": "exists",
    "str": "string",
    "float": "double",
}
# What stands where an expression can't be read on, and what to write.
_SIGNS: Final = (
    (r"(?<![=!<>])={3}|!==", "compare with `==` and `!=`"),
    (r"=>|=<", "compare with `>=` and `<=`"),
    (r"(?<![=!<>~])=(?!=)", "compare with `==`"),
    (r"^\s*if\b", "leave out the `if`"),
    (r"<>", "compare with `!=`"),
    (r"\band\b", "write `&&`"),
    (r"\bor\b", "write `||`"),
    (r"\bis\s+not\b", "compare with `!=`"),
    (r"\bis\b", "compare with `==`"),
    (r"\bnot\b", "write `!`"),
    (r"(?<!&)&(?!&)", "write `&&`"),
    (r"(?<!\|)\|(?!\|)", "write `||`"),
    (r"\{\s*\w+\s*\}|\$", "write names without braces"),
    (r"[\"']", "end each text with the quote that it begins with"),
    (r"[\u2018-\u201f]", "write straight quotes"),
)  # fmt: skip
_PAIRS: Final = (("(", ")"), ("[", "]"))


class Wrong(NamedTuple):
    """What is said of an expression, and the part of it that is meant."""

    found: str
    expected: str
    hint: str | None
    part: Part


def wrong(text: str, said: str, channels: Collection[str]) -> Wrong:
    """What is wrong with an expression, of which CEL has said something."""
    error = _ERROR.search(said)
    at = int(error[1]) - 1 if error else 0
    if undeclared := _UNDECLARED.search(said):
        name = undeclared[1]
        return _unknown(name, channels, Part(name, text.rfind(name, 0, at + len(name))))
    part = _token(text, at)
    if not part.text:
        return Wrong("an empty text", _EXPRESSION, None, part)
    if error is None or error[2].startswith(("Syntax error", "reserved identifier")):
        found = f"{quoted(text)}, which can't be read at {quoted(part.text)}"
        return Wrong(found, _EXPRESSION, _hint(text), part)
    if "cannot be the operand of a select" in said and (field := re.match(r"\.(\w+)", text[at:])):
        name = _OF_OTHER_LANGUAGES.get(field[1], field[1])
        hint = meant(f".{name}()") if name in _FUNCTIONS else None
        expected = "a value with fields; a list has `.size()` and `.last()`"
        return Wrong(f"{quoted(field[0])} of what has none", expected, hint, part)
    if kinds := _OVERLOAD.search(said):
        found = f"{quoted(kinds[1].strip('_'))} of {kinds[2]}"
        return Wrong(found, "values that CEL has it for", None, part)
    return Wrong(f"{quoted(text)} ({error[2]})", _EXPRESSION, None, part)


def _unknown(name: str, channels: Collection[str], part: Part) -> Wrong:
    expected = f"a channel ({', '.join(channels)}) or a function of CEL"
    if name in _FUNCTIONS:
        return Wrong(f"{quoted(name)}, which CEL has otherwise", expected, None, part)
    other = _OF_OTHER_LANGUAGES.get(name)
    hint = meant(other) if other else did_you_mean(name, [*channels, *_FUNCTIONS])
    return Wrong(quoted(name), expected, hint, part)


def _token(text: str, at: int) -> Part:
    """What stands at a place, up to the next blank; at the end, what stands before it."""
    if found := re.compile(r"\s*(\S+)").match(text, at):
        return Part(found[1], found.start(1))
    last = (text.split() or [""])[-1]
    return Part(last, len(text.rstrip()) - len(last))


def _hint(text: str) -> str | None:
    """What to write in place of what is written in another language, or is not ended."""
    code = _STRING.sub(lambda found: '""'.center(len(found[0]), "_"), text)
    code = code.replace('""', "__")
    for pattern, hint in _SIGNS:
        if re.search(pattern, code):
            return hint
    for begins, ends in _PAIRS:
        if code.count(begins) != code.count(ends):
            return f"there are {code.count(begins)} `{begins}` and {code.count(ends)} `{ends}`"
    return None

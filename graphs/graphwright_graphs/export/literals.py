"""Plain data as Python text, in double quotes as formatters write it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from graphwright_graphs.export.layout import WIDTH

LONG = 75  # characters
_TRAILING = re.compile(r"[ \t](\n|$)")


def literal(value: Any) -> str:
    """Text that Python reads back as an equal value, on one line."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def block(text: str) -> str:
    """A long text, or one of several lines, as a triple-quoted literal; any other as `literal`.

    A backslash at the end of a line goes on with the same line of the text.
    """
    if len(text) <= LONG and "\n" not in text:
        return literal(text)
    if not text.replace("\n", "").replace("\t", "").isprintable() or _TRAILING.search(text):
        return literal(text)
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    lines = [part for line in escaped.split("\n") for part in folded(line)]
    return '"""\\\n' + "\n".join(lines) + '"""'


def folded(line: str, width: int = WIDTH) -> list[str]:
    """A line, in pieces that end with a backslash where another follows."""
    pieces = []
    while len(line) > width:
        cut = line.rfind(" ", 1, width - 1) + 1
        if not cut:
            break
        pieces.append(line[:cut] + "\\")
        line = line[cut:]
    return [*pieces, line]


def _quoted(text: str) -> str:
    """In double quotes, unless only single quotes spare escapes."""
    if '"' in text and "'" not in text:
        return repr(text)
    # JSON's escapes are Python's too, but for a surrogate pair, which stands for one character.
    plain = json.dumps(text, ensure_ascii=False)
    return plain if plain[1:-1].isprintable() else _escaped(text)


def _escaped(text: str) -> str:
    inside = repr("'" + text)[2:-1]  # the quote makes repr choose double ones
    return f'"{inside}"' if '"' not in text else repr(text)

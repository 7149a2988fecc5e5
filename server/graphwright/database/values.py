"""JSON and text as databases keep them.

JSON is kept as it was written: keys in their order, integers of any width, 1.0 apart from 1. Of
what JSON and Python's text can hold, Postgres has no place for U+0000 and lone surrogates; there
such a character is kept as U+001A and its number in four hexadecimal digits, and so is U+001A.
"""

import json
import re
from typing import Any

import orjson

ESCAPE = "\x1a"

_unstorable = re.compile("[\x00\x1a\ud800-\udfff]")
_escaped = re.compile("\x1a([0-9a-f]{4})")
# In JSON's text: pairs of backslashes and of surrogates are passed over, as group 1.
_unstorable_json = re.compile(
    r"(\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\u(0000|001a|d[89a-f][0-9a-f]{2})"
)
_escaped_json = re.compile(r"(\\\\)|\\u001a([0-9a-f]{4})")


def to_json(value: Any) -> str:
    """JSON text; `orjson.Fragment` passes text that is JSON already."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # an integer past 64 bits, or a lone surrogate
        text = json.dumps(value)
    if "NaN" in text or "Infinity" in text:  # null, as orjson writes them
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return text


def from_json(text: str | bytes) -> Any:
    """The value of JSON text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a lone surrogate
        return json.loads(text)


def to_stored_json(value: Any) -> str:
    """JSON text that Postgres can hold."""
    text = to_json(value)
    if "\\u0000" in text or "\\u001a" in text or "\\ud" in text:
        return _unstorable_json.sub(lambda found: found[1] or f"\\u001a{found[2]}", text)
    return text


def from_stored_json(text: str | bytes) -> Any:
    """The value of JSON text that Postgres held."""
    if isinstance(text, bytes) and b"\\u001a" in text:
        text = text.decode()
    if isinstance(text, str) and "\\u001a" in text:
        text = _escaped_json.sub(lambda found: found[1] or f"\\u{found[2]}", text)
    return from_json(text)


def to_stored_text(text: str) -> str:
    """Text that Postgres can hold; a prefix of the text stays a prefix."""
    return _unstorable.sub(lambda found: f"{ESCAPE}{ord(found[0]):04x}", text)


def from_stored_text(text: str) -> str:
    """The text that Postgres held."""
    return _escaped.sub(lambda found: chr(int(found[1], 16)), text) if ESCAPE in text else text

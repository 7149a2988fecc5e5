"""What came out of a tool call, in a sentence."""

from __future__ import annotations

import re
from typing import Any, Final

from langchain_core.messages import ToolCall

from graphwright_graphs.demo import moments
from graphwright_graphs.demo.conversation import Result
from graphwright_graphs.demo.intents import Intent, Kind

NOTHING: Final = "Nothing was found"  # begins the result of a search in vain
LONGEST: Final = 1500  # characters of a tool's result that an answer repeats


def outcome(intent: Intent, call: ToolCall, result: Result) -> str:
    """Say what a tool's result means for the request that led to the call."""
    if result.failed:
        return f"`{call['name']}` failed: {_sentence(_clipped(result.text) or 'it gave no reason')}"
    text = _clipped(result.text)
    match intent.kind:
        case Kind.ARITHMETIC:
            return f"{_argument(call)} = {text}." if _is_number(text) else _told(call, text)
        case Kind.TIME:
            return _time(intent, call, text)
        case Kind.SAVE_NOTE if call["args"]:
            return f"I noted: “{_argument(call).rstrip('.')}”."
        case Kind.LIST_NOTES:
            return f"Your notes:\n{text}" if text else "You have no notes."
        case Kind.DELETE_NOTE:
            return _sentence(text) or "The note is deleted."
        case Kind.SEARCH | Kind.QUESTION if call["name"].startswith("search"):
            return _found(call, text)
        case _:
            return _told(call, text)


def number(result: Result) -> str | None:
    """Return the number that a result gives, for a sum that goes on with it."""
    found = re.findall(r"-?\d+(?:\.\d+)?", result.text)
    return str(found[-1]) if found and not result.failed else None


def _time(intent: Intent, call: ToolCall, text: str) -> str:
    asked = moments.day(intent.clause)
    today = moments.today(text) if asked else None
    if asked and today:
        return asked.answer(today)
    place = str(call["args"].get("timezone", "")).rpartition("/")[2].replace("_", " ")
    where = f" in {place}" if place and place != "UTC" else ""
    return f"It is {text.rstrip('.')}{where}."


def _found(call: ToolCall, text: str) -> str:
    if not text or text.startswith(NOTHING):
        return text or f"{NOTHING} for “{_argument(call)}”."
    return f"This is what the search found for “{_argument(call)}”:\n{text}"


def _told(call: ToolCall, text: str) -> str:
    if not text:
        return f"`{call['name']}` is done; it gave no text back."
    return (
        f"`{call['name']}` says:\n{text}"
        if "\n" in text
        else f"`{call['name']}` says: {_sentence(text)}"
    )


def _argument(call: ToolCall) -> Any:
    return next(iter(call["args"].values()), "")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"-?[\d.,]+(?:e[+-]?\d+)?", text, re.I))


def _sentence(text: str) -> str:
    return text if not text or text[-1] in '.!?…)`"”' else f"{text}."


def _clipped(text: str) -> str:
    text = text.strip()
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(maxsplit=1)[0] + " …"

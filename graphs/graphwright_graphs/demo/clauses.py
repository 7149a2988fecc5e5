"""Several requests in one message, taken apart: "What is 12*7, what time is it and note that …"."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from graphwright_graphs.demo import shapes

# Between two requests whatever they are.
HARD: Final = re.compile(
    r"\s*(?:\n+\s*(?:[-*•]\s+|\d+[.)]\s+)?|;\s*|(?<=[?!])\s+|(?<=\w\w[.])\s+(?=[A-Z])|"
    r"[,.]?\s*\b(?:and\s+then|then|after that|afterwards|finally)\b,?\s+)(?:and\s+|also\s+)*",
    re.I,
)
# Between two requests only if a request follows.
SOFT: Final = re.compile(
    r"\s*(?:,\s*(?:and\s+)?|\s+and\s+|\s+as well as\s+|\.\s+)(?:also\s+|please\s+)*", re.I
)
BULLET: Final = re.compile(
    r"^\s*(?:[-*•]|\d+[.)])\s+|^(?:first(?:ly)?|second(?:ly)?|third(?:ly)?),?\s+", re.I
)

MOST: Final = 60  # commas and "and"s of one sentence that are weighed

VERBS: Final = frozenset(
    shapes.words(
        "add analyse analyze answer ask book build buy calculate call cancel check "
        "collect compare compile compute convert count create decide define delete "
        "describe divide draft email estimate evaluate explain extract fetch file find "
        "forget gather generate get give identify list look make measure multiply note "
        "notify open order pay plan prepare print publish put read refund remember remind "
        "remove rename reply report research reserve review run save say schedule search "
        "select send set show solve sort start stop subtract sum summarise summarize take "
        "tell test translate update verify visit write"
    )
)
QUESTION: Final = re.compile(
    r"^(?:what|what's|whats|when|where|which|who|whose|why|how|is|are|can|could|do|does|did|will|"
    r"would)\b"
    r"(?=.*\s)",
    re.I | re.S,
)

Predicate = Callable[[str, str], bool]


def split(text: str, opens: Predicate) -> list[str]:
    """Return the requests in the text, in order.

    Args:
        text: what a person wrote.
        opens: whether a request begins here, given what stands before and after; asked where "and"
            or a comma might just as well join two things of one request.
    """
    parts = [BULLET.sub("", part).strip() for part in _outside_quotes(HARD, text)]
    return [piece for part in parts if part for piece in _soft(part, opens)]


def reads_as_request(piece: str) -> bool:
    """Whether the piece begins like a question or an order."""
    first = re.match(r"(?:please\s+)?([\w'\u2019]+)", piece.casefold())
    return first is not None and (first[1] in VERBS or bool(QUESTION.match(piece)))


def head(text: str) -> str:
    """Return the text up to the next "and" or comma."""
    boundary = SOFT.search(text, 1)
    return text[: boundary.start()] if boundary else text


def _soft(part: str, opens: Predicate) -> list[str]:
    pieces: list[str] = []
    start = 0
    for boundary in _boundaries(SOFT, part)[:MOST]:
        if boundary.start() > start and opens(
            part[start : boundary.start()], part[boundary.end() :]
        ):
            pieces.append(part[start : boundary.start()])
            start = boundary.end()
    pieces.append(part[start:])
    return [piece.strip(" ,") for piece in pieces if piece.strip(" ,.")]


def _outside_quotes(pattern: re.Pattern[str], text: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for boundary in _boundaries(pattern, text):
        if boundary.end() > boundary.start():
            parts.append(text[start : boundary.start()])
            start = boundary.end()
    return [*parts, text[start:]]


def _boundaries(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    quotes = [
        match.span()
        for match in re.finditer(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|(?<!\w)'[^']+'(?!\w)", text)
    ]
    return [
        match
        for match in pattern.finditer(text)
        if not any(start < match.start() < end for start, end in quotes)
    ]

"""What a system prompt asks for, where the person gives only the text to do it with.

Sentences are taken out of a text for a summary, and patterns are looked for in code: no rule here
understands either.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from graphwright_graphs.demo import shapes
from graphwright_graphs.demo.conversation import Turn, without_disclaimer

LONGEST: Final = 20_000  # characters of a text that are read
# An instruction begins its sentence: a prompt may also speak of what sums something up.
SUM_UP: Final = re.compile(r"(?:^|[.!?:]\s|\byou)\s*(?:sum up|summari[sz]e)\b", re.I | re.M)
REVIEW: Final = re.compile(r"\breviews? code for\b(?: one thing alone:)?\s*(.*)", re.I)
GATHER: Final = re.compile(r"\bof these findings\b", re.I)
CUSTOMER: Final = re.compile(r"\banswer the customer\b", re.I)
SENTENCES: Final = {"one": 1, "two": 2, "three": 3}

# What is looked for in code: the words of a reviewer's topic, what is found, and what to do.
LINTS: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("security", re.compile(r"\b(?:eval|exec)\("), "runs text as code: parse it instead"),
    (
        "security",
        re.compile(r"(?i)\b(?:password|secret|token|api_?key)\w*\s*[:=]\s*['\"]"),
        "holds a secret: read it from the environment",
    ),
    ("security", re.compile(r"shell\s*=\s*True|os\.system\("), "starts a shell: pass a list"),
    (
        "security",
        re.compile(r"(?i)f['\"]\s*(?:select|insert|update|delete)\b.*\{"),
        "puts values into SQL: bind them as parameters",
    ),
    ("correctness", re.compile(r"^\s*except\s*:"), "catches everything: name the exception"),
    ("correctness", re.compile(r"[=!]=\s*None\b"), "compares with None: use `is`"),
    (
        "correctness",
        re.compile(r"def .*=\s*(?:\[\]|\{\})"),
        "has a default that all calls share: use None",
    ),
    ("readability", re.compile(r"\b(?:TODO|FIXME|XXX)\b"), "leaves work undone: do it or file it"),
    ("readability", re.compile(r"^.{101,}"), "is longer than 100 characters: break it"),
    ("readability", re.compile(r"\bdef [a-z]\("), "has a name of one letter: say what it does"),
)


def answer(turn: Turn) -> str | None:
    """What the system prompt asks for, done to the request; None where it asks for nothing such."""
    text = _text(turn.request)
    if not text:
        return None
    rules: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], str]], ...] = (
        (REVIEW, lambda code, found: _review(code, found[1])),
        (GATHER, lambda findings, _: _gathered(findings)),
        (SUM_UP, lambda whole, _: summary(whole, _sentences(turn.system))),
        (CUSTOMER, lambda said, _: _acknowledged(said)),
    )
    for pattern, act in rules:
        if found := pattern.search(turn.system):
            return act(text, found)
    return None


def summary(text: str, most: int) -> str:
    """The sentences whose words are said most often, in their order."""
    sentences = [
        " ".join(each.split()).removeprefix("- ")
        for each in re.split(r"(?<=[.!?])\s+|\n{2,}|\n(?=[-#|])", text)
        if len(shapes.words(each)) > 3 and not each.lstrip().startswith(("|", "#", "`", "{"))
    ]
    if not sentences:
        return " ".join(text.split())[:200]
    said = Counter(word for word in shapes.words(text) if len(word) > 4)
    weights = {
        each: sum(said[word] for word in set(shapes.words(each))) / (len(shapes.words(each)) + 5)
        for each in sentences
    }
    best = sorted(weights, key=lambda each: weights[each], reverse=True)[:most]
    return " ".join(each for each in dict.fromkeys(sentences) if each in best)


def _text(request: str) -> str:
    """The request without what the demo adds to its answers; a list of texts one after another."""
    text = request[:LONGEST]
    if text.startswith("["):
        try:
            parts = json.loads(text)
        except ValueError:
            parts = None
        if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
            text = "\n\n".join(map(without_disclaimer, parts))
    return without_disclaimer(text)


def _sentences(system: str) -> int:
    found = re.search(r"\b(one|two|three) sentences?\b", system, re.I)
    return SENTENCES[found[1].lower()] if found else 3


def _review(request: str, topics: str) -> str:
    code = request.partition("\n\n")[2] if request.startswith("Review this code") else request
    words = topics.casefold()
    known = {topic for topic, _, _ in LINTS if topic in words} or {each[0] for each in LINTS}
    found = [
        f"- Line {number} {advice}."
        for number, line in enumerate(code.splitlines(), 1)
        for topic, pattern, advice in LINTS
        if topic in known and pattern.search(line)
    ]
    return "\n".join(found) or "Nothing found."


def _gathered(findings: str) -> str:
    lines = [line for line in findings.splitlines() if line.startswith("- ")]
    return "\n".join(dict.fromkeys(lines)) or "Nothing found."


def _acknowledged(request: str) -> str:
    said = " ".join(request.split())
    shown = said if len(said) <= 100 else f"{said[:99]}…"
    end = "" if shown[-1:] in ".!?…" else "."
    return f"Thank you for your message. You wrote: “{shown}”{end} We are looking into it."

"""What the person told in other conversations, which the system prompt of a graph may quote."""

from __future__ import annotations

import json
import re
from typing import Final

from graphwright_graphs.demo import shapes
from graphwright_graphs.demo.conversation import Turn
from graphwright_graphs.demo.intents import OPEN, Intent, Kind

# A prompt with this speaks for a graph that keeps what is told.
KEPT: Final = re.compile(r"\btold you before\b", re.I)
QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
OF_ONESELF: Final = re.compile(
    r"(?:i'm|i\u2019m|i've|(?:i|we) (?:also |really |don't |do not |never )?"
    r"(?:like|love|prefer|hate|enjoy|live|work|speak|own|come|grew|was born|am|have|eat|drink))\b",
    re.I,
)
EVERYTHING: Final = re.compile(
    r"\b(?:know|remember|recall|learned)\W*(?:(?:of|about) )?(?:me|us)?\W*$|"
    r"\bi (?:have )?t(?:old|ell) you",
    re.I,
)
MOST: Final = 20  # facts that an answer lists
# Beginnings of words that are in questions and facts alike.
COMMON: Final = frozenset(
    {"what", "wher", "when", "whic", "your", "with", "have", "does", "know", "that"}
)


def told(intent: Intent) -> str | None:
    """What a request tells of the person, in their own words; None where it tells nothing."""
    match intent.kind:
        case Kind.TELL:
            said = intent.clause
        case Kind.SAVE_NOTE:
            said = intent.value  # empty where it stands for what came before
        case Kind.UNKNOWN if OF_ONESELF.match(intent.clause):
            said = intent.clause
        case _:
            return None
    return said.strip().rstrip(" .!") or None


def answer(turn: Turn, intent: Intent) -> str | None:
    """What a memory has to say to a request; None without one, or where it has nothing to say."""
    if not KEPT.search(turn.system) or intent.kind not in (*OPEN, Kind.SAVE_NOTE, Kind.LIST_NOTES):
        return None
    if said := told(intent):
        return f"I'll remember: “{said}”."
    facts = list(dict.fromkeys(said for said in quoted(turn.system) if " " in said))
    if intent.kind is Kind.LIST_NOTES or EVERYTHING.search(intent.clause.rstrip("?!. ")):
        listed = "\n".join(f"- {fact}" for fact in facts[-MOST:])
        return (
            f"You told me:\n{listed}" if facts else "You have told me nothing about yourself yet."
        )
    about = _stems(intent.clause)
    found = [fact for fact in facts if about & _stems(fact)]
    return f"You told me: “{found[-1].rstrip('.')}”." if found else None


def quoted(text: str) -> list[str]:
    """What stands in double quotes, where that is a text of JSON."""
    return [said for each in QUOTED.findall(text) if (said := _unescaped(each)) is not None]


def _unescaped(text: str) -> str | None:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return None


def _stems(text: str) -> set[str]:
    return {word[:4] for word in shapes.words(text) if len(word) > 3} - COMMON

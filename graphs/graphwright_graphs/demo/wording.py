"""Answers in words: what came out, what is missing, what a set of rules cannot do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from graphwright_graphs.demo import memories, phrasebook, tables
from graphwright_graphs.demo.conversation import DISCLAIMER, Turn
from graphwright_graphs.demo.errands import ASKING, Errand
from graphwright_graphs.demo.intents import OPEN, Intent, Kind
from graphwright_graphs.demo.outcomes import outcome
from graphwright_graphs.demo.toolbox import Role, Toolbox

SKILLS: Final = {
    Role.CALCULATE: "work out sums: “What is 15% of 80?”",
    Role.CLOCK: "tell the time and the date: “What time is it in Tokyo?”",
    Role.SAVE_NOTE: "keep notes: “Note that I owe Ada 5 euros”, “List my notes”, “Delete note 1”",
    Role.SEARCH: "search the documents: “How do I resume a run?”",
}
DATABASE: Final = (
    "ask the database: “Which tables are there?”, “How many orders are there?”, “SELECT 1 + 1”"
)
SEVERAL: Final = (
    "take several requests at once: “What is 12*7, what time is it and note that I owe Ada 5 euros”"
)
SKILLED: Final = "I can\n"
HINT: Final = "“What can you do?” shows what works."
ALWAYS: Final = (
    "remember what you told me in this conversation: “My name is Ada”, then “What is my name?”",
    "translate a few common phrases: “Translate good morning into French”",
)
# What is said where no tool for a request is bound.
WITHOUT_TOOL: Final = {
    Kind.ARITHMETIC: "I have no calculator here, so I leave “{clause}” open.",
    Kind.TIME: "I have no clock here, so I can't tell the time or the date.",
    Kind.SAVE_NOTE: "I have nowhere to keep notes here, so “{clause}” is not saved.",
    Kind.LIST_NOTES: "I keep no notes here, so there are none to show.",
    Kind.DELETE_NOTE: "I keep no notes here, so there is none to delete.",
    Kind.SEARCH: "I have nothing to search here, so I can't look up “{value}”.",
}
MISSING: Final = {
    Kind.ARITHMETIC: "I don't know which number “{clause}” goes on from. Please write the number.",
    Kind.TIME: "I don't know the time zone of that place. Please name it as in “Europe/Paris”.",
    Kind.SAVE_NOTE: "There is no result to note yet. What should the note say?",
    Kind.DELETE_NOTE: "Which note should go? Please give its number, as in “Delete note 2”.",
}

SAYINGS: Final = {
    Kind.GREETING: "Hello! Ask me “What can you do?” to see what works here.",
    Kind.THANKS: "You're welcome.",
    Kind.FAREWELL: "Goodbye! This conversation is kept; come back to it whenever you like.",
    Kind.MOOD: "I'm a set of rules, so always the same. What can I do for you?",
    Kind.IDENTITY: (
        "I'm the demo model that comes with Graphwright: a set of rules that reads requests and "
        "calls real tools. I'm not a language model. GRAPHWRIGHT_MODEL=provider:model puts a real "
        "one in my place."
    ),
}
CALLED: Final = re.compile(
    r"\b(?:[Ii]'m|[Ii] am(?: called)?|[Cc]all me|[Mm]y name(?: is|'s)) "
    r"([A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)*)"
)


def answer(turn: Turn, errands: Sequence[Errand], toolbox: Toolbox, *, brief: bool = False) -> str:
    """Answer everything that the turn asks for, in the order of the request.

    Where nothing of it can be done, the answer lists what can, unless it shall be brief.
    """
    lost = [e for e in errands if _is_lost(e) and memories.answer(turn, e.intent) is None]
    told = dict.fromkeys(_told(turn, errand, toolbox) for errand in errands if errand not in lost)
    parts = [part for part in told if part]
    if turn.has_media:
        parts.append("I can read text only, so I did not look at what is attached.")
    if lost or not parts:
        parts.append(_cannot(lost, turn, toolbox, brief=brief or bool(parts)))
    return _joined(parts)


def failed(errands: Sequence[Errand]) -> bool:
    """Whether a tool failed, or nothing of what was asked for can be done."""
    if any(errand.result and errand.result.failed for errand in errands):
        return True
    return bool(errands) and all(_is_lost(errand) or bool(errand.missing) for errand in errands)


def translation(wanted: phrasebook.Translation) -> str:
    """Answer a request to translate."""
    found = wanted.answer()
    if found is not None:
        return found
    if not wanted.text:
        return f"What should I translate into {wanted.language}?"
    languages = f"{', '.join(phrasebook.LANGUAGES[:-1])} and {phrasebook.LANGUAGES[-1]}"
    return (
        f"I can't translate “{wanted.text}” into {wanted.language}: "
        f"I only have a phrase book of {len(phrasebook.PHRASES)} common phrases in {languages}. "
        "A real model translates anything."
    )


def introduced(text: str, turn: Turn) -> str:
    """Return the answer with the disclaimer, where the conversation has none yet."""
    return text if turn.introduced else f"{text}\n\n{DISCLAIMER}"


def _is_lost(errand: Errand) -> bool:
    return (
        errand.call is None
        and not errand.missing
        and not errand.waits
        and errand.intent.kind in OPEN
    )


def _told(turn: Turn, errand: Errand, toolbox: Toolbox) -> str:
    intent = errand.intent
    if errand.call:
        if errand.result is None:
            return f"I asked `{errand.call['name']}`, but it has not answered."
        return outcome(intent, errand.call, errand.result)
    if errand.waits:
        return f"“{intent.clause}” still waits for what comes before it."
    if errand.missing:
        return _missing(errand)
    if remembered := memories.answer(turn, intent):
        return remembered
    if intent.kind in WITHOUT_TOOL:
        return WITHOUT_TOOL[intent.kind].format(clause=_plain(intent), value=intent.value)
    return _talk(turn, intent, toolbox)


def _missing(errand: Errand) -> str:
    if errand.intent.kind in MISSING:
        return MISSING[errand.intent.kind].format(clause=_plain(errand.intent))
    name = errand.tool.name if errand.tool else "that"
    return f"I can use `{name}` for this. {ASKING}{', '.join(errand.missing)}."


def _talk(turn: Turn, intent: Intent, toolbox: Toolbox) -> str:
    match intent.kind:
        case Kind.HELP:
            return _skills(toolbox)
        case Kind.TRANSLATE:
            return translation(phrasebook.Translation(intent.value, intent.detail))
        case Kind.TELL:
            return _noticed(intent)
        case Kind.RECALL:
            return _recalled(turn, intent.value or "name")
        case Kind.LAST_QUESTION:
            return _last_question(turn)
        case Kind.SAY:
            return intent.value
        case _:
            return SAYINGS[intent.kind]


def _noticed(intent: Intent) -> str:
    if intent.value in ("name", ""):
        return f"Nice to meet you, {re.split(r',|,? and ', intent.detail)[0]}."
    return f"Understood: your {intent.value} is {intent.detail}."


def _recalled(turn: Turn, name: str) -> str:
    wanted = name.casefold()
    pattern = re.compile(
        rf"\bmy {re.escape(wanted)} (?:is|are|was) (?!not\b)([^.!?\n;]+?)(?=,? and\b|[.!?\n;]|$)",
        re.I,
    )
    # A prompt may quote what the person said in other conversations.
    told = [*memories.quoted(turn.system), *turn.earlier]
    finds = [found[1] for said in told for found in pattern.finditer(said)]
    if wanted == "name":
        finds = [found[1] for said in told for found in CALLED.finditer(said)] or finds
    if not finds:
        return f"You haven't told me your {name} in this conversation."
    return f"Your {name} is {finds[-1].strip()}."


def _last_question(turn: Turn) -> str:
    said = list(turn.earlier)
    if not said:
        return "This is the first message of our conversation."
    if len(said) > 1 and re.search(r"\bfirst\b", turn.request, re.I):
        return f"First you wrote: “{said[0]}”"
    return f"Just before this you wrote: “{said[-1]}”"


def _skills(toolbox: Toolbox) -> str:
    lines = [text for role, text in SKILLS.items() if toolbox.of(role)]
    lines += [DATABASE] if tables.bound(toolbox) else []
    lines += [
        f"use `{t.name}`: {t.description.strip().split(chr(10))[0]}"
        for t in toolbox.outside_roles()
    ]
    lines += [SEVERAL] if len(lines) > 1 else []
    return SKILLED + "\n".join(f"- {line.rstrip(': ')}" for line in [*lines, *ALWAYS])


def _cannot(lost: Sequence[Errand], turn: Turn, toolbox: Toolbox, *, brief: bool) -> str:
    named = " or ".join(f"“{_plain(errand.intent)}”" for errand in lost)
    if not named:
        return _skills(toolbox)
    sorry = f"I can't help with {named}: that takes a real model, or a tool that is not bound here."
    listed = any(SKILLED in said for said in turn.answers)
    return f"{sorry}\n\n{_skills(toolbox)}" if not (brief or listed) else f"{sorry} {HINT}"


def _plain(intent: Intent) -> str:
    return intent.clause.strip().rstrip("?!. ")


def _joined(parts: Sequence[str]) -> str:
    """Join sentences with spaces, and what has lines of its own with an empty line."""
    text = ""
    for part in parts:
        lines = "\n" in part or "\n" in text.rpartition("\n\n")[2]
        gap = "\n\n" if lines else " " if text.endswith((".", "!", "?")) else "\n"
        text = f"{text}{gap}{part}" if text else part
    return text

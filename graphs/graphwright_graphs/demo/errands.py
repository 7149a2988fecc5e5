"""Which tool calls a request needs, what each still lacks, and which may be made now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from langchain_core.messages import ToolCall

from graphwright_graphs.demo import (
    arguments,
    arithmetic,
    clauses,
    intents,
    moments,
    outcomes,
    phrasebook,
    shapes,
)
from graphwright_graphs.demo.conversation import Result, Turn, without_disclaimer
from graphwright_graphs.demo.intents import Intent, Kind
from graphwright_graphs.demo.toolbox import ARGUMENTS, Role, Tool, Toolbox

ROLES: Final[Mapping[Kind, Role]] = {
    Kind.ARITHMETIC: Role.CALCULATE,
    Kind.TIME: Role.CLOCK,
    Kind.SAVE_NOTE: Role.SAVE_NOTE,
    Kind.LIST_NOTES: Role.LIST_NOTES,
    Kind.DELETE_NOTE: Role.DELETE_NOTE,
    Kind.SEARCH: Role.SEARCH,
    Kind.QUESTION: Role.SEARCH,
}
ELLIPSIS: Final = re.compile(r"(?:and|what about|how about)\s+((?:in|for|at)\s+.{1,60})$", re.I)
LONGEST_NOTE: Final = 300  # characters of an answer that "note it" saves
ORDINALS: Final = {"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5"}
# How an answer asks for what a tool lacks; the next message is read as the reply to it.
ASKING: Final = "I still need: "


@dataclass(frozen=True)
class Errand:
    """One request and what is done about it.

    With a `call`, a tool serves it, and `result` is what that gave once it ran. With `missing`, the
    tool needs values that the request does not give. With `waits`, the call depends on a result to
    come. With none of these, it is for words alone.
    """

    intent: Intent
    call: ToolCall | None = None
    tool: Tool | None = None
    missing: tuple[str, ...] = ()
    waits: bool = False
    result: Result | None = None


def plan(turn: Turn, toolbox: Toolbox, *, reference: str | None = None) -> list[Errand]:
    """Return what to do about each request of the turn, with the results that are there already.

    Args:
        turn: the conversation.
        toolbox: the tools that may be called.
        reference: what "it" and "the result" mean where nothing in the turn came before.
    """
    wanted = [part for intent in _intents(turn, toolbox) for part in _by_place(intent)]
    done: list[Errand] = []
    for index, intent in enumerate(wanted):
        errand = _errand(intent, toolbox, _Past(done, reference or _last_answer(turn)))
        if errand.call:
            errand = _with_id(errand, f"demo_{turn.digest}_{index}", done)
        done.append(_settled(errand, turn, done))
    return done


def due(errands: Sequence[Errand], turn: Turn) -> list[ToolCall]:
    """Return the calls to make now: not made yet, and waiting for nothing."""
    made = {call["id"] for call in turn.calls}
    calls = {e.call["id"]: e.call for e in errands if e.call and not e.waits and e.result is None}
    return [call for call_id, call in calls.items() if call_id not in made]


@dataclass(frozen=True)
class _Past:
    """What "it" can stand for: the errand before, else the words of the answer before."""

    done: Sequence[Errand]
    said: str

    @property
    def before(self) -> Errand | None:
        return next((errand for errand in reversed(self.done) if errand.call), None)

    @property
    def pending(self) -> bool:
        return self.before is not None and self.before.result is None

    def sentence(self) -> str | None:
        translated = phrasebook.read(self.done[-1].intent.clause) if self.done else None
        if translated and (found := translated.answer()):
            return found
        sentences = [
            outcomes.outcome(e.intent, e.call, e.result)
            for e in self._fine()
            if e.call and e.result
        ]
        return (
            "; ".join(sentence.rstrip(".") for sentence in sentences[-1:])
            or self.said.rstrip(".")
            or None
        )

    def number(self) -> str | None:
        if self.before and self.before.result:
            return outcomes.number(self.before.result)
        return outcomes.number(Result(self.said))

    def _fine(self) -> list[Errand]:
        return [errand for errand in self.done if errand.result and not errand.result.failed]


def _intents(turn: Turn, toolbox: Toolbox) -> list[Intent]:
    found = intents.read_all(_continued(turn) or turn.request, _names_tool(toolbox))
    asked = turn.answers and turn.earlier and ASKING in turn.answers[-1]
    if asked and all(_is_value(intent) for intent in found):
        # The last answer asked for a value, and this message gives it.
        return intents.read_all(
            f"{turn.earlier[-1].rstrip('?!. ')} {turn.request}", _names_tool(toolbox)
        )
    return found


def _continued(turn: Turn) -> str | None:
    """Return the request in full where it only names another place: "and in Tokyo?"."""
    found = ELLIPSIS.match(turn.request)
    if not (found and turn.earlier):
        return None
    return f"{re.sub(r' (?:in|for|at) .*$', '', turn.earlier[-1].strip(' ?!.'))} {found[1]}"


def _is_value(intent: Intent) -> bool:
    return intent.kind is Kind.UNKNOWN and not clauses.reads_as_request(intent.clause)


def _names_tool(toolbox: Toolbox) -> Callable[[str], bool]:
    subjects = frozenset(word for tool in toolbox.outside_roles() for word in tool.subject)
    return lambda piece: bool(subjects & set(shapes.words(piece)[:3]))


def _by_place(intent: Intent) -> list[Intent]:
    if intent.kind is not Kind.TIME or intent.value:
        return [intent]
    zones = moments.zones(intent.clause) if moments.day(intent.clause) is None else []
    places = [replace(intent, value=zone or "?") for zone in zones]
    return places or [intent]


def _errand(intent: Intent, toolbox: Toolbox, past: _Past) -> Errand:
    if intent.kind in intents.TALK:
        return Errand(intent)
    own = (
        _by_words(intent, toolbox)
        if intent.kind in (*intents.OPEN, Kind.SEARCH, Kind.TIME)
        else None
    )
    if own and (own.call or intent.kind in intents.OPEN):
        return own
    role = ROLES.get(intent.kind)
    tool = toolbox.of(role) if role else None
    if role is None or tool is None:
        return _by_words(intent, toolbox) or Errand(intent)
    if intent.refers and past.pending:
        return Errand(intent, tool=tool, waits=True)
    value = _value(intent, past)
    if value is None:
        return Errand(intent, tool=tool, missing=(ARGUMENTS[role],))
    return Errand(intent, _call(tool, _role_arguments(role, tool, value)), tool)


def _value(intent: Intent, past: _Past) -> str | None:
    """Return what the role's tool is given; "" for nothing, None where it is not known."""
    match intent.kind:
        case Kind.ARITHMETIC if intent.refers:
            number = past.number()
            return (
                arithmetic.expression(intents.with_reference(intent.clause, number))
                if number
                else None
            )
        case Kind.SAVE_NOTE:
            return _short(past.sentence()) if intent.refers else intent.value
        case Kind.DELETE_NOTE:
            return _note_number(intent.value)
        case Kind.TIME:
            return None if intent.value == "?" else intent.value
        case _:
            return intent.value


def _short(text: str | None) -> str | None:
    line = " ".join((text or "").split())
    return line[:LONGEST_NOTE] or None


def _role_arguments(role: Role, tool: Tool, value: str) -> dict[str, Any]:
    name = tool.argument(ARGUMENTS[role]) if role in ARGUMENTS and value else None
    if name is None:
        return {}
    return {name: int(value) if role is Role.DELETE_NOTE else value}


def _by_words(intent: Intent, toolbox: Toolbox) -> Errand | None:
    tool = Toolbox(tuple(toolbox.outside_roles())).about(intent.clause)
    if tool is None:
        return None
    verbs = frozenset(shapes.words(tool.name))
    given, missing = arguments.fill(tool.parameters, intent.clause, verbs)
    if not missing:
        return Errand(intent, _call(tool, given), tool)
    # Without a word of its name the tool was a guess: no reason to ask for its arguments.
    named = not tool.subject.isdisjoint(shapes.words(intent.clause))
    return Errand(intent, tool=tool, missing=tuple(missing)) if named else None


def _call(tool: Tool, given: Mapping[str, Any]) -> ToolCall:
    return ToolCall(name=tool.name, args=dict(given), id=None, type="tool_call")


def _with_id(errand: Errand, call_id: str, done: Sequence[Errand]) -> Errand:
    assert errand.call is not None
    same = (errand.call["name"], errand.call["args"])
    twin = next((e.call for e in done if e.call and (e.call["name"], e.call["args"]) == same), None)
    return replace(errand, call=twin or ToolCall(**{**errand.call, "id": call_id}))


def _settled(errand: Errand, turn: Turn, done: Sequence[Errand]) -> Errand:
    """Join the errand with its result and the call as it was made: a person may have edited it."""
    if errand.call is None:
        return errand
    made = next((call for call in turn.calls if call["id"] == errand.call["id"]), None)
    if made is None:
        # Another model, or a person, made this turn's calls: take theirs for ours, one for one.
        taken = Counter(e.call["id"] for e in done if e.call)
        made = next(
            (
                c
                for c in turn.calls
                if c["name"] == errand.call["name"] and not taken[c["id"]] and _foreign(c)
            ),
            None,
        )
    if made is None:
        return errand
    return replace(errand, call=made, result=turn.results.get(made["id"] or ""))


def _foreign(call: ToolCall) -> bool:
    return not (call["id"] or "").startswith("demo_")


def _note_number(value: str) -> str | None:
    said = [found[0] for found in re.finditer(r"\w+", value.casefold())]
    words = " ".join(ORDINALS.get(word, word) for word in said)
    found = re.search(r"\b\d{1,9}\b", arithmetic.numerals(words))
    return found[0] if found else None


def _last_answer(turn: Turn) -> str:
    return without_disclaimer(turn.answers[-1]) if turn.answers else ""

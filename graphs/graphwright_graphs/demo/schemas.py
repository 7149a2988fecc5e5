"""Structured output: a value for any JSON Schema, from a request and what was found out about it.

A field gets what its name, its options or the request's own words give. What nothing gives is left
out where the schema allows it, and otherwise "", 0, false, [] or, of several options, one named
"other" or the like, else the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from graphwright_graphs.demo import arguments, memories, plans, shapes
from graphwright_graphs.demo.arguments import Evidence
from graphwright_graphs.demo.intents import LONGEST, Intent, Kind
from graphwright_graphs.demo.plans import Item, Progress
from graphwright_graphs.demo.shapes import Schema

PLAN: Final = frozenset(
    shapes.words(
        "plan steps step tasks task subtasks todo todos actions queries questions left remaining"
    )
)
NEEDS: Final = frozenset(
    shapes.words("needs need depends dependencies dependency requires after inputs prerequisites")
)
ANSWER: Final = frozenset(
    shapes.words("answer response reply result summary output conclusion final message content")
)
ASKED: Final = frozenset(
    shapes.words(
        "task step description instruction instructions goal objective question query "
        "input request topic text"
    )
)
WHY: Final = frozenset(
    shapes.words(
        "reason reasoning rationale justification explanation thought thoughts why analysis"
    )
)
IDENTITY: Final = frozenset(shapes.words("id index key position"))
FINISHED: Final = frozenset(
    shapes.words("done finished finish complete completed end stop final answered satisfied")
)
ONGOING: Final = frozenset(shapes.words("continue replan more remaining unfinished"))
OTHER: Final = frozenset(shapes.words("other none unknown general default neutral unclear"))

FACTS: Final = frozenset(shapes.words("facts memories memory remember"))
# The beginnings of words that tell nothing about a subject.
COMMON: Final = frozenset(
    {"with", "that", "this", "your", "from", "have", "what", "when", "they", "want", "been", "will"}
)

RULES: Final = "Chosen by the rules of Graphwright's demo model, not by a language model."
# Words for options that stand for a kind of request, for schemas that route.
ROUTES: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.ARITHMETIC: frozenset(
        shapes.words("math maths calculator arithmetic calculation calculate compute sum")
    ),
    Kind.TIME: frozenset(shapes.words("clock time date calendar")),
    Kind.SAVE_NOTE: frozenset(shapes.words("note notes save memory remember")),
    Kind.LIST_NOTES: frozenset(shapes.words("note notes list memory recall")),
    Kind.DELETE_NOTE: frozenset(shapes.words("note notes delete memory")),
    Kind.SEARCH: frozenset(shapes.words("search docs documents research retrieve lookup question")),
    Kind.QUESTION: frozenset(
        shapes.words("search docs documents research retrieve lookup question")
    ),
    Kind.GREETING: frozenset(shapes.words("chat smalltalk greeting conversation talk")),
}
TOOLS: Final = {
    Kind.ARITHMETIC: "calculator",
    Kind.TIME: "clock",
    Kind.SAVE_NOTE: "save_note",
    Kind.LIST_NOTES: "list_notes",
    Kind.DELETE_NOTE: "delete_note",
    Kind.SEARCH: "search",
    Kind.QUESTION: "search",
}


@dataclass(frozen=True)
class Material:
    """What a schema is filled from."""

    text: str
    answer: str
    steps: Sequence[Intent]
    progress: Progress | None = None
    system: str = ""

    @property
    def left(self) -> Sequence[Item]:
        """The steps to plan: those that are left, of a plan under way."""
        if self.progress is None or not self.progress.under_way:
            return plans.planned(self.steps)
        return self.progress.remaining

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.progress is None or not self.progress.remaining


def fill(schema: Schema, material: Material) -> Any:
    """Return a value for the schema; for an object's schema, an object."""
    return _Filler(schema, material).value("", shapes.resolve(schema, schema), 0)


@dataclass
class _Filler:
    root: Schema
    material: Material
    evidence: Evidence = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = Evidence(self.material.text[:LONGEST])

    def value(self, name: str, schema: Schema, depth: int) -> Any:
        branch = self._branch(schema)
        if options := shapes.options(branch):
            return choose(options, self.material)
        match shapes.kind(branch):
            case "object":
                return self._object(branch, depth)
            case "array":
                return self._array(name, branch, depth)
            case "boolean":
                return self._boolean(name)
            case "integer" | "number" as kind:
                return self._number(kind, branch)
            case "null":
                return None
            case _:
                return self._string(name, branch)

    def _branch(self, schema: Schema) -> Schema:
        """Choose of a union: a plan's branch while steps are left, else the first."""
        branches = shapes.branches(schema, self.root)
        objects = [branch for branch in branches if shapes.kind(branch) == "object"]
        if len(objects) < 2 or self.material.progress is None:
            return branches[0]
        planning = [
            branch for branch in objects if set(shapes.properties(branch, self.root)) & PLAN
        ]
        answering = [branch for branch in objects if branch not in planning]
        return next(iter(answering if self.material.finished else planning), objects[0])

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        fields = shapes.properties(schema, self.root)
        required = shapes.required(schema)
        if depth >= shapes.DEEPEST:
            return {}
        # What stands beside a field's own name is taken first, so that no other field gets it.
        known = {n: v for n, f in fields.items() if (v := self._labelled(n, f)) is not None}
        for name, shape in fields.items():
            if name in known:
                continue
            value = self.value(name, shape, depth + 1)
            if name in required and (value or not shapes.nullable(shape)):
                known[name] = value
            elif name in required:
                known[name] = None
            elif value and not self._is_guess(shape, value):
                known[name] = value
        ordered = {name: known[name] for name in fields if name in known}
        return self._lone_answer(ordered, fields)

    def _lone_answer(self, filled: dict[str, Any], fields: Mapping[str, Schema]) -> dict[str, Any]:
        """Give an object of one free string the answer, whatever the field's name."""
        if len(fields) == 1 and list(filled.values()) == [""] and self.material.finished:
            return {name: self.material.answer for name in filled}
        return filled

    def _is_guess(self, schema: Schema, value: Any) -> bool:
        """Whether an optional field's value is made up, so that its default knows better."""
        branch = self._branch(schema)
        if shapes.options(branch):
            return not shapes.mentioned(value, self.material.text)
        return shapes.kind(branch) in ("integer", "number")

    def _labelled(self, name: str, schema: Schema) -> Any:
        branch = self._branch(schema)
        if shapes.options(branch) or shapes.kind(branch) not in ("integer", "number", "string"):
            return None
        found = arguments.labelled(name, branch, self.evidence)
        if found is None:
            return None
        return clipped(found, branch) if isinstance(found, str) else within(found, branch)

    def _boolean(self, name: str) -> bool:
        parts = set(shapes.words(name))
        if parts & ONGOING:
            return not self.material.finished
        if parts & FINISHED:
            return self.material.finished
        return any(affirmed(word, self.material.text) for word in parts if len(word) > 3)

    def _number(self, kind: str, schema: Schema) -> int | float:
        return within(arguments.number(self.evidence, kind) or 0, schema)

    def _string(self, name: str, schema: Schema) -> str:
        return clipped(self._words(name), schema)

    def _words(self, name: str) -> str:
        parts = set(shapes.words(name))
        if parts & WHY:
            return RULES
        if parts & ANSWER:
            return self.material.answer if self.material.finished else ""
        if parts & ASKED:
            return self.material.text
        return arguments.text(name, self.evidence) or ""

    def _array(self, name: str, schema: Schema, depth: int) -> list[Any]:
        items = shapes.resolve(schema.get("items"), self.root)
        values = self._items(name, items, depth)
        most = schema.get("maxItems", len(values))
        least = schema.get("minItems", 0)
        if len(values) < least:
            spare = values[-1] if values else self.value(name, items, depth + 1)
            values = values + [spare] * (min(least, 100) - len(values))
        return values[:most]

    def _items(self, name: str, items: Schema, depth: int) -> list[Any]:
        parts = set(shapes.words(name))
        branch = self._branch(items)
        if depth >= shapes.DEEPEST or parts & NEEDS:
            return []
        if options := shapes.options(branch):
            return [option for option in options if shapes.mentioned(option, self.material.text)]
        if parts & FACTS and shapes.kind(branch) == "string":
            told = filter(None, map(memories.told, self.material.steps))
            return [clipped(fact, branch) for fact in told]
        if shapes.kind(branch) == "object" or (parts & PLAN and shapes.kind(branch) == "string"):
            return [self._step(branch, step, at) for at, step in enumerate(self.material.left)]
        return arguments.several(name, branch, self.evidence)

    def _step(self, schema: Schema, step: Item, at: int) -> Any:
        if shapes.kind(schema) != "object":
            return clipped(step.text, schema)
        fields = shapes.properties(schema, self.root)
        own = Material(step.text, "", [Intent(step.kind, step.text)])
        filled = _Filler(self.root, own).value("", schema, 1)
        subject = _subject(fields)
        for name, shape in fields.items():
            value = _of_step(name, self._branch(shape), step, at)
            if name == subject:
                value = clipped(step.text, self._branch(shape))
            if value is not None:
                filled[name] = value
        return filled


def choose(options: Sequence[Any], material: Material) -> Any:
    """Return the option that the request mentions or is about, else "other", else the first."""
    said = [option for option in options if shapes.mentioned(option, material.text)]
    if said:
        return max(said, key=lambda option: len(str(option)))
    routes = next(
        (ROUTES[step.kind] for step in material.steps if step.kind in ROUTES), frozenset()
    )
    if material.progress is not None:
        routes = FINISHED | ANSWER if material.finished else ONGOING | PLAN
    stems = _stems(material.text)
    if described := _described(options, material.system, stems):
        return described
    tests: tuple[Callable[[set[str]], bool], ...] = (
        lambda words: bool(words & routes),
        lambda words: any(word[:4] in stems for word in words if len(word) >= 4),
        lambda words: bool(words & OTHER),
    )
    for test in tests:
        for option in options:
            if test(set(shapes.words(str(option)))):
                return option
    return options[0]


def _described(options: Sequence[Any], system: str, stems: set[str]) -> Any | None:
    """The option whose description in the system prompt, `- option: …`, is most like the text."""
    scores = {}
    for option in options:
        if found := re.search(rf"^- {re.escape(str(option))}: (.+)$", system, re.M):
            scores[option] = len(_stems(found[1]) & stems - COMMON)
    best = max(scores, key=lambda option: scores[option], default=None)
    if best is not None and scores[best]:
        return best
    otherwise = re.search(r"^When none fits, choose (.+)\.$", system, re.M) if scores else None
    return next((option for option in scores if otherwise and option == otherwise[1]), None)


def _stems(text: str) -> set[str]:
    return {word[:4] for word in re.findall(r"[^\W\d_]{4,}", text.casefold())}


def affirmed(word: str, text: str) -> bool:
    """Whether the text says the word, and not with a "not" before it."""
    stem = re.escape(word[: max(4, len(word) - 2)])
    return bool(re.search(rf"(?<!not )(?<!n't )(?<!no )(?<!never )\b{stem}", text.casefold()))


def within(number: int | float, schema: Schema) -> int | float:
    """Return the number, moved to the nearest bound of the schema where it is outside."""
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", number - 1) + 1)
    highest = schema.get("maximum", schema.get("exclusiveMaximum", number + 1) - 1)
    return cast("int | float", min(max(number, lowest), highest))


def clipped(text: str, schema: Schema) -> str:
    """Return the text within the schema's bounds; dots stand where it would be too short."""
    longest = schema.get("maxLength")
    shortest = min(schema.get("minLength", 0), 1000)
    text = (
        text
        if longest is None or len(text) <= longest
        else text[: max(longest - 1, 0)] + "…"[:longest]
    )
    return text if len(text) >= shortest else text + "." * (shortest - len(text))


def _subject(fields: Mapping[str, Schema]) -> str | None:
    """Return the field that takes a step's text: one named so, else the first plain string."""
    strings = [n for n, f in fields.items() if shapes.kind(f) == "string" and not shapes.options(f)]
    named = [name for name in strings if set(shapes.words(name)) & ASKED]
    free = [
        name
        for name in strings
        if not set(shapes.words(name)) & (IDENTITY | WHY | {"tool", "status"})
    ]
    return next(iter([*named, *free]), None)


def _of_step(name: str, schema: Schema, step: Item, at: int) -> Any:
    """Return what a step's own field is by its name: its id, its needs, its tool."""
    parts = set(shapes.words(name))
    kind = shapes.kind(schema)
    if parts & NEEDS and kind == "array":
        whole = shapes.kind(shapes.resolve(schema.get("items"), schema)) == "integer"
        return [int(need.strip("s") or 0) for need in step.needs] if whole else list(step.needs)
    options = shapes.options(schema)
    if parts & IDENTITY and (not options or step.id in options):
        if kind == "string":
            return step.id or f"s{at + 1}"
        return at + 1 if kind in ("integer", "number") else None
    if parts & {"tool", "tools"} and kind == "string" and not shapes.options(schema):
        return TOOLS.get(step.kind, "")
    return None

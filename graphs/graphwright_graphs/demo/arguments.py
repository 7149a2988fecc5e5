"""Arguments for a tool that the rules do not know, taken from the words of the request.

Careful rather than clever: a value is used once, and what is not clearly there is reported as
missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from graphwright_graphs.demo import arithmetic, moments, shapes
from graphwright_graphs.demo.shapes import Schema

NUMBER: Final = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-]|\.\d)")
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
URL: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;?!)]")
DATE: Final = re.compile(
    r"\b\d{4}-\d{2}-\d{2}\b|\b(?:today|tomorrow|yesterday|tonight|"
    r"(?:(?:next|this|on) )?(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.I,
)
CODE: Final = re.compile(r"#?\b(?=[\w-]*\d)[\w-]+\b")
# Names are told by their capitals; the first word of a sentence has one anyway.
NAME: Final = r"(?-i:[A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)*)"
QUOTED: Final = re.compile(r"\"([^\"]+)\"|“([^”]+)”|«([^»]+)»|(?<!\w)'([^']+)'(?!\w)")
STOP: Final = (
    r"(?=\s+(?:to|from|in|for|at|about|with|on|saying|that|by|subject|because|titled|and|please)\b"
    r"|[,;:?!]|\.\s|\.?$)"
)

# What a parameter's name tells about where its value stands. The first pattern that matches gives
# it.
PLACES: Final = (rf"\b(?:in|at|for|of|to|near)\s+(?:the\s+)?([^\W\d_].*?){STOP}",)
SOURCES: Final = {
    ("email", "mail"): (EMAIL.pattern,),
    ("url", "link", "website", "uri"): (URL.pattern,),
    ("date", "day", "deadline", "when", "due"): (DATE.pattern,),
    ("to", "recipient", "receiver", "destination", "target"): (
        EMAIL.pattern,
        rf"\b(?:in)?to\s+(?:the\s+)?(.+?){STOP}",
    ),
    ("from", "origin", "source", "sender"): (
        rf"\bfrom\s+(?:the\s+)?(.+?){STOP}",
        r"\d\s*([^\W\d_]+)(?=\s+(?:in)?to\b)",  # "3 miles to km"
    ),
    ("city", "location", "place", "country", "town", "where", "region"): PLACES,
    ("subject", "topic", "about", "theme", "title"): (
        rf"\b(?:about|regarding|titled|on)\s+(.+?){STOP}",
    ),
    ("body", "message", "content", "text", "msg"): (
        r"\b(?:saying|says|say|telling)\s+(?:that\s+)?(.+?)[.!]?$",
        r":\s*(.+)$",
    ),
    ("name", "person", "who", "customer", "user", "employee", "contact"): (
        rf"\b(?:named|called)\s+(.+?){STOP}",
        rf"^({NAME})(?=,? (?:is|was|has|lives|works|and|aged)\b)",
        rf"(?<=\s){NAME}",
    ),
    ("id", "order", "number", "ticket", "account", "reference", "sku", "code", "invoice"): (
        CODE.pattern,
    ),
    ("reason", "cause"): (r"\bbecause\s+(?:of\s+)?(.+?)[.!]?$", r"\breason:?\s+(.+?)[.!]?$"),
    ("zone", "timezone"): (r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_/]+",),
}  # fmt: skip
WHOLE: Final = frozenset(
    shapes.words(
        "query question q input request prompt topic text task command term keyword "
        "keywords statement"
    )
)


@dataclass
class Evidence:
    """The words of a request, of which each gives a value only once."""

    text: str
    _used: list[tuple[int, int]] = field(default_factory=list)

    def take(self, pattern: str | re.Pattern[str]) -> str | None:
        """Return what the pattern, or its group, finds in words not used yet, and use them."""
        for found in _compiled(pattern).finditer(self.text):
            group = next((at for at in range(1, (found.lastindex or 0) + 1) if found[at]), 0)
            value = found[group].strip().strip("\"'“”«»")
            if value and not any(
                s < found.end(group) and found.start(group) < e for s, e in self._used
            ):
                self._used.append(found.span(group))
                return value
        return None

    def take_all(self, pattern: re.Pattern[str]) -> list[str]:
        """Return every find of the pattern in words not used yet."""
        finds: list[str] = []
        while (value := self.take(pattern)) is not None:
            finds.append(value)
        return finds


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(pattern, re.I) if isinstance(pattern, str) else pattern


def fill(
    schema: Schema, clause: str, verbs: frozenset[str] = frozenset()
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments that the clause gives, and the names of required ones that it does not.

    Args:
        schema: the tool's parameters.
        clause: the request.
        verbs: words that named the tool; a lone free-text argument gets the clause without them.
    """
    fields = shapes.properties(schema, schema)
    evidence = Evidence(clause)
    given = {
        name: value
        for name, f in fields.items()
        if (value := labelled(name, f, evidence)) is not None
    }
    for name in [name for name in shapes.required(schema) if name in fields and name not in given]:
        value = _by_kind(name, fields[name], schema, evidence)
        if value is not None:
            given[name] = value
    missing = [name for name in shapes.required(schema) if name not in given]
    if len(missing) == 1 and not set(shapes.words(missing[0])).isdisjoint(WHOLE):
        rest = _rest(clause, verbs)
        if rest and shapes.kind(fields[missing[0]]) == "string":
            given[missing.pop()] = rest
    return {name: given[name] for name in fields if name in given}, missing


def labelled(name: str, schema: Schema, evidence: Evidence) -> Any:
    """Take a value that stands beside the parameter's own name, or an option that is mentioned."""
    choices = shapes.options(schema)
    if choices:
        return next((choice for choice in choices if shapes.mentioned(choice, evidence.text)), None)
    label = r"[\s_-]+".join(map(re.escape, shapes.words(name))) or re.escape(name)
    match shapes.kind(schema):
        case "boolean":
            return True if re.search(rf"(?<!not )\b{label}\b", evidence.text, re.I) else None
        case "integer" | "number" as kind:
            found = evidence.take(
                rf"\b{label}\s*(?:is|of|number|no\.?|id|#|:|=)*\s*#?(-?\d+(?:\.\d+)?)\b"
            )
            return _number(found or _age(name, evidence), kind)
        case "string":
            return evidence.take(
                rf"\b{label}\s*[:=]\s*(\"[^\"]+\"|'[^']+'|[^,;]+?){STOP}"
            ) or evidence.take(
                rf"\b{label}\s+(?:is\s+|number\s+|id\s+)?(\"[^\"]+\"|'[^']+'|#?(?=[\w-]*\d)[\w-]+)"
            )
        case _:
            return None


def _by_kind(name: str, schema: Schema, root: Schema, evidence: Evidence) -> Any:
    branch = shapes.branches(schema, root)[0]
    match shapes.kind(branch):
        case "integer" | "number" as kind:
            return number(evidence, kind)
        case "string":
            return text(name, evidence)
        case "array":
            return several(name, shapes.resolve(branch.get("items"), root), evidence) or None
        case _:
            return None


def number(evidence: Evidence, kind: str) -> int | float | None:
    """Take the next number that nothing used yet; None where there is none, or not of that kind."""
    return _number(evidence.take(NUMBER), kind)


def text(name: str, evidence: Evidence) -> str | None:
    """Take the words that a parameter's name asks for: an address, a place, what is quoted."""
    parts = set(shapes.words(name))
    if "timezone" in parts and (zone := moments.zone(evidence.text)):
        return zone
    if parts & {"expression", "formula"}:
        return arithmetic.expression(evidence.text)
    for names, patterns in SOURCES.items():
        for pattern in patterns if parts & set(names) else ():
            if found := evidence.take(pattern):
                return found
    return evidence.take(QUOTED)


def several(name: str, items: Schema, evidence: Evidence) -> list[Any]:
    """Take all values for a list: numbers, addresses, quotes, or what is listed after its name."""
    kind = shapes.kind(items)
    if kind in ("integer", "number"):
        found = [_number(value, kind) for value in evidence.take_all(NUMBER)]
        return [value for value in found if value is not None]
    if kind != "string":
        return []
    values = evidence.take_all(EMAIL) or evidence.take_all(QUOTED)
    listed = (
        None
        if values
        else evidence.take(rf"\b{re.escape(name)}\s*(?::|are|is)\s*(.+?)(?:[.;\n]|$)")
    )
    return values or [part for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", listed or "") if part]


def _age(name: str, evidence: Evidence) -> str | None:
    return (
        evidence.take(r"\b(\d{1,3})[\s-]years?[\s-]old\b|\baged (\d{1,3})\b")
        if name.endswith("age")
        else None
    )


def _number(found: str | None, kind: str) -> int | float | None:
    if found is None or len(found) > 300:  # longer than any float; int() refuses 4,300 digits
        return None
    value = float(found)
    whole = value.is_integer() and abs(value) < 2**53
    return int(value) if whole else None if kind == "integer" else value


def _rest(clause: str, verbs: frozenset[str]) -> str:
    kept = clause.strip(" ?!.")
    named = "|".join(map(re.escape, sorted(verbs)))
    lead = re.compile(
        r"^(?:please|can you|could you|would you|use|using|with|the|a|an|tool|to|for|of|about|on|"
        rf"me|what is|what's|what are|who is|how do i|how|{named})\b[\s:,]*",
        re.I,
    )
    while (shorter := lead.sub("", kept)) != kept:
        kept = shorter
    return kept

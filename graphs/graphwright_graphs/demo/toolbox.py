"""The tools that are bound to one model call, and which of them a request is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from graphwright_graphs.demo import shapes


class Role(StrEnum):
    """What the rules use a tool for."""

    CALCULATE = "calculate"
    CLOCK = "clock"
    SAVE_NOTE = "save_note"
    LIST_NOTES = "list_notes"
    DELETE_NOTE = "delete_note"
    SEARCH = "search"


# The names under which tools of a role are usually found; the shipped tool's name comes first.
NAMES: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.CALCULATE: ("calculator", "calculate", "calc", "evaluate", "compute"),
    Role.CLOCK: ("clock", "current_time", "get_current_time", "get_time", "time", "now"),
    Role.SAVE_NOTE: ("save_note", "add_note", "create_note", "remember", "save_memory"),
    Role.LIST_NOTES: ("list_notes", "get_notes", "read_notes", "show_notes"),
    Role.DELETE_NOTE: ("delete_note", "remove_note", "forget_note"),
    Role.SEARCH: ("search", "search_documents", "search_docs", "web_search", "retrieve", "lookup"),
}
# The shipped tool's argument, for the roles that take one.
ARGUMENTS: Final[Mapping[Role, str]] = {
    Role.CALCULATE: "expression",
    Role.CLOCK: "timezone",
    Role.SAVE_NOTE: "text",
    Role.DELETE_NOTE: "number",
    Role.SEARCH: "query",
}

# Words in a tool's name that say nothing about its subject.
BLAND: Final = frozenset(
    shapes.words(
        "a an and any as at by can do fetch find for from get given go handle in into is "
        "it its list look make my of on or perform post process put query read return run "
        "send set show tell that the this to tool up use using what with you your"
    )
)
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "add": ("plus", "sum", "+"),
    "multiply": ("times", "product", "multiplied", "*", "\u00d7"),
    "subtract": ("minus", "difference", "less", "\u2212"),
    "divide": ("divided", "over", "quotient", "/", "÷"),
    "weather": ("forecast", "temperature", "rain", "sunny"),
    "email": ("mail", "e-mail"),
    "buy": ("purchase", "order"),
    "book": ("reserve", "reservation"),
    "translate": ("translation",),
}


@dataclass(frozen=True)
class Tool:
    """One bound tool as the model sees it."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    def argument(self, preferred: str) -> str | None:
        """Return the parameter that takes a role's value: the preferred, else the first needed."""
        fields = shapes.properties(self.parameters, self.parameters)
        if preferred in fields:
            return preferred
        return next(iter(shapes.required(self.parameters)), next(iter(fields), None))

    @property
    def subject(self) -> frozenset[str]:
        """The telling words of the tool's name."""
        return frozenset(shapes.words(self.name)) - BLAND


@dataclass(frozen=True)
class Toolbox:
    """The tools of one model call."""

    tools: tuple[Tool, ...] = ()

    @classmethod
    def read(cls, bound: Sequence[Mapping[str, Any]]) -> Toolbox:
        """Read tools in OpenAI's format, which `bind_tools` stores; others are passed over."""
        functions = [tool.get("function") for tool in bound]
        return cls(
            tuple(
                Tool(str(f["name"]), str(f.get("description") or ""), f.get("parameters") or {})
                for f in functions
                if isinstance(f, Mapping) and "name" in f
            )
        )

    def named(self, name: str) -> Tool | None:
        """Return the tool of exactly that name."""
        return next((tool for tool in self.tools if tool.name == name), None)

    def of(self, role: Role) -> Tool | None:
        """Return the tool for a role, by its name; it must take no more than the role can give."""
        for name in NAMES[role]:
            tool = self.named(name)
            if tool and len(shapes.required(tool.parameters)) <= int(role in ARGUMENTS):
                return tool
        return None

    def about(self, clause: str) -> Tool | None:
        """Return the tool that a clause is about by its words, or None where none clearly is."""
        said = _stems(clause)
        scored = [(self._score(tool, said), tool) for tool in self.tools]
        best = max((score for score, _ in scored), default=0)
        return next((tool for score, tool in scored if score == best), None) if best >= 2 else None

    def outside_roles(self) -> list[Tool]:
        """Return the tools that have no role: those of the user's own."""
        known = {tool.name for role in Role if (tool := self.of(role))}
        return [tool for tool in self.tools if tool.name not in known]

    def _score(self, tool: Tool, said: frozenset[str]) -> int:
        named = sum(_says(said, word) for word in tool.subject)
        described = sum(_stem(word) in said for word in _telling(tool.description))
        verb = any(_stem(word) in said for word in shapes.words(tool.name) if word in BLAND)
        # One telling word of the name is enough; a description needs two, being longer and vaguer.
        return 3 * named + described + int(verb and named > 0)


def _says(said: frozenset[str], word: str) -> bool:
    return any(_stem(form) in said for form in (word, *SYNONYMS.get(word, ())))


def _telling(description: str) -> set[str]:
    first = description.strip().split("\n")[0]
    return {word for word in shapes.words(first) if word not in BLAND and len(word) > 3}


def _stems(text: str) -> frozenset[str]:
    return frozenset(
        _stem(word) for word in re.findall(r"[^\W_]+|[*/+\u00d7÷\u2212]", text.casefold())
    )


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word

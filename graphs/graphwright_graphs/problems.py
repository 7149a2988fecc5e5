"""Collecting every problem of a document before any is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from graphwright_graphs.errors import DocumentError, Problem
from graphwright_graphs.source import Part, Source, Where


class Problems:
    """The problems of one document. Report as many as can be found, then `raise_if_any`."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.found: list[Problem] = []

    def report(
        self,
        where: Where,
        found: str,
        expected: str,
        hint: str | None = None,
        *,
        at_key: bool = False,
        part: Part | None = None,
        warning: bool = False,
    ) -> None:
        """Add one problem; `at_key` points at the key's name instead of its value, `part` at a
        piece of the text that stands there.
        """
        line, column = self.source.position(where, of_key=at_key, part=part)
        file, path = self.source.file, path_text(where)
        problem = Problem(file, line, column, path, found, expected, hint, warning)
        if problem not in self.found:
            self.found.append(problem)

    def unknown(
        self,
        where: Where,
        name: str,
        expected: str,
        known: Iterable[str],
        *,
        at_key: bool = False,
        part: Part | None = None,
    ) -> None:
        """Add an unknown name, with the nearest of the names that would have been right."""
        hint = did_you_mean(name, known)
        self.report(where, quoted(name), expected, hint, at_key=at_key, part=part)

    @property
    def errors(self) -> list[Problem]:
        """Those that are no warnings."""
        return [problem for problem in self.found if not problem.warning]

    def raise_if_any(self) -> None:
        """End the reading of a document that has errors. Raises DocumentError."""
        if self.errors:
            raise DocumentError(self.errors)


def path_text(where: Where) -> str:
    """`("nodes", "a", "tools", 1)` as `nodes.a.tools[1]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def quoted(name: str) -> str:
    """A name as it is shown in an error: quoted, on one line, and cut short when it is
    very long.
    """
    name = name if name.isprintable() else " ".join(name.split())
    return f'"{name}"' if len(name) <= 60 else f'"{name[:57]}..."'


def shown(value: Any) -> str:
    """What stands in the document, in words that fit into a sentence."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)[:60]


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """`did you mean "…"?` for the nearest known name, None when none is near."""
    near = nearest(name, known)
    return meant(near) if near else None


def no_mapping(value: Any) -> str | None:
    """A hint for a text that was meant to be a mapping: `key:value` is a text to YAML."""
    is_entry = isinstance(value, str) and re.match(r"\w+:\S", value)
    return "write a blank after the colon" if is_entry else None


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like another, whatever its case; None when none is near."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def meant(name: str) -> str:
    """The hint that has what was probably meant."""
    return f'did you mean "{name}"?'

"""Rows as text that a model can read, within limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graphwright_tools.sql.dialects import Rows


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one answer may be.

    Args:
        rows: Of one query.
        cell: Characters of one value.
        characters: Of the whole answer.
        seconds: For one call.
    """

    rows: int = 100
    cell: int = 500
    characters: int = 20_000
    seconds: float = 10.0


@dataclass(slots=True)
class Page:
    """The lines of an answer, as far as there is room."""

    limits: Limits
    lines: list[str] = field(default_factory=list)
    cut_cells: bool = False
    is_full: bool = False

    def fill(self, columns: Sequence[str], values: Iterable[Sequence[object]]) -> None:
        """Take rows until they end, or until there is no more room."""
        self.lines = [" | ".join(self._cell(column) for column in columns)]
        room = self.limits.characters - len(self.lines[0])
        for count, row in enumerate(values):
            line = " | ".join(map(self._cell, row))
            room -= len(line) + 1
            if count == self.limits.rows or room < 0:
                self.is_full = True
                return
            self.lines.append(line)

    def text(self) -> str:
        """The lines, and what was left out of them."""
        count = len(self.lines) - 1
        notes = [f"({count} row{'s' * (count != 1)})"]
        if self.is_full:
            notes = [
                f"[Cut: these are the first {count} rows, and there are more. Ask for less: name "
                "the columns, narrow it with WHERE, add it up with GROUP BY, or read on with LIMIT "
                "and OFFSET.]"
            ]
        if self.cut_cells:
            notes.append(f"[Values are cut after {self.limits.cell} characters.]")
        return "\n".join([*self.lines, *notes])

    def _cell(self, value: object) -> str:
        said = " ".join(_written(value).split("\n")).replace("\r", "").replace("|", "\\|")
        if len(said) <= self.limits.cell:
            return said
        self.cut_cells = True
        return f"{said[: self.limits.cell]}…"


def shown(rows: Rows, limits: Limits) -> str:
    """The first rows of an answer, one a line, and what was left out."""
    page = Page(limits)
    page.fill(rows.columns, rows.values)
    return page.text()


def _written(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bytes() | memoryview():
            return f"<{len(value)} bytes>"
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)

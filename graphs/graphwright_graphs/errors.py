"""What can go wrong with a graph document.

GraphError
+-- DocumentError      the document can't become a graph; lists every problem found
+-- ConditionError     a `when:` failed on the state of a running graph
+-- MissingValue       a prompt needs a channel that has no value in this run
+-- AnswerError        a model gave no answer that fits a node's schema
+-- RequestError       a node's request to a service or database failed
+-- StoreError         a memory node has no store, or no namespace in it
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class GraphError(Exception):
    """Anything this package raises about a graph document."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document: where it is, what was found, what was expected."""

    file: str
    line: int
    """Counted from 1, as editors do; so is `column`."""
    column: int
    path: str
    """Where in the document, e.g. `nodes.assistant.llm.tools[1]`."""
    found: str
    expected: str
    hint: str | None = None
    warning: bool = False
    """Whether the document can become a graph all the same."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        what = f"found {self.found}, expected {self.expected}"
        what = f"warning: {what}" if self.warning else what
        tail = f", {self.hint}" if self.hint else ""
        return f"{where} {self.path}: {what}{tail}" if self.path else f"{where}: {what}{tail}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems as they stand in their documents, one after another, from the first line on.

    Each is there once: a document may be embedded in several places.
    """
    found = list(dict.fromkeys(problems))
    files = list(dict.fromkeys(each.file for each in found))
    return tuple(sorted(found, key=lambda each: (files.index(each.file), each.line, each.column)))


class DocumentError(GraphError):
    """A document can't become a graph. `problems` lists every mistake, in document order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConditionError(GraphError):
    """A `when:` expression failed on the state of a running graph."""


class MissingValue(GraphError):
    """A prompt needs a channel that has no value: neither input, nor a node, nor a default."""


class AnswerError(GraphError):
    """A model gave no answer that fits a node's schema, although it was asked twice."""


class RequestError(GraphError):
    """A service or database did not give a node what it asked for."""


class StoreError(GraphError):
    """A memory node runs without a store, or its namespace has an empty label."""

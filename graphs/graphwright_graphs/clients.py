"""Clients by which nodes reach services. Packages offer them by entry point, as they offer tools.

The language knows their shape alone: graphwright_tools has those that are guarded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Where

ENTRY_POINTS = "graphwright.clients"
"""The entry point group in which a package offers a client for the word of a node's kind."""


class HttpAnswer(Protocol):
    """What a service answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def text(self) -> str | None:
        """The body; None where it is no text."""
        ...

    @property
    def is_cut(self) -> bool:
        """Whether there is more of the body."""
        ...

    def ok(self) -> Any:
        """Raises a ToolException for a status of 400 and above, which says what to do."""
        ...

    def json(self) -> Any:
        """The body, parsed. Raises a ToolException when it is no whole JSON, and like `ok`."""
        ...


class HttpClient(Protocol):
    """Sends requests to the hosts that it was made for."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> HttpAnswer:
        """The answer. Raises ToolException when there is none."""
        ...


class SqlClient(Protocol):
    """Reads one database."""

    def misfit(self, statement: str) -> str | None:
        """What a statement would have to be, as far as that is seen without asking the database;
        None for one that may do.
        """
        ...

    def records(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of a SELECT. Raises ToolException."""
        ...

    async def arecords(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same, awaited."""
        ...


def maker(word: str, problems: Problems, where: Where) -> Callable[..., Any] | None:
    """What makes the client of a kind; where none is installed that is reported."""
    if point := offered(ENTRY_POINTS).get(word):
        made: Callable[..., Any] = point.load()
        return made
    expected = f"a package that offers a client for it (entry point {ENTRY_POINTS})"
    problems.report(where, f"`{word}`, for which no client is installed", expected)
    return None

"""Finding tools by name: an entry point's, or an import path's `module:attribute`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools import tool as as_tool

from graphwright_graphs.imports import Imports
from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems, did_you_mean, quoted
from graphwright_graphs.source import Where

ENTRY_POINTS = "graphwright.tools"
"""The entry point group in which a package offers its tools by name."""


class Toolbox:
    """The tools that one document may name. Each is imported once."""

    def __init__(self, imports: Imports, problems: Problems) -> None:
        self._imports = imports
        self._problems = problems
        self._found: dict[str, BaseTool | None] = {}

    @cached_property
    def _offered(self) -> Mapping[str, EntryPoint]:
        return offered(ENTRY_POINTS)

    def get(self, name: str, where: Where) -> BaseTool | None:
        """The tool of that name; what is wrong with it is reported, and None returned."""
        if name not in self._found:
            self._found[name] = self._load(name, where)
        return self._found[name]

    def _load(self, name: str, where: Where) -> BaseTool | None:
        if ":" in name:
            found = self._imports.find(name, self._problems, where)
        else:
            found = self._installed(name, where)
        if found is None or isinstance(found, BaseTool):
            return found
        try:
            made: BaseTool = as_tool(found)
        except (TypeError, ValueError, AttributeError) as error:
            said = f"{quoted(name)}, which is no tool ({error})"
            self._problems.report(where, said, "a LangChain tool or a function with a docstring")
            return None
        return made

    def _installed(self, name: str, where: Where) -> Any | None:
        if point := self._offered.get(name):
            return self._entry(point, where)
        known = ", ".join(sorted(self._offered)) or "none is installed"
        hint = did_you_mean(name, self._offered)
        self._problems.report(where, quoted(name), f"a tool ({known}) or `module:attribute`", hint)
        return None

    def _entry(self, point: EntryPoint, where: Where) -> Any | None:
        try:
            return point.load()
        except Exception as error:  # an installed module may raise anything while it is imported
            said = (
                f"{quoted(point.name)}, which can't be imported ({type(error).__name__}: {error})"
            )
            self._problems.report(where, said, f"a tool at {point.value}")
            return None

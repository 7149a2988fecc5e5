"""Finding tools by name: an entry point's, or an import path's `module:attribute`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools import tool as as_tool

from graphwright_graphs.problems import Problems, did_you_mean, quoted
from graphwright_graphs.source import Where

ENTRY_POINTS = "graphwright.tools"
"""The entry point group in which a package offers its tools by name."""


class Toolbox:
    """The tools that one document may name. Each is imported once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._found: dict[str, BaseTool | None] = {}

    @cached_property
    def _offered(self) -> Mapping[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=ENTRY_POINTS)}

    def get(self, name: str, where: Where) -> BaseTool | None:
        """The tool of that name; what is wrong with it is reported, and None returned."""
        if name not in self._found:
            self._found[name] = self._load(name, where)
        return self._found[name]

    def _load(self, name: str, where: Where) -> BaseTool | None:
        path = name if ":" in name else self._path(name, where)
        found = import_path(path, self._problems, where) if path else None
        if found is None or isinstance(found, BaseTool):
            return found
        try:
            made: BaseTool = as_tool(found)
        except (TypeError, ValueError, AttributeError) as error:
            said = f"{quoted(name)}, which is no tool ({error})"
            self._problems.report(where, said, "a LangChain tool or a function with a docstring")
            return None
        return made

    def _path(self, name: str, where: Where) -> str | None:
        if point := self._offered.get(name):
            return point.value
        known = ", ".join(sorted(self._offered)) or "none is installed"
        hint = did_you_mean(name, self._offered)
        self._problems.report(where, quoted(name), f"a tool ({known}) or `module:attribute`", hint)
        return None


def import_path(path: str, problems: Problems, where: Where) -> Any | None:
    """What `module:attribute` names; what is wrong with it is reported, and None returned."""
    module_name, _, attribute = path.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # a user's module may raise anything while it is imported
        said = f"{quoted(path)}, which can't be imported ({type(error).__name__}: {error})"
        problems.report(where, said, "`module:attribute` of a module on the import path")
        return None
    return found

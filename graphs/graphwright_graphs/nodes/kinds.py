"""The kinds of nodes that a document may name: those of this package, and installed ones.

A package offers a kind by an entry point, see docs/node-kinds.md. It is imported when a document
names it, so that what is installed and not used costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import EntryPoint

from graphwright_graphs.nodes.agent import AgentKind
from graphwright_graphs.nodes.http import HttpKind
from graphwright_graphs.nodes.human import HumanKind
from graphwright_graphs.nodes.llm import LlmKind
from graphwright_graphs.nodes.map import MapKind
from graphwright_graphs.nodes.memory import MemoryKind
from graphwright_graphs.nodes.node import Body, Kind
from graphwright_graphs.nodes.options import WORDS
from graphwright_graphs.nodes.planner import PlannerKind
from graphwright_graphs.nodes.prompt import PromptKind
from graphwright_graphs.nodes.python import PythonKind
from graphwright_graphs.nodes.router import RouterKind
from graphwright_graphs.nodes.sql import SqlKind
from graphwright_graphs.nodes.subgraph import SubgraphKind
from graphwright_graphs.nodes.tools import ToolsKind
from graphwright_graphs.offers import offered
from graphwright_graphs.problems import Problems, quoted
from graphwright_graphs.source import Source, Where

ENTRY_POINTS = "graphwright.nodes"
"""The entry point group in which a package offers its kinds of nodes by their words."""

BUILT_IN: tuple[Kind, ...] = (
    LlmKind(),
    ToolsKind(),
    HumanKind(),
    PlannerKind(),
    PythonKind(),
    PromptKind(),
    RouterKind(),
    HttpKind(),
    SqlKind(),
    SubgraphKind(),
    MapKind(),
    AgentKind(),
    MemoryKind(),
)


class Kinds:
    """Every kind by its word. A word of the language itself can't be taken by a package."""

    def __init__(self) -> None:
        self._built_in = {kind.word: kind for kind in BUILT_IN}

    @cached_property
    def _installed(self) -> dict[str, EntryPoint]:
        taken = {*self._built_in, *WORDS}
        return {name: each for name, each in offered(ENTRY_POINTS).items() if name not in taken}

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self._installed

    def __contains__(self, word: object) -> bool:
        return word in self._built_in or word in self._installed

    def all(self) -> dict[str, Kind]:
        """Every kind by its word, but for installed ones that are broken."""
        unsaid = Problems(Source("", None))
        loaded = {word: self.load(word, (), unsaid) for word in self}
        return {word: kind for word, kind in loaded.items() if kind is not None}

    def load(self, word: str, where: Where, problems: Problems) -> Kind | None:
        """The kind of that word; an installed one that is broken is reported, and None returned."""
        if word in self._built_in:
            return self._built_in[word]
        point = self._installed[word]
        try:
            kind = point.load()
        except Exception as error:  # an installed module may raise anything while it is imported
            found = f"{quoted(word)}, which can't be imported ({type(error).__name__}: {error})"
            problems.report(where, found, f"an object at {point.value}", at_key=True)
            return None
        if isinstance(kind, Kind) and isinstance(kind.body, type) and issubclass(kind.body, Body):
            return kind
        found = f"{quoted(word)}, for which {point.value} is no kind of node"
        expected = "an object with word, body, short and build, see docs/node-kinds.md"
        problems.report(where, found, expected, at_key=True)
        return None

"""The `edges:` of a document: where each node leads.

A branch may be bounded (`at_most`), and an edge may be one that several nodes join (`a & b: c`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import set_config_context
from langgraph.graph import END as LANGGRAPH_END
from langgraph.graph import START as LANGGRAPH_START
from langgraph.graph import StateGraph

from graphwright_graphs import bounds
from graphwright_graphs.conditions import Condition, Conditions
from graphwright_graphs.problems import Problems, did_you_mean, meant, no_mapping, quoted, shown
from graphwright_graphs.source import Where

START, END = "START", "END"
JOIN = " & "
MAX_TIMES = 10_000

Exits = Mapping[str, str]
"""Where edges leave from of nodes that are several of LangGraph's."""
_LANGGRAPH = {START: LANGGRAPH_START, END: LANGGRAPH_END}
_WORDS = ("when", "to", "at_most")
_OTHER_NAMES = {LANGGRAPH_START: START, LANGGRAPH_END: END}
_OTHER_WORDS = {
    **dict.fromkeys(("if", "elif", "condition", "case"), "when"),
    **dict.fromkeys(("then", "goto", "target", "next", "node"), "to"),
}
_LAST = ("else", "default", "otherwise")


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to go when a condition holds; a branch without one always holds."""

    when: Condition | None
    to: tuple[str, ...]
    at_most: int | None = None
    """How often it may be taken since the last input; then the next branch that holds is."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The way out of one node: its first branch that holds is taken."""

    source: str
    branches: tuple[Branch, ...]

    @property
    def written(self) -> str:
        """The key under which it stands."""
        return self.source

    @property
    def sources(self) -> tuple[str, ...]:
        """The one node that it leads out of."""
        return (self.source,)

    @property
    def targets(self) -> list[str]:
        """Every node this edge may lead to, once, in the order they are written."""
        return list(dict.fromkeys(target for branch in self.branches for target in branch.to))

    @property
    def is_bounded(self) -> bool:
        """Whether it must be counted how often a branch is taken."""
        return any(branch.at_most is not None for branch in self.branches)

    def add_to(self, graph: StateGraph[Any, Any, Any, Any], exits: Exits) -> None:
        """Add this edge to a LangGraph graph."""
        source = exits.get(self.source) or langgraph_name(self.source)
        if len(self.branches) == 1:
            for target in self.branches[0].to:
                graph.add_edge(source, langgraph_name(target))
            return
        ends = [langgraph_name(target) for target in self.targets]
        graph.add_conditional_edges(source, Router(self), ends)


@dataclass(frozen=True, slots=True)
class Join:
    """An edge that is taken when all its sources have run."""

    written: str
    """The key under which it stands."""
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    is_bounded: ClassVar[bool] = False

    def add_to(self, graph: StateGraph[Any, Any, Any, Any], exits: Exits) -> None:
        """Add this edge to a LangGraph graph."""
        sources = [exits.get(source) or langgraph_name(source) for source in self.sources]
        for target in self.targets:
            graph.add_edge(sources, langgraph_name(target))


class Router(Runnable[Any, list[str]]):
    """Chooses the branch of an edge.

    A Runnable, since LangGraph sends plain functions to a thread, which costs more than they do.
    """

    def __init__(self, edge: Edge) -> None:
        self.name = "when"
        self._edge = edge
        conditions = (branch.when for branch in edge.branches)
        self._reads_settings = any(when.reads_settings for when in conditions if when)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> list[str]:
        """The names of the nodes to go to. Raises ConditionError for a failing condition."""
        config = config or {}
        if not self._reads_settings:
            return self._next(input, config)
        # LangGraph runs a node in its config's context, and what comes after it outside of that.
        with set_config_context(config) as context:
            return context.run(self._next, input, config)

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[str]:
        """The same, inline: a condition takes microseconds."""
        return self.invoke(input, config)

    def _next(self, input: Any, config: RunnableConfig) -> list[str]:
        for index, branch in enumerate(self._edge.branches):
            if branch.when is None or branch.when.holds(input):
                if branch.at_most is not None:
                    name = f"{self._edge.source}[{index}]"
                    if bounds.taken(name, config) >= branch.at_most:
                        continue
                    bounds.take(name, config)
                return [langgraph_name(target) for target in branch.to]
        raise AssertionError("the last branch of every edge always holds")


def langgraph_name(name: str) -> str:
    """LangGraph's name for START and END; any other name is its own."""
    return _LANGGRAPH.get(name, name)


class Reader:
    """Reads the edges of one document."""

    def __init__(self, nodes: Collection[str], conditions: Conditions, problems: Problems) -> None:
        self._nodes = nodes
        self._conditions = conditions
        self._problems = problems
        self._targets = [*nodes, END]

    def read(self, data: Any, where: Where = ("edges",)) -> list[Edge | Join]:
        """Every edge that can be read; all that is wrong with the others is reported."""
        if not isinstance(data, dict) or not data:
            expected = "edges, such as `START: assistant`"
            self._problems.report(where, shown(data), expected, no_mapping(data))
            return []
        edges = [self._edge(source, body, (*where, source)) for source, body in data.items()]
        if START not in data and not any(_is_start(each) for each in data):
            hint = None if self._problems.found else "the first node is named by `START: …`"
            self._problems.report(where, "no `START`", "one", hint, at_key=True)
        return edges

    def _edge(self, source: str, body: Any, where: Where) -> Edge | Join:
        if JOIN.strip() in source and source not in self._nodes:
            return self._join(source, body, where)
        sources = [START, *self._nodes]
        if source not in sources:
            self._unknown(where, source, "START or a node", sources, at_key=True)
        if isinstance(body, list) and any(isinstance(each, dict) for each in body):
            return Edge(source, self._branches(body, where))
        return Edge(source, (Branch(None, self._names(body, where)),))

    def _join(self, source: str, body: Any, where: Where) -> Join:
        names = [name.strip() for name in source.split(JOIN.strip())]
        for name in names:
            if name not in self._nodes:
                self._problems.unknown(where, name, "a node", self._nodes, at_key=True)
        if len(set(names)) < len(names):
            expected = "several nodes that are joined"
            self._problems.report(where, quoted(source), expected, at_key=True)
        if isinstance(body, list) and any(isinstance(each, dict) for each in body):
            self._problems.report(where, "branches", "the node that waits for all of them")
            return Join(source, tuple(names), ())
        return Join(source, tuple(names), self._names(body, where))

    def _branches(self, body: Sequence[Any], where: Where) -> tuple[Branch, ...]:
        branches = tuple(self._branch(each, (*where, index)) for index, each in enumerate(body))
        for index, each in enumerate(body):
            always = isinstance(each, dict) and each.keys() == {"to"}
            if always and index < len(body) - 1:
                expected = "`when`, since no later branch would ever be taken"
                self._problems.report((*where, index), "a branch without `when`", expected)
        for word in ("when", "at_most"):
            if isinstance(body[-1], dict) and word in body[-1]:
                place = (*where, len(body) - 1)
                expected = f"a last branch without `{word}`, for when no other is taken"
                self._problems.report(place, f"`{word}` on the last branch", expected)
        return branches

    def _branch(self, body: Any, where: Where) -> Branch:
        if not isinstance(body, dict):
            hint = f"write `to: {body}`" if body in self._targets else None
            self._problems.report(where, shown(body), "a branch: `when` and `to`", hint)
            return Branch(None, ())
        strange = [key for key in body if key not in _WORDS]
        for key in strange:
            hint = _hint(key, body[key])
            expected = f"one of {', '.join(_WORDS)}"
            self._problems.report((*where, key), quoted(key), expected, hint, at_key=True)
        when = self._condition(body["when"], (*where, "when")) if "when" in body else None
        if "to" not in body:
            if not strange:
                self._problems.report(where, "no `to`", "the node this branch leads to")
            return Branch(when, ())
        to = self._names(body["to"], (*where, "to"))
        return Branch(when, to, self._at_most(body.get("at_most"), (*where, "at_most")))

    def _at_most(self, times: Any, where: Where) -> int | None:
        if times is None or (type(times) is int and 1 <= times <= MAX_TIMES):
            return times
        self._problems.report(where, shown(times), f"a whole number from 1 to {MAX_TIMES}")
        return None

    def _condition(self, body: Any, where: Where) -> Condition | None:
        if isinstance(body, str):
            return self._conditions.parse(body, where)
        self._problems.report(where, shown(body), "a CEL expression as text")
        return None

    def _names(self, body: Any, where: Where) -> tuple[str, ...]:
        names = body if isinstance(body, list) else [body]
        if not names:
            self._problems.report(where, "an empty list", "a node or END")
        places = [
            (*where, index) if isinstance(body, list) else where for index in range(len(names))
        ]
        return tuple(
            name for name, place in zip(names, places, strict=True) if self._is_target(name, place)
        )

    def _is_target(self, name: Any, where: Where) -> bool:
        if isinstance(name, str) and name in self._targets:
            return True
        if isinstance(name, str):
            self._unknown(where, name, "a node or END", self._targets)
        else:
            hint = "branches are a list: write `- ` before each" if isinstance(name, dict) else None
            self._problems.report(where, shown(name), "the name of a node, or END", hint)
        return False

    def _unknown(
        self, where: Where, name: str, expected: str, known: Iterable[str], *, at_key: bool = False
    ) -> None:
        hint = did_you_mean(_OTHER_NAMES.get(name, name), known)
        self._problems.report(where, quoted(name), expected, hint, at_key=at_key)


def _is_start(name: str) -> bool:
    """Whether START was meant: it is reported as an unknown node then."""
    return name == LANGGRAPH_START or name.upper() == START


def _hint(key: str, value: Any) -> str | None:
    """What was meant by a key that branches do not have."""
    if key in _LAST:
        target = value if isinstance(value, str) else "…"
        return f"write `- to: {target}` as the last branch"
    other = _OTHER_WORDS.get(key)
    return meant(other) if other else did_you_mean(key, _WORDS)

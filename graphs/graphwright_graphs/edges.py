"""The `edges:` of a document: where each node leads, and whether every node is of use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END as LANGGRAPH_END
from langgraph.graph import START as LANGGRAPH_START
from langgraph.graph import StateGraph

from graphwright_graphs.conditions import Condition, Conditions
from graphwright_graphs.problems import Problems, quoted, shown
from graphwright_graphs.source import Where

START, END = "START", "END"
_LANGGRAPH = {START: LANGGRAPH_START, END: LANGGRAPH_END}


@dataclass(frozen=True, slots=True)
class Branch:
    """Where to go when a condition holds; a branch without one always holds."""

    when: Condition | None
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """The way out of one node: its first branch that holds is taken."""

    source: str
    branches: tuple[Branch, ...]

    @property
    def targets(self) -> list[str]:
        """Every node this edge may lead to, once, in the order they are written."""
        return list(dict.fromkeys(target for branch in self.branches for target in branch.to))

    def add_to(self, graph: StateGraph[Any], exit: str | None = None) -> None:
        """Add this edge to a LangGraph graph. `exit` is the node to leave from in a compound."""
        source = exit or langgraph_name(self.source)
        if self.branches[0].when is None:
            for target in self.branches[0].to:
                graph.add_edge(source, langgraph_name(target))
            return
        ends = [langgraph_name(target) for target in self.targets]
        graph.add_conditional_edges(source, Router(self), ends)


class Router(Runnable[Any, list[str]]):
    """Chooses the branch of an edge.

    A Runnable, since LangGraph sends plain functions to a thread, which costs more than they do.
    """

    def __init__(self, edge: Edge) -> None:
        self.name = "when"
        self._branches = edge.branches

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> list[str]:
        """The names of the nodes to go to. Raises ConditionError for a failing condition."""
        for branch in self._branches:
            if branch.when is None or branch.when.holds(input):
                return [langgraph_name(target) for target in branch.to]
        raise AssertionError("the last branch of every edge always holds")

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[str]:
        """The same, inline: a condition takes microseconds."""
        return self.invoke(input, config)


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

    def read(self, data: Any, where: Where = ("edges",)) -> list[Edge]:
        """Every edge that can be read; all that is wrong with the others is reported."""
        if not isinstance(data, dict) or not data:
            self._problems.report(where, shown(data), "edges, such as `START: assistant`")
            return []
        edges = [self._edge(source, body, (*where, source)) for source, body in data.items()]
        if START not in data:
            hint = None if self._problems.found else "the first node is named by `START: …`"
            self._problems.report(where, "no `START`", "one", hint, at_key=True)
        return edges

    def _edge(self, source: str, body: Any, where: Where) -> Edge:
        sources = [START, *self._nodes]
        if source not in sources:
            self._problems.unknown(where, source, "START or a node", sources, at_key=True)
        if isinstance(body, list) and any(isinstance(each, dict) for each in body):
            return Edge(source, self._branches(body, where))
        return Edge(source, (Branch(None, self._names(body, where)),))

    def _branches(self, body: Sequence[Any], where: Where) -> tuple[Branch, ...]:
        branches = tuple(self._branch(each, (*where, index)) for index, each in enumerate(body))
        for index, each in enumerate(body):
            always = isinstance(each, dict) and each.keys() == {"to"}
            if always and index < len(body) - 1:
                expected = "`when`, since no later branch would ever be taken"
                self._problems.report((*where, index), "a branch without `when`", expected)
        if isinstance(body[-1], dict) and "when" in body[-1]:
            place = (*where, len(body) - 1)
            expected = "a last branch without `when`, for when none holds"
            self._problems.report(place, "a `when` on the last branch", expected)
        return branches

    def _branch(self, body: Any, where: Where) -> Branch:
        if not isinstance(body, dict):
            self._problems.report(where, shown(body), "a branch: `when` and `to`")
            return Branch(None, ())
        for key in body:
            if key not in ("when", "to"):
                self._problems.unknown(
                    (*where, key), key, "when or to", ("when", "to"), at_key=True
                )
        when = self._condition(body["when"], (*where, "when")) if "when" in body else None
        if "to" not in body:
            self._problems.report(where, "no `to`", "the node this branch leads to")
            return Branch(when, ())
        return Branch(when, self._names(body["to"], (*where, "to")))

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
            self._problems.unknown(where, name, "a node or END", self._targets)
        else:
            self._problems.report(where, shown(name), "the name of a node, or END")
        return False


def check_flow(
    edges: Iterable[Edge],
    nodes: Collection[str],
    leads: Mapping[str, Sequence[str]],
    problems: Problems,
) -> None:
    """Report nodes that no run can reach, and nodes from which no run can end.

    `leads` has where a node goes by itself, without an edge.
    """
    after = _steps(edges, leads, problems)
    before: dict[str, list[str]] = {}
    for source, targets in after.items():
        for target in targets:
            before.setdefault(target, []).append(source)
    reached, ending = _closure(START, after), _closure(END, before)
    for node in nodes:
        place = ("nodes", node)
        if node not in reached:
            expected = "an edge that leads to it"
            problems.report(place, f"{quoted(node)}, which nothing leads to", expected, at_key=True)
        if node not in after:
            expected = f"an edge, such as `{node}: END`"
            problems.report(place, f"{quoted(node)}, which leads nowhere", expected, at_key=True)
        elif node not in ending:
            found = f"{quoted(node)}, from which no run can end"
            problems.report(place, found, "a way to END", at_key=True)


def _steps(
    edges: Iterable[Edge], leads: Mapping[str, Sequence[str]], problems: Problems
) -> dict[str, Sequence[str]]:
    """Where a run may go from each node; one that has two ways to say so is reported."""
    after: dict[str, Sequence[str]] = {edge.source: edge.targets for edge in edges}
    for node, targets in leads.items():
        if targets and node in after:
            found, expected = "an edge of a node that chooses the next itself", "no edge"
            problems.report(("edges", node), found, expected, at_key=True)
        elif targets:
            after[node] = targets
    return after


def _closure(start: str, steps: Mapping[str, Iterable[str]]) -> set[str]:
    reached, waiting = {start}, [start]
    while waiting:
        for found in steps.get(waiting.pop(), ()):
            if found not in reached:
                reached.add(found)
                waiting.append(found)
    return reached

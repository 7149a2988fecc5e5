"""Whether every part of a document is of use, and every run can end.

What no run could do well is an error. What may be meant, and looks as if it was not, is a warning:
Python nodes and tools can do more than a document shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from graphwright_graphs.edges import END, START, Edge, Join
from graphwright_graphs.nodes.entries import Entry
from graphwright_graphs.problems import Problems, quoted

Steps = Mapping[str, Iterable[str]]


def check(edges: Sequence[Edge | Join], nodes: Mapping[str, Entry], problems: Problems) -> None:
    """Report nodes that no run can reach or leave, loops without end, and joins in vain."""
    leads = {node.name: node.leads for node in nodes.values() if node.leads}
    for edge in edges:
        if set(edge.sources) & leads.keys():
            found = "an edge of a node that chooses the next itself"
            problems.report(("edges", edge.written), found, "no edge", at_key=True)
    after = _steps(edges, leads)
    _check_nodes(nodes, after, problems)
    ways = [edge for edge in edges if isinstance(edge, Edge)]
    _check_loops(ways, _closure([END], _turned(after)), problems)
    for edge in edges:
        if isinstance(edge, Join):
            _check_join(edge, ways, after, problems)


def _check_nodes(nodes: Iterable[str], after: Steps, problems: Problems) -> None:
    reached, ending = _closure([START], after), _closure([END], _turned(after))
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


def _check_loops(edges: Iterable[Edge], ending: set[str], problems: Problems) -> None:
    """Report loops that are gone through whatever the state is, although some branch ends.

    Going on in two directions at once, one of which ends, ends no run: `a: [a, END]`.
    """
    always = {edge.source: _in_every_branch(edge) for edge in edges}
    for node, targets in always.items():
        if node in ending and node in _closure(targets, always):
            found = f"{quoted(node)}, which always leads to itself again"
            expected = "a condition with which the loop ends, or a branch with `at_most`"
            problems.report(("edges", node), found, expected, at_key=True)


def _check_join(join: Join, edges: Iterable[Edge], after: Steps, problems: Problems) -> None:
    """Warn of a node that waits for two, of which a run takes one or the other."""
    for edge in edges:
        others = {source: steps for source, steps in after.items() if source != edge.source}
        reached = _closure([START], others)
        needed = [source for source in join.sources if source not in reached]
        ways = [_closure(branch.to, others) for branch in edge.branches]
        if needed and not any(way.issuperset(needed) for way in ways):
            found = f"{quoted(join.written)}, of which {quoted(edge.source)} reaches one or another"
            expected = "nodes that all run"
            problems.report(("edges", join.written), found, expected, at_key=True, warning=True)


def _in_every_branch(edge: Edge) -> list[str]:
    everywhere = set(edge.branches[0].to).intersection(*(branch.to for branch in edge.branches))
    return [target for target in edge.targets if target in everywhere]


def _steps(
    edges: Iterable[Edge | Join], leads: Mapping[str, Sequence[str]]
) -> dict[str, Iterable[str]]:
    """Where a run may go from each node."""
    after: dict[str, list[str]] = {node: list(targets) for node, targets in leads.items()}
    for edge in edges:
        for source in edge.sources:
            after.setdefault(source, []).extend(edge.targets)
    return {**after}


def _turned(steps: Steps) -> Steps:
    before: dict[str, list[str]] = {}
    for source, targets in steps.items():
        for target in targets:
            before.setdefault(target, []).append(source)
    return before


def _closure(starts: Iterable[str], steps: Steps) -> set[str]:
    """The starts, and all that the steps lead to from there."""
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for found in steps.get(waiting.pop(), ()):
            if found not in reached:
                reached.add(found)
                waiting.append(found)
    return reached

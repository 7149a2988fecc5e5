"""The ways between nodes, and their conditions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import ModuleType

from graphwright_graphs import bounds, cel
from graphwright_graphs.context import Readable
from graphwright_graphs.edges import END, START, Branch, Edge, Join
from graphwright_graphs.export import state
from graphwright_graphs.export.expressions import Helper, Translation
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import Module
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.problems import quoted
from graphwright_graphs.source import Where


def condition(text: str, writing: Writing, where: Where, answered: Collection[str] = ()) -> str:
    """A condition as Python, for a place after `if`; what has no Python is reported.

    `answered` are the conversations whose last message is surely an AI message.
    """
    made = _translation(writing, writing.readable, answered)
    return _translated(text, lambda tree: made.condition(tree), writing, where)


def value(
    text: str, writing: Writing, where: Where, names: Mapping[str, Readable] | None = None
) -> str:
    """An expression whose value is needed, as Python; what has no Python is reported.

    It is about channels and settings, or other `names`.
    """
    made = _translation(writing, names or writing.readable, ())
    return _translated(text, lambda tree: made.value(tree).text, writing, where)


def _translation(
    writing: Writing, names: Mapping[str, Readable], answered: Collection[str]
) -> Translation:
    module = writing.module

    def called(helper: Helper) -> str:
        if isinstance(helper, ModuleType):
            return module.imported(helper.__name__)
        return module.inlined(helper)

    return Translation(
        {name: state.read(name, each) for name, each in names.items()}, answered, called
    )


def _translated(
    text: str, translate: Callable[[cel.Expr], str], writing: Writing, where: Where
) -> str:
    try:
        return translate(cel.parse(text))
    except cel.Unreadable as error:
        found = f"{quoted(text)}, which has {error}"
        writing.problems.report(where, found, "what there is in Python, see docs/export.md")
        return "False"


def lines(
    edge: Edge | Join, writing: Writing, answered: Collection[str], exits: Mapping[str, str]
) -> Sequence[str]:
    """What adds an edge to the builder; a condition gets a function of its own.

    `exits` are the names of the nodes that an edge leaves from.
    """
    module, builder = writing.module, writing.builder
    if isinstance(edge, Join):
        sources = literal([exits[source] for source in edge.sources])
        return [f"{builder}.add_edge({sources}, {_name(to, module)})" for to in edge.targets]
    source = _name(exits.get(edge.source, edge.source), module)
    if len(edge.branches) == 1:
        targets = edge.branches[0].to
        return [f"{builder}.add_edge({source}, {_name(to, module)})" for to in targets]
    function = _router(edge, writing, answered)
    ends = ", ".join(_name(target, module) for target in edge.targets)
    return [f"{builder}.add_conditional_edges({source}, {function}, [{ends}])"]


def _router(edge: Edge, writing: Writing, answered: Collection[str]) -> str:
    body = list[str]()
    for at, branch in enumerate(edge.branches):
        tests = []
        if branch.when is not None:
            place = (*writing.where, at, "when")
            tests.append(condition(branch.when.text, writing, place, answered))
        counted = f"{edge.source}[{at}]" if branch.at_most is not None else ""
        body += _branch(branch, tests, counted, writing)
    several = any(len(branch.to) > 1 for branch in edge.branches)
    return writing.function(
        f"Choose where `{edge.source}` leads.",
        body,
        returns="str | list[str]" if several else "str",
    )


def _branch(branch: Branch, tests: list[str], counted: str, writing: Writing) -> list[str]:
    names = [_name(target, writing.module) for target in branch.to]
    target = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    lines = [f"return {target}"]
    if counted:
        taken, take = writing.module.inlined(bounds.taken), writing.module.inlined(bounds.take)
        tests = [f"({test})" if " or " in test or " if " in test else test for test in tests]
        tests.append(f"{taken}({literal(counted)}, config) < {branch.at_most}")
        lines.insert(0, f"{take}({literal(counted)}, config)")
    return [f"if {' and '.join(tests)}:", *(f"    {line}" for line in lines)] if tests else lines


def _name(node: str, module: Module) -> str:
    return module.imported("langgraph.graph", node) if node in (START, END) else literal(node)

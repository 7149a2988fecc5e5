"""What there is to draw of a graph: boxes, and arrows between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphwright_graphs.blueprint import Blueprint
from graphwright_graphs.edges import END, START, Branch, Edge


@dataclass(frozen=True, slots=True)
class Box:
    """A node; START and END have no kind."""

    name: str
    kind: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one box to another; a dashed one is taken or not."""

    source: str
    target: str
    label: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def picture(blueprint: Blueprint) -> Picture:
    """The picture of a document."""
    inner = [
        Box(entry.name, entry.kind or "", entry.options.description or "")
        for entry in blueprint.nodes.values()
    ]
    arrows = list(_arrows(blueprint))
    ends = [Box(END)] if any(arrow.target == END for arrow in arrows) else []
    return Picture((Box(START), *inner, *ends), tuple(_merged(arrows)))


def _arrows(blueprint: Blueprint) -> Iterator[Arrow]:
    for entry in blueprint.nodes.values():
        dashed = len(set(entry.leads)) > 1
        yield from (Arrow(entry.name, target, "", dashed) for target in dict.fromkeys(entry.leads))
    for edge in blueprint.edges:
        if isinstance(edge, Edge):
            dashed = len(edge.branches) > 1
            for branch in edge.branches:
                for target in branch.to:
                    yield Arrow(edge.source, target, _label(branch), dashed)
        else:
            label = "" if len(edge.sources) == 1 else "and"
            for source in edge.sources:
                yield from (Arrow(source, target, label) for target in edge.targets)


def _label(branch: Branch) -> str:
    said = branch.when.text if branch.when else ""
    bound = f"at most {branch.at_most} x" if branch.at_most else ""
    return ", ".join(part for part in (said, bound) if part)


def _merged(arrows: list[Arrow]) -> Iterator[Arrow]:
    """One arrow between two boxes, with all that is said of the ways between them."""
    by_ends: dict[tuple[str, str], list[Arrow]] = {}
    for arrow in arrows:
        by_ends.setdefault((arrow.source, arrow.target), []).append(arrow)
    for (source, target), same in by_ends.items():
        label = " or ".join(dict.fromkeys(arrow.label for arrow in same if arrow.label))
        yield Arrow(source, target, label, all(arrow.dashed for arrow in same))

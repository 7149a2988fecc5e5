"""Where boxes, lines and labels go: layers from top to bottom (after Sugiyama and others, 1981).

Arrows that lead back are turned for the time of the layout. Boxes are in every second layer; an
arrow is a chain of bends, one in each layer that it passes, which are placed like boxes, so that it
goes around them. The bend beside its source is as large as its label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from graphwright_graphs.drawing.picture import Arrow, Picture

GAP = 26.0  # between neighbours of a layer
LAYER = 24.0  # between layers
BEND = 10.0  # the width that an arrow takes between boxes
LOOP = 40.0  # how far an arrow to its own source goes beside the box
SWEEPS = 16  # to order the layers
MOVES = 60  # to bring what belongs together above one another

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass(slots=True)
class Place:
    """A box, or a bend: its centre and its size."""

    name: str
    width: float
    height: float
    layer: int
    room: float
    """The width in which there is nothing else."""
    x: float = 0.0
    y: float = 0.0


@dataclass(slots=True)
class Line:
    """An arrow: the points that it passes, and where the middle of its label is."""

    arrow: Arrow
    points: list[Point]
    label: Point


@dataclass(slots=True)
class Layout:
    """Where everything is; the origin is the top left corner."""

    places: dict[str, Place] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def layout(
    picture: Picture, boxes: Mapping[str, Size], labels: Mapping[Arrow, Size], margin: float
) -> Layout:
    """Place the boxes of a picture, its arrows and their labels, which have these sizes."""
    return _Layers(picture, boxes, labels).placed(margin)


class _Layers:
    def __init__(
        self, picture: Picture, boxes: Mapping[str, Size], labels: Mapping[Arrow, Size]
    ) -> None:
        self._labels = labels
        self._arrows = [arrow for arrow in picture.arrows if arrow.source != arrow.target]
        self._loops = [arrow for arrow in picture.arrows if arrow.source == arrow.target]
        names = [box.name for box in picture.boxes]
        turned = {id(arrow) for arrow in _turned(names, self._arrows)}
        ways = [
            (arrow.target, arrow.source) if id(arrow) in turned else (arrow.source, arrow.target)
            for arrow in self._arrows
        ]
        depth = _depths(names, ways)
        self._places = {
            name: Place(name, *boxes[name], depth[name] * 2, boxes[name][0]) for name in names
        }
        for arrow in self._loops:
            beside = LOOP + labels.get(arrow, (0.0, 0.0))[0]
            self._places[arrow.source].room += 2 * beside
        self._chains = [
            self._chain(index, arrow, *way)
            for index, (arrow, way) in enumerate(zip(self._arrows, ways, strict=True))
        ]
        self._layers: list[list[Place]] = [[] for _ in range(max(depth.values()) * 2 + 1)]
        for place in self._places.values():
            self._layers[place.layer].append(place)
        self._above, self._below = self._neighbours()

    def placed(self, margin: float) -> Layout:
        self._order()
        self._spread()
        self._stack(margin)
        everywhere = list(self._places.values())
        left = min(place.x - place.room / 2 for place in everywhere)
        for place in everywhere:
            place.x += margin - left
        right = max(place.x + place.room / 2 for place in everywhere)
        bottom = max(place.y + place.height / 2 for place in everywhere)
        return Layout(self._places, [*self._lines()], right + margin, bottom + margin)

    def _chain(self, index: int, arrow: Arrow, upper: str, lower: str) -> list[str]:
        """The names along an arrow from its source: its ends, and a bend in each layer between."""
        between = range(self._places[upper].layer + 1, self._places[lower].layer)
        bends = [Place(f"{index}/{layer}", BEND, 0.0, layer, BEND) for layer in between]
        names = [upper, *(bend.name for bend in bends), lower]
        labelled = bends[0] if upper == arrow.source else bends[-1]
        if arrow in self._labels:
            labelled.width, labelled.height = self._labels[arrow]
            labelled.room = labelled.width
        self._places.update((bend.name, bend) for bend in bends)
        return names if upper == arrow.source else names[::-1]

    def _neighbours(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        above: dict[str, list[str]] = {name: [] for name in self._places}
        below: dict[str, list[str]] = {name: [] for name in self._places}
        for chain in self._chains:
            for one, other in pairwise(chain):
                down = self._places[one].layer < self._places[other].layer
                upper, lower = (one, other) if down else (other, one)
                above[lower].append(upper)
                below[upper].append(lower)
        return above, below

    def _order(self) -> None:
        """Sort each layer by where its neighbours are, down and up again."""
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            neighbours = self._above if down else self._below
            layers = self._layers if down else self._layers[::-1]
            for previous, layer in pairwise(layers):
                at = {place.name: float(index) for index, place in enumerate(previous)}
                own = {place.name: float(index) for index, place in enumerate(layer)}
                keys = {
                    name: _or(_mean([at[each] for each in neighbours[name] if each in at]), index)
                    for name, index in own.items()
                }
                layer.sort(key=lambda place, keys=keys: keys[place.name])  # type: ignore[misc]

    def _spread(self) -> None:
        """Move boxes to the middle of their neighbours, as far as the order and the gaps allow."""
        for layer in self._layers:
            x = 0.0
            for place in layer:
                place.x = x + place.room / 2
                x += place.room + GAP
        for move in range(MOVES):
            layers = self._layers if move % 2 == 0 else self._layers[::-1]
            for layer in layers:
                wanted = [_or(self._middle(place.name), place.x) for place in layer]
                for place, x in zip(layer, _apart(layer, wanted), strict=True):
                    place.x = x

    def _middle(self, name: str) -> float | None:
        return _mean([self._places[each].x for each in self._above[name] + self._below[name]])

    def _stack(self, margin: float) -> None:
        y = margin
        for layer in self._layers:
            height = max((place.height for place in layer), default=0.0)
            for place in layer:
                place.y = y + height / 2
            y += height + LAYER

    def _lines(self) -> Iterator[Line]:
        ports = self._ports()
        for index, (arrow, chain) in enumerate(zip(self._arrows, self._chains, strict=True)):
            bends = [self._places[name] for name in chain[1:-1]]
            points = [(bend.x, bend.y) for bend in bends]
            ends = ports[index, chain[0]], ports[index, chain[-1]]
            yield Line(arrow, [ends[0], *points, ends[1]], points[0])
        for arrow in self._loops:
            place = self._places[arrow.source]
            x, y = place.x + place.width / 2, place.y
            half = self._labels.get(arrow, (0.0, 0.0))[0] / 2
            yield Line(arrow, [(x, y - 10), (x, y + 10)], (x + LOOP + half - 8, y))

    def _ports(self) -> dict[tuple[int, str], Point]:
        """Where each arrow leaves or enters its boxes: beside one another, in their order."""
        sides: dict[tuple[str, bool], list[tuple[float, int]]] = {}
        for index, chain in enumerate(self._chains):
            for name, other in ((chain[0], chain[1]), (chain[-1], chain[-2])):
                beside = self._places[other]
                down = beside.layer > self._places[name].layer
                sides.setdefault((name, down), []).append((beside.x, index))
        found: dict[tuple[int, str], Point] = {}
        for (name, down), ends in sides.items():
            place = self._places[name]
            step = min(18.0, place.width * 0.7 / len(ends))
            y = place.y + place.height / 2 * (1 if down else -1)
            for order, (_, index) in enumerate(sorted(ends)):
                found[index, name] = (place.x + (order - (len(ends) - 1) / 2) * step, y)
        return found


def _turned(names: Sequence[str], arrows: Sequence[Arrow]) -> list[Arrow]:
    """The arrows that lead back to where a walk along the others has come from."""
    after: dict[str, list[Arrow]] = {name: [] for name in names}
    for arrow in arrows:
        after[arrow.source].append(arrow)
    turned: list[Arrow] = []
    entered: set[str] = set()
    for name in names:
        # A stack of our own: a chain may be longer than Python's.
        path = {name: iter(after[name])} if name not in entered else {}
        while path:
            at = next(reversed(path))
            entered.add(at)
            for arrow in path[at]:
                if arrow.target in path:
                    turned.append(arrow)
                elif arrow.target not in entered:
                    path[arrow.target] = iter(after[arrow.target])
                    break
            else:
                del path[at]
    return turned


def _depths(names: Sequence[str], ways: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The depth of each name: below all that lead to it."""
    depth = dict.fromkeys(names, 0)
    for _ in names:
        before = dict(depth)
        for upper, lower in ways:
            depth[lower] = max(depth[lower], depth[upper] + 1)
        if depth == before:
            break
    return depth


def _apart(layer: Sequence[Place], wanted: Sequence[float]) -> list[float]:
    """The wanted places, moved apart: the mean of what comes from pushing right and from left."""
    right, left = list(wanted), list(wanted)
    for index in range(1, len(layer)):
        right[index] = max(right[index], right[index - 1] + _distance(layer, index))
    for index in range(len(layer) - 2, -1, -1):
        left[index] = min(left[index], left[index + 1] - _distance(layer, index + 1))
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def _distance(layer: Sequence[Place], index: int) -> float:
    return (layer[index - 1].room + layer[index].room) / 2 + GAP


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _or(value: float | None, other: float) -> float:
    return other if value is None else value

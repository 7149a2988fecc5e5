"""A picture as SVG: one file without scripts, fonts or anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from xml.sax.saxutils import escape

from graphwright_graphs.drawing.layout import LOOP, Line, Place, Size, layout
from graphwright_graphs.drawing.picture import Box, Picture

FONT = "Inter, 'Segoe UI', Helvetica, Arial, 'DejaVu Sans', sans-serif"
LETTER = 8.2  # pixels of a letter of a name, at most of its usual width
SMALL = 6.4  # of a label
MARGIN = 24.0
LINE = 14.0  # pixels between lines of a label
LABEL = 30  # letters of a line of a label
LINES = 3

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" \
viewBox="0 0 {width:.0f} {height:.0f}" role="img" font-family="{font}">
<title>{title}</title>
<style>
.box {{ fill: #eef2ff; stroke: #6366f1; stroke-width: 1.5 }}
.end {{ fill: #1e293b }}
.name {{ fill: #1e1b4b; font-size: 14px; font-weight: 600 }}
.kind {{ fill: #6366f1; font-size: 11px }}
.ends {{ fill: #ffffff; font-size: 12px; font-weight: 600 }}
.line {{ fill: none; stroke: #475569; stroke-width: 1.5 }}
.dashed {{ stroke-dasharray: 5 4 }}
.label {{ fill: #334155; font-size: 11px; stroke: #ffffff; stroke-width: 4px; \
stroke-linejoin: round; paint-order: stroke }}
</style>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" \
orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="#475569"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>"""


def svg(picture: Picture, title: str) -> str:
    """The text of an SVG file."""
    boxes = {box.name: _size(box) for box in picture.boxes}
    labels = {arrow: _label_size(arrow.label) for arrow in picture.arrows if arrow.label}
    placed = layout(picture, boxes, labels, MARGIN)
    head = _HEAD.format(
        width=placed.width, height=placed.height, font=FONT, title=escape(title.strip())
    )
    parts = [part for box in picture.boxes for part in _box(box, placed.places[box.name])]
    texts = [part for line in placed.lines for part in _label(line)]
    return "\n".join([head, *map(_line, placed.lines), *parts, *texts, "</svg>\n"])


def _size(box: Box) -> Size:
    if not box.kind:
        return (len(box.name) * LETTER + 28, 28.0)
    return (max(len(box.name) * LETTER, len(box.kind) * SMALL) + 32, 46.0)


def _label_size(label: str) -> Size:
    lines = _wrapped(label)
    return (max(map(len, lines)) * SMALL, len(lines) * LINE + 4)


def _box(box: Box, place: Place) -> Iterator[str]:
    x, y = place.x - place.width / 2, place.y - place.height / 2
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{place.width:.1f}" height="{place.height:.1f}"'
    name = escape(box.name)
    middle = f'x="{place.x:.1f}" text-anchor="middle"'
    if not box.kind:
        yield f'<rect class="end" {shape} rx="14"/>'
        yield f'<text class="ends" {middle} y="{place.y + 4:.1f}">{name}</text>'
        return
    about = f"<title>{escape(box.about)}</title>" if box.about else ""
    yield f'<rect class="box" {shape} rx="8">{about}</rect>'
    yield f'<text class="name" {middle} y="{place.y - 2:.1f}">{name}</text>'
    yield f'<text class="kind" {middle} y="{place.y + 14:.1f}">{escape(box.kind)}</text>'


def _line(line: Line) -> str:
    style = "line dashed" if line.arrow.dashed else "line"
    return f'<path class="{style}" d="{_path(line)}" marker-end="url(#tip)"/>'


def _path(line: Line) -> str:
    (x, y), *others = line.points
    path = f"M{x:.1f} {y:.1f}"
    if line.arrow.source == line.arrow.target:
        out, (end_x, end_y) = x + LOOP - 4, others[0]
        return f"{path} C{out:.1f} {y - 14:.1f} {out:.1f} {end_y + 14:.1f} {end_x:.1f} {end_y:.1f}"
    for to_x, to_y in others:
        half = (to_y - y) / 2
        path += f" C{x:.1f} {y + half:.1f} {to_x:.1f} {to_y - half:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _label(line: Line) -> Iterator[str]:
    x, y = line.label
    lines = _wrapped(line.arrow.label) if line.arrow.label else []
    y -= (len(lines) - 1) * LINE / 2
    for index, text in enumerate(lines):
        place = f'x="{x:.1f}" y="{y + index * LINE + 4:.1f}" text-anchor="middle"'
        yield f'<text class="label" {place}>{escape(text)}</text>'


def _wrapped(text: str) -> list[str]:
    """The lines of a label. Words of a condition are not broken: they would not be found again."""
    lines = wrap(text, LABEL, break_long_words=False, break_on_hyphens=False) or [""]
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], f"{lines[LINES - 1]} …"]

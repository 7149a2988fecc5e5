"""Pictures of documents: every box and arrow is there, and nothing lies on anything else."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphwright_graphs import DocumentError
from graphwright_graphs.compile import loader
from graphwright_graphs.drawing import mermaid, svg
from graphwright_graphs.drawing.layout import layout
from graphwright_graphs.drawing.picture import Arrow, Box, Picture, picture

DESKS = """
    state: {messages: messages, score: last, note: last}
    nodes:
      route: {router: {choices: {left: This, right: That}}, description: Which <way>}
      left: {prompt: {template: x, output: note}}
      right: {prompt: {template: x, output: note}}
      both: {prompt: {template: x, output: note}}
      review: {prompt: {template: x, output: note}}
    edges:
      START: route
      left: both
      right: both
      both: review
      review:
        - {when: 'score < 3 && note != "<x>"', to: review, at_most: 2}
        - {when: score < 5, to: both}
        - {to: END}
"""
SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: str, kind: str) -> list[str]:
    root = ElementTree.fromstring(drawn)
    return [str(each.text) for each in root.iter(f"{SVG}text") if each.get("class") == kind]


def test_everything_that_a_document_has_is_drawn(document: Any) -> None:
    drawn = svg(document(DESKS))

    assert texts(drawn, "name") == ["route", "left", "right", "both", "review"]
    assert texts(drawn, "ends") == ["START", "END"]
    assert texts(drawn, "kind") == ["router", *["prompt"] * 4]
    assert " ".join(texts(drawn, "label")).split(" < 5")[0].endswith("score")
    assert "at most 2 x" in " ".join(texts(drawn, "label"))
    assert drawn.count('class="line') == 9
    assert "<title>Which &lt;way&gt;</title>" in drawn


def test_it_holds_nothing_from_elsewhere(document: Any) -> None:
    drawn = svg(document(DESKS))

    assert re.findall(r"https?://[^\"' ]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in drawn


def test_mermaid_is_langgraph_s(document: Any) -> None:
    path = document(DESKS)

    assert mermaid(path) == loader(path).document(path).get_graph().draw_mermaid()
    assert "both -.-> review" not in mermaid(path)
    assert "both --> review" in mermaid(path)


def test_a_join_and_two_ways_between_the_same_nodes(document: Any) -> None:
    path = document("""
        state: {log: append}
        nodes:
          a: {prompt: {template: a, output: log}}
          b: {prompt: {template: b, output: log}}
          c: {prompt: {template: c, output: log}}
        edges:
          START: [a, b]
          a & b: c
          c:
            - {when: size(log) < 3, to: END}
            - {when: size(log) > 9, to: END}
            - {to: END}
    """)
    arrows = picture(loader(path).blueprint(path)).arrows

    assert Arrow("a", "c", "and") in arrows
    assert [arrow.label for arrow in arrows if arrow.source == "c"] == [
        "size(log) < 3 or size(log) > 9"
    ]


def test_what_can_not_be_loaded_can_not_be_drawn(document: Any) -> None:
    for draw in (svg, mermaid):
        with pytest.raises(DocumentError):
            draw(document("[a]"))
        with pytest.raises(FileNotFoundError):
            draw(Path("nowhere.yaml"))


NAMES = st.sampled_from("abcdefgh")
PICTURES = st.lists(
    st.builds(
        Arrow, NAMES, NAMES, st.sampled_from(["", "x > 1", "a long condition"]), st.booleans()
    ),
    unique_by=lambda arrow: (arrow.source, arrow.target),
    max_size=20,
).map(lambda arrows: Picture(tuple(Box(name, "llm") for name in "abcdefgh"), tuple(arrows)))


@settings(max_examples=60, deadline=None)
@given(drawn=PICTURES)
def test_no_box_lies_on_another_and_all_is_inside(drawn: Picture) -> None:
    labels = {arrow: (len(arrow.label) * 6.0, 14.0) for arrow in drawn.arrows if arrow.label}
    placed = layout(drawn, {box.name: (60.0, 46.0) for box in drawn.boxes}, labels, 24)
    places = list(placed.places.values())

    for index, one in enumerate(places):
        assert one.x - one.width / 2 >= 0
        assert one.x + one.width / 2 <= placed.width
        for other in places[index + 1 :]:
            apart = abs(one.x - other.x) * 2 >= one.width + other.width - 0.01
            assert apart or one.layer != other.layer
    assert len(placed.lines) == len(drawn.arrows)
    for line in placed.lines:
        assert all(0 <= x <= placed.width and 0 <= y <= placed.height for x, y in line.points)


def test_a_long_chain_needs_no_stack() -> None:
    names = [f"n{index}" for index in range(1100)]
    arrows = tuple(Arrow(one, other) for one, other in pairwise(names))
    drawn = Picture(tuple(Box(name) for name in names), arrows)
    placed = layout(drawn, {name: (20.0, 20.0) for name in names}, {}, 24)

    assert placed.places["n1099"].layer == 2198

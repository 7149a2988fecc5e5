"""Kinds of nodes that a package adds, the one of docs/node-kinds.md first."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graphwright_graphs import DocumentError, load
from graphwright_graphs.nodes.kinds import BUILT_IN, Kinds
from graphwright_graphs.schema import document_schema

PAGE = Path(__file__).parents[2] / "docs/node-kinds.md"

Install = Callable[..., None]


def block(language: str) -> str:
    """The code of that language on the page."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a module and its entry points where an installed package has them."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, code: str, entry_points: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return put


@pytest.fixture
def mood(install: Install) -> None:
    points = block("toml").partition('[project.entry-points."graphwright.nodes"]\n')[2]
    install("mood_node", block("python"), f"[graphwright.nodes]\n{points.replace(chr(34), '')}")


async def test_the_kind_of_the_page_works(mood: None, compiled: Any, scripted: Any) -> None:
    graph = compiled(block("yaml"), scripted("Angry, I fear.", "Happy!"))

    nodes = document_schema()["properties"]["nodes"]["additionalProperties"]

    assert nodes["properties"]["mood"]["anyOf"][0] == {"$ref": "#/$defs/Mood"}
    assert graph.invoke({"messages": "Again!"})["mood"] == "angry"
    assert (await graph.ainvoke({"messages": "Thanks!"}))["mood"] == "happy"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mood: []", "nodes.a.mood: found an empty list, expected at least one"),
        ("mood: {wrods: [x]}", 'did you mean "words"?'),
        ("mood: {output: modo}", 'nodes.a.mood.output: found "modo", expected a channel'),
        ("modo: [x]", ', mood), did you mean "mood"?'),
    ],
)
def test_mistakes_under_an_installed_kind_are_located(
    mood: None, document: Any, text: str, said: str
) -> None:
    path = document(
        f"nodes: {{a: {{{text}}}}}\n"
        "state: {messages: messages, mood: last}\nedges: {START: a, a: END}"
    )
    with pytest.raises(DocumentError) as caught:
        load(path)

    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise OSError('no disk')", '"odd", which can\'t be imported (OSError: no disk)'),
        ("KIND = 3", '"odd", for which odd_node:KIND is no kind of node, expected an object with'),
        (
            "class KIND:\n  word, body, short, build = 'odd', dict, None, print",
            "is no kind of node",
        ),
    ],
    ids=["an error", "a number", "a body that is none"],
)
def test_a_broken_kind_is_reported_where_it_is_named(
    install: Install, document: Any, code: str, said: str
) -> None:
    install("odd_node", code, "[graphwright.nodes]\nodd = odd_node:KIND\n")
    path = document("state: {a: last}\nnodes: {a: {odd: }}\nedges: {START: a, a: END}")
    with pytest.raises(DocumentError, match=re.escape(said)):
        load(path)


def test_words_of_the_language_cannot_be_taken(install: Install) -> None:
    install("odd_node", "", "[graphwright.nodes]\nllm = odd_node:X\nretry = odd_node:X\n")

    assert list(Kinds()) == [kind.word for kind in BUILT_IN]


def test_what_is_not_used_is_not_imported(install: Install, compiled: Any, scripted: Any) -> None:
    install("odd_node", "raise OSError", "[graphwright.nodes]\nodd = odd_node:X\n")
    compiled("state: {messages: messages}\nnodes: {a: {llm: Hi}}\nedges: {START: a, a: END}")

    assert "odd" in Kinds()
    assert "odd_node" not in sys.modules

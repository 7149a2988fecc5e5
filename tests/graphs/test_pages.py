"""Every YAML on the pages is, or belongs to, a document that loads.

A part of a document is put into the rest of one by the words that it begins with, see `completed`;
a part that begins with others fails here until it is said there what it belongs to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.pages import Snippet, snippets

import graphwright_graphs
from graphwright_graphs.models import Models

HI = "{llm: Hi}"
STATE = "state: {messages: messages, plan: plan, text: {type: string}, notes: append}"


def around(node: str, name: str = "a") -> str:
    """A document with this node, in one line."""
    return f"{STATE}\nnodes: {{{name}: {node}}}\nedges: {{START: {name}, {name}: END}}\n"


ELSEWHERE = {
    "node-kinds.md": "the kind that its Python makes: tests/graphs/test_nodes_kinds.py",
}
"""Pages whose documents need more than their own files, and where they are run."""


def completed(snippet: Snippet) -> list[str]:
    """The documents that a snippet is or belongs to, with what stands around it here."""
    text = snippet.text
    words = re.findall(r"^([\w-]+):", text, re.MULTILINE)
    match sorted(set(words)):
        case [*_] if {"state", "nodes", "edges"} <= set(words):
            return [text]
        case []:  # comments for editors
            return [text + around(HI)]
        case ["context"]:
            return [text + around(HI)]
        case ["prompt"]:
            return [around(f"{{llm: {flow(text)}}}")]
        case ["model"]:  # several ways to say it, each a node's
            ways = re.split(r"^(?=model:)", text, flags=re.MULTILINE)[1:]
            return [around(f"{{llm: {flow(way)}}}") for way in ways]
        case ["planner"]:  # one node, by its name
            return [around(flow(text)[len("{planner: ") : -1], "planner")]
        case ["review"]:  # the edges out of one node, into another
            edges = flow(f"START: write\nwrite: review\n{text}")
            state = "state: {messages: messages, not_good_enough: {type: boolean}}"
            return [f"{state}\nnodes: {{write: {HI}, review: {HI}}}\nedges: {edges}"]
    raise AssertionError(f"{snippet} is no document, and no part of one that is known: {words}")


def flow(text: str) -> str:
    """YAML in one line, to stand inside other YAML."""
    return yaml.safe_dump(yaml.safe_load(text), default_flow_style=True, width=100_000).strip()


def is_document(snippet: Snippet) -> bool:
    """Lists of prices are YAML too; the service's tests read them."""
    return snippet.page.name not in ELSEWHERE and ":gpt-4o-mini: {" not in snippet.text


DOCUMENTS = [each for each in snippets("yaml") if is_document(each)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files that documents of the pages name, whose modules are forgotten again."""
    for each in snippets("python", "yaml"):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", each.text)
        if each.page.name == "tools.md" and "def order_status" in each.text:
            (tmp_path / "orders.py").write_text(each.text)
        elif named:
            (tmp_path / named[1]).write_text(each.text)
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/critic.md").write_text("You are a critic of {{company}}.")
    (tmp_path / "langgraph.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.mark.parametrize("snippet", DOCUMENTS, ids=str)
def test_each_document_loads(snippet: Snippet, folder: Path) -> None:
    path = folder / "page.yaml"
    for text in completed(snippet):
        path.write_text(text)
        assert graphwright_graphs.load(path, models=Models())


def test_what_is_run_elsewhere_is_on_its_page() -> None:
    assert {each.page.name for each in snippets("yaml")} > ELSEWHERE.keys()

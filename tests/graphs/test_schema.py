"""The JSON Schema that editors use says what `load` says, as far as a schema can."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.graphs.test_errors import TABLE

import graphwright_graphs
from graphwright_graphs import source
from graphwright_graphs.blueprint import WORDS
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.options import WORDS as OPTIONS
from graphwright_graphs.schema import document_schema

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("graphs/*.yaml"))
# Names of channels, nodes and tools, texts and flow are beyond a schema; these are not.
REFUSED = [
    "an unknown word",
    "no nodes",
    "a list for edges",
    "a reducer's typo",
    "a type's typo",
    "a kind's typo",
    "two kinds",
    "an unknown option",
    "a wrong shape",
    "a prompt that is a number",
    "a turn's typo",
    "no START",
    "a number as a target",
    "a branch's typo",
    "a condition that is no text",
    "a list",
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_graphs_fit(validator: Draft202012Validator, path: Path) -> None:
    assert [error.message for error in validator.iter_errors(source.read(path).data)] == []


def test_the_file_to_copy_in_the_docs_fits(validator: Draft202012Validator) -> None:
    block, *_ = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/graphs.md").read_text(), re.S)

    assert validator.is_valid(source.parse(block.encode(), "docs").data)


ROWS = [row for row in TABLE if row[0] in REFUSED]


@pytest.mark.parametrize("text", [row[1] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_load_refuses_the_schema_refuses(validator: Draft202012Validator, text: str) -> None:
    assert not validator.is_valid(source.parse(text.encode(), "table").data)


def test_each_of_them_is_a_row() -> None:
    assert [row[0] for row in ROWS] == REFUSED


def node(text: str) -> dict[str, Any]:
    data = f"state: {{messages: messages}}\nnodes: {{a: {text}}}\nedges: {{START: a, a: END}}"
    parsed: dict[str, Any] = source.parse(data.encode(), "node").data
    return parsed


@pytest.mark.parametrize(
    "text",
    [
        "{llm: }",
        "{llm: Hi}",
        "{llm: [{system: Hi}, {placeholder: messages}], retry: 3, timeout: 0.5}",
        "{llm: {prompt: {file: a.md, partial_variables: {x: 1}}, schema: {}, output: messages}}",
        "{llm: {prompt: [{examples: [{a: b}], example_prompt: [{human: x}]}]}}",
        "{tools: [a], cache: {ttl: 3, key: [messages]}, interrupt: both, defer: true}",
        "{python: 'a:b', retry: {max_attempts: 2, retry_on: [ValueError]}, description: x}",
        "{prompt: {template: x, output: messages}}",
    ],
)
def test_every_form_fits(validator: Draft202012Validator, text: str) -> None:
    assert [error.message for error in validator.iter_errors(node(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "{retry: 3}",
        "{llm: Hi, tools: [a]}",
        "{llm: Hi, retry: 1}",
        "{llm: Hi, timeout: soon}",
        "{llm: [{system: Hi, human: Hi}]}",
        "{llm: {prompt: {text: a, file: b}}}",
        "{tools: []}",
        "{prompt: {template: x}}",
    ],
)
def test_what_is_no_node_does_not_fit(validator: Draft202012Validator, text: str) -> None:
    assert not validator.is_valid(node(text))


@pytest.mark.parametrize("body", ["{type: string, enum: [a]}", "{type: sting}", "{reducer: ad}"])
def test_what_is_no_channel_does_not_fit(validator: Draft202012Validator, body: str) -> None:
    data = node("{llm: Hi}")
    data["state"]["more"] = source.parse(body.encode(), "channel").data

    assert not validator.is_valid(data)


def test_every_word_is_there_and_says_what_it_is() -> None:
    schema = document_schema()
    nodes = schema["properties"]["nodes"]["additionalProperties"]["properties"]

    assert set(schema["properties"]) - {"$schema"} == set(WORDS)
    assert set(nodes) == {*Kinds(), *OPTIONS}
    assert all("description" in nodes[word] for word in Kinds())
    assert nodes["timeout"]["description"] == "Seconds that one attempt may take."


def test_a_json_document_may_name_its_schema(document: Any) -> None:
    path = document(
        '{"$schema": "graph.schema.json", "state": {"messages": "messages"},'
        ' "nodes": {"a": {"llm": "Hi"}}, "edges": {"START": "a", "a": "END"}}',
        "graph.json",
    )

    assert "a" in graphwright_graphs.load(path).nodes

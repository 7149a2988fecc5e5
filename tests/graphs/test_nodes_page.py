"""docs/nodes.md: every kind is there, and every document of the page fits the schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from graphwright_graphs.nodes.kinds import BUILT_IN
from graphwright_graphs.schema import document_schema

PAGE = (Path(__file__).parents[2] / "docs" / "nodes.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
BLOCKS = re.findall(r"```(?:yaml|python)\n(.*?)```", PAGE, re.DOTALL)
DOCUMENTS = [block for block in BLOCKS if block.startswith("state:")]


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.word)
def test_each_kind_is_there_with_its_words(kind: Any) -> None:
    section = SECTIONS[kind.word]
    words = [field.alias or name for name, field in kind.body.model_fields.items()]

    assert f"{kind.word}:" in section
    if kind.word != "planner":  # which has a page of its own
        missing = [word for word in words if f"`{word}" not in section and word not in kind.word]
        assert set(missing) <= {kind.short}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(document_schema())


@pytest.mark.parametrize("text", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_each_document_fits_the_schema(validator: Draft202012Validator, text: str) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


def test_the_schema_knows_the_node_inside_a_map(validator: Draft202012Validator) -> None:
    (text,) = (text for text in DOCUMENTS if "  map:" in text or "map:\n" in text)
    document = yaml.safe_load(text.replace("output: notes", "outptu: notes"))

    assert not validator.is_valid(document)

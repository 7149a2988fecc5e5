"""Steps as models and people give them: the schema they see, and what is said of a mistake."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from graphwright_graphs.plan import MAX_TASK, Step
from graphwright_graphs.plan_form import Form

FORM = Form(tools=["add", "search"], most=3)
DONE = Step(id="e1", task="look", status="done", result="seen")
FAILED = Step(id="f1", task="try", status="failed", result="no")


def taken(*drafts: dict[str, Any], least: int = 1) -> list[Step]:
    return FORM.steps({"steps": list(drafts)}, least=least, known=[DONE, FAILED])


def test_what_is_left_out_is_filled_in() -> None:
    steps = taken(
        {"task": " a "},
        {"id": "s1", "task": "b", "needs": None},
        {"id": 3, "task": "c", "needs": "s1"},
    )
    assert [(step.id, step.task, step.needs) for step in steps] == [
        ("s2", "a", []),
        ("s1", "b", []),
        ("3", "c", ["s1"]),
    ]


def test_a_done_step_is_not_taken_again_and_a_failed_one_is() -> None:
    steps = taken({"id": "e1", "task": "look"}, {"id": "f1", "task": "try harder", "needs": ["e1"]})
    assert [(step.id, step.needs) for step in steps] == [("f1", ["e1"])]


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([], "0 steps were given, between 1 and 3 are allowed"),
        ([{"task": "a"}] * 4, "4 steps were given"),
        ([{"id": "a", "task": "a"}, {"id": "a", "task": "b"}], "the id 'a' is used more than once"),
        (
            [{"id": "a", "task": "a", "needs": ["b"]}],
            "step 'a' needs 'b', and there is no such step",
        ),
        ([{"id": "a", "task": "a", "tools": ["rm"]}], "step 'a' names the tool 'rm'"),
        ([{"id": "a", "task": "a", "needs": ["a"]}], "in a circle: a -> a"),
        (
            [{"id": "a", "task": "a", "needs": ["b"]}, {"id": "b", "task": "b", "needs": ["a"]}],
            "in a circle",
        ),
        ([{"id": "a", "task": " "}], "task: String should have at least 1 character"),
        ([{"id": "a", "task": "x" * (MAX_TASK + 1)}], "task: String should have at most 300"),
        ([{"id": "a" * 17, "task": "a"}], "id: String should have at most 16"),
        ([{"id": "a"}], "steps.0.task: Field required"),
        ("later", "steps: Input should be a valid list"),
    ],
)
def test_a_mistake_is_said(drafts: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        FORM.steps({"steps": drafts}, least=1)


def test_all_mistakes_are_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"needs 'x'.*names the tool 'rm'"):
        taken({"id": "a", "task": "a", "needs": ["x"], "tools": ["rm"]})


def nested(schema: Any) -> list[dict[str, Any]]:
    inner = (
        schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    )
    found = [schema] if isinstance(schema, dict) and "type" in schema else []
    return found + [each for value in inner for each in nested(value)]


@pytest.mark.parametrize("form", [FORM, Form(tools=[], most=3)])
@pytest.mark.parametrize("ids", [[], ["s1", "s2"]])
def test_the_schema_is_valid_and_every_text_and_list_in_it_is_bounded(
    form: Form, ids: list[str]
) -> None:
    schema = form.schema("Plan", least=1, ids=ids, known=["e1"])
    Draft202012Validator.check_schema(schema)
    for each in nested(schema):
        if each["type"] == "string":
            assert "maxLength" in each or "enum" in each
        if each["type"] == "array":
            assert "maxItems" in each
        if each["type"] == "object":
            assert set(each["required"]) == set(each["properties"])

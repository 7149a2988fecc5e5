"""Structured output of the demo model: plans, decisions, routes, facts."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.demo.conversation import DISCLAIMER

GOAL = "Calculate 12*7, then search for checkpoints; note the result and tell me the time."
STEPS = ["Calculate 12*7", "search for checkpoints", "note the result", "tell me the time"]
UNDER_WAY = f"""\
Goal: {GOAL}
Done:
- Calculate 12*7: 12 * 7 = 84.
- search for checkpoints: found
Left:
- note the result
- tell me the time"""
FINISHED = f"""\
Goal: {GOAL}
Done:
- Calculate 12*7: 12 * 7 = 84. {DISCLAIMER}
- note: a: I noted: “a”.
Left:
"""


class Plan(BaseModel):
    """A plan."""

    steps: list[str] = Field(min_length=1, max_length=6)


class Step(BaseModel):
    """A step with needs."""

    id: str
    task: str
    tool: str | None = None
    needs: list[str] = []


class Graph(BaseModel):
    """A plan as a graph of steps."""

    goal: str
    steps: list[Step]


class Decision(BaseModel):
    """The answer, or what is left to do."""

    answer: str
    steps: list[str]


class Optionally(BaseModel):
    """The same, with what may be left out."""

    answer: str | None = None
    steps: list[str] = []


class Response(BaseModel):
    """An answer."""

    response: str


class Act(BaseModel):
    """One or the other."""

    action: Response | Plan


class Route(BaseModel):
    """Who takes it."""

    label: Literal["billing", "technical", "other"]
    reason: str


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    email: str | None = None
    married: bool = False


class Bounded(BaseModel):
    """Values within bounds."""

    title: str = Field(max_length=10)
    code: str = Field(min_length=3)
    score: int = Field(ge=1, le=5)


class Weather(TypedDict):
    """A forecast to make."""

    city: str
    days: int


class Node(BaseModel):
    """A schema that holds itself."""

    text: str
    children: list[Node] = []


METHODS = ["function_calling", "json_schema", "json_mode"]


def fill(schema: Any, *said: Any, method: Any = "function_calling") -> Any:
    return DemoChatModel().with_structured_output(schema, method=method).invoke(list(said))


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_has_the_steps_of_the_request(method: str) -> None:
    assert fill(Plan, SystemMessage("You plan."), GOAL, method=method) == Plan(steps=STEPS)


def test_a_plan_of_objects_names_tools_and_needs() -> None:
    plan = fill(Graph, GOAL)
    assert [step.task for step in plan.steps] == STEPS
    assert [step.tool for step in plan.steps] == ["calculator", "search", "save_note", "clock"]
    assert [step.id for step in plan.steps] == ["s1", "s2", "s3", "s4"]
    assert [step.needs for step in plan.steps] == [[], [], ["s2"], []]


def test_one_request_is_a_plan_of_one_step() -> None:
    assert fill(Plan, "hello").steps == ["hello"]


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_under_way_goes_on(method: str) -> None:
    assert fill(Decision, UNDER_WAY, method=method) == Decision(answer="", steps=STEPS[2:])
    assert fill(Optionally, UNDER_WAY, method=method) == Optionally(answer=None, steps=STEPS[2:])
    assert fill(Act, UNDER_WAY, method=method).action == Plan(steps=STEPS[2:])


@pytest.mark.parametrize("method", METHODS)
def test_a_finished_plan_is_answered_from_its_results(method: str) -> None:
    answer = f"- 12 * 7 = 84.\n- I noted: “a”.\n\n{DISCLAIMER}"
    assert fill(Decision, FINISHED, method=method) == Decision(answer=answer, steps=[])
    assert fill(Act, FINISHED, method=method).action == Response(response=answer)


def test_a_finished_plan_is_answered_in_words_too() -> None:
    answer = DemoChatModel().invoke(FINISHED)
    assert answer.text.startswith("- 12 * 7 = 84.\n- I noted: “a”.")


@tool
def save_note(text: str) -> str:
    """Save a note."""
    return text


@pytest.mark.parametrize(
    "said",
    [
        [HumanMessage(f"{UNDER_WAY}\nStep: note the result")],
        [SystemMessage(f"Take one step.\n\n{UNDER_WAY}"), HumanMessage("note the result")],
    ],
)
def test_a_step_can_speak_of_the_result_before_it(said: list[Any]) -> None:
    answer = DemoChatModel().bind_tools([save_note]).invoke(said)
    assert [call["args"] for call in answer.tool_calls] == [{"text": "found"}]


def test_a_goal_in_the_system_prompt_is_no_instruction_to_translate() -> None:
    report = "Take one step.\n\nGoal: Translate hello into French and thank me\nDone:\nLeft:\n- hi"
    answer = DemoChatModel().invoke([SystemMessage(report), HumanMessage("hello")])
    assert answer.text == "Hello! Ask me “What can you do?” to see what works here."


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("this is a technical question", "technical"),
        ("I was billed twice", "billing"),
        ("my app crashes", "other"),
    ],
)
def test_a_route_is_what_is_mentioned_else_other(text: str, label: str) -> None:
    route = fill(Route, text)
    assert route.label == label
    assert "rules" in route.reason


def test_routes_by_kind_of_request() -> None:
    schema = {"title": "Go", "enum": ["chat", "math", "docs"], "type": "string"}
    go = {"title": "Go", "type": "object", "properties": {"to": schema}, "required": ["to"]}
    asked = ["What is 2+2?", "how do I resume a run?", "hello"]
    assert [fill(go, text)["to"] for text in asked] == ["math", "docs", "chat"]


def test_facts_are_taken_from_the_text_and_not_made_up() -> None:
    ada = fill(Person, "Ada Lovelace is 36 years old, email ada@x.org")
    assert ada == Person(name="Ada Lovelace", age=36, email="ada@x.org")
    assert fill(Person, "hello") == Person(name="", age=0)
    assert fill(Person, "Bob is married and 40 years old").married


def test_bounds_are_kept() -> None:
    bounded = fill(Bounded, "A very long title, score 9")
    assert len(bounded.title) <= 10
    assert bounded.score == 5


def test_typed_dicts_and_json_schemas() -> None:
    assert fill(Weather, "weather in Paris for 3 days") == {"city": "Paris", "days": 3}
    assert fill(Weather, "weather in Paris for 3 days", method="json_schema")["days"] == 3


def test_a_recursive_schema_ends() -> None:
    assert fill(Node, "hello").text == "hello"


@pytest.mark.parametrize("method", METHODS)
def test_include_raw(method: Any) -> None:
    model = DemoChatModel().with_structured_output(Plan, include_raw=True, method=method)
    found = model.invoke("hello")
    assert isinstance(found, dict)
    assert found["parsed"] == Plan(steps=["hello"])
    assert found["parsing_error"] is None
    assert found["raw"].response_metadata["demo"] is True


def test_include_raw_gives_the_error_of_what_does_not_parse() -> None:
    class Impossible(BaseModel):
        """No rule can know this."""

        code: str = Field(pattern="^[A-Z]{9}$")

    for method in METHODS:
        model: Any = DemoChatModel()
        found = model.with_structured_output(Impossible, include_raw=True, method=method).invoke("")
        assert found["parsed"] is None
        assert "pattern" in str(found["parsing_error"])


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_text_fills_any_schema(text: str) -> None:
    for schema in (Plan, Graph, Decision, Optionally, Act, Route, Person, Bounded, Node):
        assert isinstance(fill(schema, text), schema)

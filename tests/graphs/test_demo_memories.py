"""What the demo model does with what the person told in other conversations."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.demo.conversation import without_disclaimer

FACTS = {
    "title": "found",
    "description": "What is told.",
    "type": "object",
    "properties": {"facts": {"type": "array", "items": {"type": "string"}}},
    "required": ["facts"],
}
MEMORY = """This is what the person told you before:
[{"key": "1", "value": {"fact": "I like tea"}}, {"value": {"fact": "I live in \\"Bonn\\""}}]
and no text of JSON: "C:\\users and all"."""


def answer(text: str, system: str = MEMORY) -> str:
    reply: Any = DemoChatModel().invoke([SystemMessage(system), HumanMessage(text)])
    return without_disclaimer(str(reply.text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Remember that I like rain", "I'll remember: “I like rain”."),
        ("I prefer the train.", "I'll remember: “I prefer the train”."),
        ("What do I like?", "You told me: “I like tea”."),
        ("Where do I live?", 'You told me: “I live in "Bonn"”.'),
        ("What do you know about me?", 'You told me:\n- I like tea\n- I live in "Bonn"'),
        ("Hi! What do you remember?", 'You told me:\n- I like tea\n- I live in "Bonn"'),
    ],
)
def test_it_says_what_it_was_told(text: str, said: str) -> None:
    assert answer(text).endswith(said)


def test_it_says_that_it_was_told_nothing() -> None:
    empty = "This is what the person told you before:\n[]"

    assert "You have told me nothing" in answer("What do you know of me?", empty)


def test_nothing_is_kept_where_the_prompt_does_not_say_so() -> None:
    assert "is not saved" in answer("Remember that I like tea", "You are helpful.")
    assert "real model" in answer("I like tea", "You are helpful.")
    assert "real model" in answer("What is the capital of France?")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("My name is Ada. What is 2 + 2?", ["My name is Ada"]),
        ("Remember that I like tea, and what time is it?", ["I like tea"]),
        ("I'm allergic to nuts!", ["I'm allergic to nuts"]),
        ("Remember it", []),
        ("What is 2 + 2?", []),
        ("Do I like tea?", []),
    ],
)
def test_facts_are_what_the_person_tells(text: str, facts: list[str]) -> None:
    model = DemoChatModel().with_structured_output(FACTS)

    assert model.invoke(text) == {"facts": facts}

"""What the demo model does where the system prompt gives the task and the person the text."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from graphwright_graphs.demo import DemoChatModel
from graphwright_graphs.demo.conversation import DISCLAIMER, without_disclaimer


def told(system: str, text: str) -> str:
    reply = DemoChatModel().invoke([SystemMessage(system), HumanMessage(text)])
    assert DISCLAIMER in reply.text
    return without_disclaimer(str(reply.text))


def test_a_summary_has_the_sentences_with_the_words_that_are_said_most() -> None:
    text = "Cats sleep a lot. Sleeping cats dream of sleeping cats. The moon is far away today."

    assert told("Sum up the text in one sentence.", text) == (
        "Sleeping cats dream of sleeping cats."
    )


def test_a_prompt_that_only_speaks_of_summaries_asks_for_none() -> None:
    assert "real model" in told("Take no step that sums up the others.", "Cats sleep a lot.")


def test_a_list_of_texts_is_read_one_after_another() -> None:
    parts = f'["The cats sleep. {DISCLAIMER}", "The cats dream."]'.replace("\n", " ")

    assert told("Summarise the parts.", parts) == "The cats sleep. The cats dream."


@pytest.mark.parametrize(
    ("topic", "code", "said"),
    [
        ("security", "x = eval(y)", "Line 1 runs text as code"),
        ("security", 'query = f"SELECT * FROM t WHERE id = {id}"', "bind them"),
        ("correctness", "a = 1\nif a == None:", "Line 2 compares with None"),
        ("correctness", "def f(a=[]):", "a default that all calls share"),
        ("readability", "# TODO more", "leaves work undone"),
        ("security", "x = 1", "Nothing found."),
    ],
)
def test_code_is_looked_through_by_patterns(topic: str, code: str, said: str) -> None:
    system = f"You review code for one thing alone: {topic}."

    assert said in told(system, f"Review this code:\n\n{code}")


def test_the_choice_is_the_one_whose_description_is_most_like_the_request() -> None:
    schema: dict[str, Any] = {
        "title": "choice",
        "description": "A choice.",
        "type": "object",
        "properties": {"choice": {"type": "string", "enum": ["bakery", "tools", "desk"]}},
        "required": ["choice"],
    }
    system = "- bakery: Bread.\n- tools: Screws, nails.\n- desk: All.\nWhen none fits, choose desk."
    model = DemoChatModel().with_structured_output(schema)

    assert model.invoke([SystemMessage(system), HumanMessage("two nails")]) == {"choice": "tools"}
    assert model.invoke([SystemMessage(system), HumanMessage("a boat")]) == {"choice": "desk"}

"""Run with `python -m pytest`: the demo model needs no key."""

from pathlib import Path

import graphwright_graphs

ASSISTANT = Path(__file__).parents[1] / "graphs" / "assistant.yaml"


def answer(question: str) -> str:
    graph = graphwright_graphs.load(ASSISTANT)
    state = graph.invoke({"messages": [("user", question)]})
    return str(state["messages"][-1].text)


def test_it_calculates() -> None:
    assert "144" in answer("What is 12 times 12?")


def test_it_rolls_dice() -> None:
    assert "You rolled" in answer("Roll a die with 20 sides.")

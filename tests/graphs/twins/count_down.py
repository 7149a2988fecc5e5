"""A loop of two cheap nodes, left by a condition."""

import operator
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

DOCUMENT = """
state: {left: last, steps: add, log: append}
nodes:
  step: {python: "tests.graphs.twins.count_down:step"}
  note: {python: "tests.graphs.twins.count_down:note"}
edges:
  START: step
  step: note
  note:
    - {when: left > 0 && steps < 1000, to: step}
    - {to: END}
"""
CONVERSATION: list[Any] = [{"left": 8}]


class State(TypedDict, total=False):
    left: int
    steps: Annotated[int, operator.add]
    log: Annotated[list[str], operator.add]


async def step(state: State) -> dict[str, Any]:
    return {"left": state["left"] - 1, "steps": 1}


async def note(state: State) -> dict[str, Any]:
    return {"log": [f"{state['left']} left"]}


def build(model: BaseChatModel) -> StateGraph[Any, Any, Any, Any]:
    async def route(state: State) -> str:
        return "step" if state["left"] > 0 and state["steps"] < 1000 else END

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_node("note", note)
    builder.add_edge(START, "step")
    builder.add_edge("step", "note")
    builder.add_conditional_edges("note", route, ["step", END])
    return builder

"""Branches that run side by side and are joined; input and output are parts of the state."""

import operator
from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

DOCUMENT = """
state:
  topic: {type: string}
  views: merge
  report: {type: string}
input: [topic]
output: [report]
nodes:
  left: {python: "tests.graphs.twins.side_by_side:left"}
  right: {python: "tests.graphs.twins.side_by_side:right"}
  report: {llm: {prompt: "Sum up: {topic}", output: report}}
edges: {START: [left, right], left & right: report, report: END}
"""
CONVERSATION: list[Any] = [{"topic": "tea"}, {"topic": "rain"}]


class Input(TypedDict):
    topic: str


class Output(TypedDict):
    report: str


class State(TypedDict, total=False):
    topic: str
    views: Annotated[dict[str, Any], operator.or_]
    report: str


async def left(state: State) -> dict[str, Any]:
    return {"views": {"left": f"{state['topic']} from the left"}}


async def right(state: State) -> dict[str, Any]:
    return {"views": {"right": f"{state['topic']} from the right"}}


def build(model: BaseChatModel) -> StateGraph[Any, Any, Any, Any]:
    async def report(state: State, config: RunnableConfig) -> dict[str, Any]:
        reply = await model.ainvoke([HumanMessage(f"Sum up: {state['topic']}")], config)
        return {"report": str(reply.text)}

    builder = StateGraph(State, input_schema=Input, output_schema=Output)
    builder.add_node("left", left)
    builder.add_node("right", right)
    builder.add_node("report", report)
    builder.add_edge(START, "left")
    builder.add_edge(START, "right")
    builder.add_edge(["left", "right"], "report")
    builder.add_edge("report", END)
    return builder

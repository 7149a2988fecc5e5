"""A router that chooses by conditions, and a prompt with variables, in a loop."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

DOCUMENT = """
state: {waiting: {type: integer}, desk: {type: string}, reply: {type: string}}
nodes:
  next: {python: "tests.graphs.twins.by_cases:next_one"}
  sort:
    router:
      cases:
        - {when: waiting > 5, choose: sales}
        - {when: waiting > 0, choose: support}
      default: nobody
      output: desk
  answer: {llm: {prompt: "You are {desk}. {waiting} are waiting.", output: reply}}
edges:
  START: next
  next: sort
  sort:
    - {when: desk != "nobody", to: answer}
    - {to: END}
  answer: next
"""
CONVERSATION: list[Any] = [{"waiting": 8}]


class State(TypedDict, total=False):
    waiting: int
    desk: str
    reply: str


async def next_one(state: State) -> dict[str, Any]:
    return {"waiting": state["waiting"] - 1}


async def sort(state: State) -> dict[str, Any]:
    waiting = state["waiting"]
    return {"desk": "sales" if waiting > 5 else "support" if waiting > 0 else "nobody"}


def build(model: BaseChatModel) -> StateGraph[Any, Any, Any, Any]:
    async def answer(state: State, config: RunnableConfig) -> dict[str, Any]:
        text = f"You are {state['desk']}. {state['waiting']} are waiting."
        reply = await model.ainvoke([HumanMessage(text)], config)
        return {"reply": str(reply.text)}

    async def route(state: State) -> str:
        return "answer" if state["desk"] != "nobody" else END

    builder = StateGraph(State)
    builder.add_node("next", next_one)
    builder.add_node("sort", sort)
    builder.add_node("answer", answer)
    builder.add_edge(START, "next")
    builder.add_edge("next", "sort")
    builder.add_conditional_edges("sort", route, ["answer", END])
    builder.add_edge("answer", "next")
    return builder

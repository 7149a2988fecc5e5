"""A question to a person, and a stop before a node."""

from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

DOCUMENT = """
state: {messages: messages, name: last}
nodes:
  ask: {human: {ask: What is your name?, output: name}}
  more: {human: {ask: "What else, {name}?"}}
  answer: {llm: You are kind., interrupt: before}
edges: {START: ask, ask: more, more: answer, answer: END}
"""
CONVERSATION: list[Any] = [
    {"messages": [("human", "Hello")]},
    Command(resume="Ada"),
    Command(resume="What is 2 times 3?"),
    None,
]


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    name: str


async def ask(state: State) -> dict[str, Any]:
    return {"name": interrupt({"question": "What is your name?"})}


async def more(state: State) -> dict[str, Any]:
    said = interrupt({"question": f"What else, {state['name']}?"})
    return {"messages": [HumanMessage(str(said))]}


class Stopping(StateGraph[Any, Any, Any, Any]):
    """Stops before the answer."""

    def compile(self, **words: Any) -> Any:  # type: ignore[override]
        return super().compile(interrupt_before=["answer"], **words)


def build(model: BaseChatModel) -> StateGraph[Any, Any, Any, Any]:
    async def answer(state: State, config: RunnableConfig) -> dict[str, Any]:
        asked = [SystemMessage("You are kind."), *state["messages"]]
        return {"messages": [await model.ainvoke(asked, config)]}

    builder = Stopping(State)
    builder.add_node("ask", ask)
    builder.add_node("more", more)
    builder.add_node("answer", answer)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "more")
    builder.add_edge("more", "answer")
    builder.add_edge("answer", END)
    return builder

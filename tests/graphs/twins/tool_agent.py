"""A model and its tools, in a loop."""

from typing import Annotated, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

from graphwright_tools.calculator import calculator
from graphwright_tools.clock import clock

DOCUMENT = """
state: {messages: messages}
nodes:
  assistant:
    llm:
      prompt: You are a careful assistant.
      tools: &tools [calculator, clock]
  tools: {tools: *tools}
edges:
  START: assistant
  assistant:
    - {when: size(messages.last().tool_calls) > 0, to: tools}
    - {to: END}
  tools: assistant
"""
CONVERSATION: list[Any] = [
    {"messages": [("human", "What is 12 times 12? And what is 3 plus 4?")]},
    {"messages": [("human", "Thank you!")]},
]


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def build(model: BaseChatModel) -> StateGraph[Any, Any, Any, Any]:
    tools = [calculator, clock]
    bound = model.bind_tools(tools)
    system = SystemMessage("You are a careful assistant.")

    async def assistant(state: State, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke([system, *state["messages"]], config)]}

    async def route(state: State) -> str:
        return "tools" if state["messages"][-1].tool_calls else END  # type: ignore[union-attr]

    builder = StateGraph(State)
    builder.add_node("assistant", assistant)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "assistant")
    builder.add_conditional_edges("assistant", route, ["tools", END])
    builder.add_edge("tools", "assistant")
    return builder

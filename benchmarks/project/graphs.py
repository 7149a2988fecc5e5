"""Graphs that cost next to nothing themselves, so that what is measured is what serves them."""

import operator
from collections.abc import AsyncIterator
from typing import Annotated, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

TOKENS = 500


class EchoState(TypedDict):
    text: str
    log: Annotated[list[str], operator.add]


async def repeat(state: EchoState) -> dict[str, Any]:
    return {"log": [f"echo:{state['text']}"]}


class Fountain(BaseChatModel):
    """A model that writes `TOKENS` tokens as fast as they are taken."""

    @property
    def _llm_type(self) -> str:
        return "fountain"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        text = "".join(f"t{i} " for i in range(TOKENS))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for i in range(TOKENS):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=f"t{i} "))
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


async def pour(state: MessagesState) -> dict[str, Any]:
    return {"messages": [await Fountain().ainvoke(state["messages"])]}


echo = (
    StateGraph(EchoState)
    .add_node(repeat)
    .add_edge(START, "repeat")
    .add_edge("repeat", END)
    .compile()
)
fountain = (
    StateGraph(MessagesState).add_node(pour).add_edge(START, "pour").add_edge("pour", END).compile()
)

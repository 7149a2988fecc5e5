"""Databases that the official checkpointers write, and programs that write them."""

import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

Saving = BaseCheckpointSaver[Any]


class Place(BaseModel):
    """A pydantic model in a state."""

    name: str
    at: tuple[float, float]


@dataclass
class Note:
    """A dataclass in a state."""

    text: str
    tags: set[str]


TYPES = [(__name__, "Place"), (__name__, "Note")]
SERDE: SerializerProtocol = JsonPlusSerializer(allowed_msgpack_modules=TYPES)


@dataclass
class Foreign:
    """A database of an official saver, by its URL."""

    url: str
    open: Callable[[], AbstractContextManager[Saving]]


def foreign_sqlite(folder: Path) -> Foreign:
    path = folder / "official.db"
    return Foreign(f"sqlite:///{path}", lambda: SqliteSaver.from_conn_string(str(path)))


def foreign_postgres(url: str) -> Foreign:
    with PostgresSaver.from_conn_string(url) as saver:
        saver.setup()
    return Foreign(url, lambda: PostgresSaver.from_conn_string(url))


class Mixed(TypedDict, total=False):
    values: Annotated[list[Any], operator.add]
    text: str
    number: float
    place: Place
    note: Note
    answers: Annotated[list[str], operator.add]


def thread(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}}


def chat(saver: Saving) -> Any:
    def answer(state: MessagesState) -> Any:
        return {"messages": AIMessage(f"heard {state['messages'][-1].text}")}

    return StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile(saver)


def say(graph: Any, thread_id: str, text: str) -> None:
    # Without an id a message gets one in its place, while another thread may be encoding it.
    graph.invoke({"messages": [HumanMessage(text, id=str(uuid4()))]}, thread(thread_id))


def values(saver: Saving) -> Any:
    def make(state: Mixed) -> Mixed:
        return {
            "values": [float("nan"), b"\x00\xff", {"k": {1, 2}}, None, 2**62, "\u0000 ü 🚀"],
            "text": "x" * 5000,
            "number": 1.5,
            "place": Place(name="here", at=(1.0, 2.0)),
            "note": Note("n", {"a", "b"}),
        }

    return StateGraph(Mixed).add_node("make", make).add_edge(START, "make").compile(saver)


def asking(saver: Saving) -> Any:
    def ask(state: Mixed) -> Mixed:
        return {"answers": [str(interrupt({"question": state.get("text", "")}))]}

    inner = StateGraph(Mixed).add_node("ask", ask).add_edge(START, "ask").compile()
    graph = StateGraph(Mixed).add_node("inner", inner).add_node("other", ask)
    return graph.add_edge(START, "inner").add_edge(START, "other").compile(saver)


def sending(saver: Saving) -> Any:
    def part(state: Any) -> Mixed:
        return {"answers": [f"part {state['text']}"]}

    def split(state: Mixed) -> list[Send]:
        return [Send("part", {"text": str(n)}) for n in range(3)]

    graph = StateGraph(Mixed).add_node("part", part).add_conditional_edges(START, split, ["part"])
    return graph.compile(saver, interrupt_before=["part"])


def write_everything(saver: Saving) -> None:
    """Threads of all sorts: messages, a fork, values of all types, questions, sends."""
    talk = chat(saver)
    for turn in range(4):
        say(talk, "talk", f"turn {turn}")
    middle = list(talk.get_state_history(thread("talk")))[5]
    talk.update_state(middle.config, {"messages": [HumanMessage("otherwise")]})
    say(talk, "talk/über 🚀", "elsewhere")
    values(saver).invoke({"values": ["begin"]}, thread("values"))
    questions = asking(saver)
    questions.invoke({"text": "sure?"}, thread("asked"))
    questions.invoke({"text": "sure?"}, thread("answered"))
    waiting = questions.get_state(thread("answered")).interrupts
    questions.invoke(Command(resume={waiting[0].id: "yes"}), thread("answered"))
    sends = sending(saver)
    sends.invoke({"text": "t"}, thread("sent"))
    sends.invoke(None, thread("sent"))
    sends.invoke({"text": "t"}, thread("sending"))

"""Small deterministic graphs without a model, one for each thing that a client can observe."""

import asyncio
import operator
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from typing_extensions import TypedDict


class Log(TypedDict, total=False):
    text: str
    log: Annotated[list[str], operator.add]


async def say(state: Log) -> Log:
    return {"text": state["text"], "log": ["echo:" + state["text"]]}


echo = StateGraph(Log).add_node("echo", say).add_edge(START, "echo").add_edge("echo", END).compile()


async def recall(state: MessagesState) -> dict[str, Any]:
    """Tell a name that was told in any earlier message."""
    told = [m.text.removeprefix("I am ") for m in state["messages"] if m.text.startswith("I am ")]
    answer = f"You are {told[-1]}" if told else "I don't know you"
    return {"messages": [AIMessage(answer)]}


# Left uncompiled: a service compiles what `langgraph.json` names.
chat = StateGraph(MessagesState).add_node("recall", recall).add_edge(START, "recall")


async def ask(state: Log) -> Log:
    return {"log": [f"answer:{interrupt({'question': 'approve?', 'text': state['text']})}"]}


approve = (
    StateGraph(Log)
    .add_node("ask", ask)
    .add_node("echo", say)
    .add_edge(START, "ask")
    .add_edge("ask", "echo")
    .compile()
)


nested = StateGraph(Log).add_node("inner", approve).add_edge(START, "inner").compile()


async def fail(state: Log) -> Log:
    raise ValueError("boom: " + state["text"])


class Marked(TypedDict, total=False):
    mark: str
    pause: float
    log: Annotated[list[str], operator.add]


def mark(number: int) -> Any:
    async def node(state: Marked) -> Marked:
        await asyncio.sleep(state["pause"])
        return {"log": [f"{state['mark']}.{number}"]}

    return node


marks = (
    StateGraph(Marked)
    .add_sequence([(f"mark {number}", mark(number)) for number in range(3)])
    .add_edge(START, "mark 0")
    .compile()
)


boom = StateGraph(Log).add_node("fail", fail).add_edge(START, "fail").compile()


class Paced(TypedDict, total=False):
    pause: float
    log: Annotated[list[str], operator.add]


def stage(name: str) -> Any:
    async def node(state: Paced) -> Paced:
        await asyncio.sleep(state.get("pause", 0))
        return {"log": [name]}

    return node


stages = (
    StateGraph(Paced)
    .add_sequence([("one", stage("one")), ("two", stage("two")), ("three", stage("three"))])
    .add_edge(START, "one")
    .compile()
)


async def go_on(state: Paced) -> Paced:
    loop = asyncio.get_running_loop()
    end = loop.time() + state["pause"]
    while (left := end - loop.time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(left)
    return {"log": ["in spite of all"]}


stubborn = StateGraph(Paced).add_node("go_on", go_on).add_edge(START, "go_on").compile()


def on_which_thread(_state: Log) -> Log:
    on_loop = threading.current_thread() is threading.main_thread()
    return {"log": ["on the loop" if on_loop else "off the loop"]}


sync = StateGraph(Log).add_node("where", on_which_thread).add_edge(START, "where").compile()


class Question(TypedDict):
    question: str


class Answer(TypedDict):
    answer: str


class Whole(Question, Answer):
    scratch: str


async def think(state: Question) -> dict[str, str]:
    return {"scratch": "unseen", "answer": state["question"].upper()}


narrow = (
    StateGraph(Whole, input_schema=Question, output_schema=Answer)
    .add_node("think", think)
    .add_edge(START, "think")
    .compile()
)


class Manners(TypedDict, total=False):
    greeting: str


async def greet(state: Log, runtime: Runtime[Manners]) -> Log:
    return {"log": [f"{(runtime.context or {}).get('greeting', 'Hello')} {state['text']}"]}


greeter = (
    StateGraph(Log, context_schema=Manners)
    .add_node("greet", greet)
    .add_edge(START, "greet")
    .compile()
)


parallel = (
    StateGraph(Log)
    .add_node("left", stage("left"))
    .add_node("right", stage("right"))
    .add_node("join", stage("join"))
    .add_edge(START, "left")
    .add_edge(START, "right")
    .add_edge(["left", "right"], "join")
    .compile()
)


def asks(name: str) -> Any:
    async def node(_state: Log) -> Log:
        return {"log": [f"{name}:{interrupt(name)}"]}

    return node


twice = (
    StateGraph(Log)
    .add_node("left", asks("left"))
    .add_node("right", asks("right"))
    .add_edge(START, "left")
    .add_edge(START, "right")
    .compile()
)


questions = (
    StateGraph(Log)
    .add_node("first", asks("first"))
    .add_node("second", asks("second"))
    .add_edge(START, "first")
    .add_edge("first", "second")
    .compile()
)


async def hurry(state: Log) -> Log:
    expiry = {"seconds": float(state["text"]), "answer": "nobody"}
    return {"log": [f"hurry:{interrupt({'question': 'well?', 'expiry': expiry})}"]}


hurried = (
    StateGraph(Log)
    .add_node("hurry", hurry)
    .add_node("patient", asks("patient"))
    .add_edge(START, "hurry")
    .add_edge(START, "patient")
    .compile()
)


@asynccontextmanager
async def make(config: RunnableConfig) -> AsyncIterator[Any]:
    """A graph that is made for each run, by what its caller configured."""
    name = config.get("configurable", {}).get("name", "nobody")
    yield StateGraph(Log).add_node("made", stage(f"for {name}")).add_edge(START, "made").compile()

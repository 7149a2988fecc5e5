"""The files that the documents of `exported` name."""

from __future__ import annotations

from pathlib import Path

GRAPHS = """
from asyncio import sleep
from itertools import count as count_up

from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.types import StreamWriter
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    text: str


async def shout(state: State) -> dict:
    return {"text": state["text"].upper()}


def build() -> StateGraph:
    return StateGraph(State).add_node("shout", shout).add_edge(START, "shout")


graph = build().compile()


def note_it(state: State, config, *, store: BaseStore, writer: StreamWriter, runtime, more=1):
    said = [config["configurable"]["thread_id"], runtime.store is store, more]
    writer({"said": said})
    store.put(("texts",), state["text"], {"at": len(store.search(("texts",)))})
    return {"seen": [*said, store.get(("texts",), state["text"]).value]}


counts = count_up()


def count(state: dict) -> dict:
    return {"seen": [next(counts)]}


async def dawdle() -> str:
    'Dawdle for a while.'
    await sleep(60)
    return "Done."


def repeat(state: dict) -> dict:
    return {"seen": [state["each"]]}


class Shouting:
    async def __call__(self, state: State) -> dict:
        return {"text": state["text"].upper()}


shouting = Shouting()
"""

INNER = """
description: Writes about a text.
state: {text: {type: string}, length: {type: integer, default: 5}, reply: {type: string}}
context: {tone: {type: string, default: cold}, size: {type: integer, default: 1}}
input: [text, length]
output: [reply]
nodes:
  write: {prompt: {template: "{text} in {length} words, {tone} {size}", output: reply}}
  deeper: {subgraph: deep.yaml}
edges: {START: write, write: deeper, deeper: END}
"""
REDUCERS = """
class Odd(Exception):
    pass


def both(left, right):
    return right if left is None else [left, right]
"""
NOTES = """
def note(state: dict) -> dict:
    return {"seen": len(state["reply"])}
"""
DEEP = """
state: {reply: {type: string}, seen: "reducers.py:both"}
context: {tone: {type: string, default: dry}}
nodes:
  note: {python: "../parts/notes.py:note", retry: {retry_on: ["reducers.py:Odd"]}}
  write: {llm: {prompt: "{reply}, What is 12 times 12?", output: reply}}
  ask: {human: {edit: reply, ask: "Is it {tone}?"}}
edges: {START: note, note: write, write: ask, ask: END}
"""
FILES = {
    "graphs_of_a_user.py": GRAPHS,
    "asked.md": "Answer: {question}\n",
    "parts/deep.yaml": DEEP,
    "parts/reducers.py": REDUCERS,
    "parts/notes.py": NOTES,
    "parts/inner.yaml": INNER,
}
"""What the documents name, by where it is from them."""


def write_files(folder: Path) -> None:
    """Write the files that the documents name."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

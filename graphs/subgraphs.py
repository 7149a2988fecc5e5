"""A text examined by reviewers in parallel: a subgraph and parallel branches in plain LangGraph.

`review` is a graph of its own: three reviewers look at the text at the same time, each adding one
finding. It runs as one node of `graph`, which prepares the text and words the report.
"""

import operator
import re
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphwright_graphs.models import get_model

model = get_model()  # the service's default: a graph is loaded under its catalogue

MAX_TEXT = 20_000  # characters that are examined


class ReviewState(TypedDict):
    """What the reviewers share: each reads the text and adds its finding."""

    text: str
    findings: Annotated[dict[str, str], operator.or_]


class Conversation(TypedDict):
    """What a run takes."""

    messages: Annotated[list[AnyMessage], add_messages]


class TextState(Conversation, ReviewState):
    """The outer graph's state: the conversation, and what the subgraph works on."""


Update = dict[str, Any]


async def count(state: ReviewState) -> Update:
    """Count words, sentences and paragraphs."""
    text = state["text"]
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    parts = {"word": _words(text), "sentence": _sentences(text), "paragraph": paragraphs}
    found = [f"{len(of)} {name}{'' if len(of) == 1 else 's'}" for name, of in parts.items()]
    return {"findings": {"Length": ", ".join(found)}}


async def measure(state: ReviewState) -> Update:
    """Judge how hard the text is to read, by the length of its sentences and words."""
    words, sentences = _words(state["text"]), _sentences(state["text"])
    if not words:
        return {"findings": {"Readability": "nothing to read"}}
    per_sentence = len(words) / max(len(sentences), 1)
    long_words = sum(len(word) > 6 for word in words) / len(words)
    # Björnsson's LIX: words per sentence, plus the percentage of words over six letters.
    lix = per_sentence + 100 * long_words
    level = "easy" if lix < 35 else "of medium difficulty" if lix < 50 else "hard"
    return {"findings": {"Readability": f"{level} (LIX {lix:.0f})"}}


async def summarise(state: ReviewState, config: RunnableConfig) -> Update:
    """Let the model sum the text up."""
    asked = [
        SystemMessage("Sum up the person's text in one sentence, in its own language."),
        HumanMessage(state["text"]),
    ]
    reply = await model.ainvoke(asked, config)
    return {"findings": {"Summary": str(reply.text)}}


def review_graph() -> StateGraph[ReviewState]:
    """Three reviewers side by side, between START and END."""
    builder = StateGraph(ReviewState)
    for reviewer in (count, measure, summarise):
        builder.add_node(reviewer)
        builder.add_edge(START, reviewer.__name__)
        builder.add_edge(reviewer.__name__, END)
    return builder


async def read(state: Conversation) -> Update:
    """Take the person's last message as the text."""
    asked = [message for message in state["messages"] if isinstance(message, HumanMessage)]
    return {"text": str(asked[-1].text)[:MAX_TEXT] if asked else ""}


async def report(state: TextState) -> Update:
    """Put the findings together, in an order of their own: branches finish as they like."""
    order = ("Summary", "Length", "Readability")
    lines = [f"**{name}:** {state['findings'][name]}" for name in order]
    return {"messages": [AIMessage("\n\n".join(lines))]}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['-]\w+)*", text)


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"[.!?]+(?:\s|$)", text) if part.strip()]


graph = (
    StateGraph(TextState, input_schema=Conversation)
    .add_node(read)
    .add_node("review", review_graph().compile())
    .add_node(report)
    .add_edge(START, "read")
    .add_edge("read", "review")
    .add_edge("review", "report")
    .add_edge("report", END)
    .compile(name="subgraphs")
)

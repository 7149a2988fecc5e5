"""What every kind of node is made of.

A node's work is written once, as a generator that yields the model calls it needs and returns the
state's update; `Node` drives it for sync and async runs alike. A generator never waits by itself,
so the kinds know nothing of event loops, and a test can drive one by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.graph import StateGraph
from langgraph.types import Command
from pydantic import BaseModel, ConfigDict

from graphwright_graphs import prompts
from graphwright_graphs.models import Models
from graphwright_graphs.problems import Problems, path_text
from graphwright_graphs.prompts import Template
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel
from graphwright_graphs.tools import Toolbox

State = Mapping[str, Any]
Update = dict[str, Any] | Command[Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request to a model, yielded by a node's work, which gets the model's answer back.

    What the model raises is raised at the `yield`, so that the work may go on in spite of it.
    """

    model: Runnable[Any, Any]
    input: Any
    """The messages; for another runnable than a model, what that takes."""


Work = Generator[Call, Any, Update]
Act = Callable[[State, RunnableConfig], Work]
Step = Callable[[], Call]


class Node(Runnable[Any, Update]):
    """Drives a node's work. It adds no trace of its own: in a stream, only the model calls show."""

    def __init__(self, act: Act, name: str) -> None:
        self.name = name
        self._act = act

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        """Do the work, calling models synchronously."""
        work = self._act(input, config or {})
        step: Step = partial(next, work)
        while True:
            try:
                call = step()
            except StopIteration as done:
                return _update(done)
            try:
                step = partial(work.send, call.model.invoke(call.input, config))
            except GraphBubbleUp:  # LangGraph's own: an interrupt, a command to a parent
                raise
            except Exception as error:  # whatever it is, the work is told
                step = partial(work.throw, error)

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Update:
        """Do the work, calling models on the event loop."""
        work = self._act(input, config or {})
        step: Step = partial(next, work)
        while True:
            try:
                call = step()
            except StopIteration as done:
                return _update(done)
            try:
                step = partial(work.send, await call.model.ainvoke(call.input, config))
            except GraphBubbleUp:  # LangGraph's own: an interrupt, a command to a parent
                raise
            except Exception as error:  # whatever it is, the work is told
                step = partial(work.throw, error)


def _update(done: StopIteration) -> Update:
    update: Update = done.value
    return update


@dataclass(frozen=True, slots=True)
class Compound:
    """Several LangGraph nodes that a document knows as one, by the name of the first.

    The document's edges lead to the first, and leave from `exit`; `wire` adds the edges between.
    """

    nodes: Mapping[str, Runnable[Any, Any]]
    exit: str
    wire: Callable[[StateGraph[Any]], None]

    def add_to(self, graph: StateGraph[Any], **options: Any) -> None:
        """Add its nodes, with the options of `StateGraph.add_node`, and its edges."""
        for name, node in self.nodes.items():
            graph.add_node(name, node, **options)
        self.wire(graph)


class Body(BaseModel):
    """What stands under a kind's word in a document. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one node may name while it is built: channels, tools, models; and where it stands."""

    name: str
    where: Where
    channels: Mapping[str, Channel]
    toolbox: Toolbox
    models: Models
    problems: Problems

    def place(self, *keys: str | int) -> Where:
        """Where a value of this node stands; a short form has no key of its own."""
        full = (*self.where, *keys)
        short = (*self.where, *keys[:1]) not in self.problems.source.values
        return (*self.where, *keys[1:]) if short else full

    def tools(self, names: Sequence[str], key: str = "tools") -> list[BaseTool]:
        """The named tools; unknown ones are reported."""
        found = (self.toolbox.get(name, self.place(key, at)) for at, name in enumerate(names))
        return [tool for tool in found if tool is not None]

    def template(self, text: str, *keys: str | int) -> Template:
        """The parsed prompt template that stands under `keys`; its problems are reported."""
        place = self.place(*keys)
        return prompts.parse(text, self.channels, self.problems, place, path_text(place))

    def channel(self, name: str, key: str) -> Channel | None:
        """The channel of that name; an unknown one is reported."""
        if channel := self.channels.get(name):
            return channel
        expected = f"a channel ({', '.join(self.channels)})"
        self.problems.unknown(self.place(key), name, expected, self.channels)
        return None

    def conversation(self, name: str | None, key: str) -> str:
        """The name of a messages channel: the one asked for, else `messages` or the only one."""
        known = [each for each, channel in self.channels.items() if channel.reducer == "messages"]
        if name in known:
            return name
        if name is None and ("messages" in known or len(known) == 1):
            return "messages" if "messages" in known else known[0]
        found = "none" if name is None else f'"{name}"'
        expected = "a channel whose reducer is `messages`"
        hint = f"this graph has {', '.join(known)}" if known else None
        self.problems.report(self.place(key), found, expected, hint)
        return ""


class Kind(Protocol):
    """One kind of node: a word of the language."""

    @property
    def word(self) -> str:
        """What a document calls this kind."""
        ...

    @property
    def body(self) -> type[Body]:
        """What may stand under the word."""
        ...

    @property
    def short(self) -> str | None:
        """The field that a bare list or text stands for; None where there is no short form."""
        ...

    def build(self, body: Any, scope: Scope) -> Any:
        """The node, for `StateGraph.add_node`. Names it does not know are reported to the scope.

        What it returns is not used when a problem was reported.
        """

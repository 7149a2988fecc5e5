"""What every kind of node is made of.

A node's work is written once, as a generator that yields the calls it waits for (to a model, a
tool, a store, another graph) and returns the state's update; `Node` drives it for sync and async
runs alike. A generator never waits by itself, so the kinds know nothing of event loops, and a test
can drive one by hand. What a call raises is raised where it was yielded.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Collection, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.graph import StateGraph
from pydantic import BaseModel, ConfigDict, WithJsonSchema

from graphwright_graphs import prompts, source
from graphwright_graphs.conditions import Condition, Conditions
from graphwright_graphs.context import Readable, Setting
from graphwright_graphs.edges import END
from graphwright_graphs.imports import Imports
from graphwright_graphs.models import Models
from graphwright_graphs.problems import Problems, path_text, quoted
from graphwright_graphs.prompts import Format, Template
from graphwright_graphs.source import Where
from graphwright_graphs.state import Channel
from graphwright_graphs.tools import Toolbox
from graphwright_graphs.usage import Usage

State = Mapping[str, Any]
Update = dict[str, Any]


class Wait(Protocol):
    """Something that a node's work waits for; the work gets its result back."""

    def wait(self, config: RunnableConfig) -> Any:
        """The result, for a sync run."""
        ...

    async def await_(self, config: RunnableConfig) -> Any:
        """The result, for a run on an event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a model, a tool, a graph: of anything that is a Runnable, traced as such."""

    target: Runnable[Any, Any]
    input: Any

    def wait(self, config: RunnableConfig) -> Any:
        """What the target gives."""
        return self.target.invoke(self.input, config)

    async def await_(self, config: RunnableConfig) -> Any:
        """What the target gives, awaited."""
        return await self.target.ainvoke(self.input, config)


@dataclass(frozen=True, slots=True)
class Do:
    """A call of a service that is no Runnable; without a sync way it gets a loop of its own."""

    aio: Callable[[], Coroutine[Any, Any, Any]]
    sync: Callable[[], Any] | None = None

    def wait(self, config: RunnableConfig) -> Any:
        """What the service gives."""
        return self.sync() if self.sync else _in_a_loop(self.aio)

    async def await_(self, config: RunnableConfig) -> Any:
        """What the service gives, awaited."""
        return await self.aio()


def _in_a_loop(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What a coroutine gives, for a caller that may itself block an event loop."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(context.run, lambda: asyncio.run(call())).result()


Result = Any
"""A state's update, or LangGraph's Command."""
Work = Generator[Wait, Any, Result]
Act = Callable[[State, RunnableConfig], Work]


class Node(Runnable[Any, Result]):
    """Drives a node's work. It adds no trace of its own: in a stream, only its calls show."""

    def __init__(self, act: Act, name: str) -> None:
        self.name = name
        self._act = act

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Result:
        """Do the work, making its calls synchronously."""
        settings = config or {}
        work = self._act(input, settings)
        send: Callable[[Any], Wait] = work.send
        answer: Any = None
        while True:
            try:
                call = send(answer)
            except StopIteration as done:
                return done.value
            try:
                send, answer = work.send, call.wait(settings)
            except Exception as error:
                send, answer = work.throw, error

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Result:
        """Do the work, making its calls on the event loop."""
        settings = config or {}
        work = self._act(input, settings)
        send: Callable[[Any], Wait] = work.send
        answer: Any = None
        while True:
            try:
                call = send(answer)
            except StopIteration as done:
                return done.value
            try:
                send, answer = work.send, await call.await_(settings)
            except Exception as error:
                send, answer = work.throw, error


@dataclass(frozen=True, slots=True)
class Compound:
    """Several LangGraph nodes that a document knows as one, by the name of the first.

    The document's edges lead to the first, and leave from `exit`; `wire` adds the edges between.
    """

    nodes: Mapping[str, Runnable[Any, Any]]
    exit: str
    wire: Callable[[StateGraph[Any]], None]


class Body(BaseModel):
    """What stands under a kind's word in a document. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


InnerNode = Annotated[dict[str, Any], WithJsonSchema({"type": "object", "format": "node"})]
"""A node inside a node's body, `{llm: …}`, which the kind has built by `Scope.inner`."""


class Inner(Protocol):
    """A node inside another, with its options."""

    def add_to(self, graph: StateGraph[Any, Any, Any, Any]) -> None:
        """Add it to the graph inside, under the name of its scope."""
        ...


class Compiler(Protocol):
    """What a kind that holds a node or a graph of its own has it built by."""

    def node(self, scope: Scope, data: Any) -> Inner | None:
        """The node that `data` describes (`{llm: …}`), which stands where the scope says."""
        ...

    @property
    def embedding(self) -> Sequence[Path]:
        """The document that is built and those that embed it, from the outermost on."""
        ...

    def document(self, path: Path) -> Any:
        """The graph of another document. Raises DocumentError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What one node may name while it is built: channels, tools, models; and where it stands."""

    name: str
    where: Where
    channels: Mapping[str, Channel]
    toolbox: Toolbox
    models: Models
    problems: Problems
    imports: Imports
    settings: Mapping[str, Setting]
    """What a caller may set for a run. It can be read like a channel, see `readable`."""
    compiler: Compiler
    nodes: Collection[str]
    """The nodes that this one may lead to by itself."""
    usage: Usage
    """Where it is noted what the nodes of the document use."""
    leads: list[str] = field(default_factory=list)
    """Those of them that it does lead to, END among them."""
    timeout: float | None = None
    """Seconds that an attempt of the node may take, where its options say so."""

    @property
    def readable(self) -> Mapping[str, Readable]:
        """What prompts and conditions may name: the channels, and the run's settings."""
        return {**self.settings, **self.channels}

    def place(self, *keys: str | int) -> Where:
        """Where a value of this node stands; a short form has no key of its own."""
        full = (*self.where, *keys)
        short = (*self.where, *keys[:1]) not in self.problems.source.values
        return (*self.where, *keys[1:]) if short else full

    def tools(self, names: Sequence[str], key: str = "tools") -> list[BaseTool]:
        """The named tools; unknown ones are reported."""
        found = []
        for at, name in enumerate(names):
            place = self.place(key, at)
            self.usage.tools.append((str(self.where[-1]), name, place))
            found.append(self.toolbox.get(name, place))
        return [tool for tool in found if tool is not None]

    def imported(self, path: str, *keys: str | int) -> Any | None:
        """What `module:attribute`, which stands under `keys`, names; what is wrong is reported."""
        return self.imports.find(path, self.problems, self.place(*keys))

    def template(
        self,
        text: str,
        *keys: str | int,
        form: Format = "f-string",
        more: Mapping[str, Readable] | None = None,
    ) -> Template:
        """The parsed prompt template that stands under `keys`; its problems are reported.

        `more` has what the template may name besides channels and settings.
        """
        place, known = self.place(*keys), {**self.readable, **(more or {})}
        return prompts.parse(text, known, self.problems, place, path_text(place), form)

    def file(self, name: str, *keys: str | int) -> bytes | None:
        """What is in a file beside the document; one that can't be read is reported."""
        try:
            return source.read_beside(self.problems.source.file, name)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or error
            found = f"{quoted(name)}, which can't be read ({said})"
            expected = "a file in the document's folder or below it"
            self.problems.report(self.place(*keys), found, expected)
            return None

    def condition(self, text: str, *keys: str | int) -> Condition | None:
        """The checked condition that stands under `keys`; its problems are reported."""
        return Conditions(self.readable, self.problems).parse(text, self.place(*keys))

    def channel(self, name: str, *keys: str | int) -> Channel | None:
        """The channel of that name; an unknown one is reported."""
        if channel := self.channels.get(name):
            return channel
        expected = f"a channel ({', '.join(self.channels)})"
        self.problems.unknown(self.place(*keys), name, expected, self.channels)
        return None

    def leads_to(self, target: str, *keys: str | int) -> None:
        """Note that this node may lead to `target` by itself; what is no node is reported."""
        known = [*self.nodes, END]
        if target in known:
            self.leads.append(target)
        else:
            self.problems.unknown(self.place(*keys), target, "a node or END", known)

    def inner(
        self, data: Any, key: str, channels: Mapping[str, Channel], name: str
    ) -> Inner | None:
        """The node that stands under `key` inside this one, which sees `channels`.

        It leads nowhere by itself: no other node is known to it. None when a problem was reported.
        """
        place = self.place(key)
        scope = replace(self, name=name, where=place, channels=channels, nodes=(), leads=[])
        return self.compiler.node(scope, data)

    def conversation(self, name: str | None, key: str) -> str:
        """The name of a messages channel: the one asked for, else `messages` or the only one."""
        known = [each for each, channel in self.channels.items() if channel.reducer == "messages"]
        if name in known:
            return name
        if name is None and ("messages" in known or len(known) == 1):
            name = "messages" if "messages" in known else known[0]
            self.usage.names.add(name)
            return name
        found = "none" if name is None else f'"{name}"'
        expected = "a channel whose reducer is `messages`"
        hint = f"this graph has {', '.join(known)}" if known else None
        self.problems.report(self.place(key), found, expected, hint)
        return ""


@runtime_checkable
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
        """The node, for `StateGraph.add_node`, or a Compound of several.

        Names it does not know are reported to the scope.

        What it returns is not used when a problem was reported.
        """

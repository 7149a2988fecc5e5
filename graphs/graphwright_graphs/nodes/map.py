"""The kind `map`: the same node works on each item of a list, several at a time.

It is a graph inside a node: each item is a task of its own (LangGraph's Send), which is kept when
another one fails. The updates join the state in the order of the items, by the channels' reducers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import Field
from typing_extensions import TypedDict

from graphwright_graphs.conditions import Conditions
from graphwright_graphs.errors import GraphError
from graphwright_graphs.nodes.embedded import Embedded, around
from graphwright_graphs.nodes.node import Body, Inner, InnerNode, Scope, State, Update
from graphwright_graphs.nodes.wrapping import Wrapped
from graphwright_graphs.problems import quoted, shown
from graphwright_graphs.state import Channel, is_name


class Map(Body):
    """The words of a `map` node."""

    over: str
    """The channel that holds the list, or a CEL expression that gives one: `answer.items`."""
    item: str = Field(default="item", alias="as")
    """What the node inside calls one item, beside the channels of the state."""
    do: InnerNode
    """The node that works on an item: `{llm: …}`, `{subgraph: …}`, with `retry`, `timeout` or
    `cache` for each. It writes to channels that join: append, messages, merge, add."""
    concurrency: int = Field(default=8, ge=1, le=1000)
    """How many items are worked on at a time."""


class MapKind:
    """Works on each item of a list; its words are those of `Map`."""

    word = "map"
    body = Map
    short = None

    def build(self, body: Map, scope: Scope) -> Embedded | None:
        """The node whose graph has a task for each item."""
        items = _Items.of(body.over, scope)
        if not is_name(body.item):
            expected = "a name of letters, digits and _"
            scope.problems.report(scope.place("as"), quoted(body.item), expected)
            return None
        _check_output(body.do, scope)
        channels = {**scope.channels, body.item: Channel()}
        inner = scope.inner(body.do, "do", channels, body.item)
        if inner is None or items is None:
            return None
        graph = _graph(inner, body.item, scope.name)
        joined = _Joined(scope.channels, body.item, scope.name)
        name = f"{body.item}_list"
        return Embedded(
            graph, scope.name, lambda state: {name: items.listed(state)}, joined, body.concurrency
        )


def _may_be_list(channel: Channel) -> bool:
    return channel.enum is None and (channel.type or "any").startswith(("any", "list"))


def _check_output(do: Mapping[str, Any], scope: Scope) -> None:
    """Report an output that each item would replace."""
    for word, body in do.items():
        name = body.get("output") if isinstance(body, dict) else None
        channel = scope.channels.get(name) if isinstance(name, str) else None
        if channel is not None and channel.reducer == "last":
            found = f"{quoted(str(name))}, of which only one item's value could stay"
            expected = "a channel whose reducer is append, messages, merge or add"
            scope.problems.report((*scope.place("do"), word, "output"), found, expected)


def _graph(inner: Inner, item: str, name: str) -> Runnable[Any, Any]:
    """START sends each item to the node inside; what it writes is collected."""
    updates = f"{item}_updates"
    fields = {f"{item}_list": list[Any], updates: Annotated[list[Any], operator.add]}
    schema: type[Any] = TypedDict(f"Map_{item}", fields)  # type: ignore[misc]
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(schema)
    inner.add_to(builder)
    # Wrapped where LangGraph has made a Runnable of it, whatever it was.
    added = builder.nodes[item]
    added.runnable = _Item(cast(Runnable[Any, Any], added.runnable), item, updates)
    builder.add_conditional_edges(
        START, lambda state: [Send(item, {item: each}) for each in state[f"{item}_list"]], [item]
    )
    builder.add_edge(item, END)
    return builder.compile(name=name)


class _Item(Wrapped):
    """The node inside, which sees an item and the state around."""

    def __init__(self, node: Runnable[Any, Any], item: str, updates: str) -> None:
        super().__init__(node, item)
        self._updates = updates

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Update:
        return {self._updates: [self.node.invoke({**around(), **input}, config)]}

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Update:
        return {self._updates: [await self.node.ainvoke({**around(), **input}, config)]}


class _Items:
    """The list that a run of the graph inside begins with."""

    def __init__(self, text: str, node: str, read: Callable[[State], Any]) -> None:
        self._text = text
        self._node = node
        self._read = read

    @classmethod
    def of(cls, text: str, scope: Scope) -> _Items | None:
        """The list in a channel, or that an expression gives; what is wrong is reported."""
        if not text.isidentifier():
            conditions = Conditions(scope.readable, scope.problems)
            expression = conditions.expression(text, scope.place("over"), gives="LIST")
            return cls(text, scope.name, expression.value) if expression else None
        channel = scope.channel(text, "over")
        if channel is None:
            return None
        if channel.reducer in ("merge", "add") or not _may_be_list(channel):
            found = f"{quoted(text)}, which holds no list"
            scope.problems.report(scope.place("over"), found, "a channel that holds a list")

        def held(state: State) -> Any:
            value = state.get(text)
            return channel.empty() if value is None else value

        return cls(text, scope.name, held)

    def listed(self, state: State) -> list[Any]:
        """The items. Raises GraphError for what is no list."""
        items = self._read(state)
        if isinstance(items, list | tuple):
            return list(items)
        raise GraphError(
            f"node `{self._node}` works on a list, but `{self._text}` is {shown(items)}: "
            "write a list to it before"
        )


class _Joined:
    """One update of those of all items, in their order."""

    def __init__(self, channels: Mapping[str, Channel], item: str, node: str) -> None:
        self._channels = channels
        self._updates = f"{item}_updates"
        self._node = node

    def __call__(self, state: State, output: Mapping[str, Any]) -> Update:
        written: dict[str, list[Any]] = {}
        for update in output.get(self._updates) or ():
            for name, value in self._checked(update).items():
                written.setdefault(name, []).append(value)
        return {name: self._value(name, values) for name, values in written.items()}

    def _checked(self, update: Any) -> Mapping[str, Any]:
        if isinstance(update, Mapping) or update is None:
            return update or {}
        raise GraphError(
            f"the node under `do` of node `{self._node}` gave {type(update).__name__}: "
            "inside a map a node gives an update of channels"
        )

    def _value(self, name: str, values: Sequence[Any]) -> Any:
        channel = self._channels.get(name)
        if channel and channel.reducer in ("append", "messages"):
            return flat(values)
        if channel and channel.join:
            return reduce(channel.join, values)
        raise GraphError(
            f"node `{self._node}` got a value of `{name}` for each item, and only one could stay: "
            "give the channel a reducer that joins them, such as append"
        )


def flat(values: Iterable[Any]) -> list[Any]:
    """The items of lists, and what is no list as an item."""
    return [each for value in values for each in (value if isinstance(value, list) else [value])]

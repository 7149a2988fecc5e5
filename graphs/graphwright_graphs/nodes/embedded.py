"""A graph inside a node, whose state is another than that of the graph around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from graphwright_graphs.nodes.node import Result, State
from graphwright_graphs.nodes.wrapping import Wrapped

_around: ContextVar[State] = ContextVar("graphwright_state_around")


def around() -> State:
    """The state of the node whose embedded graph is running.

    It is the same whenever the node is run again, so that the graph's checkpoints need no copy.
    """
    return _around.get()


class Embedded(Wrapped):
    """Runs a graph as a node, with its own view of the state.

    Args:
        graph: A compiled graph, local or remote.
        name: The node's.
        take: Makes the graph's input from the state around it.
        give: Makes the node's update from that state and the graph's output.
        concurrency: How many of the graph's nodes may run at a time; None for no bound.
    """

    def __init__(
        self,
        graph: Runnable[Any, Any],
        name: str,
        take: Callable[[State], Any],
        give: Callable[[State, Any], Result],
        concurrency: int | None = None,
    ) -> None:
        super().__init__(graph, name)
        self._take = take
        self._give = give
        self._concurrency = concurrency

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Result:
        """The update that a run of the graph makes."""
        with _inside(input):
            return self._give(input, self.node.invoke(self._take(input), self._bounded(config)))

    async def ainvoke(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Result:
        """The same, on the event loop."""
        with _inside(input):
            output = await self.node.ainvoke(self._take(input), self._bounded(config))
            return self._give(input, output)

    def _bounded(self, config: RunnableConfig | None) -> RunnableConfig:
        settings = config or {}
        if self._concurrency is None:
            return settings
        around = settings.get("max_concurrency") or self._concurrency
        return {**settings, "max_concurrency": min(around, self._concurrency)}


@contextmanager
def _inside(state: State) -> Iterator[None]:
    token = _around.set(state)
    try:
        yield
    finally:
        _around.reset(token)


def renamed(names: Mapping[str, str]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What takes the values of some channels under other names: `{theirs: ours}`."""

    def take(values: Mapping[str, Any]) -> dict[str, Any]:
        return {new: values[old] for new, old in names.items() if old in values}

    return take

"""A bound on the time that a node may take, whether it is sync or async, in either kind of run.

LangGraph's own `timeout` is for async nodes in async runs: it refuses sync nodes when a graph is
compiled, and fails sync runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable
from concurrent.futures import Future
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import NodeTimeoutError

from graphwright_graphs.nodes.wrapping import Wrapped

T = TypeVar("T")


class Timed(Wrapped):
    """A node that fails with LangGraph's NodeTimeoutError when it takes too long.

    An async node is cancelled. A sync one can't be: its thread goes on, and what it returns is
    dropped.
    """

    def __init__(self, node: Runnable[Any, Any], name: str, seconds: float) -> None:
        super().__init__(node, name)
        self._seconds = seconds

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node in a thread of its own. Raises NodeTimeoutError."""
        started, context = time.monotonic(), contextvars.copy_context()
        result: Future[Any] = Future()

        def work() -> None:
            try:
                result.set_result(context.run(self.node.invoke, input, config, **kwargs))
            except BaseException as error:  # LangGraph's interrupts, too, pass through
                result.set_exception(error)

        # A daemon, so that a node without end does not keep the process from ending.
        threading.Thread(target=work, name=f"node {self.name}", daemon=True).start()
        try:
            return result.result(self._seconds)
        except TimeoutError:
            if result.done():  # the node's own
                raise
            raise _too_long(str(self.name), started, self._seconds) from None

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node on the event loop. Raises NodeTimeoutError."""
        work = self.node.ainvoke(input, config, **kwargs)
        return await within(self._seconds, str(self.name), work)


async def within(seconds: float, name: str, work: Awaitable[T]) -> T:
    """What the work of a node gives. Raises NodeTimeoutError where it takes longer."""
    started, limit = time.monotonic(), asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError:
        if not limit.expired():  # the node's own
            raise
        raise _too_long(name, started, seconds) from None


def _too_long(name: str, started: float, seconds: float) -> NodeTimeoutError:
    elapsed = time.monotonic() - started
    return NodeTimeoutError(name, elapsed, kind="run", run_timeout=seconds)

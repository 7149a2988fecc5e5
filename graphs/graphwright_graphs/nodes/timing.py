"""A bound on the time that a node may take, whether it is sync or async, in either kind of run.

LangGraph's own `timeout` is for async nodes in async runs: it refuses sync nodes when a graph is
compiled, and fails sync runs.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from concurrent.futures import Future
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import NodeTimeoutError

from graphwright_graphs.nodes.wrapping import Wrapped


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
            raise self._error(started) from None

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node on the event loop. Raises NodeTimeoutError."""
        started, limit = time.monotonic(), asyncio.timeout(self._seconds)
        try:
            async with limit:
                return await self.node.ainvoke(input, config, **kwargs)
        except TimeoutError:
            if not limit.expired():  # the node's own
                raise
            raise self._error(started) from None

    def _error(self, started: float) -> NodeTimeoutError:
        elapsed = time.monotonic() - started
        return NodeTimeoutError(str(self.name), elapsed, kind="run", run_timeout=self._seconds)

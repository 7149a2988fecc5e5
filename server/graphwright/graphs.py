"""The project's graphs, lent what they run with: a checkpointer and a store."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from graphwright.checkpointing import explained
from graphwright.errors import DatabaseError, NotFound
from graphwright.project import AnyGraph, Project
from graphwright.store import TenantStores
from graphwright_checkpoints import CheckpointError, Opening, Saver
from graphwright_graphs import Channels


class Graphs:
    """Opens graphs for runs and for looks at their state."""

    def __init__(
        self,
        project: Project,
        stores: TenantStores,
        checkpoints: Opening[BaseCheckpointSaver[str]],
    ) -> None:
        self._project = project
        self._stores = stores
        self._checkpoints = checkpoints
        self._saver: BaseCheckpointSaver[str] | None = None

    @asynccontextmanager
    async def checkpointing(self) -> AsyncIterator[None]:
        """Keep the checkpointer open; graphs can be opened meanwhile."""
        async with AsyncExitStack() as stack:
            try:
                self._saver = await stack.enter_async_context(self._checkpoints)
            except CheckpointError as error:
                raise DatabaseError(explained(error)) from error
            try:
                yield
            finally:
                self._saver = None

    @property
    def saver(self) -> BaseCheckpointSaver[str]:
        """Where the conversations are."""
        assert self._saver is not None, "the checkpointer is not open"
        return self._saver

    def channels(self, graph_id: str) -> Channels | None:
        """Those of a document; None for a graph in Python, and one that is not there."""
        graph = self._project.graphs.get(graph_id)
        return graph.channels if graph else None

    def open(
        self,
        tenant: str,
        graph_id: str,
        config: RunnableConfig,
        *,
        temporary: bool = False,
        fence: int | None = None,
    ) -> AbstractAsyncContextManager[AnyGraph]:
        """The graph, with the tenant's store; `temporary` keeps its checkpoints in memory, for this
        opening only. `fence` is the token of the attempt that writes them.
        """
        saver = InMemorySaver() if temporary else self.saver
        if fence is not None and isinstance(saver, Saver):
            saver = saver.fenced(fence)
        graph = self._project.graphs.get(graph_id)
        if graph is None:  # it was taken out of the project while a run waited
            raise NotFound(f"The project has no graph {graph_id!r}")
        return graph.open(config, checkpointer=saver, store=self._stores.of(tenant))

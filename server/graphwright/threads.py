"""Threads: conversations, their state and their history."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateUpdate
from uuid_utils.compat import uuid7

from graphwright import channels
from graphwright.assistants import default_id
from graphwright.database import Database
from graphwright.database import events as event_rows
from graphwright.database import runs as run_rows
from graphwright.database import threads as rows
from graphwright.database.threads import Search, Thread
from graphwright.errors import Conflict, InvalidRequest, NotFound, RequestError
from graphwright.execute import graph_input
from graphwright.expiry import record
from graphwright.graphs import Graphs
from graphwright.holds import held
from graphwright.project import AnyGraph, Project
from graphwright.schemas import (
    Checkpoint,
    HistorySearch,
    Superstep,
    ThreadCreate,
)
from graphwright.schemas import (
    StateUpdate as Update,
)
from graphwright.standing import standing_at
from graphwright.states import EMPTY, checkpoint_of, state
from graphwright.storage import described
from graphwright_checkpoints import Saver

Json = dict[str, Any]


def new_thread(thread_id: str, metadata: Json, now: datetime, status: str = "idle") -> Thread:
    """A thread in which nothing was said."""
    return Thread(
        thread_id=thread_id,
        created_at=now,
        updated_at=now,
        state_updated_at=now,
        metadata=metadata,
        status=status,
        config={},
        values=None,
        error=None,
        interrupts={},
    )


class Threads:
    """What can happen to threads."""

    def __init__(self, database: Database, project: Project, graphs: Graphs) -> None:
        self._database = database
        self._project = project
        self._graphs = graphs

    async def create(self, tenant: str, body: ThreadCreate) -> Thread:
        """A new thread, seeded with supersteps if there are any."""
        metadata = dict(body.metadata or {})
        if body.graph_id is not None:
            self._known_graph(body.graph_id)
            metadata |= {"graph_id": body.graph_id, "assistant_id": default_id(body.graph_id)}
        thread = new_thread(body.thread_id or str(uuid7()), metadata, datetime.now(UTC))
        async with self._database.begin(lock=thread.thread_id) as connection:
            inserted = await rows.insert(connection, tenant, thread)
        if not inserted:
            if body.if_exists == "raise":
                raise Conflict(f"Thread with ID {thread.thread_id} already exists")
            return await self.get(tenant, thread.thread_id)
        if body.supersteps:
            await self._seed(tenant, thread, body.supersteps)
        return await self.get(tenant, thread.thread_id)

    async def adopt(self, tenant: str, thread: Thread, graph_id: str) -> None:
        """Record a thread whose checkpoints are there already; the graph goes on with them.

        One that is recorded already keeps its metadata, and is shown as its newest state is.
        """
        self._known_graph(graph_id)
        stamp = {"graph_id": graph_id, "assistant_id": default_id(graph_id)}
        stamped = replace(thread, metadata={**thread.metadata, **stamp})
        async with self._database.begin() as connection:
            await rows.insert(connection, tenant, stamped)
        async with self._graph_of(tenant, stamped, None) as (graph, _):
            if graph is not None:
                await self._record_state(tenant, thread.thread_id, graph, thread.updated_at)

    async def get(self, tenant: str, thread_id: str) -> Thread:
        """The thread with this id."""
        async with self._database.connect() as connection:
            found = await rows.get(connection, tenant, thread_id)
        if found is None:
            raise NotFound(f"Thread with ID {thread_id} not found")
        return found

    async def waits(self, tenant: str, thread_id: str) -> bool:
        """Whether an interrupt of the thread waits for an answer; a thread that does not exist
        waits for nothing.
        """
        async with self._database.connect() as connection:
            found = await rows.get(connection, tenant, thread_id)
        return found is not None and bool(found.interrupts)

    async def search(self, tenant: str, wanted: Search) -> tuple[Sequence[Thread], int]:
        """One page of threads, and how many there are on all pages."""
        async with self._database.connect() as connection:
            return (
                await rows.search(connection, tenant, wanted),
                await rows.count(connection, tenant, wanted),
            )

    async def count(self, tenant: str, wanted: Search) -> int:
        """How many match."""
        async with self._database.connect() as connection:
            return await rows.count(connection, tenant, wanted)

    async def patch(self, tenant: str, thread_id: str, metadata: Json | None) -> Thread:
        """Merge metadata into the thread's."""
        async with self._database.begin(lock=thread_id) as connection:
            found = await rows.get(connection, tenant, thread_id)
            if found is not None:
                merged = {**found.metadata, **(metadata or {})}
                now = datetime.now(UTC)
                await rows.update(connection, tenant, thread_id, metadata=merged, updated_at=now)
        return await self.get(tenant, thread_id)

    async def delete(self, tenant: str, thread_id: str) -> None:
        """Delete the thread, its runs and its checkpoints. A run under way must be cancelled
        first.
        """
        await self.get(tenant, thread_id)
        async with self._database.begin(lock=thread_id) as connection:
            busy = await run_rows.unfinished(connection, tenant, thread_id)
            if busy:
                raise Conflict(
                    f"Thread {thread_id} has a {busy[0].status} run, {busy[0].run_id}. "
                    "Cancel it before you delete it."
                )
            await event_rows.delete_of_thread(connection, tenant, thread_id)
            await run_rows.delete_of_thread(connection, tenant, thread_id)
            await rows.delete(connection, tenant, thread_id)
        await self._graphs.saver.adelete_thread(thread_id)

    async def storage(self, tenant: str, thread_id: str) -> Json:
        """How much room the thread's checkpoints take."""
        await self.get(tenant, thread_id)
        saver = self._graphs.saver
        if not isinstance(saver, Saver):
            raise RequestError("The checkpoints are kept in memory and take no storage.")
        return described(await saver.ausage(thread_id), await saver.ausage_by_channel(thread_id))

    async def prune(self, tenant: str, thread_ids: Sequence[str], strategy: str) -> int:
        """Delete some threads, or all of their checkpoints but the newest; how many there were.

        Ids of no thread are passed over. With a thread that is in use, none is touched.
        """
        async with self._database.connect() as connection:
            wanted = [await rows.get(connection, tenant, one) for one in dict.fromkeys(thread_ids)]
        found = [thread for thread in wanted if thread is not None]
        async with AsyncExitStack() as stack:
            for thread in found:
                if await stack.enter_async_context(held(self._database, thread.thread_id)) is None:
                    raise Conflict(
                        f"Thread {thread.thread_id} is in use. Wait for its runs to finish, "
                        "or cancel them, before you prune it."
                    )
            for thread in found:
                if strategy == "delete":
                    await self.delete(tenant, thread.thread_id)
                else:
                    await self._graphs.saver.aprune([thread.thread_id], strategy="keep_latest")
        return len(found)

    async def state(
        self, tenant: str, thread_id: str, at: Checkpoint | None = None, *, subgraphs: bool = False
    ) -> Json:
        """The state at a checkpoint, by default the newest."""
        thread = await self.get(tenant, thread_id)
        async with self._graph_of(tenant, thread, at) as (graph, config):
            if graph is None:
                return EMPTY
            snapshot = await graph.aget_state(config, subgraphs=subgraphs)
        if snapshot.created_at is not None:
            return state(snapshot)
        if at is not None and at.checkpoint_id is not None:
            raise NotFound(f"Checkpoint {at.checkpoint_id} not found on thread {thread_id}")
        return EMPTY

    async def history(self, tenant: str, thread_id: str, wanted: HistorySearch) -> Sequence[Json]:
        """States of the thread, newest first."""
        thread = await self.get(tenant, thread_id)
        before = _before(thread_id, wanted.before)
        async with self._graph_of(tenant, thread, wanted.checkpoint) as (graph, config):
            if graph is None:
                return []
            snapshots = graph.aget_state_history(
                config, filter=wanted.metadata, before=before, limit=wanted.limit
            )
            return [state(snapshot) async for snapshot in snapshots]

    async def update_state(self, tenant: str, thread_id: str, body: Update) -> Json:
        """Write values as if a node had returned them; the new checkpoint's place."""
        thread = await self.get(tenant, thread_id)
        at = body.checkpoint or Checkpoint(checkpoint_id=body.checkpoint_id)
        graph_id = str(thread.metadata.get("graph_id"))
        known = self._graphs.channels(graph_id)
        if known and not at.checkpoint_ns:  # a graph inside has channels of its own
            channels.check(body.values, known.all, graph_id, "values")
        async with self._graph_of(tenant, thread, at) as (graph, config):
            if graph is None:
                raise RequestError(
                    f"Thread {thread_id} has no graph yet. "
                    "Run an assistant on it first, or create it with graph_id."
                )
            try:
                made = await graph.aupdate_state(config, body.values, as_node=body.as_node)
            except (
                Exception
            ) as error:  # LangGraph raises several kinds for values a graph cannot take
                raise RequestError(f"The state cannot be updated: {error}") from error
            await self._record_state(tenant, thread_id, graph)
        place = checkpoint_of(made) or {}
        return {
            "checkpoint": place,
            "configurable": place,
            "checkpoint_id": place.get("checkpoint_id"),
        }

    async def _seed(self, tenant: str, thread: Thread, supersteps: Sequence[Superstep]) -> None:
        updates = [
            [
                StateUpdate(
                    graph_input(
                        {**update.command.model_dump(), "command": update.command.model_dump()}
                    )
                    if update.command
                    else update.values,
                    update.as_node,
                )
                for update in superstep.updates
            ]
            for superstep in supersteps
        ]
        async with self._graph_of(tenant, thread, None) as (graph, config):
            if graph is None:
                raise InvalidRequest("supersteps: need a graph; set graph_id")
            await graph.abulk_update_state(config, updates)
            await self._record_state(tenant, thread.thread_id, graph)

    async def _record_state(
        self, tenant: str, thread_id: str, graph: AnyGraph, now: datetime | None = None
    ) -> None:
        snapshot = await graph.aget_state({"configurable": {"thread_id": thread_id}})
        async with self._database.begin(lock=thread_id) as connection:
            await record(
                connection, tenant, thread_id, standing_at(snapshot), now or datetime.now(UTC)
            )

    @asynccontextmanager
    async def _graph_of(
        self, tenant: str, thread: Thread, at: Checkpoint | None
    ) -> AsyncIterator[tuple[AnyGraph | None, RunnableConfig]]:
        """The graph that last ran on a thread, None if none did, and the config of a place in its
        history.
        """
        place = at.model_dump(exclude_none=True) if at else {}
        config: RunnableConfig = {"configurable": {**place, "thread_id": thread.thread_id}}
        graph_id = str(thread.metadata.get("graph_id"))
        if graph_id not in self._project.graphs:
            yield None, config
            return
        async with self._graphs.open(tenant, graph_id, config) as graph:
            yield graph, config

    def _known_graph(self, graph_id: str) -> None:
        if graph_id not in self._project.graphs:
            graphs = ", ".join(self._project.graphs)
            raise InvalidRequest(f"graph_id: no graph named {graph_id!r}; there are: {graphs}")


def _before(thread_id: str, before: str | Json | None) -> RunnableConfig | None:
    """The SDKs send a checkpoint's id, a checkpoint, or a config that holds one."""
    if before is None:
        return None
    if isinstance(before, str):
        before = {"checkpoint_id": before}
    place = before.get("configurable", before)
    return {"configurable": {**place, "thread_id": thread_id}}

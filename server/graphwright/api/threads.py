"""Threads: `/threads`."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from graphwright.api.wire import Tenant, ThreadId, answer, page, selected, valid_uuid
from graphwright.database.threads import Search
from graphwright.schemas import (
    Checkpoint,
    HistorySearch,
    Limit,
    StateAt,
    StateUpdate,
    ThreadCount,
    ThreadCreate,
    ThreadPatch,
    ThreadPrune,
    ThreadSearch,
)
from graphwright.threads import Threads

Select = Annotated[list[str] | None, Query()]


def router(threads: Threads) -> APIRouter:
    """The routes of threads."""
    routes = APIRouter(prefix="/threads", tags=["Threads"])
    _threads(routes, threads)
    _storage(routes, threads)
    _states(routes, threads)
    return routes


def _threads(routes: APIRouter, threads: Threads) -> None:
    @routes.post("")
    async def create(tenant: Tenant, body: ThreadCreate) -> Response:
        """Create a thread."""
        if body.thread_id is not None:
            body = body.model_copy(update={"thread_id": valid_uuid(body.thread_id, "thread")})
        return answer(await threads.create(tenant, body))

    @routes.post("/search")
    async def search(tenant: Tenant, body: ThreadSearch) -> Response:
        """List threads."""
        wanted = Search(
            **body.model_dump(exclude={"sort_order", "select", "extract"}),
            descending=body.sort_order == "desc",
        )
        found, total = await threads.search(tenant, wanted)
        return page(found, total, body.offset, body.select)

    @routes.post("/count")
    async def count(tenant: Tenant, body: ThreadCount) -> Response:
        """Count threads."""
        return answer(await threads.count(tenant, Search(**body.model_dump())))

    @routes.get("/{thread_id}")
    async def get(tenant: Tenant, thread_id: ThreadId) -> Response:
        """One thread."""
        return answer(await threads.get(tenant, thread_id))

    @routes.patch("/{thread_id}")
    async def patch(
        tenant: Tenant,
        thread_id: ThreadId,
        body: ThreadPatch,
        prefer: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Merge metadata into a thread's."""
        thread = await threads.patch(tenant, thread_id, body.metadata)
        return Response(status_code=204) if prefer == "return=minimal" else answer(thread)

    @routes.delete("/{thread_id}", status_code=204)
    async def delete(tenant: Tenant, thread_id: ThreadId) -> None:
        """Delete a thread with its runs and its state."""
        await threads.delete(tenant, thread_id)


def _storage(routes: APIRouter, threads: Threads) -> None:
    @routes.post("/prune")
    async def prune(tenant: Tenant, body: ThreadPrune) -> Response:
        """Delete threads, or their history."""
        ids = [valid_uuid(thread_id, "thread") for thread_id in body.thread_ids]
        return answer({"pruned_count": await threads.prune(tenant, ids, body.strategy)})

    @routes.get("/{thread_id}/storage")
    async def storage(tenant: Tenant, thread_id: ThreadId) -> Response:
        """How much room a thread takes, in bytes."""
        return answer(await threads.storage(tenant, thread_id))


def _states(routes: APIRouter, threads: Threads) -> None:
    @routes.get("/{thread_id}/state")
    async def state(
        tenant: Tenant, thread_id: ThreadId, subgraphs: bool = False, select: Select = None
    ) -> Response:
        """The newest state."""
        found = await threads.state(tenant, thread_id, subgraphs=subgraphs)
        return answer(selected(found, select))

    @routes.get("/{thread_id}/state/{checkpoint_id}")
    async def state_at(
        tenant: Tenant,
        thread_id: ThreadId,
        checkpoint_id: str,
        subgraphs: bool = False,
        select: Select = None,
    ) -> Response:
        """The state at a checkpoint."""
        at = Checkpoint(checkpoint_id=checkpoint_id)
        found = await threads.state(tenant, thread_id, at, subgraphs=subgraphs)
        return answer(selected(found, select))

    @routes.post("/{thread_id}/state/checkpoint")
    async def state_of(tenant: Tenant, thread_id: ThreadId, body: StateAt) -> Response:
        """The state at a checkpoint, which may be a subgraph's."""
        found = await threads.state(tenant, thread_id, body.checkpoint, subgraphs=body.subgraphs)
        return answer(selected(found, body.select))

    @routes.post("/{thread_id}/state")
    async def update(tenant: Tenant, thread_id: ThreadId, body: StateUpdate) -> Response:
        """Write values into the state, as if a node had returned them."""
        return answer(await threads.update_state(tenant, thread_id, body))

    @routes.post("/{thread_id}/history")
    async def history(tenant: Tenant, thread_id: ThreadId, body: HistorySearch) -> Response:
        """States of the thread, newest first."""
        found = await threads.history(tenant, thread_id, body)
        return answer([selected(one, body.select) for one in found])

    @routes.get("/{thread_id}/history")
    async def get_history(
        tenant: Tenant, thread_id: ThreadId, limit: Limit = 10, before: str | None = None
    ) -> Response:
        """States of the thread, newest first."""
        wanted = HistorySearch(limit=limit, before=before)
        return answer(await threads.history(tenant, thread_id, wanted))

"""The queue of a thread: `/threads/{thread_id}/queue`, and changes of runs that wait."""

from typing import Any

from fastapi import APIRouter, Response

from graphwright.api.wire import RunId, Tenant, ThreadId, answer, shown
from graphwright.database.runs import Run
from graphwright.queue import Queue
from graphwright.runs import Runs
from graphwright.schemas import RunPatch


def router(queue: Queue, runs: Runs) -> APIRouter:
    """The routes of runs that have not begun."""
    routes = APIRouter(prefix="/threads/{thread_id}", tags=["Runs"])

    @routes.get("/queue")
    async def listed(tenant: Tenant, thread_id: ThreadId) -> Response:
        """The run that executes and those that wait, in the order of their turns."""
        return answer([_waiting(run) for run in await queue.list(tenant, thread_id)])

    @routes.patch("/runs/{run_id}")
    async def edit(tenant: Tenant, thread_id: ThreadId, run_id: RunId, body: RunPatch) -> Response:
        """Change a run that waits, or move it: before another one, or to a place in the queue."""
        return answer(_waiting(await queue.edit(tenant, thread_id, run_id, body)))

    @routes.delete("/runs/{run_id}", status_code=204)
    async def delete(tenant: Tenant, thread_id: ThreadId, run_id: RunId) -> None:
        """Delete a run that is over, or drop one that waits."""
        if not await queue.drop(tenant, thread_id, run_id):
            await runs.delete(tenant, run_id, thread_id)

    return routes


def _waiting(run: Run) -> dict[str, Any]:
    return {**shown(run), "due_at": run.due_at}

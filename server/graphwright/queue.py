"""The queue of a thread: runs that wait can be seen, changed, moved and dropped."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from graphwright.answers import bound
from graphwright.database import Connection, Database
from graphwright.database import runs as rows
from graphwright.database import threads as thread_rows
from graphwright.database.runs import Run
from graphwright.errors import Conflict, InvalidRequest, NotFound
from graphwright.runs import Runs
from graphwright.schemas import RunPatch

Json = dict[str, Any]


class Queue:
    """What can happen to runs that have not begun."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    async def list(self, tenant: str, thread_id: str) -> Sequence[Run]:
        """The run that executes, if one does, and those that wait, in the order of their turns."""
        async with self._database.connect() as connection:
            if await thread_rows.get(connection, tenant, thread_id) is None:
                raise NotFound(f"Thread with ID {thread_id} not found")
            return await _unfinished(connection, tenant, thread_id)

    async def edit(self, tenant: str, thread_id: str, run_id: str, body: RunPatch) -> Run:
        """Change what a run is given, or when its turn is; what is not named stays."""
        async with self._database.begin(lock=thread_id) as connection:
            run = await _waiting(connection, tenant, thread_id, run_id)
            thread = await thread_rows.get(connection, tenant, thread_id)
            changes = _changes(run, body, thread.interrupts if thread else {}, datetime.now(UTC))
            if changes:
                await rows.edit(connection, tenant, run_id, **changes)
            if body.before is not None or body.position is not None:
                await _move(connection, run, body)
        return await self._runs.get(tenant, run_id, thread_id)

    async def drop(self, tenant: str, thread_id: str, run_id: str) -> bool:
        """Delete a run that waits; False if it is over. Who waits for its events gets the end."""
        async with self._database.begin(lock=thread_id) as connection:
            run = await rows.get(connection, tenant, run_id)
            if run is None or run.thread_id != thread_id:
                raise NotFound(f"Run with ID {run_id} not found")
            if run.status != "pending":
                return False
            await rows.delete(connection, tenant, run_id)
            await thread_rows.settle(connection, tenant, thread_id, datetime.now(UTC))
        await self._runs.close(run_id)
        return True


async def _unfinished(connection: Connection, tenant: str, thread_id: str) -> list[Run]:
    found = await rows.unfinished(connection, tenant, thread_id)
    now = datetime.now(UTC)  # a run that is not due yet lets the others pass
    return sorted(
        found, key=lambda run: (run.status == "pending", max(run.due_at, now), run.position)
    )


async def _waiting(connection: Connection, tenant: str, thread_id: str, run_id: str) -> Run:
    run = await rows.get(connection, tenant, run_id)
    if run is None or run.thread_id != thread_id:
        raise NotFound(f"Run with ID {run_id} not found")
    if run.status != "pending":
        raise Conflict(f"Run {run_id} is {run.status}: only a run that waits can be changed.")
    return run


def _changes(run: Run, body: RunPatch, interrupts: Json, now: datetime) -> Json:
    """The columns that a patch sets."""
    given = body.model_fields_set
    kwargs = dict(run.kwargs)
    if "input" in given:
        kwargs |= {"input": body.input, "command": None}
    if "command" in given:
        kwargs |= {"command": body.command and body.command.model_dump()}
        kwargs = bound(kwargs, interrupts)
    if body.config is not None:
        config = body.config.model_dump(exclude_unset=True)
        configurable = {**kwargs["config"]["configurable"], **config.pop("configurable", {})}
        kwargs["config"] = {**kwargs["config"], **config, "configurable": configurable}
    if "context" in given:
        kwargs["context"] = body.context
    changes: Json = {} if kwargs == run.kwargs else {"kwargs": kwargs}
    if body.metadata is not None:
        changes["metadata"] = {**run.metadata, **body.metadata}
    if body.after_seconds is not None:
        changes["due_at"] = now + timedelta(seconds=body.after_seconds)
    return changes and {**changes, "updated_at": now}


async def _move(connection: Connection, run: Run, body: RunPatch) -> None:
    """Give the thread's waiting runs their places anew, in the order that is wanted."""
    found = await _unfinished(connection, run.tenant, run.thread_id)
    waiting = [one for one in found if one.status == "pending"]
    others = [one for one in waiting if one.run_id != run.run_id]
    others.insert(_place(others, body), run)
    for one, place in zip(others, sorted(one.position for one in waiting), strict=True):
        if one.position != place:
            await rows.edit(connection, run.tenant, one.run_id, position=place)


def _place(others: Sequence[Run], body: RunPatch) -> int:
    if body.before is None:
        return min(body.position or 0, len(others))
    for place, other in enumerate(others):
        if other.run_id == body.before:
            return place
    raise InvalidRequest(f"before: no other run {body.before} waits on this thread.")

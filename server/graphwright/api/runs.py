"""Runs: `/threads/{thread_id}/runs` and the stateless `/runs`."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from graphwright.api.sse import Disconnected, EventStream, ResultStream
from graphwright.api.wire import RunId, Tenant, ThreadId, answer, selected, shown
from graphwright.database.runs import Run
from graphwright.engine import Signal
from graphwright.errors import InvalidRequest
from graphwright.events import Event
from graphwright.runs import Runs
from graphwright.schemas import Limit, Offset, RunCreate, RunStatus
from graphwright.threads import Threads

LastEventId = Annotated[str | None, Header(alias="Last-Event-ID")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Your name for this request. Sent again with it, the request makes no second"
        " run: it is answered with the first one's.",
    ),
]
Action = Literal["interrupt", "rollback"]


def router(runs: Runs, threads: Threads) -> APIRouter:
    """The routes of runs."""
    routes = APIRouter(tags=["Runs"])
    _on_threads(routes, runs, threads)
    _stateless(routes, runs)
    _one_run(routes, runs)
    return routes


def _on_threads(routes: APIRouter, runs: Runs, threads: Threads) -> None:
    @routes.post("/threads/{thread_id}/runs")
    async def create(
        tenant: Tenant, thread_id: ThreadId, body: RunCreate, key: Key = None
    ) -> Response:
        """Start a run in the background."""
        run = await runs.start(tenant, thread_id, body, key)
        return answer(run, headers={"content-location": _path(run)})

    @routes.post("/threads/{thread_id}/runs/stream")
    async def stream(
        tenant: Tenant, thread_id: ThreadId, body: RunCreate, key: Key = None
    ) -> Response:
        """Start a run and stream its events."""
        return _stream(runs, await runs.start(tenant, thread_id, body, key), body)

    @routes.post("/threads/{thread_id}/runs/wait")
    async def wait(
        tenant: Tenant, thread_id: ThreadId, body: RunCreate, key: Key = None
    ) -> Response:
        """Start a run and wait for its final values."""
        return _wait(runs, await runs.start(tenant, thread_id, body, key), body)

    @routes.get("/threads/{thread_id}/runs")
    async def list_runs(
        tenant: Tenant,
        thread_id: ThreadId,
        limit: Limit = 10,
        offset: Offset = 0,
        status: RunStatus | None = None,
        select: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        """A thread's runs, newest first."""
        await threads.get(tenant, thread_id)
        found = await runs.list(tenant, thread_id, status=status, limit=limit, offset=offset)
        return answer([selected(shown(run), select) for run in found])


def _stateless(routes: APIRouter, runs: Runs) -> None:
    @routes.post("/runs")
    async def create(tenant: Tenant, body: RunCreate, key: Key = None) -> Response:
        """Start a run without a thread in the background."""
        run = await runs.start(tenant, None, body, key)
        return answer(run, headers={"content-location": _path(run)})

    @routes.post("/runs/stream")
    async def stream(tenant: Tenant, body: RunCreate, key: Key = None) -> Response:
        """Start a run without a thread and stream its events."""
        return _stream(runs, await runs.start(tenant, None, body, key), body)

    @routes.post("/runs/wait")
    async def wait(tenant: Tenant, body: RunCreate, key: Key = None) -> Response:
        """Start a run without a thread and wait for its final values."""
        return _wait(runs, await runs.start(tenant, None, body, key), body)

    @routes.get("/runs/{run_id}/stream")
    async def join_stream(
        tenant: Tenant,
        run_id: RunId,
        stream_mode: Annotated[list[str] | None, Query()] = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """Go on reading the events of a run without a thread: where its `Location` points."""
        run = await runs.get(tenant, run_id)
        return _join(runs, run, stream_mode, last_event_id, None)


def _one_run(routes: APIRouter, runs: Runs) -> None:
    @routes.get("/threads/{thread_id}/runs/{run_id}")
    async def get(tenant: Tenant, thread_id: ThreadId, run_id: RunId) -> Response:
        """One run."""
        return answer(await runs.get(tenant, run_id, thread_id))

    @routes.get("/threads/{thread_id}/runs/{run_id}/join")
    async def join(
        tenant: Tenant, thread_id: ThreadId, run_id: RunId, cancel_on_disconnect: bool = False
    ) -> Response:
        """Wait for a run's final values."""
        run = await runs.get(tenant, run_id, thread_id)
        cancel = _canceller(runs, run) if cancel_on_disconnect else None
        headers = {"location": f"{_path(run)}/join", "content-location": _path(run)}
        return ResultStream(runs.result(run), headers=headers, disconnected=cancel)

    @routes.get("/threads/{thread_id}/runs/{run_id}/stream")
    async def join_stream(
        tenant: Tenant,
        thread_id: ThreadId,
        run_id: RunId,
        cancel_on_disconnect: bool = False,
        stream_mode: Annotated[list[str] | None, Query()] = None,
        last_event_id: LastEventId = None,
    ) -> Response:
        """Read a run's events from now on, or after `Last-Event-ID`; -1 replays them all."""
        run = await runs.get(tenant, run_id, thread_id)
        cancel = _canceller(runs, run) if cancel_on_disconnect else None
        return _join(runs, run, stream_mode, last_event_id, cancel)

    @routes.post("/threads/{thread_id}/runs/{run_id}/cancel")
    async def cancel(
        tenant: Tenant,
        thread_id: ThreadId,
        run_id: RunId,
        wait: bool = False,
        action: Action = "interrupt",
    ) -> Response:
        """Stop a run; `rollback` also undoes what it did."""
        await runs.cancel(tenant, run_id, thread_id, Signal(action), wait=wait)
        return answer({}) if wait else answer(None, status=202)


def _stream(runs: Runs, run: Run, body: RunCreate) -> Response:
    path = f"/runs/{run.run_id}" if run.temporary else _path(run)
    return EventStream(
        runs.follow(run, after=0),
        headers={"location": f"{path}/stream", "content-location": path},
        ids=body.stream_resumable,
        disconnected=_canceller(runs, run) if body.on_disconnect == "cancel" else None,
    )


def _wait(runs: Runs, run: Run, body: RunCreate) -> Response:
    return ResultStream(
        runs.result(run),
        headers={"location": f"{_path(run)}/join", "content-location": _path(run)},
        disconnected=_canceller(runs, run) if body.on_disconnect == "cancel" else None,
    )


def _join(
    runs: Runs,
    run: Run,
    stream_mode: Sequence[str] | None,
    last_event_id: str | None,
    disconnected: Disconnected | None,
) -> Response:
    # The official SDK sends an empty mode where its caller named none.
    modes = [mode for part in stream_mode or () for mode in part.split(",") if mode]
    events: AsyncIterator[Sequence[Event]] = runs.follow(run, _after(last_event_id), modes)
    path = f"/runs/{run.run_id}" if run.temporary else _path(run)
    return EventStream(
        events,
        headers={"location": f"{path}/stream", "content-location": path},
        ids=run.kwargs["stream_resumable"],
        disconnected=disconnected,
    )


def _after(last_event_id: str | None) -> int | None:
    if last_event_id is None:
        return None
    try:
        return max(int(last_event_id), 0)
    except ValueError:
        raise InvalidRequest(
            f"Last-Event-ID: expected a number from an id: line, or -1, found {last_event_id!r}"
        ) from None


def _canceller(runs: Runs, run: Run) -> Disconnected:
    return partial(runs.interrupt, run)


def _path(run: Run) -> str:
    return f"/threads/{run.thread_id}/runs/{run.run_id}"

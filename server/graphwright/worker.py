"""The worker: takes a thread's runs one by one, executes them, and records how they ended."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import orjson
from langchain_core.runnables import RunnableConfig

from graphwright.database import Database
from graphwright.database import runs as rows
from graphwright.database import threads as thread_rows
from graphwright.database.runs import Run
from graphwright.database.threads import Standing
from graphwright.engine import LOG_TTL, RESUMABLE_LOG_TTL, Engine, Signal
from graphwright.events import Outcome, encode, end, to_json
from graphwright.execute import Execution, graph_id, run_config
from graphwright.graphs import Graphs
from graphwright.project import AnyGraph
from graphwright.threads import standing_at

LEASE = timedelta(seconds=15)
SWEEP_INTERVAL = 1.0  # seconds between looks for runs that are due or were left behind
RENEW_INTERVAL = 5.0  # seconds

log = logging.getLogger(__name__)


class Worker:
    """One process's part in executing runs. `work` is the engine's handler."""

    def __init__(self, database: Database, graphs: Graphs, engine: Engine) -> None:
        self._database = database
        self._graphs = graphs
        self._engine = engine
        self._name = str(uuid4())
        self._stopping = False

    @contextlib.asynccontextmanager
    async def running(self, *, slots: int, grace: float, alone: bool) -> AsyncIterator[None]:
        """Work while the context lasts. `alone` says that whatever runs were under way, nobody
        holds them now.
        """
        if alone:
            async with self._database.begin() as connection:
                await rows.release(connection)
        await self._engine.start(self.work, slots=slots)
        chores = [asyncio.create_task(self._sweep()), asyncio.create_task(self._renew())]
        try:
            yield
        finally:
            self._stopping = True
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            await self._engine.stop(grace)

    async def work(self, thread_id: str) -> None:
        """Execute the thread's runs that are due, in order."""
        while not self._stopping:
            now = datetime.now(UTC)
            async with self._database.begin() as connection:
                run = await rows.claim(connection, thread_id, self._name, now, now + LEASE)
            if run is None:
                return
            try:
                await self._attempt(run)
            except Exception as error:  # ours or the database's; the run must not stay running
                log.exception("run %s failed outside its graph", run.run_id)
                await self._fail(run, error)
            if run.temporary:  # its thread has no other
                return

    async def _attempt(self, run: Run) -> None:
        config = run_config(run)
        opened = self._graphs.open(run.tenant, graph_id(run), config, temporary=run.temporary)
        async with self._engine.signals(run.run_id) as signals, opened as graph:
            execution = Execution(
                run,
                graph,
                config,
                partial(self._engine.publish, run.run_id),
                await self._begun(run),
            )
            outcome, signal = await _until_signal(execution, signals)
            if signal is Signal.ROLLBACK:
                await self._roll_back(run, graph)
            else:
                await self._finish(run, outcome, await _standing(execution, outcome))

    async def _fail(self, run: Run, error: Exception) -> None:
        problem = {"error": type(error).__name__, "message": str(error)}
        await self._engine.publish(run.run_id, [encode("error", problem)])
        async with self._database.connect() as connection:
            thread = await thread_rows.get(connection, run.tenant, run.thread_id)
        standing = Standing("error", thread.values, thread.interrupts, problem) if thread else None
        await self._finish(run, Outcome("error", error=problem), standing)

    async def _begun(self, run: Run) -> bool:
        """Whether an earlier attempt of this run left a checkpoint to go on from."""
        if run.attempt == 1 or run.temporary:
            return False
        head = await self._graphs.saver.aget_tuple({"configurable": {"thread_id": run.thread_id}})
        return head is not None and head.metadata.get("run_id") == run.run_id

    async def _finish(self, run: Run, outcome: Outcome, standing: Standing | None) -> None:
        """Record the end, then say it: who sees the stream close finds the status final.

        An attempt that lost its lease records and says nothing; another one goes on.
        """
        now = datetime.now(UTC)
        async with self._database.begin() as connection:
            mine = await rows.finish(connection, run.run_id, run.attempt, outcome.status, now)
            if mine and standing is not None:
                await thread_rows.record(connection, run.tenant, run.thread_id, standing, now)
        if mine:
            await self._close(run, outcome)

    async def _roll_back(self, run: Run, graph: AnyGraph) -> None:
        """Undo the run: its checkpoints go, and so does its row."""
        await self._graphs.saver.adelete_for_runs([run.run_id])
        head = await graph.aget_state({"configurable": {"thread_id": run.thread_id}})
        now = datetime.now(UTC)
        async with self._database.begin() as connection:
            await rows.delete(connection, run.tenant, run.run_id)
            await thread_rows.record(connection, run.tenant, run.thread_id, standing_at(head), now)
        await self._close(run, Outcome("interrupted", to_json(head.values)))

    async def _close(self, run: Run, outcome: Outcome) -> None:
        await self._engine.publish(run.run_id, [end(outcome)])
        resumable = run.kwargs["stream_resumable"]
        await self._engine.forget(run.run_id, RESUMABLE_LOG_TTL if resumable else LOG_TTL)

    async def _sweep(self) -> None:
        """Wake threads whose run became due, or lost its worker; drop what is left of temporary
        runs.
        """
        while True:
            now = datetime.now(UTC)
            async with self._database.begin() as connection:
                waiting = await rows.waiting_threads(connection, now)
                oldest = now - timedelta(seconds=RESUMABLE_LOG_TTL)
                await rows.delete_temporary(connection, finished_before=oldest)
            for thread_id in waiting:
                await self._engine.wake(thread_id)
            await asyncio.sleep(SWEEP_INTERVAL)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_INTERVAL)
            async with self._database.begin() as connection:
                await rows.renew(connection, self._name, datetime.now(UTC) + LEASE)


async def _until_signal(
    execution: Execution, signals: AsyncIterator[Signal]
) -> tuple[Outcome, Signal | None]:
    """Execute, unless a signal comes first; then cancel and give what there is."""
    running = asyncio.ensure_future(execution.execute())
    listening = asyncio.ensure_future(anext(signals))
    try:
        await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result(), None
        running.cancel()
        await asyncio.wait({running})
        return Outcome("interrupted", to_json(execution.values)), listening.result()
    finally:
        # Also on the worker's own cancellation: the row stays running, for the next attempt.
        running.cancel()
        listening.cancel()
        await asyncio.gather(running, listening, return_exceptions=True)


async def _standing(execution: Execution, outcome: Outcome) -> Standing | None:
    """How the run leaves its thread; the state is read only where it is not known already."""
    if execution.run.temporary:
        return None
    if outcome.status == "success" and execution.state_is_known:
        return Standing("idle", orjson.Fragment(outcome.values), {})
    thread: RunnableConfig = {"configurable": {"thread_id": execution.run.thread_id}}
    return standing_at(await execution.graph.aget_state(thread), outcome.error)

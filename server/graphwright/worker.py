"""The worker: takes a thread's runs one by one, executes them, and records how they ended."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from graphwright import accounts, expiry, remotes
from graphwright.chores import Chores
from graphwright.database import Database, claims
from graphwright.database import runs as rows
from graphwright.database import threads as thread_rows
from graphwright.database.claims import LEASE, Claim
from graphwright.database.runs import Run
from graphwright.database.threads import Standing, Thread
from graphwright.direct import DirectClaims
from graphwright.engine import LOG_TTL, RESUMABLE_LOG_TTL, Engine, Signal
from graphwright.errors import NotFound, Unavailable
from graphwright.events import Outcome, encode, end, to_json
from graphwright.execute import Execution, graph_id, run_config
from graphwright.graphs import Graphs
from graphwright.metering import Meter
from graphwright.prices import Prices
from graphwright.project import AnyGraph
from graphwright.standing import standing_after, standing_at
from graphwright.stopping import settle
from graphwright_checkpoints import LeaseLost

T = TypeVar("T")

CANCEL_PATIENCE = 5.0  # seconds that nodes have to end once they are cancelled
RETRY_INTERVAL = 0.5  # seconds between attempts to record an end while the database is away

log = logging.getLogger(__name__)


class Worker:
    """One process's part in executing runs. `work` is the engine's handler."""

    def __init__(
        self,
        database: Database,
        graphs: Graphs,
        engine: Engine,
        direct: DirectClaims,
        *,
        keep_events: timedelta = timedelta(days=1),
        prices: Prices | None = None,
        patience: float = CANCEL_PATIENCE,
    ) -> None:
        self._patience = patience
        self._prices = prices or Prices()
        self._left_alone: set[asyncio.Future[Outcome]] = set()
        self._database = database
        self._graphs = graphs
        self._engine = engine
        self._direct = direct
        self._under_way: dict[str, RunControl] = {}
        self._chores = Chores(database, engine, self._leased, keep_events)
        self._stopping = False

    @contextlib.asynccontextmanager
    async def running(self, *, slots: int, grace: float, alone: bool) -> AsyncIterator[None]:
        """Work while the context lasts. `alone` says that whatever runs were under way, nobody
        holds them now.
        """
        if alone:
            async with self._database.begin() as connection:
                await claims.release(connection)
        await self._engine.start(self.work, slots=slots)
        try:
            async with self._chores.running():
                yield
        finally:
            self.drain()
            await self._engine.stop(grace)
            if not alone:
                await self._hand_over()

    def drain(self) -> None:
        """Take no more runs, and park those under way before their next superstep: another process,
        or this one's next start, goes on from there.
        """
        self._stopping = True
        for control in self._under_way.values():
            control.request_drain()

    async def work(self, thread_id: str) -> None:
        """Execute the thread's runs that are due, in order."""
        while not self._stopping:
            claim = self._direct.take(thread_id) or await self._claim(thread_id)
            if claim is None:
                return
            run, meter = claim.run, Meter(self._prices)
            self._under_way[run.run_id] = RunControl()
            try:
                await self._attempt(claim, meter)
            except GraphDrained:  # the row stays running, for the next attempt
                await accounts.keep(self._database, run, meter)
                log.info("run %s is parked and goes on after the next start", run.run_id)
            except LeaseLost as lost:
                await accounts.keep(self._database, run, meter)
                log.warning("run %s: %s", run.run_id, lost)
                await _insistently(partial(self._leave, run, lost.newest))
                await self._engine.leave(run.run_id)
                continue  # it may be this worker's again
            except asyncio.CancelledError:  # the stop's grace is over
                await accounts.keep(self._database, run, meter)
                raise
            except Exception as error:  # ours or the database's; the run must not stay running
                log.exception("run %s failed outside its graph", run.run_id)
                await self._fail(run, meter, error)
            finally:
                del self._under_way[run.run_id]
            # Whoever adds a run later wakes the thread.
            if run.temporary or not claim.followed:
                return

    def _leased(self) -> Set[str]:
        """The runs whose leases are this worker's to renew."""
        return self._under_way.keys() | self._direct.run_ids

    async def _claim(self, thread_id: str) -> Claim | None:
        now, name = datetime.now(UTC), self._database.process
        try:
            async with self._database.begin(lock=thread_id) as connection:
                return await claims.claim(connection, thread_id, name, now, now + LEASE)
        except Unavailable:  # the sweep will find the run
            return None

    async def _leave(self, run: Run, newest: int) -> None:
        async with self._database.begin(lock=run.thread_id) as connection:
            await claims.leave(connection, run, newest)

    async def _attempt(self, claim: Claim, meter: Meter) -> None:
        run, halted, fence, _ = claim
        config = run_config(run)
        await self._check_place(run, config)
        opened = self._graphs.open(
            run.tenant, graph_id(run), config, temporary=run.temporary, fence=fence
        )
        await self._engine.begin(run.run_id, attempt=run.attempt, kept=run.kept)
        async with self._engine.signals(run.run_id) as signals, opened as graph:
            begun = await self._begun(run)
            execution = Execution(
                run,
                graph,
                config,
                partial(self._engine.publish, run.run_id),
                begun,
                # What a temporary run has done so far is nowhere to go on from.
                None if run.temporary else self._under_way[run.run_id],
                meter=meter,
                dropped=await self._clear(run, graph) if halted and not begun else (),
            )
            if run.stop is None:
                outcome, signal = await self._until_signal(execution, signals)
            else:  # its last worker was told, and is gone
                outcome, signal = Outcome("interrupted"), Signal(run.stop)
            if signal is not None:
                await remotes.stop(graph, run, signal)
            if signal is Signal.ROLLBACK:
                await self._roll_back(run, meter, graph)
                return
            if signal is Signal.INTERRUPT and not run.temporary:
                outcome = Outcome("interrupted", await self._settle(execution))
            await self._finish(run, meter, outcome, await standing_after(execution, outcome))

    async def _until_signal(
        self, execution: Execution, signals: AsyncIterator[Signal]
    ) -> tuple[Outcome, Signal | None]:
        """Execute, unless a signal comes first; then cancel and give what there is."""
        run = execution.run
        if run.attempt > 1:  # nobody takes what the last attempt began elsewhere
            await remotes.stop(execution.graph, run, Signal.ROLLBACK)
        running = asyncio.ensure_future(execution.execute())
        listening = asyncio.ensure_future(anext(signals))
        try:
            await asyncio.wait({running, listening}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result(), None
            await self._cancel(running, run)
            return Outcome("interrupted", to_json(execution.values)), listening.result()
        finally:
            # Also on the worker's own cancellation: the row stays running, for the next attempt.
            await self._cancel(running, run)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _cancel(self, running: asyncio.Future[Outcome], run: Run) -> None:
        """Cancel a run's task, and leave it alone if a node does not heed that.

        What such a node writes in the end belongs to a checkpoint that the thread has moved past.
        """
        if running.done() or running in self._left_alone:
            return
        running.cancel()
        if not (await asyncio.wait({running}, timeout=self._patience))[0]:
            log.warning("run %s: a node does not heed its cancellation; it is left", run.run_id)
            self._left_alone.add(running)
            running.add_done_callback(self._left_alone.discard)

    async def _check_place(self, run: Run, config: RunnableConfig) -> None:
        """Refuse a checkpoint that was deleted while the run waited: LangGraph would begin with an
        empty state.
        """
        place = run.kwargs["checkpoint"].get("checkpoint_id")
        if place and await self._graphs.saver.aget_tuple(config) is None:
            raise NotFound(f"Checkpoint {place} was deleted before the run began")

    async def _fail(self, run: Run, meter: Meter, error: Exception) -> None:
        problem = {"error": type(error).__name__, "message": str(error)}
        await self._engine.publish(run.run_id, [encode("error", problem)])
        thread = await _insistently(partial(self._thread, run))
        standing = None
        if thread is not None:
            standing = Standing("error", thread.values, thread.interrupts, problem, halted=True)
        await self._finish(run, meter, Outcome("error", error=problem), standing)

    async def _thread(self, run: Run) -> Thread | None:
        async with self._database.connect() as connection:
            return await thread_rows.get(connection, run.tenant, run.thread_id)

    async def _begun(self, run: Run) -> bool:
        """Whether an earlier attempt of this run left a checkpoint to go on from."""
        if run.attempt == 1 or run.temporary:
            return False
        head = await self._graphs.saver.aget_tuple({"configurable": {"thread_id": run.thread_id}})
        return head is not None and head.metadata.get("run_id") == run.run_id

    async def _clear(self, run: Run, graph: AnyGraph) -> Sequence[str]:
        """Before a run that goes on without answering what its thread waits for, or without what
        failed there: settle the thread, for the new input to follow a conversation that is whole.
        The interrupts that are dropped so.
        """
        kwargs = run.kwargs
        if kwargs["input"] is None or kwargs["command"] is not None or kwargs["checkpoint"]:
            return ()
        thread: RunnableConfig = {"configurable": {"thread_id": run.thread_id}}
        waiting = (await graph.aget_state(thread)).interrupts
        await settle(graph, thread)
        dropped = [interrupt.id for interrupt in waiting]
        if dropped:
            metadata = {**run.metadata, "dropped_interrupts": dropped}
            async with self._database.begin() as connection:
                await rows.edit(connection, run.tenant, run.run_id, metadata=metadata)
        return dropped

    async def _settle(self, execution: Execution) -> bytes:
        """Leave a conversation that can go on; its values as JSON."""
        run, graph, saver = execution.run, execution.graph, self._graphs.saver
        thread: RunnableConfig = {"configurable": {"thread_id": run.thread_id}}
        head = await saver.aget_tuple(thread)
        taken = head is not None and head.metadata.get("run_id") == run.run_id
        given = None if taken or run.kwargs["checkpoint"] else run.kwargs["input"]
        await settle(graph, thread, given=given, shown=execution.partials.messages())
        return to_json((await graph.aget_state(thread)).values)

    async def _finish(
        self, run: Run, meter: Meter, outcome: Outcome, standing: Standing | None
    ) -> None:
        """Record the end, then say it: who sees the stream close finds the status final.

        An attempt that lost its lease records and says nothing; another one goes on. But who waits
        for a run whose events are not kept is here, and hears of no other.
        """
        mine = await _insistently(partial(self._record, run, meter, outcome.status, standing))
        if mine or not run.kept:
            await self._close(run, outcome)
        else:
            await self._engine.leave(run.run_id)

    async def _record(self, run: Run, meter: Meter, status: str, standing: Standing | None) -> bool:
        now = datetime.now(UTC)
        async with self._database.begin(lock=_lock(run)) as connection:
            used = await accounts.record(connection, run, meter, now)
            mine = await claims.finish(connection, run.run_id, run.attempt, status, now, used)
            if mine and standing is not None:
                await expiry.record(connection, run.tenant, run.thread_id, standing, now)
        return mine

    async def _roll_back(self, run: Run, meter: Meter, graph: AnyGraph) -> None:
        """Undo the run: its checkpoints go, and so does its row."""
        await self._graphs.saver.adelete_for_runs([run.run_id])
        head = await graph.aget_state({"configurable": {"thread_id": run.thread_id}})
        await _insistently(partial(self._forget, run, meter, standing_at(head)))
        await self._close(run, Outcome("interrupted", to_json(head.values)))

    async def _forget(self, run: Run, meter: Meter, standing: Standing) -> None:
        now = datetime.now(UTC)
        async with self._database.begin(lock=run.thread_id) as connection:
            await accounts.record(connection, run, meter, now)
            await rows.delete(connection, run.tenant, run.run_id)
            await expiry.record(connection, run.tenant, run.thread_id, standing, now)

    async def _close(self, run: Run, outcome: Outcome) -> None:
        await self._engine.publish(run.run_id, [end(outcome)])
        resumable = run.kwargs["stream_resumable"]
        await self._engine.forget(run.run_id, RESUMABLE_LOG_TTL if resumable else LOG_TTL)

    async def _hand_over(self) -> None:
        """Let other processes take what is left."""
        with contextlib.suppress(Unavailable):
            async with self._database.begin() as connection:
                await claims.release_by(connection, self._database.process)


def _lock(run: Run) -> str | None:
    """A temporary run has a thread of its own, which nobody else writes to."""
    return None if run.temporary else run.thread_id


async def _insistently(do: Callable[[], Awaitable[T]]) -> T:
    """Do it until the database can be reached: how a run ended is known here only."""
    while True:
        try:
            return await do()
        except Unavailable:
            await asyncio.sleep(RETRY_INTERVAL)

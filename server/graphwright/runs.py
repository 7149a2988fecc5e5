"""Runs: how one begins, is followed, is stopped.

What a run does once it has begun is `worker.py`'s and `execute.py`'s. Statuses and strategies are
those of the Agent Server API.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig

from graphwright import channels
from graphwright.admission import join_thread, make_room
from graphwright.assistants import Assistants
from graphwright.database import Connection, Database
from graphwright.database import events as event_rows
from graphwright.database import runs as rows
from graphwright.database import threads as thread_rows
from graphwright.database.claims import LEASE
from graphwright.database.runs import UNFINISHED, Run
from graphwright.direct import DirectClaims
from graphwright.engine import LOG_TTL, Engine, Signal
from graphwright.errors import Conflict, InvalidRequest, NotFound, Unavailable
from graphwright.events import END, Event, Outcome, data_of, encode, end, name_of, selects, to_json
from graphwright.graphs import Graphs
from graphwright.requested import new_run
from graphwright.schemas import RunCreate

Json = dict[str, Any]

NOTHING_TO_CANCEL = (
    "No matching runs to cancel. Please verify the thread ID and run IDs are correct, "
    "and the runs haven't been deleted or completed."
)

LOST = {
    "error": "ResultLost",
    "message": "The run is over, and its events, with its result, are kept no more."
    " Send the request with another Idempotency-Key to run it again.",
}
POLL_INTERVAL = 1.0  # seconds between looks at a run that another process has


class SentBefore(Exception):
    """A run with this idempotency key is there already."""


class Runs:
    """What can happen to runs."""

    def __init__(
        self,
        database: Database,
        assistants: Assistants,
        graphs: Graphs,
        engine: Engine,
        direct: DirectClaims,
    ) -> None:
        self._database = database
        self._assistants = assistants
        self._graphs = graphs
        self._engine = engine
        self._direct = direct

    async def start(
        self, tenant: str, thread_id: str | None, body: RunCreate, key: str | None = None
    ) -> Run:
        """Write a run as pending and wake its thread. Without a thread it gets one in name only, or
        to keep.

        `key` is the caller's name for the request: the same request with the same key gives the run
        that the first one made.
        """
        assistant = await self._assistants.resolve(tenant, body.assistant_id)
        now = datetime.now(UTC)
        temporary = thread_id is None and body.on_completion == "delete"
        run = new_run(
            *(tenant, thread_id, assistant, body, now),
            temporary=temporary,
            worker=self._database.process,
            lease_until=now + LEASE,
            idempotency_key=key,
        )
        self._check_names(assistant.graph_id, body)
        await self._check_place(run)
        displaced: Sequence[Run] = ()
        try:
            async with self._database.begin(None if temporary else run.thread_id) as connection:
                await _refuse_second(connection, run)
                if not temporary:
                    create = thread_id is None or body.if_not_exists == "create"
                    run = await join_thread(connection, run, assistant, create=create)
                    displaced = await make_room(connection, run)
                written = self._direct.row(run)
                if not await rows.insert(connection, written):  # the first came at this moment
                    raise SentBefore
        except SentBefore:
            return await self._sent_before(run)
        self._direct.put(written)
        await self._displace(displaced, body.multitask_strategy)
        await self._engine.begin(run.run_id, attempt=1, kept=run.kept)
        await self._engine.wake(run.thread_id)
        return run

    async def _sent_before(self, again: Run) -> Run:
        """The run of the request that `again` repeats."""
        assert again.idempotency_key is not None
        async with self._database.connect() as connection:
            first = await rows.with_key(connection, again.tenant, again.idempotency_key)
        if first is None or first.request_digest != again.request_digest:
            raise InvalidRequest(
                f"Idempotency-Key {again.idempotency_key!r} was used for another request."
                " Send each new request with a key of its own."
            )
        return first

    def _check_names(self, graph_id: str, body: RunCreate) -> None:
        """Refuse a document's run whose names of channels are mistyped, see `channels.check`."""
        known = self._graphs.channels(graph_id)
        if known is None:
            return
        if body.command is None:
            channels.check(body.input, known.input, graph_id, "input")
        else:
            channels.check(body.command.update, known.all, graph_id, "command.update")

    async def _check_place(self, run: Run) -> None:
        """Refuse a checkpoint that the thread does not have: LangGraph would begin with an empty
        state, and make that the thread's newest.
        """
        place = run.kwargs["checkpoint"]
        if "checkpoint_id" not in place:
            return
        if run.temporary:
            raise InvalidRequest("checkpoint: a run without a thread has none to start from")
        config: RunnableConfig = {"configurable": {**place, "thread_id": run.thread_id}}
        if await self._graphs.saver.aget_tuple(config) is None:
            raise NotFound(
                f"Checkpoint {place['checkpoint_id']} not found on thread {run.thread_id}"
            )

    def _is_elsewhere(self, run: Run) -> bool:
        """Whether another process accepted the run, or executes it."""
        return self._database.shared and run.worker not in (None, self._database.process)

    async def _displace(self, displaced: Sequence[Run], strategy: str) -> None:
        signal = Signal.ROLLBACK if strategy == "rollback" else Signal.INTERRUPT
        for run in displaced:
            if run.status == "running":
                await self._engine.signal(run.run_id, signal)
            else:
                await self.close(run.run_id)

    async def close(self, run_id: str) -> None:
        """End the log of a run that never started, for those who wait for it."""
        await self._engine.publish(run_id, [end(Outcome("interrupted"))])
        await self._engine.forget(run_id, LOG_TTL)

    async def get(self, tenant: str, run_id: str, thread_id: str | None = None) -> Run:
        """The run with this id, on this thread if one is named."""
        async with self._database.connect() as connection:
            run = await rows.get(connection, tenant, run_id)
        if run is None or thread_id not in (None, run.thread_id):
            raise NotFound(f"Run with ID {run_id} not found")
        return run

    async def list(
        self, tenant: str, thread_id: str, *, status: str | None, limit: int, offset: int
    ) -> Sequence[Run]:
        """A thread's runs, newest first."""
        async with self._database.connect() as connection:
            return await rows.of_thread(
                connection, tenant, thread_id, status=status, limit=limit, offset=offset
            )

    async def delete(self, tenant: str, run_id: str, thread_id: str) -> None:
        """Delete a run that is over; its checkpoints stay."""
        run = await self.get(tenant, run_id, thread_id)
        if run.status in UNFINISHED:
            raise Conflict(f"Run {run_id} is {run.status}. Cancel it before you delete it.")
        async with self._database.begin() as connection:
            await event_rows.delete_of_run(connection, run_id)
            await rows.delete(connection, tenant, run_id)

    async def follow(
        self, run: Run, after: int | None = None, modes: Sequence[str] | None = None
    ) -> AsyncIterator[Sequence[Event]]:
        """The run's events after an id, `after=None` from now on, until its end.

        Batches hold what is there at once. The last event is `end`, whatever the modes.
        """
        if not run.kept:  # its events are where it is executed, and nowhere else
            run = await self._until_here_or_over(run)
        run = replace(run, kwargs={}, metadata={})  # readers may be many, and wait for long
        position = await self._engine.position(run.run_id)
        finished = run.status not in UNFINISHED
        after = position if after is None else after
        if finished and after >= position:
            if run.temporary and run.kept and position == 0:
                yield [Event(1, encode("error", LOST))]
            return
        select = selects(modes) if modes else None
        batches = self._engine.read(run.run_id, after)
        if self._is_elsewhere(run):
            batches = self._until_over(run, batches)
        async for batch in batches:
            if batch[0].id > after + 1 and name_of(batch[0].data) != "metadata":
                yield [await self._gap(run, after, batch[0].id)]
            yield batch if select is None else [event for event in batch if select(event.data)]
            after = batch[-1].id
            if finished and after >= position:
                return

    async def _gap(self, run: Run, after: int, first: int) -> Event:
        """Says that events are missing, with the thread's state in their place."""
        async with self._database.connect() as connection:
            thread = await thread_rows.get(connection, run.tenant, run.thread_id)
        missing = {"after": after, "before": first, "values": thread and thread.values}
        return Event(first - 1, encode("gap", missing))

    async def _until_over(
        self, run: Run, batches: AsyncIterator[Sequence[Event]]
    ) -> AsyncIterator[Sequence[Event]]:
        """The events of a run that another process has; without its end, should that process have
        gone before it could tell it.
        """
        coming = asyncio.create_task(_next(batches))
        was_over = False
        try:
            while True:
                await asyncio.wait({coming}, timeout=POLL_INTERVAL)
                if coming.done():
                    if not (batch := coming.result()):
                        return
                    yield batch
                    coming = asyncio.create_task(_next(batches))
                elif was_over:
                    return
                else:
                    was_over = await self._is_over(run)
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    async def _is_over(self, run: Run) -> bool:
        try:
            return (await self.get(run.tenant, run.run_id)).status not in UNFINISHED
        except NotFound:
            return True
        except Unavailable:
            return False

    async def _until_here_or_over(self, run: Run) -> Run:
        """Wait while another process has the run: its events are there, and its end is all that can
        be told of it here.
        """
        while run.status in UNFINISHED and self._is_elsewhere(run):
            await asyncio.sleep(POLL_INTERVAL)
            with suppress(Unavailable):
                run = await self.get(run.tenant, run.run_id)
        return run

    async def result(self, run: Run) -> bytes:
        """Wait for the run's end: its final values as JSON, or `{"__error__": …}`."""
        last = await self._engine.position(run.run_id) - 1  # it may be the end
        async for batch in self.follow(run, after=max(last, 0)):
            if batch and name_of(batch[-1].data) == END:
                return data_of(batch[-1].data)
        async with self._database.connect() as connection:
            thread = await thread_rows.get(connection, run.tenant, run.thread_id)
            found = await rows.get(connection, run.tenant, run.run_id)
        if thread is None:
            return to_json({"__error__": LOST}) if run.idempotency_key else b"null"
        failed = found is not None and found.status == "error"
        return to_json({"__error__": thread.error} if failed else thread.values)

    async def interrupt(self, run: Run) -> None:
        """Stop a run whose caller has left; one that is over stays as it is."""
        with suppress(NotFound):
            await self.cancel(run.tenant, run.run_id, None, Signal.INTERRUPT, wait=False)

    async def cancel(
        self, tenant: str, run_id: str, thread_id: str | None, action: Signal, *, wait: bool
    ) -> None:
        """Stop a run: `interrupt` keeps what it did, `rollback` undoes it and deletes the run."""
        run = await self.get(tenant, run_id, thread_id)
        if run.status not in UNFINISHED:
            raise NotFound(NOTHING_TO_CANCEL)
        now = datetime.now(UTC)
        async with self._database.begin(lock=run.thread_id) as connection:
            pending = await rows.interrupt_pending(connection, tenant, run_id, now)
            if pending:
                if action is Signal.ROLLBACK:
                    await rows.delete(connection, tenant, run_id)
                await thread_rows.settle(connection, tenant, run.thread_id, now)
            else:
                await rows.ask_to_stop(connection, tenant, run_id, action, now)
        if pending:
            await self.close(run_id)
            return
        await self._engine.signal(run_id, action)
        if wait:
            async for _ in self.follow(run, after=0):
                pass


async def _next(batches: AsyncIterator[Sequence[Event]]) -> Sequence[Event]:
    """The next batch; none at the end."""
    try:
        return await anext(batches)
    except StopAsyncIteration:
        return ()


async def _refuse_second(connection: Connection, run: Run) -> None:
    """Raise `SentBefore` where the run's request came before: it is not to displace its own run."""
    key = run.idempotency_key
    if key is not None and await rows.with_key(connection, run.tenant, key) is not None:
        raise SentBefore

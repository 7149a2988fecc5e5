"""The place that a new run gets on its thread: the strategies for double texting, to the letter of
the Agent Server API.
"""

from collections.abc import Sequence
from dataclasses import replace

from graphwright.answers import bound
from graphwright.database import Connection
from graphwright.database import runs as rows
from graphwright.database import threads as thread_rows
from graphwright.database.assistants import Assistant
from graphwright.database.runs import Run
from graphwright.errors import Conflict, NotFound
from graphwright.threads import new_thread

THREAD_BUSY = (
    "Thread is already running a task. "
    "Wait for it to finish or choose a different multitask strategy."
)


async def join_thread(
    connection: Connection, run: Run, assistant: Assistant, *, create: bool
) -> Run:
    """Mark the run's thread as busy with this assistant, making it where that is wanted. The run,
    with what its thread adds. Raises `NotFound`.
    """
    stamp = {"graph_id": assistant.graph_id, "assistant_id": assistant.assistant_id}
    thread = await thread_rows.get(connection, run.tenant, run.thread_id)
    if thread is None:
        made = new_thread(run.thread_id, stamp, run.created_at, status="busy")
        # A thread of another tenant is not there for this one; its id is taken all the same.
        if not create or not await thread_rows.insert(connection, run.tenant, made):
            raise NotFound("Thread or assistant not found.")
        return run
    await thread_rows.update(
        connection,
        run.tenant,
        run.thread_id,
        status="busy",
        metadata={**thread.metadata, **stamp},
        updated_at=run.created_at,
    )
    metadata = {**thread.metadata, **run.metadata}
    return replace(run, metadata=metadata, kwargs=bound(run.kwargs, thread.interrupts))


async def make_room(connection: Connection, run: Run) -> Sequence[Run]:
    """Apply the run's strategy to the thread's unfinished runs; those that must be told. Raises
    `Conflict`.
    """
    strategy = run.multitask_strategy
    if strategy == "enqueue":
        return ()
    others = await rows.unfinished(connection, run.tenant, run.thread_id)
    if others and strategy == "reject":
        raise Conflict(THREAD_BUSY)
    for other in others:
        if other.status == "pending":
            await rows.interrupt_pending(connection, run.tenant, other.run_id, run.created_at)
            if strategy == "rollback":
                await rows.delete(connection, run.tenant, other.run_id)
        else:
            await rows.ask_to_stop(connection, run.tenant, other.run_id, strategy, run.created_at)
    return others

"""The import itself: oldest first, so that elements are shared as if the threads had grown here.

Every checkpoint is read back and compared by value. A checkpoint's writes are stored before it: one
that is there is complete, and an import that was interrupted goes on with the next.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints.errors import CheckpointError, ImportRefused
from graphwright_checkpoints.importing.comparison import difference
from graphwright_checkpoints.importing.planning import (
    FATAL,
    OnConflict,
    Standing,
    ThreadImport,
    addresses,
    plan,
)
from graphwright_checkpoints.importing.source import (
    Source,
    SourceCheckpoint,
    SourceWrite,
    read,
)
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.saver import Saver
from graphwright_checkpoints.sqlite.database import SqliteDatabase

NAMED = 5  # conflicts that an error lists


class Step(NamedTuple):
    """How far an import is: so many of a thread's checkpoints are done."""

    thread: ThreadImport
    checkpoints: int


def import_checkpoints(
    source: Source,
    saver: Saver,
    *,
    threads: Collection[str] | None = None,
    on_conflict: OnConflict | str = OnConflict.FAIL,
    rename: Callable[[str], str] = str,
) -> Iterator[Step]:
    """Plan an import and do it, telling after every checkpoint how far it is.

    A thread that cannot be imported has a `problem` in its last step, and the others go on. Raises
    `ImportRefused` before anything is written, see `OnConflict`.
    """
    planned = plan(source, saver, threads=threads, rename=rename)
    refuse_conflicts(planned, on_conflict)
    yield from transfer(source, saver, planned, on_conflict)


def refuse_conflicts(planned: Sequence[ThreadImport], on_conflict: OnConflict | str) -> None:
    """Raise `ImportRefused` if conflicts are not to be skipped, or replaced, and there are any."""
    conflicts = [thread for thread in planned if thread.standing is Standing.CONFLICT]
    if not conflicts or OnConflict(on_conflict) is not OnConflict.FAIL:
        return
    named = "; ".join(f"{thread.thread_id!r}: {thread.problem}" for thread in conflicts[:NAMED])
    more = f"; and {len(conflicts) - NAMED} more" if len(conflicts) > NAMED else ""
    raise ImportRefused(
        f"{len(conflicts)} of the threads are in the target with other content ({named}{more})."
        " Nothing was written. Skip or replace them: --on-conflict, in Python on_conflict,"
        ' "skip" or "replace".'
    )


def transfer(
    source: Source,
    saver: Saver,
    planned: Sequence[ThreadImport],
    on_conflict: OnConflict | str = OnConflict.FAIL,
) -> Iterator[Step]:
    """Import what was planned, telling after every checkpoint how far it is."""
    for thread in planned:
        if thread.standing is Standing.CONFLICT and on_conflict == OnConflict.REPLACE:
            _make_room(source, saver, thread)
        if thread.problem is not None:
            yield Step(thread, thread.size.checkpoints)
        else:
            yield from _import_thread(source, saver, thread)


def rehearse(
    source: Source, planned: Sequence[ThreadImport], serde: SerializerProtocol | None = None
) -> Iterator[Step]:
    """Import what was planned into memory, one thread at a time, to find what would be refused."""
    for thread in planned:
        saver = Saver(SqliteDatabase(":memory:"), serde=serde)
        saver.open()
        trial = ThreadImport(thread.thread_id, thread.target_id, thread.size)
        try:
            for step in _import_thread(source, saver, trial):
                yield Step(thread, step.checkpoints)
        finally:
            saver.close()
        if trial.problem is not None:
            thread.standing, thread.problem = trial.standing, trial.problem


def _make_room(source: Source, saver: Saver, thread: ThreadImport) -> None:
    """Delete what the target has of a thread, once it is sure that the source's can be stored."""
    thread.problem = None
    for _ in rehearse(source, [thread], saver.serde):
        pass
    if thread.problem is None:
        saver.delete_thread(thread.target_id)
        thread.standing, thread.writes = Standing.NEW, 0
        thread.there.clear()


def _import_thread(source: Source, saver: Saver, thread: ThreadImport) -> Iterator[Step]:
    try:
        for done, address in enumerate(source.addresses(thread.thread_id), 1):
            if address not in thread.there:
                _import_checkpoint(source, saver, thread, address)
            yield Step(thread, done)
        thread.problem = _miscount(saver, thread)
    except FATAL:
        raise
    except CheckpointError as error:
        thread.problem = str(error)
    if thread.problem is not None:
        if thread.standing is Standing.NEW:
            saver.delete_thread(thread.target_id)
        thread.standing = Standing.REFUSED
        yield Step(thread, thread.size.checkpoints)


def _import_checkpoint(
    source: Source, saver: Saver, thread: ThreadImport, address: Address
) -> None:
    found = read(source, address)
    target = address._replace(thread_id=thread.target_id)
    _put(saver, target, found)
    stored = saver.get_tuple(target.config())
    differs = difference(found, stored, saver.serde) if stored else "it is not there"
    if not stored or differs:
        raise CheckpointError(
            f"checkpoint {address.checkpoint_id} is not stored as it was read: {differs}"
        )
    thread.writes += len(stored.pending_writes or ())


def _put(saver: Saver, target: Address, found: SourceCheckpoint) -> None:
    # LangGraph's own writes apart: a saver numbers the others by their place among all.
    def task(write: SourceWrite) -> tuple[str, str, bool]:
        return write.task_path, write.task_id, write.position < 0

    for (task_path, task_id, _), writes in groupby(sorted(found.writes, key=task), task):
        pairs = [(write.channel, write.value) for write in writes]
        saver.put_writes(target.config(), pairs, task_id, task_path)
    parent: RunnableConfig = target._replace(checkpoint_id=found.parent_id or "").config()
    # All versions are new: a node may have changed a value in place, which its version hides.
    versions = found.checkpoint["channel_versions"]
    saver.put(parent, found.checkpoint, found.metadata, versions)  # type: ignore[arg-type]


def _miscount(saver: Saver, thread: ThreadImport) -> str | None:
    counted = (len(addresses(saver, thread)), thread.writes)
    wanted = thread.size[:2]
    if counted == wanted:
        return None
    return (
        f"the source has {wanted[0]} checkpoints and {wanted[1]} writes,"
        f" the target {counted[0]} and {counted[1]}"
    )

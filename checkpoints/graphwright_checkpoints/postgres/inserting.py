"""Inserts: one round trip for all of a batch, where what is known of its threads is right."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

import orjson

from graphwright_checkpoints.database import Placed, Spent, Stale
from graphwright_checkpoints.errors import LeaseLost, ValueNotStored
from graphwright_checkpoints.numbering import Draft, Known, NewElement, Numbering
from graphwright_checkpoints.postgres import failures, outside, shelves
from graphwright_checkpoints.postgres.cargo import Cargo, Row, Stored
from graphwright_checkpoints.postgres.names import escape, hash_of
from graphwright_checkpoints.postgres.pools import Statement, Work, transaction
from graphwright_checkpoints.records import (
    Address,
    New,
    NewCheckpoint,
    NewWrite,
    NewWrites,
    encode_references,
)

INSERT = "graphwright_checkpoint_insert_2(%s::jsonb, %b)"
SEND = f"SELECT {INSERT}"
# The commit does not wait for the disk: that of a later insert does, and brings this one along.
# Until then, or for three times `wal_writer_delay`, a crash of the database server may undo it.
SEND_PASSING = f"""
    SELECT {INSERT} FROM set_config('synchronous_commit', CASE
        WHEN current_setting('graphwright.synchronous', true) = 'full'
        THEN current_setting('synchronous_commit') ELSE 'off'
    END, true)
"""

MAX_SIZE = 900_000_000  # bytes of one insert; Postgres takes a message of 1 GB


class Group:
    """Inserts into one thread under one fence. They are stored together, in their order."""

    def __init__(self, inserts: Sequence["Insert"]) -> None:
        self.inserts = inserts
        self.thread_id = inserts[0].thread_id
        self.fence = inserts[0].fence
        self._sent: set[str] = set()

    @property
    def is_done(self) -> bool:
        """Whether every insert was stored or has failed."""
        return all(insert.is_done for insert in self.inserts)

    def draft(self, known: Known, *, is_sure: bool) -> bool:
        """Start over, from what is known. Inserts that are done are left out.

        False if that was not enough for an insert, which fails for good where it `is_sure`.
        """
        self.drafted = Draft(known)
        self.checkpoints: dict[tuple[str, str], Stored] = {}
        self.writes: dict[tuple[str, str, str, int], Stored] = {}
        is_enough = True
        for insert in self.inserts:
            if not insert.is_done:
                try:
                    insert.result = self.drafted.all_or_nothing(partial(self._fill, insert))
                except ValueNotStored as error:
                    insert.fail(error)
                except Stale as error:
                    is_enough = False
                    if is_sure:
                        insert.fail(error)
        return is_enough

    def _fill(self, insert: "Insert") -> Any:
        before = len(self.drafted.added)
        new = insert.new
        fill: Any = _fill_checkpoint if isinstance(new, NewCheckpoint) else _fill_writes
        placed = fill(self, new)
        if any(element.blob in self._sent for element in self.drafted.added[before:]):
            raise Spent
        return placed

    def lose(self) -> None:
        """Note that nobody knows whether this draft was stored.

        If it was, and an element of it is not there any more, its blob may be deleted at any
        moment: an insert that brings it again fails with `Spent`.
        """
        self._sent = outside.brought(self.drafted.added)

    def fail(self, error: Exception) -> None:
        """Let those inserts fail that are not done."""
        for insert in self.inserts:
            if not insert.is_done:
                insert.fail(error)


class Insert:
    """One call's insert: a checkpoint or a task's writes, and what became of it."""

    def __init__(self, new: New) -> None:
        self.new = new
        self.thread_id = new.address.thread_id
        self.fence = new.fence
        self.size = new.size  # bytes
        self.result: Any = None
        self.error: Exception | None = None
        self.is_done = False

    def fail(self, error: Exception) -> None:
        """Be done without having stored anything."""
        self.error, self.is_done = error, True

    def outcome(self) -> Any:
        """What the call returns, or raise what it raises."""
        if self.error is not None:
            raise self.error
        return self.result


def insert(new: New) -> Insert:
    """Store a checkpoint or a task's writes, with the elements that they bring."""
    asked = Insert(new)
    if asked.size > MAX_SIZE:
        _refuse(new)
    return asked


def _refuse(new: New) -> NoReturn:
    sizes = (
        [("checkpoint", len(new.body.data)), *((part.channel, part.size) for part in new.parts)]
        if isinstance(new, NewCheckpoint)
        else [(write.channel, write.size) for write in new.writes]
    )
    channel, size = max(sizes, key=lambda each: each[1])
    raise ValueNotStored(
        channel,
        f"it takes {size} of the {new.size} bytes that are to be stored together, and the limit"
        f" of Postgres is {MAX_SIZE}",
    )


def _fill_checkpoint(group: Group, new: NewCheckpoint) -> Placed:
    draft = group.drafted
    references = draft.file(new.parts)
    _, checkpoint_ns, checkpoint_id = new.address
    row = {
        "thread": draft.shelf.key,
        "checkpoint_ns": escape(checkpoint_ns),
        "checkpoint_id": escape(checkpoint_id),
        "parent_checkpoint_id": new.parent_id and escape(new.parent_id),
        "run_id": None if new.run_id is None else escape(str(new.run_id)),
        "type": new.body.type,
        "metadata": new.metadata,
    }
    stored = Stored(row, new.body.data, encode_references(references))
    group.checkpoints[checkpoint_ns, checkpoint_id] = stored
    return draft.shelf, references


def _fill_writes(group: Group, new: NewWrites) -> Placed:
    rows = [_write(group.drafted, new.address, write) for write in new.writes]  # or none
    for write, row in zip(new.writes, rows, strict=True):
        place = (*new.address[1:], write.task_id, write.position)
        # As the database has it: the first ones count, and LangGraph's own replace each other.
        if write.position < 0 or place not in group.writes:
            group.writes[place] = row
    return group.drafted.shelf, ()


def _write(draft: Draft, address: Address, write: NewWrite) -> Stored:
    row = {
        "thread": draft.shelf.key,
        "checkpoint_ns": escape(address.checkpoint_ns),
        "checkpoint_id": escape(address.checkpoint_id),
        "task_id": escape(write.task_id),
        "idx": write.position,
        "task_path": escape(write.task_path),
        "channel": escape(write.channel),
        "type": write.content.type,
    }
    references = draft.file(write.parts)
    return Stored(row, write.content.data, encode_references(references))


def store(numbering: Numbering, groups: Iterable[Group]) -> Work[None]:
    """Do all inserts, each group in a transaction of its own at worst.

    Every insert is done afterwards. It is safe to do this twice: the second time finds the elements
    by their digests, replaces the checkpoints by themselves, and leaves the writes as they are.
    """
    left = [group for group in groups if not group.is_done]
    try:
        yield from _store(numbering, left)
    except failures.Lost:
        for group in left:
            group.lose()
        raise


def _store(numbering: Numbering, left: Sequence[Group]) -> Work[None]:
    try:
        refused = yield from _store_together(numbering, left)
    except failures.Lost:
        raise
    except Exception as error:
        yield from _store_apart(numbering, left, error)
    else:
        for group in refused:
            yield from _store_locked(numbering, group)


def _store_together(numbering: Numbering, groups: Sequence[Group]) -> Work[list[Group]]:
    """Store groups in one round trip; those come back whose threads are not as they were known."""
    unknown = [group.thread_id for group in groups if numbering.recall(group.thread_id) is None]
    if unknown:
        yield from shelves.look_up(numbering, unknown)
    ready: list[Group] = []
    for group in groups:
        known = numbering.recall(group.thread_id) or numbering.expect_new(group.thread_id)
        if group.draft(known, is_sure=False) and not group.is_done:
            ready.append(group)
    taken = yield from send(ready)
    for group in ready:
        if group.drafted.shelf.key in taken:
            _finish(numbering, group)
    return [group for group in groups if not group.is_done]


def _store_apart(numbering: Numbering, groups: Sequence[Group], error: Exception) -> Work[None]:
    """Find out which group is at fault; the others' inserts are kept."""
    if len(groups) > 1:
        for group in groups:
            yield from _store(numbering, [group])
    elif isinstance(error, failures.REFUSED):
        yield from _store_locked(numbering, groups[0])
    else:
        yield from _store_one_by_one(numbering, groups[0], error)


def _store_locked(numbering: Numbering, group: Group) -> Work[None]:
    """Store a group holding its thread's lock: nobody can have changed what is looked up then."""
    try:
        yield from transaction(_store_under_lock(numbering, group))
    except failures.Lost:
        raise
    except LeaseLost as error:
        group.fail(error)
    except Exception as error:
        yield from _store_one_by_one(numbering, group, error)
    else:
        _finish(numbering, group)


def _store_under_lock(numbering: Numbering, group: Group) -> Work[None]:
    """Store a group in the open transaction, which holds its thread's lock from then on."""
    known = yield from shelves.lock(numbering, group.thread_id, group.fence)
    group.draft(known, is_sure=True)
    yield from send([] if group.is_done else [group])


def _store_one_by_one(numbering: Numbering, group: Group, error: Exception) -> Work[None]:
    left = [insert for insert in group.inserts if not insert.is_done]
    if len(left) == 1:
        left[0].fail(error)
        return
    for insert in left:
        yield from _store_locked(numbering, Group([insert]))


def _finish(numbering: Numbering, group: Group) -> None:
    numbering.keep(group.drafted)
    for insert in group.inserts:
        insert.is_done = True


def send(groups: Sequence[Group]) -> Work[set[int]]:
    """Store what the groups have, and tell which threads' were stored."""
    if not groups:
        return set()
    # The last one first: it is the one that often is not.
    passing = all(insert.new.passing for group in groups for insert in reversed(group.inserts))
    [(keys,)] = yield Statement(SEND_PASSING if passing else SEND, _values(groups))
    return set(keys)


def _values(groups: Sequence[Group]) -> tuple[str, bytes]:
    cargo = Cargo()
    threads = [(group.drafted, group.fence) for group in groups]
    new = {
        "locked": [_asked(draft, fence) for draft, fence in threads if draft.known.is_stored],
        "made": [_made(draft, fence) for draft, fence in threads if not draft.known.is_stored],
        "elements": [
            _element(draft.shelf.key, element, cargo)
            for draft, _ in threads
            for element in draft.added
        ],
        "surplus": [
            {"thread": draft.shelf.key, "number": number, "blob": blob}
            for draft, _ in threads
            for number, blob in draft.surplus
        ],
        "checkpoints": [
            stored.load(cargo) for group in groups for stored in group.checkpoints.values()
        ],
        "writes": [stored.load(cargo) for group in groups for stored in group.writes.values()],
    }
    return orjson.dumps(new).decode(), b"".join(cargo.pieces)


def _element(key: int, new: NewElement, cargo: Cargo) -> Row:
    return {
        "thread": key,
        "number": new.number,
        "digest": new.digest.hex(),
        "many": bool(new.many),
        "type": new.type,
        "at": cargo.add(new.data),
        "size": len(new.data),
        "blob": new.blob,
    }


def _asked(draft: Draft, fence: int | None) -> Row:
    return {"key": draft.shelf.key, "epoch": draft.shelf.epoch, "fence": fence}


def _made(draft: Draft, fence: int | None) -> Row:
    thread_id, key, epoch = draft.shelf
    return {
        "key": key,
        "id_hash": hash_of(thread_id).hex(),
        "thread_id": escape(thread_id),
        "epoch": epoch,
        "fence": fence,
    }

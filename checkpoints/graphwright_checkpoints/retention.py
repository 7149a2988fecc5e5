"""What may be deleted, and what must stay for the rest to be readable.

A deletion is many short transactions, so that nobody waits long for it: one that is interrupted has
deleted some, and can be done again.
"""

import json
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, TASKS

from graphwright_checkpoints.database import Database
from graphwright_checkpoints.records import Address, StoredWrite
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.storage import Outline, moment
from graphwright_checkpoints.templates import Templates

BATCH = 100  # checkpoints after which `proceed` is asked again
PAGE = 500  # threads that are listed at once
START = "__start__"  # the channel of an input that no node has taken yet
UNDONE = {ERROR, INTERRUPT, RESUME}  # channels that a task writes to without being done

ReadBody = Callable[[Encoded], Checkpoint]
"""Decodes the body of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much history a thread keeps; None is no limit.

    A checkpoint goes when it is older than `age`, or when its namespace has `keep` newer ones. What
    stays all the same: the newest of a namespace, what is pinned, tips of forks that are younger
    than `age` or not finished, and what any of these needs to be read and run on from: the
    ancestors that its delta channels are rebuilt from, and the states of its subgraphs.
    """

    age: timedelta | None = timedelta(days=90)
    keep: int | None = 1000

    def __post_init__(self) -> None:
        if self.age is not None and self.age < timedelta(0):
            raise ValueError(f"age is None or a positive time, not {self.age}")
        if self.keep is not None and self.keep < 1:
            raise ValueError(f"keep is None or at least 1, not {self.keep}")


class Swept(NamedTuple):
    """What retention deleted of one thread, or would delete."""

    thread_id: str
    checkpoints: int
    bytes: int
    complete: bool
    """False if `proceed` said stop; what is left goes the next time."""


def delete_for_runs(database: Database, run_ids: Iterable[str]) -> None:
    """Delete what the runs wrote; elements that other checkpoints have stay."""
    for run_id in run_ids:
        found = database.of_run(run_id)
        database.delete_checkpoints(found)
        for thread_id in sorted({address.thread_id for address in found}):
            database.sweep(thread_id)


def keep_latest(database: Database, thread_id: str, read: ReadBody) -> None:
    """Keep each namespace's newest checkpoint, those that are pinned, and the ancestors that their
    delta channels start from.
    """
    stored = database.outline(thread_id)
    heads = {row.address.checkpoint_ns: row for row in stored}
    kept = [row for row in stored if row.pinned or row is heads[row.address.checkpoint_ns]]
    needed = Lineages(database, read).of(kept)
    database.delete_checkpoints(row.address for row in stored if row.address not in needed)
    database.sweep(thread_id)


def threads(database: Database) -> Iterator[str]:
    """Every thread, some at a time; those that come meanwhile may be among them."""
    page = database.threads("", PAGE)
    while page:
        yield from page
        page = database.threads(page[-1], PAGE)


def expired(
    database: Database, thread_id: str, retention: Retention, read: ReadBody
) -> list[Outline]:
    """The checkpoints that a policy lets go."""
    stored = database.outline(thread_id)

    def is_unfinished(address: Address) -> bool:
        found = database.find(address, Templates())
        return found is not None and _is_unfinished(read(found.body), found.writes)

    choice = _Choice(stored, retention, Lineages(database, read), is_unfinished)
    if not choice.is_due():
        return []
    kept = choice.kept()
    return [row for row in stored if row.address not in kept]


def preview(
    database: Database, thread_id: str, retention: Retention, read: ReadBody
) -> Swept | None:
    """What `retain` would delete now; None for nothing."""
    doomed = expired(database, thread_id, retention, read)
    if not doomed:
        return None
    left = database.elements(thread_id, frozenset(row.address for row in doomed))
    freed = database.usage(thread_id).elements.bytes - sum(amount.bytes for amount in left.values())
    return Swept(thread_id, len(doomed), sum(row.size for row in doomed) + freed, True)


def retain(
    database: Database,
    thread_id: str,
    retention: Retention,
    read: ReadBody,
    proceed: Callable[[], bool],
) -> Swept | None:
    """Apply a policy to a thread for as long as `proceed` says so; None if there was nothing to do.

    Nobody may go on from an old checkpoint of the thread meanwhile: it could be among those that
    go. Elements that a crash leaves behind go with the thread's next deletion.
    """
    doomed = expired(database, thread_id, retention, read)
    if not doomed:
        return None
    before = database.usage(thread_id)
    remaining = deque(row.address for row in doomed)
    database.delete_checkpoints(_popped(remaining, proceed))
    complete = not remaining
    if complete:
        database.sweep(thread_id)
    after = database.usage(thread_id)
    gone = before.checkpoints.rows - after.checkpoints.rows
    return Swept(thread_id, gone, before.bytes - after.bytes, complete)


def _popped(remaining: deque[Address], proceed: Callable[[], bool]) -> Iterator[Address]:
    for number in range(len(remaining)):
        if number % BATCH == 0 and not proceed():
            return
        yield remaining.popleft()


class _Choice:
    """Chooses what stays of a thread, one namespace after the other, callers before subgraphs."""

    def __init__(
        self,
        stored: Sequence[Outline],
        retention: Retention,
        lineages: "Lineages",
        is_unfinished: Callable[[Address], bool],
    ) -> None:
        self._keep = retention.keep
        self._oldest = None if retention.age is None else datetime.now(UTC) - retention.age
        self._lineages = lineages
        self._is_unfinished = is_unfinished
        self._namespaces: dict[str, list[Outline]] = {}
        for row in stored:
            self._namespaces.setdefault(row.address.checkpoint_ns, []).append(row)
        self._stored = {row.address for row in stored}
        self._kept: set[Address] = set()

    def is_due(self) -> bool:
        """Whether anything is past a limit; reads nothing."""
        return any(
            (self._keep is not None and len(rows) > self._keep) or not self._is_young(row)
            for rows in self._namespaces.values()
            for row in rows
        )

    def kept(self) -> set[Address]:
        """The addresses of what stays."""
        for name in sorted(self._namespaces, key=_depth):
            rows = self._namespaces[name]
            self._keep_needed(name, rows)
            self._keep_within_limits(rows)
            # Before the namespaces below it: whoever reads an ancestor may look into its subgraphs.
            self._kept |= self._lineages.of(row for row in rows if row.address in self._kept)
        return self._kept

    def _keep_needed(self, name: str, rows: Sequence[Outline]) -> None:
        """What callers that are kept need of a subgraph: the state that they left it in, and where
        it goes on from one call to the next, the one that they found.
        """
        newest = {_caller(row): row.address for row in rows}
        self._kept |= {row for caller, row in newest.items() if self._is_there(caller, row)}
        if ":" in name.rpartition("|")[2]:  # the subgraph begins anew with each task
            return
        ids = [row.address.checkpoint_id for row in rows]
        for caller in self._kept & {caller for caller in self._callers(rows)}:
            if place := bisect_left(ids, caller.checkpoint_id):
                self._kept.add(rows[place - 1].address)

    def _callers(self, rows: Sequence[Outline]) -> Iterator[Address]:
        for name in {caller.checkpoint_ns for row in rows if (caller := _caller(row))}:
            yield from (row.address for row in self._namespaces.get(name, ()))

    def _is_there(self, caller: Address | None, called: Address) -> bool:
        """Whether the checkpoint that called a subgraph stays, or is still to be written."""
        if caller is None or caller in self._kept:
            return True
        rows = self._namespaces.get(caller.checkpoint_ns)
        moved_on = rows is not None and called.checkpoint_id < rows[-1].address.checkpoint_id
        return caller not in self._stored and not moved_on

    def _keep_within_limits(self, rows: Sequence[Outline]) -> None:
        parents = {row.parent_id for row in rows}
        for rank, row in enumerate(reversed(rows)):
            address = row.address
            # A subgraph's task that nobody can return to has no use for its history.
            lost = ":" in address.checkpoint_ns and not self._is_there(_caller(row), address)
            is_tip = address.checkpoint_id not in parents
            if row.pinned or (not lost and self._is_within_limits(row, rank, is_tip)):
                self._kept.add(address)

    def _is_within_limits(self, row: Outline, rank: int, is_tip: bool) -> bool:
        if rank == 0 and ":" not in row.address.checkpoint_ns:
            return True
        young = self._is_young(row)
        if is_tip and (young or self._is_unfinished(row.address)):
            return True
        return young and (self._keep is None or rank < self._keep)

    def _is_young(self, row: Outline) -> bool:
        made = None if self._oldest is None else moment(row.address.checkpoint_id)
        return self._oldest is None or made is None or made >= self._oldest


def _depth(checkpoint_ns: str) -> int:
    return checkpoint_ns.count("|") + 1 if checkpoint_ns else 0


def _caller(row: Outline) -> Address | None:
    """The checkpoint whose task called the subgraph that a checkpoint is of; None for none.

    LangGraph writes those of all graphs around it into the metadata, by namespace.
    """
    if not row.address.checkpoint_ns:
        return None
    around = json.loads(row.metadata).get("parents")
    if not around:
        return None
    nearest = max(around, key=len)
    return Address(row.address.thread_id, nearest, around[nearest])


def _is_unfinished(checkpoint: Checkpoint, writes: Iterable[StoredWrite]) -> bool:
    """Whether tasks are left to do at a checkpoint, as far as can be told without its graph.

    Every task writes something when it is done.
    """
    begun = {write.task_id for write in writes}
    done = {write.task_id for write in writes if write.channel not in UNDONE}
    due = sum(_tasks_due(name, value) for name, value in checkpoint["channel_values"].items())
    return len(begun) > len(done) or due > len(done)


def _tasks_due(channel: str, value: Any) -> int:
    """How many tasks the value of one of LangGraph's own channels calls for."""
    if channel == TASKS:
        return len(value or ())
    kind, _, rest = channel.partition(":")
    if kind == "join":  # of nodes that have all to be done, as in join:a+b:next
        return int(isinstance(value, set) and len(value) == rest.count("+") + 1)
    return int(kind in ("branch", START))


class Lineages:
    """Finds the ancestors that delta channels are rebuilt from, reading each of them once."""

    def __init__(self, database: Database, read: ReadBody) -> None:
        self._database = database
        self._read = read
        self._known: dict[Address, tuple[str | None, frozenset[str]]] = {}

    def of(self, kept: Iterable[Outline]) -> set[Address]:
        """Checkpoints, and of each its ancestors back to where its delta channels have a value.

        LangGraph names the delta channels with writes since their last snapshot in the metadata.
        """
        needed: set[Address] = set()
        for row in kept:
            needed.add(row.address)
            unresolved = set(json.loads(row.metadata).get("counters_since_delta_snapshot") or ())
            address: Address | None = row.address
            while unresolved and address is not None:
                needed.add(address)
                parent_id, values = self._find(address)
                unresolved -= values
                address = address._replace(checkpoint_id=parent_id) if parent_id else None
        return needed

    def _find(self, address: Address) -> tuple[str | None, frozenset[str]]:
        """A checkpoint's parent, and the channels that have a value there."""
        if address not in self._known:
            head = self._database.head(address)
            values = self._read(head.body)["channel_values"] if head else ()
            self._known[address] = head and head.parent_id, frozenset(values)
        return self._known[address]

"""What an import has to do, found out before anything is written."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from graphwright_checkpoints.errors import CheckpointError, DatabaseUnavailable, SourceError
from graphwright_checkpoints.importing.comparison import BEHIND, difference
from graphwright_checkpoints.importing.source import Size, Source, read
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.saver import Saver

FATAL = (SourceError, DatabaseUnavailable)
"""What ends an import: it is not one thread's fault, and the import can go on another time."""


class Standing(StrEnum):
    """What the target has of a thread."""

    NEW = "new"
    PARTLY_THERE = "partly there"
    THERE = "there"
    CONFLICT = "conflict"
    REFUSED = "refused"


class OnConflict(StrEnum):
    """What to do with a thread that the target has with other content."""

    FAIL = "fail"
    SKIP = "skip"
    REPLACE = "replace"


@dataclass
class ThreadImport:
    """One thread of an import. `problem` says why it cannot be imported, or was not."""

    thread_id: str
    target_id: str
    """Its id in the target, which may ask for ids of another form."""
    size: Size
    standing: Standing = Standing.NEW
    problem: str | None = None
    there: set[Address] = field(default_factory=set)
    """Checkpoints, by their addresses in the source, that need not be imported."""
    writes: int = 0
    """How many writes the target was seen to have."""


def plan(
    source: Source,
    saver: Saver,
    *,
    threads: Collection[str] | None = None,
    rename: Callable[[str], str] = str,
) -> list[ThreadImport]:
    """Look at each thread of `source` (of `threads` only, where given) and at what `saver` has.

    `rename` gives the id that a thread gets in the target. Threads that are there already are
    compared by value; the others are not read. Raises `SourceError` for an unknown thread.
    """
    found = source.threads()
    if threads is not None and (unknown := sorted(set(threads) - set(found))):
        raise SourceError(f"the source has no thread {unknown[0]!r}. Check the id.")
    chosen = found if threads is None else [name for name in found if name in set(threads)]
    planned = [ThreadImport(name, rename(name), source.size(name)) for name in chosen]
    _refuse_namesakes(planned)
    for thread in planned:
        if thread.standing is Standing.NEW:
            _look(source, saver, thread)
    return planned


def addresses(saver: Saver, thread: ThreadImport) -> set[Address]:
    """What the target has of a thread, by the addresses in the source."""
    found = saver.addresses(thread.target_id)
    return {address._replace(thread_id=thread.thread_id) for address in found}


def _refuse_namesakes(planned: Iterable[ThreadImport]) -> None:
    first: dict[str, str] = {}
    for thread in planned:
        other = first.setdefault(thread.target_id, thread.thread_id)
        if other != thread.thread_id:
            thread.standing = Standing.REFUSED
            thread.problem = f"thread {other!r} of the source would get the same id"


def _look(source: Source, saver: Saver, thread: ThreadImport) -> None:
    stored = addresses(saver, thread)
    if not stored:
        return
    wanted = source.addresses(thread.thread_id)
    if stored - set(wanted):
        thread.standing = Standing.CONFLICT
        thread.problem = "the target has checkpoints that the source does not have"
        return
    thread.standing = Standing.THERE if len(stored) == len(wanted) else Standing.PARTLY_THERE
    for address in wanted:
        if address in stored and thread.problem is None:
            _compare(source, saver, thread, address)


def _compare(source: Source, saver: Saver, thread: ThreadImport, address: Address) -> None:
    try:
        kept = saver.get_tuple(address._replace(thread_id=thread.target_id).config())
        differs = kept and difference(read(source, address), kept, saver.serde)
    except FATAL:
        raise
    except CheckpointError as error:
        thread.standing, thread.problem = Standing.REFUSED, str(error)
        return
    if differs == BEHIND:
        thread.standing = Standing.PARTLY_THERE
    elif differs:
        thread.standing = Standing.CONFLICT
        thread.problem = f"checkpoint {address.checkpoint_id}: {differs}"
    elif kept:
        thread.there.add(address)
        thread.writes += len(kept.pending_writes or ())

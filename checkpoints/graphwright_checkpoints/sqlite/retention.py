"""What may be deleted, and what must stay for the rest to be readable."""

import json
import sqlite3
from collections.abc import Callable, Iterable

from langgraph.checkpoint.base import ChannelVersions

from graphwright_checkpoints.records import Address, Encoded
from graphwright_checkpoints.sqlite import queries

ReadVersions = Callable[[Encoded], ChannelVersions]
"""Reads, from an encoded body, the versions of the channels whose values are stored outside it."""


def delete_for_runs(
    link: sqlite3.Connection, run_ids: Iterable[str], read_versions: ReadVersions
) -> None:
    """Delete what the runs wrote; values that other checkpoints use stay."""
    gone: list[Address] = []
    for run_id in run_ids:
        gone += _addresses(link, "run_id = ?", run_id)
    _delete(link, gone)
    for thread_id, checkpoint_ns in sorted({address[:2] for address in gone}):
        _drop_unused_values(link, thread_id, checkpoint_ns, read_versions)


def keep_latest(link: sqlite3.Connection, thread_id: str, read_versions: ReadVersions) -> None:
    """Keep each namespace's newest checkpoint, and the ancestors its delta channels start from."""
    stored = _addresses(link, "thread_id = ?", thread_id)
    for checkpoint_ns in sorted({address.checkpoint_ns for address in stored}):
        latest = Address(thread_id, checkpoint_ns, "")
        kept = _lineage(link, latest, read_versions)
        _delete(link, (a for a in stored if a.checkpoint_ns == checkpoint_ns and a not in kept))
        _drop_unused_values(link, thread_id, checkpoint_ns, read_versions)


def _lineage(link: sqlite3.Connection, address: Address, read: ReadVersions) -> set[Address]:
    """A checkpoint, and its ancestors back to where each of its delta channels has a value.

    LangGraph names the delta channels with writes since their last snapshot in the metadata.
    """
    kept: set[Address] = set()
    head = queries.select_checkpoint(link, address)
    unresolved = _delta_channels(head)
    while head is not None and head.address not in kept:
        kept.add(head.address)
        versions = read(head.body)
        wanted = {name: versions[name] for name in unresolved if name in versions}
        unresolved -= {name for name, _ in queries.select_values(link, head.address, wanted)}
        if not (unresolved and head.parent_id):
            break
        parent = head.address._replace(checkpoint_id=head.parent_id)
        head = queries.select_checkpoint(link, parent)
    return kept


def _delta_channels(head: queries.Head | None) -> set[str]:
    return (
        set(json.loads(head.metadata).get("counters_since_delta_snapshot", ())) if head else set()
    )


def _addresses(link: sqlite3.Connection, condition: str, value: str) -> list[Address]:
    rows = link.execute(
        f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints WHERE {condition}",
        (value,),
    )
    return [Address(*row) for row in rows]


def _delete(link: sqlite3.Connection, addresses: Iterable[Address]) -> None:
    for address in addresses:
        for table in ("checkpoints", "writes"):
            link.execute(
                f"DELETE FROM {table}"
                " WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?",
                address,
            )


def _drop_unused_values(
    link: sqlite3.Connection, thread_id: str, checkpoint_ns: str, read: ReadVersions
) -> None:
    place = (thread_id, checkpoint_ns)
    of_place = "WHERE thread_id = ? AND checkpoint_ns = ?"
    used: set[tuple[str, str | int | float]] = set()
    for row in link.execute(f"SELECT type, checkpoint FROM checkpoints {of_place}", place):
        used.update(read(Encoded(*row)).items())
    stored = link.execute(f"SELECT channel, version FROM blobs {of_place}", place).fetchall()
    for unused in set(stored) - used:
        link.execute(
            f"DELETE FROM blobs {of_place} AND channel = ? AND version = ?", (*place, *unused)
        )

"""Rows that wait in their thread's own document until they are put where they belong."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphwright_checkpoints.mongodb.collections import Collections, Document, put


def of(thread: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The checkpoints or the writes that wait."""
    for waiting in thread.get("pending", ()):
        yield from waiting[name]


def settle_all(at: Collections, key: int) -> None:
    """Put all rows of a thread where they belong, if it is still there."""
    thread = at.threads.find_one({"_id": key}) or {}
    for entry in thread.get("pending", ()):
        settle(at, key, entry, is_mine=False)


def settle(at: Collections, key: int, entry: Document, *, is_mine: bool) -> None:
    """Put an entry's rows where they belong. What is there may be newer than others'."""
    for row in entry["checkpoints"]:
        put(at.checkpoints, row, replace=is_mine)
    for row in entry["writes"]:
        # A task that runs again repeats its writes, and the first ones count.
        put(at.writes, row, replace=is_mine and row["position"] < 0)
    taken = {"$pull": {"pending": {"id": entry["id"]}}}
    if not at.threads.update_one({"_id": key}, taken).matched_count:  # deleted meanwhile
        for name, collection in (("checkpoints", at.checkpoints), ("writes", at.writes)):
            collection.delete_many({"_id": {"$in": [row["_id"] for row in entry[name]]}})

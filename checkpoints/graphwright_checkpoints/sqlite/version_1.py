"""Reads the first release's tables, which had a blob for each channel and version."""

import json
from typing import Any

from langgraph.checkpoint.base import Checkpoint

from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.sqlite import queries
from graphwright_checkpoints.sqlite.connection import Transaction

TABLES = ("checkpoints", "blobs", "writes")


def set_aside(transaction: Transaction) -> None:
    """Give the old tables other names, and their index away."""
    transaction.execute("DROP INDEX checkpoints_run")
    for table in TABLES:
        transaction.execute(f"ALTER TABLE {table} RENAME TO version_1_{table}")


def convert(transaction: Transaction, encoder: Encoder) -> None:
    """Store everything anew, oldest first, and drop the old tables."""
    rows = transaction.execute(
        "SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,"
        " metadata FROM version_1_checkpoints ORDER BY thread_id, checkpoint_id"
    )
    for *place, parent_id, type_, body, metadata in rows:
        address = Address(*place)
        checkpoint = encoder.body(Encoded(type_, body))
        checkpoint["channel_values"] |= _values(transaction, encoder, address, checkpoint)
        parent = address._replace(checkpoint_id=parent_id or "").config()
        new = encoder.checkpoint(
            parent, checkpoint, json.loads(metadata), checkpoint["channel_versions"]
        )
        queries.insert(transaction, [new])
        # A failure closes the database and the encoder with it: no need to keep the bytes.
        transaction.place()
    _convert_writes(transaction, encoder)
    for table in TABLES:
        transaction.execute(f"DROP TABLE version_1_{table}")


def _values(
    transaction: Transaction, encoder: Encoder, address: Address, checkpoint: Checkpoint
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for channel, version in checkpoint["channel_versions"].items():
        row = transaction.execute(
            "SELECT type, blob FROM version_1_blobs WHERE thread_id = ? AND checkpoint_ns = ?"
            " AND channel = ? AND version = ?",
            (*address[:2], channel, version),
        ).fetchone()
        if row is not None and channel not in checkpoint["channel_values"]:
            found[channel] = encoder.codec.decode(channel, Encoded(*row))
    return found


def _convert_writes(transaction: Transaction, encoder: Encoder) -> None:
    rows = transaction.execute(
        "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type,"
        " blob FROM version_1_writes"
    )
    for *place, task_id, position, task_path, channel, type_, blob in rows:
        address = Address(*place)
        value = encoder.codec.decode(channel, Encoded(type_, blob))
        new = encoder.writes(address.config(), [(channel, value)], task_id, task_path)
        kept = [write._replace(position=position) for write in new.writes]
        queries.insert(transaction, [new._replace(writes=kept)])

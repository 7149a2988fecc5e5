"""A thread's rows, and their keys."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.errors import ValueNotStored
from graphwright_checkpoints.records import (
    Address,
    Head,
    NewCheckpoint,
    NewWrite,
    Reference,
    Selection,
    StoredWrite,
    decode_references,
    encode_references,
)
from graphwright_checkpoints.serialization import Encoded

MAX_ID = 512  # bytes of a checkpoint's id, which has to fit into every server's keys


class CheckpointRow(NamedTuple):
    """A checkpoint without its thread."""

    checkpoint_ns: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    type: str
    body: bytes
    metadata: str
    refs: bytes | None

    @property
    def place(self) -> str:
        """The row's key within its thread."""
        return place(self.checkpoint_ns, self.checkpoint_id)


class WriteRow(NamedTuple):
    """A pending write without its thread."""

    checkpoint_ns: str
    checkpoint_id: str
    task_id: str
    position: int
    task_path: str
    channel: str
    type: str
    value: bytes
    refs: bytes | None

    @property
    def place(self) -> str:
        """The key of the checkpoint that the write belongs to."""
        return place(self.checkpoint_ns, self.checkpoint_id)

    @property
    def name(self) -> str:
        """The write's key among those of its checkpoint."""
        return f"{digest(self.task_id)}{self.position}"

    @property
    def order(self) -> tuple[str, str, int]:
        """LangGraph applies a checkpoint's writes in this order."""
        return self.task_path, self.task_id, self.position


def digest(text: str) -> str:
    """A short name for a text of any length."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def thread_digest(thread_id: str) -> str:
    """A thread's name in indexes. Nobody can find two ids that share it."""
    return hashlib.sha256(thread_id.encode()).hexdigest()


def place(checkpoint_ns: str, checkpoint_id: str = "") -> str:
    """The key of a checkpoint in its thread. Those of a namespace sort by checkpoint id."""
    return digest(checkpoint_ns) + checkpoint_id


def after(start: str) -> str:
    """The first text that sorts after all those that begin with `start`, however texts sort."""
    return start[:-1] + chr(ord(start[-1]) + 1)


def of_checkpoint(new: NewCheckpoint, references: Sequence[Reference]) -> CheckpointRow:
    """The row of a checkpoint that refers to its elements like this."""
    return CheckpointRow(
        new.address.checkpoint_ns,
        new.address.checkpoint_id,
        new.parent_id,
        None if new.run_id is None else str(new.run_id),
        new.body.type,
        new.body.data,
        new.metadata,
        encode_references(references),
    )


def of_write(address: Address, new: NewWrite, references: Sequence[Reference]) -> WriteRow:
    """The row of a pending write that refers to its elements like this."""
    return WriteRow(
        address.checkpoint_ns,
        address.checkpoint_id,
        new.task_id,
        new.position,
        new.task_path,
        new.channel,
        new.content.type,
        new.content.data,
        encode_references(references),
    )


def head(shelf: Shelf, row: CheckpointRow) -> Head:
    """A checkpoint as a reader wants it."""
    return Head(
        shelf,
        Address(shelf.thread_id, row.checkpoint_ns, row.checkpoint_id),
        row.parent_id,
        Encoded(row.type, row.body),
        row.metadata,
        decode_references(row.refs),
    )


def write(row: WriteRow) -> StoredWrite:
    """A pending write as a reader wants it."""
    content = Encoded(row.type, row.value)
    return StoredWrite(row.task_id, row.channel, content, decode_references(row.refs))


def check(rows: Iterable[CheckpointRow | WriteRow]) -> None:
    """Raise what `ValueNotStored` is made of where a key cannot be one."""
    for row in rows:
        for text in row:
            if isinstance(text, str):
                text.encode()
        if (size := len(row.checkpoint_id.encode())) > MAX_ID:
            raise ValueNotStored(
                "address", f"a checkpoint id of {size} bytes; the limit is {MAX_ID}"
            )


def may_match(checkpoint_ns: str, checkpoint_id: str, wanted: Selection) -> bool:
    """Whether a checkpoint of the thread that was asked for is selected, metadata left out."""
    return (
        wanted.checkpoint_ns in (None, checkpoint_ns)
        and wanted.checkpoint_id in (None, checkpoint_id)
        and (wanted.before is None or checkpoint_id < wanted.before)
    )

"""What can go wrong with stored checkpoints, as one tree.

    CheckpointError
    ├── InvalidURL              the address of the database is not one that we understand
    ├── DatabaseUnavailable     the database cannot be opened, read or written
    │   ├── DatabaseTooNew      a newer release wrote it
    │   └── BlobsUnavailable    the store of large values cannot be reached, or refused a call
    ├── ValueNotStored          a value was refused on its way in; its call wrote nothing
    ├── ValueNotRead            a stored value cannot be decoded
    │   ├── BlobMissing         a large value is not where its row says
    │   └── ClassMissing        a value to be imported is of a class that is not here
    ├── CheckpointNotFound      a config names a checkpoint that is not there
    ├── KeysNotUsable           the serializers given have no keys that could be changed
    ├── SourceError             what is to be imported cannot be read
    ├── ImportRefused           an import would have overwritten what is there
    └── LeaseLost               somebody with a newer fencing token writes to the thread now

Each message says what was found, where, and what to do about it.
"""

from collections.abc import Sequence


class CheckpointError(Exception):
    """Anything that this package raises on purpose."""


class InvalidURL(CheckpointError):
    """The database's URL has a scheme, an option or a form that is not supported."""


class DatabaseUnavailable(CheckpointError):
    """The database cannot be used now: the driver's error is the cause."""


class DatabaseTooNew(DatabaseUnavailable):
    """The database has a schema that only a newer release knows."""


class BlobsUnavailable(DatabaseUnavailable):
    """The store of large values cannot be used now. A write that needed it wrote nothing."""


class ValueNotStored(CheckpointError):
    """A value cannot be written; the whole call was refused.

    `channel` is the channel's name, or the part of the checkpoint that is not a channel
    ("metadata", "address").
    """

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(f"{channel!r} cannot be stored in a checkpoint: {reason}")
        self.channel = channel


class ValueNotRead(CheckpointError):
    """A stored value cannot be decoded: another serializer or key wrote it, or it is damaged."""

    def __init__(self, channel: str, reason: str) -> None:
        super().__init__(
            f"{channel!r} was stored but cannot be decoded: {reason}."
            " Open the checkpoints with the serializer (and the key) that wrote them."
        )
        self.channel = channel


class KeysNotUsable(CheckpointError):
    """A change of keys was asked for, of a serializer that does not encrypt."""


class CheckpointNotFound(CheckpointError):
    """A config names a checkpoint that the database does not have."""

    def __init__(self, address: Sequence[str]) -> None:
        thread_id, checkpoint_ns, checkpoint_id = address
        which = f"checkpoint {checkpoint_id!r}" if checkpoint_id else "checkpoint"
        super().__init__(
            f"thread {thread_id[:80]!r} has no {which} in namespace {checkpoint_ns!r}."
            " Take the config from `list` or from a state's `config`."
        )


class BlobMissing(ValueNotRead):
    """A stored value's bytes are outside the database, and cannot be found there.

    `key` is the blob's, in its store.
    """

    def __init__(self, channel: str, key: str, where: str) -> None:
        CheckpointError.__init__(
            self, f"{channel!r} was stored but cannot be read: its blob {key} {where}."
        )
        self.channel = channel
        self.key = key


class ClassMissing(ValueNotRead):
    """A value of what is to be imported cannot be made again; LangGraph would read plain data."""

    def __init__(self, channel: str, module: str, name: str) -> None:
        CheckpointError.__init__(
            self,
            f"{channel!r} has a value of the class {module}.{name}, which cannot be made here: only"
            f" the plain data in it would be imported. Import where {module} can be imported by"
            " Python (PYTHONPATH), or accept plain data (--plain-data; plain_data=True in Python).",
        )
        self.channel = channel


class LeaseLost(CheckpointError):
    """A write was refused: its fencing token is older than one that the thread has seen.

    A token is a whole number, in `config["configurable"]["__fence"]` or of `Saver.fenced`, which
    grows each time a thread is given to another worker. Whoever catches this has to stop: another
    worker is running. `newest` is the token that the thread has seen.
    """

    def __init__(self, thread_id: str, token: int, newest: int) -> None:
        super().__init__(
            f"thread {thread_id[:80]!r} belongs to a newer attempt: the write's fencing token is"
            f" {token} and the thread has seen {newest}. Stop this attempt."
        )
        self.thread_id = thread_id
        self.newest = newest


class SourceError(CheckpointError):
    """What is to be imported cannot be opened or read, or is not what another checkpointer
    wrote.
    """


class ImportRefused(CheckpointError):
    """Threads of the source are in the target already, with other content. Nothing was written."""

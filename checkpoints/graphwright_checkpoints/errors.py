"""What can go wrong with stored checkpoints, as one tree.

    CheckpointError
    ├── InvalidURL              the address of the database is not one that we understand
    ├── DatabaseUnavailable     the database cannot be opened, read or written
    │   └── DatabaseTooNew      a newer release wrote it
    ├── ValueNotStored          a value was refused on its way in; its call wrote nothing
    ├── ValueNotRead            a stored value cannot be decoded
    └── LeaseLost               somebody with a newer fencing token writes to the thread now

Each message says what was found, where, and what to do about it.
"""


class CheckpointError(Exception):
    """Anything that this package raises on purpose."""


class InvalidURL(CheckpointError):
    """The database's URL has a scheme, an option or a form that is not supported."""


class DatabaseUnavailable(CheckpointError):
    """The database cannot be used now: the driver's error is the cause."""


class DatabaseTooNew(DatabaseUnavailable):
    """The database has a schema that only a newer release knows."""


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


class LeaseLost(CheckpointError):
    """A write was refused: its fencing token is older than one that the thread has seen.

    A token is a whole number in `config["configurable"]["__fence"]`, which grows each time a thread
    is given to another worker. Whoever catches this has to stop: another worker is running.
    """

    def __init__(self, thread_id: str, token: int, newest: int) -> None:
        super().__init__(
            f"thread {thread_id[:80]!r} belongs to a newer attempt: the write's fencing token is"
            f" {token} and the thread has seen {newest}. Stop this attempt."
        )
        self.thread_id = thread_id

"""What a graph gives a saver to store: checkpoints and writes, and when they have to be stored."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

from graphwright_checkpoints.allowance import TakesLong
from graphwright_checkpoints.database import Placed
from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.records import New

ENCODED_INLINE = 256 * 1024  # bytes; encoding more than this holds the loop for milliseconds

RUNTIME = "__pregel_runtime"
DURABILITY = "__pregel_durability"
"""LangGraph's keys in the config of a run: all have the first; the second those that were given a
`durability`, which is "async" for the others.
"""


class Entry(ABC):
    """A checkpoint or a task's writes, encoded as `new`."""

    new: New

    def __init__(self, encoder: Encoder, config: RunnableConfig) -> None:
        self._encoder = encoder
        self._config = config
        self._done: asyncio.Future[None] | None = None

    @property
    def durability(self) -> str | None:
        """The `durability` of the run that it comes from; None where it comes from none."""
        part = self._config.get("configurable", {})
        return part.get(DURABILITY, "async") if RUNTIME in part else None

    @property
    def is_input(self) -> bool:
        """Whether LangGraph puts the next checkpoint at once, whatever the durability."""
        return False

    @property
    def may_wait(self) -> bool:
        """Whether more of its run will come, which does not need this to be stored before."""
        return self.new.passing and self.durability == "async"

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it to settle."""
        return self._done is not None and not self._done.done()

    @abstractmethod
    def encode(self, *, trusting: bool = True, limit: int | None = None) -> None:
        """Make records of it; without trust, of what is remembered as stored too."""

    def encode_inline(self, *, trusting: bool = True) -> bool:
        """`encode`, unless that would hold the loop: then False, and it is a thread's."""
        try:
            self.encode(trusting=trusting, limit=ENCODED_INLINE)
        except TakesLong:
            return False
        return True

    def placed(self, placed: Placed) -> None:
        """Take note of where it is stored, and let who waits for it go on."""
        if self._done is not None:
            self.settle()

    def settled(self) -> asyncio.Future[None]:
        """What is done when `settle` is called from now on, with the error that it is given."""
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def settle(self, error: BaseException | None = None) -> None:
        """Let who waits for it go on, or fail. Any thread may call this."""
        done = self._done
        if done is None or done.done():
            return
        loop = done.get_loop()
        if loop is _running_loop():
            _resolve(done, error)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, done, error)


class Put(Entry):
    """A checkpoint."""

    def __init__(
        self,
        encoder: Encoder,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        super().__init__(encoder, config)
        self._checkpoint = checkpoint
        self._metadata = metadata
        self._new_versions = new_versions

    @property
    def is_input(self) -> bool:
        """Whether LangGraph puts the next checkpoint at once, whatever the durability."""
        return self._metadata.get("source") == "input" and self.durability in ("async", "sync")

    def encode(self, *, trusting: bool = True, limit: int | None = None) -> None:
        """Make records of it; without trust, of what is remembered as stored too."""
        self.new = self._encoder.checkpoint(
            self._config,
            self._checkpoint,
            self._metadata,
            self._new_versions,
            trusting=trusting,
            limit=limit,
        )

    def placed(self, placed: Placed) -> None:
        """Remember it, so that the next one need not store again what it has."""
        shelf, references = placed
        if references:
            self._encoder.heads.remember(self._checkpoint, self.new.address, shelf, references)
        if self._done is not None:
            self.settle()


class Writes(Entry):
    """What a task wrote."""

    def __init__(
        self,
        encoder: Encoder,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> None:
        super().__init__(encoder, config)
        self._writes = writes
        self._task = task_id, task_path

    def encode(self, *, trusting: bool = True, limit: int | None = None) -> None:
        """Make records of them; without trust, of what is remembered as stored too."""
        self.new = self._encoder.writes(
            self._config, self._writes, *self._task, trusting=trusting, limit=limit
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _resolve(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if isinstance(error, asyncio.CancelledError):
        done.cancel()
    elif error is not None:
        done.set_exception(error)
    else:
        done.set_result(None)

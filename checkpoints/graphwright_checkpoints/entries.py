"""What a graph gives a saver to store: checkpoints and writes, and when they have to be stored."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
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


class Entry:
    """A checkpoint or a task's writes, encoded as `new`."""

    new: New

    def __init__(self, config: RunnableConfig, encode: Callable[..., New]) -> None:
        part = config.get("configurable", {})
        self._durability = part.get(DURABILITY, "async") if RUNTIME in part else None
        self._encode = encode
        self._done: asyncio.Future[None] | None = None

    @property
    def may_wait(self) -> bool:
        """Whether more of its run will come, which does not need this to be stored before."""
        return self._durability == "async" and self.new.passing

    def encode(self, *, trusting: bool = True) -> None:
        """Make records of it; without trust, of what is remembered as stored too."""
        self.new = self._encode(trusting=trusting)

    async def aencode(self, *, trusting: bool = True) -> None:
        """`encode`, in a thread where there is much."""
        try:
            self.new = self._encode(trusting=trusting, limit=ENCODED_INLINE)
        except TakesLong:
            self.new = await asyncio.to_thread(self._encode, trusting=trusting)

    def placed(self, placed: Placed) -> None:
        """Take note of where it is stored."""

    def settled(self) -> asyncio.Future[None]:
        """What is done when `settle` is called from now on, with the error that it is given."""
        self._done = asyncio.get_running_loop().create_future()
        return self._done

    def settle(self, error: BaseException | None = None) -> bool:
        """Let who waits for it go on, or fail. False if nobody waits. Any thread may call this."""
        done = self._done
        if done is None or done.done():
            return False
        loop = done.get_loop()
        if loop is _running_loop():
            _resolve(done, error)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, done, error)
        return True


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
        encode = partial(encoder.checkpoint, config, checkpoint, metadata, new_versions)
        super().__init__(config, encode)
        self._encoder = encoder
        self._checkpoint = checkpoint
        self._source = metadata.get("source")

    @property
    def is_input(self) -> bool:
        """Whether LangGraph puts the next checkpoint at once, whatever the durability."""
        return self._source == "input" and self._durability in ("async", "sync")

    def placed(self, placed: Placed) -> None:
        """Remember it, so that the next one need not store again what it has."""
        self._encoder.stored(self._checkpoint, self.new.address, *placed)


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
        super().__init__(config, partial(encoder.writes, config, writes, task_id, task_path))


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

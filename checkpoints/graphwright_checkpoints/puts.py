"""Checkpoints on their way into the database.

When a run begins, LangGraph puts two, one right after the other: the input, and the state with the
input applied. Nothing of the graph runs between them, so the first waits for the second: together
they are one commit. Where no second one comes, it is stored in the loop's next turn.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

from graphwright_checkpoints.allowance import TakesLong
from graphwright_checkpoints.database import Database, Stale
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.records import NewCheckpoint, Reference

ENCODED_INLINE = 256 * 1024  # bytes; encoding more than this holds the loop for milliseconds

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Put:
    """One checkpoint that is to be stored, encoded as `new`."""

    new: NewCheckpoint

    def __init__(
        self,
        encoder: Encoder,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> None:
        self.is_input = metadata.get("source") == "input"
        self._encoder = encoder
        self._checkpoint = checkpoint
        self._encode = partial(encoder.checkpoint, config, checkpoint, metadata, new_versions)

    def encode(self, *, trusting: bool = True) -> None:
        """Make records of it; without trust, of what is remembered as stored too."""
        self.new = self._encode(trusting=trusting)

    async def aencode(self, *, trusting: bool = True) -> None:
        """`encode`, in a thread where there is much."""
        self.new = await soon(partial(self._encode, trusting=trusting))

    def stored(self, shelf: Shelf, references: Sequence[Reference]) -> None:
        """Remember how it was stored."""
        self._encoder.stored(self._checkpoint, self.new.address, shelf, references)


class Puts:
    """Stores checkpoints, those of inputs together with what follows them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[str, Put] = {}
        """By thread, the inputs that wait for this turn of the loop to end."""
        self._landing: dict[str, asyncio.Task[None]] = {}
        """By thread, the inputs that nothing followed. Failures stay until somebody meets them."""

    def store(self, put: Put) -> None:
        """Store a checkpoint; it is committed when this returns."""
        self.settle(put.new.address.thread_id)
        try:
            stored = self._database.insert_checkpoint(put.new)
        except Stale:
            put.encode(trusting=False)
            stored = self._database.insert_checkpoint(put.new)
        put.stored(*stored)

    async def astore(self, put: Put) -> None:
        """`store`, on the event loop. An input's is committed with the one that follows it, and
        waits for no longer than this turn of the loop.
        """
        thread_id = put.new.address.thread_id
        if put.is_input:
            await self.land(thread_id)
            self._held[thread_id] = put
            asyncio.get_running_loop().call_soon(self._release, thread_id, put)
            return
        await self._landed(thread_id)
        held = self._held.pop(thread_id, None)
        await self._insert([held, put] if held else [put])

    def settle(self, thread_id: str | None) -> None:
        """Store the input of a thread that waits, or of all threads."""
        for each in [thread_id] if thread_id is not None else list(self._held):
            if held := self._held.pop(each, None):
                self.store(held)

    async def land(self, thread_id: str | None = None) -> None:
        """`settle`, on the event loop. Raises what kept an input from being stored."""
        known = {*self._held, *self._landing}
        for each in known if thread_id is None else known & {thread_id}:
            await self._landed(each)
            if held := self._held.pop(each, None):
                await self._insert([held])

    async def _landed(self, thread_id: str) -> None:
        if (landing := self._landing.get(thread_id)) is not None:
            try:
                await asyncio.shield(landing)
            finally:
                if landing.done():
                    self._landing.pop(thread_id, None)

    def _release(self, thread_id: str, put: Put) -> None:
        if self._held.get(thread_id) is put:
            del self._held[thread_id]
            landing = asyncio.ensure_future(self._insert([put]))
            self._landing[thread_id] = landing
            landing.add_done_callback(partial(self._arrived, thread_id))

    def _arrived(self, thread_id: str, landing: asyncio.Task[None]) -> None:
        if landing.cancelled() or (error := landing.exception()) is None:
            if self._landing.get(thread_id) is landing:
                del self._landing[thread_id]
        else:
            logger.warning("The input of a run on thread %r is not stored: %s", thread_id, error)

    async def _insert(self, puts: Sequence[Put]) -> None:
        try:
            stored = await self._database.ainsert_checkpoints([put.new for put in puts])
        except Stale:
            for put in puts:
                await put.aencode(trusting=False)
            stored = await self._database.ainsert_checkpoints([put.new for put in puts])
        for put, (shelf, references) in zip(puts, stored, strict=True):
            put.stored(shelf, references)


async def soon(encode: Callable[..., Any]) -> Any:
    """Encode on the event loop, or in a thread where there is much."""
    try:
        return encode(limit=ENCODED_INLINE)
    except TakesLong:
        return await asyncio.to_thread(encode)

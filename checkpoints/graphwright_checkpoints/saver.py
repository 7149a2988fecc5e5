"""The checkpointer, over any database."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, Self, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints import retention
from graphwright_checkpoints.database import Database
from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.entries import Put, Writes
from graphwright_checkpoints.records import FENCE, Address, Selection
from graphwright_checkpoints.upkeep import Upkeep

DECODED_INLINE = 256 * 1024  # bytes; decoding more than this holds the loop for milliseconds

Result = TypeVar("Result")


class Saver(Upkeep):
    """Keeps checkpoints in a database, for sync and async graphs alike.

    What a call wrote is committed when it returns. Open it with `open_checkpointer`.
    """

    def __init__(self, database: Database, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(database, serde=serde)
        self._token: int | None = None

    def open(self) -> None:
        """Connect, for calls from threads."""
        self._encoder = Encoder(self._database.open(self.serde))

    async def aopen(self) -> None:
        """Connect, for calls from coroutines and from threads."""
        self._encoder = Encoder(await self._database.aopen(self.serde))

    def close(self) -> None:
        """Disconnect; the saver cannot be used afterwards."""
        self._database.close()

    async def aclose(self) -> None:
        """`close`, for one that `aopen` opened."""
        await self._puts.land()
        await self._database.aclose()

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        """The same checkpoints, with more types that may be read back."""
        clone = cast(Self, super().with_allowlist(extra_allowlist))
        clone._encoder = self._encoder.with_serde(clone.serde)
        return clone

    def fenced(self, token: int) -> Self:
        """The same checkpoints for one worker: its writes carry its fencing token, and raise
        `LeaseLost` where the thread has seen a newer one.
        """
        clone = copy(self)
        clone._token = token
        return clone

    def _marked(self, config: RunnableConfig) -> RunnableConfig:
        """A config with this worker's token, unless it has one of its own."""
        if self._token is None:
            return config
        return {**config, "configurable": {FENCE: self._token, **config.get("configurable", {})}}

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A version above `current`; the random part keeps those of two forks apart."""
        number = int(str(current).split(".")[0]) + 1 if current is not None else 1
        # Shorter than LangGraph's own, as every checkpoint has dozens; and above those of them that
        # a thread may have already, which begin with more zeros.
        return f"{number:010}.{random.getrandbits(32):08x}"

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the thread's latest; None if there is none."""
        self._puts.settle(Address.of(config).thread_id)
        stored = self._database.find(Address.of(config), self._encoder.templates)
        return stored and self._encoder.read(stored)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple` on the event loop; large states are decoded in a thread."""
        address = Address.of(config)
        await self._puts.land(address.thread_id)
        stored = await self._database.afind(address, self._encoder.templates)
        if stored is not None and stored.size > DECODED_INLINE:
            return await asyncio.to_thread(self._encoder.read, stored)
        return stored and self._encoder.read(stored)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, newest first; `filter` compares entries of their metadata."""
        wanted = Selection.of(config, filter, before, limit)
        self._puts.settle(wanted.thread_id)
        for address in wanted.matching(self._database.select(wanted)):
            if (found := self.get_tuple(address.config())) is not None:
                yield found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """`list` on the event loop, which gets its turn after every checkpoint."""
        wanted = Selection.of(config, filter, before, limit)
        await self._puts.land(wanted.thread_id)
        for address in wanted.matching(await self._database.aselect(wanted)):
            if (found := await self.aget_tuple(address.config())) is not None:
                yield found
            await asyncio.sleep(0)

    def addresses(self, thread_id: str | None = None) -> Sequence[Address]:
        """Where the checkpoints of a thread are (or of all), of all namespaces, newest first."""
        found = self._database.select(Selection(thread_id=thread_id))
        return [address for address, _ in found]

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint whose parent is the one `config` names."""
        put = Put(self._encoder, self._marked(config), checkpoint, metadata, new_versions)
        self._puts.store(put)
        return put.new.address.config()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put`, committed with all else of this tick; a thread encodes and writes large values.

        Where a run goes on from it, it may be committed with the next one, see `puts`.
        """
        put = Put(self._encoder, self._marked(config), checkpoint, metadata, new_versions)
        await self._puts.astore(put)
        return put.new.address.config()

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, before the step that it belongs to is complete."""
        entry = Writes(self._encoder, self._marked(config), writes, task_id, task_path)
        self._puts.store(entry)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """`put_writes`, committed with all else of this tick, or with the run's next checkpoint."""
        entry = Writes(self._encoder, self._marked(config), writes, task_id, task_path)
        await self._puts.astore(entry)

    def raise_fence(self, thread_id: str, token: int) -> None:
        """Refuse writes with an older token from now on, or raise `LeaseLost` if this one is.

        A worker that takes a thread over calls this before it reads the thread's state, so that the
        last one cannot write behind its back.
        """
        self._puts.settle(thread_id)
        self._database.raise_fence(thread_id, token)

    async def araise_fence(self, thread_id: str, token: int) -> None:
        """`raise_fence`, on the event loop."""
        await self._puts.land(thread_id)
        await self._database.araise_fence(thread_id, token)

    def delete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread; an unknown thread is no error."""
        self._puts.settle(thread_id)
        self._database.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread` in a thread of its own."""
        await self._in_thread(partial(self.delete_thread, thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what these runs wrote, found by `run_id` in the checkpoints' metadata."""
        self._puts.settle(None)
        retention.delete_for_runs(self._database, run_ids)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`delete_for_runs` in a thread of its own."""
        await self._in_thread(partial(self.delete_for_runs, run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give the target the source's whole history, under the same checkpoint ids."""
        self._puts.settle(source_thread_id)
        self._database.copy_thread(source_thread_id, target_thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread` in a thread of its own."""
        await self._in_thread(partial(self.copy_thread, source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints ("keep_latest") or all of them ("delete") of some threads.

        Ancestors that a `DeltaChannel` of a kept checkpoint is rebuilt from stay.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy is "keep_latest" or "delete", not {strategy!r}')
        for thread_id in thread_ids:
            self._puts.settle(thread_id)
            if strategy == "delete":
                self._database.delete_thread(thread_id)
            else:
                retention.keep_latest(self._database, thread_id, self._encoder.body)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`prune` in a thread of its own."""
        await self._in_thread(partial(self.prune, thread_ids, strategy=strategy))

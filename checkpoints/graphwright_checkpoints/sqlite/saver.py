"""The checkpointer on SQLite."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, Self, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints import records
from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.records import (
    Address,
    NewCheckpoint,
    NewWrite,
    Reference,
    StoredCheckpoint,
)
from graphwright_checkpoints.sqlite import copying, queries, retention, schema, shelves
from graphwright_checkpoints.sqlite.batches import INLINE, Batches
from graphwright_checkpoints.sqlite.connection import Transaction, Work
from graphwright_checkpoints.sqlite.database import Database

Result = TypeVar("Result")


class SqliteSaver(BaseCheckpointSaver[str]):
    """Keeps checkpoints in one SQLite file, for sync and async graphs alike.

    What a call wrote is committed when it returns. Threads, event loops and processes may share the
    file. Open it with `open_checkpointer`.
    """

    def __init__(self, database: Database, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._database = database
        self._batches = Batches(database)
        self._encoder = Encoder(database.open(partial(schema.migrate, serde=self.serde)))

    def close(self) -> None:
        """Close the file; the saver cannot be used afterwards."""
        self._database.close()

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        """The same checkpoints, with more types that may be read back."""
        clone = cast(Self, super().with_allowlist(extra_allowlist))
        clone._encoder = self._encoder.with_serde(clone.serde)
        return clone

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A version above `current`; the random part keeps those of two forks apart."""
        number = int(str(current).split(".")[0]) + 1 if current is not None else 1
        # Shorter than LangGraph's own, as every checkpoint has dozens; and above those of them that
        # a thread may have already, which begin with more zeros.
        return f"{number:010}.{random.getrandbits(32):08x}"

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the thread's latest; None if there is none."""
        stored = self._database.read(self._selecting(config))
        return stored and self._encoder.read(stored)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple` on the event loop; large states are decoded in a thread."""
        self._batches.flush(asyncio.get_running_loop())
        stored = await self._database.read_soon(self._selecting(config))
        if stored is not None and stored.size > INLINE:
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
        find = partial(_find, config=config, filter=filter or {}, before=before, limit=limit)
        for address in self._database.read(find):
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
        find = partial(_find, config=config, filter=filter or {}, before=before, limit=limit)
        self._batches.flush(asyncio.get_running_loop())
        for address in await self._database.read_soon(find):
            if (found := await self.aget_tuple(address.config())) is not None:
                yield found
            await asyncio.sleep(0)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint whose parent is the one `config` names."""
        encode = partial(self._encoder.checkpoint, config, checkpoint, metadata, new_versions)
        new = encode()
        try:
            stored = self._database.write(partial(queries.insert_checkpoint, new=new))
        except shelves.Stale:
            new = encode(trusting=False)
            stored = self._database.write(partial(queries.insert_checkpoint, new=new))
        self._encoder.stored(checkpoint, new.address, *stored)
        return new.address.config()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put`, committed with all else of this tick; large values are written in a thread."""
        encode = partial(self._encoder.checkpoint, config, checkpoint, metadata, new_versions)
        new = encode()
        try:
            stored = await self._aput(new)
        except shelves.Stale:
            new = encode(trusting=False)
            stored = await self._aput(new)
        self._encoder.stored(checkpoint, new.address, *stored)
        return new.address.config()

    async def _aput(self, new: NewCheckpoint) -> tuple[Shelf, Sequence[Reference]]:
        return await self._batches.write(partial(queries.insert_checkpoint, new=new), new.size)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, before the step that it belongs to is complete."""
        encode = partial(self._encoder.writes, config, writes, task_id, task_path)
        try:
            self._database.write(_inserting(config, encode()))
        except shelves.Stale:
            self._database.write(_inserting(config, encode(trusting=False)))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """`put_writes`, committed with all else of this tick."""
        encode = partial(self._encoder.writes, config, writes, task_id, task_path)
        try:
            await self._aput_writes(config, encode())
        except shelves.Stale:
            await self._aput_writes(config, encode(trusting=False))

    async def _aput_writes(self, config: RunnableConfig, new: Sequence[NewWrite]) -> None:
        await self._batches.write(_inserting(config, new), sum(write.size for write in new))

    def raise_fence(self, thread_id: str, token: int) -> None:
        """Refuse writes with an older token from now on, or raise `LeaseLost` if this one is.

        A worker that takes a thread over calls this before it reads the thread's state, so that the
        last one cannot write behind its back.
        """
        self._database.write(lambda transaction: shelves.open_for(transaction, thread_id, token))

    async def araise_fence(self, thread_id: str, token: int) -> None:
        """`raise_fence`, on the event loop."""
        await self._batches.write(
            lambda transaction: shelves.open_for(transaction, thread_id, token), 0
        )

    def delete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread; an unknown thread is no error."""
        retention.delete_thread(self._database, thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread` in a thread of its own."""
        await self._in_thread(self.delete_thread, thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what these runs wrote, found by `run_id` in the checkpoints' metadata."""
        retention.delete_for_runs(self._database, run_ids)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`delete_for_runs` in a thread of its own."""
        await self._in_thread(self.delete_for_runs, run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give the target the source's whole history, under the same checkpoint ids."""
        self._database.write(
            partial(copying.copy_thread, source=source_thread_id, target=target_thread_id)
        )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread` in a thread of its own."""
        await self._in_thread(self.copy_thread, source_thread_id, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints ("keep_latest") or all of them ("delete") of some threads.

        Ancestors that a `DeltaChannel` of a kept checkpoint is rebuilt from stay.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy is "keep_latest" or "delete", not {strategy!r}')
        for thread_id in thread_ids:
            if strategy == "delete":
                retention.delete_thread(self._database, thread_id)
            else:
                retention.keep_latest(self._database, thread_id, self._encoder.body)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`prune` in a thread of its own."""
        await self._in_thread(partial(self.prune, thread_ids, strategy=strategy))

    def _selecting(self, config: RunnableConfig) -> Work[StoredCheckpoint | None]:
        address, known = Address.of(config), self._encoder.templates
        return partial(queries.select_checkpoint, address=address, known=known)

    async def _in_thread(self, do: Callable[..., Result], *args: Any) -> Result:
        self._batches.flush(asyncio.get_running_loop())
        return await asyncio.to_thread(do, *args)


def _inserting(config: RunnableConfig, writes: Sequence[NewWrite]) -> Work[None]:
    return partial(
        queries.insert_writes,
        address=Address.of(config),
        fence=records.fence(config),
        writes=writes,
    )


def _find(
    transaction: Transaction,
    config: RunnableConfig | None,
    filter: dict[str, Any],
    before: RunnableConfig | None,
    limit: int | None,
) -> Sequence[Address]:
    part = config.get("configurable", {}) if config else {}
    wanted = queries.Selection(
        thread_id=str(part["thread_id"]) if "thread_id" in part else None,
        checkpoint_ns=part.get("checkpoint_ns"),
        checkpoint_id=part.get("checkpoint_id"),
        before=get_checkpoint_id(before) if before else None,
        metadata=filter,
        limit=limit,
    )
    found = queries.select_addresses(transaction, wanted)
    matching = [address for address, facts in found if records.matches(facts, filter)]
    return matching if limit is None else matching[: max(limit, 0)]

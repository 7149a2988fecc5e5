"""The checkpointer on SQLite."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any, cast

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
from graphwright_checkpoints.records import Address, Encoded, NewCheckpoint, StoredCheckpoint
from graphwright_checkpoints.sqlite import queries, retention
from graphwright_checkpoints.sqlite.connection import Begin, Work
from graphwright_checkpoints.sqlite.database import INLINE, Database


class SqliteSaver(BaseCheckpointSaver[str]):
    """Keeps checkpoints in one SQLite file, for sync and async graphs alike.

    Every call is one transaction, committed when it returns. Threads, event loops and processes may
    share the file. Open it with `open_checkpointer`.
    """

    def __init__(self, database: Database, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._database = database

    def close(self) -> None:
        """Close the file; the saver cannot be used afterwards."""
        self._database.close()

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A version above `current`; the random part keeps those of two forks apart."""
        number = int(str(current).split(".")[0]) + 1 if current is not None else 1
        return f"{number:032}.{random.random():016}"

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the thread's latest; None if there is none."""
        stored = self._database.read(partial(self._fetch, address=Address.of(config)))
        return stored and records.decode_checkpoint(self.serde, stored)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """`get_tuple` on the event loop; large states are decoded in a thread."""
        stored = await self._database.read_soon(partial(self._fetch, address=Address.of(config)))
        if stored is not None and stored.size > INLINE:
            return await asyncio.to_thread(records.decode_checkpoint, self.serde, stored)
        return stored and records.decode_checkpoint(self.serde, stored)

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
        new = self._encode(config, checkpoint, metadata, new_versions)
        self._database.write(partial(queries.insert_checkpoint, new=new))
        return new.address.config()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """`put` on the event loop; large values are written in a thread."""
        new = self._encode(config, checkpoint, metadata, new_versions)
        work = partial(queries.insert_checkpoint, new=new)
        await self._database.write_soon(work, size=new.size)
        return new.address.config()

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, before the step that it belongs to is complete."""
        encoded = records.encode_writes(self.serde, writes, task_id, task_path)
        work = partial(queries.insert_writes, address=Address.of(config), writes=encoded)
        self._database.write(work)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """`put_writes` on the event loop; large values are written in a thread."""
        encoded = records.encode_writes(self.serde, writes, task_id, task_path)
        work = partial(queries.insert_writes, address=Address.of(config), writes=encoded)
        begin = Begin.NOT if len(encoded) <= queries.ROWS else Begin.WRITE
        size = sum(len(write.content.data) for write in encoded)
        await self._database.write_soon(work, begin, size=size)

    def delete_thread(self, thread_id: str) -> None:
        """Delete everything of a thread; an unknown thread is no error."""
        self._database.write(partial(queries.delete_thread, thread_id=thread_id))

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread` in a thread of its own."""
        await self._database.write_in_thread(partial(queries.delete_thread, thread_id=thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what these runs wrote, found by `run_id` in the checkpoints' metadata."""
        self._database.write(self._deleting_runs(run_ids))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """`delete_for_runs` in a thread of its own."""
        await self._database.write_in_thread(self._deleting_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give the target the source's whole history, under the same checkpoint ids."""
        self._database.write(
            partial(queries.copy_thread, source=source_thread_id, target=target_thread_id)
        )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread` in a thread of its own."""
        await self._database.write_in_thread(
            partial(queries.copy_thread, source=source_thread_id, target=target_thread_id)
        )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete old checkpoints ("keep_latest") or all of them ("delete") of some threads.

        Ancestors that a `DeltaChannel` of a kept checkpoint is rebuilt from stay.
        """
        self._database.write(self._pruning(thread_ids, strategy))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`prune` in a thread of its own."""
        await self._database.write_in_thread(self._pruning(thread_ids, strategy))

    def _fetch(self, link: sqlite3.Connection, address: Address) -> StoredCheckpoint | None:
        head = queries.select_checkpoint(link, address)
        if head is None:
            return None
        body = self._read_body(head.body)
        elsewhere = records.versions_elsewhere(body)
        return StoredCheckpoint(
            head.address,
            head.parent_id,
            body,
            head.metadata,
            queries.select_values(link, head.address, elsewhere),
            queries.select_writes(link, head.address),
        )

    def _encode(self, *checkpoint: Any) -> NewCheckpoint:
        return records.encode_checkpoint(self.serde, *checkpoint)

    def _read_body(self, content: Encoded) -> Checkpoint:
        return cast(Checkpoint, records.decode(self.serde, "checkpoint", content))

    def _read_versions(self, content: Encoded) -> ChannelVersions:
        return records.versions_elsewhere(self._read_body(content))

    def _deleting_runs(self, run_ids: Sequence[str]) -> Work[None]:
        return partial(
            retention.delete_for_runs, run_ids=run_ids, read_versions=self._read_versions
        )

    def _pruning(self, thread_ids: Sequence[str], strategy: str) -> Work[None]:
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'strategy is "keep_latest" or "delete", not {strategy!r}')

        def work(link: sqlite3.Connection) -> None:
            for thread_id in thread_ids:
                if strategy == "delete":
                    queries.delete_thread(link, thread_id)
                else:
                    retention.keep_latest(link, thread_id, self._read_versions)

        return work


def _find(
    link: sqlite3.Connection,
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
    found = queries.select_addresses(link, wanted)
    matching = [address for address, facts in found if records.matches(facts, filter)]
    return matching if limit is None else matching[: max(limit, 0)]

"""What a saver of ours does beyond LangGraph's contract: how much there is, what is kept, and keys.

Each call has a form for coroutines, with an "a" before its name, which does the same in a thread.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from graphwright_checkpoints import retention, rotation
from graphwright_checkpoints.database import Database
from graphwright_checkpoints.encoder import Encoder
from graphwright_checkpoints.errors import CheckpointNotFound
from graphwright_checkpoints.offloading import ORPHANED, OffloadingDatabase
from graphwright_checkpoints.puts import Puts
from graphwright_checkpoints.records import Address
from graphwright_checkpoints.retention import Retention, Swept
from graphwright_checkpoints.rotation import Progress
from graphwright_checkpoints.storage import Amount, Usage

Result = TypeVar("Result")


class Upkeep(BaseCheckpointSaver[str]):
    """Looks after the checkpoints of a database."""

    _encoder: Encoder

    def __init__(self, database: Database, *, serde: SerializerProtocol | None = None) -> None:
        super().__init__(serde=serde)
        self._database = database
        self._puts = Puts(database)

    def delete_orphans(self, older_than: timedelta = ORPHANED) -> int:
        """Delete blobs that a crash left without a row, and return how many there were.

        Maintenance calls this now and then. Blobs that are younger may get their row yet.
        """
        if isinstance(self._database, OffloadingDatabase):
            return self._database.delete_orphans(older_than)
        return 0

    async def adelete_orphans(self, older_than: timedelta = ORPHANED) -> int:
        """`delete_orphans` in a thread of its own."""
        return await self._in_thread(partial(self.delete_orphans, older_than))

    def pin(self, config: RunnableConfig) -> None:
        """Have `retain` and `prune` keep the checkpoint that `config` names, or the thread's
        latest, until `unpin`. Raises `CheckpointNotFound`.

        A copy of the thread is not pinned.
        """
        self._pin(config, True)

    async def apin(self, config: RunnableConfig) -> None:
        """`pin` in a thread of its own."""
        await self._in_thread(partial(self.pin, config))

    def unpin(self, config: RunnableConfig) -> None:
        """Undo `pin`; a checkpoint that is not pinned is no error."""
        self._pin(config, False)

    async def aunpin(self, config: RunnableConfig) -> None:
        """`unpin` in a thread of its own."""
        await self._in_thread(partial(self.unpin, config))

    def _pin(self, config: RunnableConfig, pinned: bool) -> None:
        address = Address.of(config)
        head = self._database.head(address)
        if head is None:
            raise CheckpointNotFound(address)
        self._database.pin(head.address, pinned)

    def threads(self) -> Iterator[str]:
        """The ids of all threads that have checkpoints."""
        return retention.threads(self._database)

    async def athreads(self) -> AsyncIterator[str]:
        """`threads`, each page read in a thread of its own."""
        last = ""
        while page := await self._in_thread(partial(self._database.threads, last, retention.PAGE)):
            for last in page:
                yield last

    def usage(self, thread_id: str) -> Usage:
        """How much room a thread takes."""
        usage = self._database.usage(thread_id)
        if isinstance(self._database, OffloadingDatabase):
            return usage._replace(outside=self._database.outside_of(thread_id))
        return usage

    def usages(self) -> Iterator[tuple[str, Usage]]:
        """`usage` of every thread, with one look at the blob store for all of them."""
        outside: Callable[[str], Amount] = lambda _: Amount()  # noqa: E731
        if isinstance(self._database, OffloadingDatabase):
            outside = self._database.outside_of_all()
        for thread_id in self.threads():
            usage = self._database.usage(thread_id)
            yield thread_id, usage._replace(outside=outside(thread_id))

    async def ausage(self, thread_id: str) -> Usage:
        """`usage` in a thread of its own."""
        return await self._in_thread(partial(self.usage, thread_id))

    def usage_by_channel(self, thread_id: str) -> Mapping[str, Amount]:
        """The messages and large values that a thread's checkpoints have in use, by channel."""
        return self._database.elements(thread_id)

    async def ausage_by_channel(self, thread_id: str) -> Mapping[str, Amount]:
        """`usage_by_channel` in a thread of its own."""
        return await self._in_thread(partial(self.usage_by_channel, thread_id))

    def expired(self, thread_id: str, policy: Retention) -> int:
        """How many checkpoints `retain` would delete now."""
        return len(retention.expired(self._database, thread_id, policy, self._encoder.body))

    async def aexpired(self, thread_id: str, policy: Retention) -> int:
        """`expired` in a thread of its own."""
        return await self._in_thread(partial(self.expired, thread_id, policy))

    def preview(self, thread_id: str, policy: Retention) -> Swept | None:
        """What `retain` would delete now; None for nothing."""
        return retention.preview(self._database, thread_id, policy, self._encoder.body)

    async def apreview(self, thread_id: str, policy: Retention) -> Swept | None:
        """`preview` in a thread of its own."""
        return await self._in_thread(partial(self.preview, thread_id, policy))

    def retain(
        self, thread_id: str, policy: Retention, *, proceed: Callable[[], bool] = lambda: True
    ) -> Swept | None:
        """Delete what a policy lets go of a thread; None if that was nothing.

        `proceed` is asked before each small batch; after False the rest is left for another time.
        The thread must be idle: a run that goes on from an old checkpoint could lose it.
        """
        return retention.retain(self._database, thread_id, policy, self._encoder.body, proceed)

    async def aretain(
        self, thread_id: str, policy: Retention, *, proceed: Callable[[], bool] = lambda: True
    ) -> Swept | None:
        """`retain` in a thread of its own, where `proceed` is called as well."""
        return await self._in_thread(partial(self.retain, thread_id, policy, proceed=proceed))

    def reencrypt(self, progress: Callable[[Progress], object] = bool) -> Progress:
        """Write with the current key what older ones wrote, or what is not encrypted yet.

        Open the saver with `serde` for the current key and `old_serdes` for the older ones. It goes
        in small transactions while others read and write, calls `progress` after each, and can be
        interrupted and begun again. Raises `ValueNotRead` where no key fits.
        """
        return rotation.reencrypt(self._database, self.serde, progress)

    async def areencrypt(self, progress: Callable[[Progress], object] = bool) -> Progress:
        """`reencrypt` in a thread of its own, which calls `progress` too."""
        return await self._in_thread(partial(self.reencrypt, progress))

    async def _in_thread(self, do: Callable[[], Result]) -> Result:
        await self._puts.land()
        return await self._database.in_thread(do)

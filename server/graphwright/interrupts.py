"""Questions that graphs ask people: which ones wait, and what becomes of those that expire."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from graphwright.database import Database
from graphwright.database import threads as rows
from graphwright.database.threads import InterruptSearch, Thread
from graphwright.errors import Conflict, InvalidRequest, RequestError
from graphwright.expiry import expired, next_expiry
from graphwright.repeating import repeatedly
from graphwright.runs import Runs
from graphwright.schemas import Command, RunCreate

Json = dict[str, Any]

POLL_INTERVAL = 1.0  # seconds between looks for interrupts that have expired

log = logging.getLogger(__name__)


class Interrupts:
    """What waits for people, on all threads."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    async def search(self, tenant: str, wanted: InterruptSearch) -> Sequence[Json]:
        """One page of the interrupts that wait, the one that has waited longest first."""
        async with self._database.connect() as connection:
            found = await rows.interrupted(connection, tenant, wanted)
        shown = [one for thread in found for one in _shown(thread)]
        return shown[wanted.offset : wanted.offset + wanted.limit]

    @asynccontextmanager
    async def expiring(self) -> AsyncIterator[None]:
        """While the context lasts, give interrupts that expire the answer that they name."""
        chore = asyncio.create_task(repeatedly(self._answer_expired, POLL_INTERVAL))
        try:
            yield
        finally:
            chore.cancel()
            await asyncio.gather(chore, return_exceptions=True)

    async def _answer_expired(self) -> None:
        await self.answer_expired(datetime.now(UTC))

    async def answer_expired(self, now: datetime) -> None:
        """Answer the interrupts whose time is over, each once; those of busy threads later."""
        async with self._database.connect() as connection:
            found = await rows.expired(connection, now)
        for tenant, thread in found:
            try:
                await self._answer(tenant, thread, expired(thread.interrupts, now))
            except Exception:  # of this thread alone: the others' time is over, too
                log.exception("thread %s: its expired interrupts are tried again", thread.thread_id)

    async def _answer(self, tenant: str, thread: Thread, answers: Json) -> None:
        try:
            await self._runs.start(tenant, thread.thread_id, _answering(thread, answers))
        except Conflict:  # somebody answers just now, or goes on without an answer
            return
        except RequestError as error:
            log.warning("thread %s: its interrupts stay: %s", thread.thread_id, error)
        await self._note_expired(tenant, thread.thread_id, answers)

    async def _note_expired(self, tenant: str, thread_id: str, answers: Json) -> None:
        """Have no interrupt answered twice, whatever becomes of the run that answers."""
        async with self._database.begin(lock=thread_id) as connection:
            thread = await rows.get(connection, tenant, thread_id)
            if thread is None:
                return
            interrupts = {
                task: [one | {"expired": True} if one["id"] in answers else one for one in asked]
                for task, asked in thread.interrupts.items()
            }
            await rows.update(
                connection,
                tenant,
                thread_id,
                interrupts=interrupts,
                expires_at=next_expiry(interrupts),
            )


def _answering(thread: Thread, answers: Json) -> RunCreate:
    try:
        return RunCreate(
            assistant_id=thread.metadata["assistant_id"],
            command=Command(resume=answers),
            multitask_strategy="reject",
            metadata={"answered_for": "expired interrupts"},
        )
    except (KeyError, ValidationError) as error:  # clients may write metadata
        raise InvalidRequest("its metadata names no assistant any more") from error


def _shown(thread: Thread) -> Iterator[Json]:
    """A thread's interrupts with what one needs to answer them."""
    for task, asked in thread.interrupts.items():
        for waiting in asked:
            yield {
                "interrupt_id": waiting["id"],
                "value": waiting["value"],
                "expires_at": waiting.get("expires_at"),
                "thread_id": thread.thread_id,
                "task_id": task,
                "assistant_id": thread.metadata.get("assistant_id"),
                "graph_id": thread.metadata.get("graph_id"),
                "since": thread.state_updated_at,
                "thread_status": thread.status,
                "thread_metadata": thread.metadata,
            }

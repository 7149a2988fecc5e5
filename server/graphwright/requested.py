"""A run's row, from what a caller asked for."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from graphwright.database.assistants import Assistant
from graphwright.database.runs import Run
from graphwright.errors import InvalidRequest
from graphwright.schemas import RunCreate

Json = dict[str, Any]


def digest(thread_id: str | None, body: RunCreate) -> str:
    """What tells two requests apart, where one key is sent with both."""
    # Without defaults: a release with one more field is to know a request that came before it.
    asked = {"thread_id": thread_id, **body.model_dump(exclude_defaults=True)}
    # Not by orjson, which takes neither integers past 64 bits nor lone surrogates.
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def new_run(
    tenant: str,
    thread_id: str | None,
    assistant: Assistant,
    body: RunCreate,
    now: datetime,
    *,
    temporary: bool,
    worker: str | None = None,
    lease_until: datetime | None = None,
    idempotency_key: str | None = None,
) -> Run:
    """A pending run, as a caller asked for it; `worker` accepted it. Raises `InvalidRequest`."""
    stamp = {"graph_id": assistant.graph_id, "assistant_id": assistant.assistant_id}
    return Run(
        run_id=str(uuid7()),
        tenant=tenant,
        thread_id=thread_id or str(uuid7()),
        assistant_id=assistant.assistant_id,
        status="pending",
        temporary=temporary,
        multitask_strategy=body.multitask_strategy,
        metadata={**assistant.metadata, **body.metadata, **stamp},
        kwargs=_kwargs(thread_id, assistant, body),
        attempt=0,
        position=int(now.timestamp() * 1e6),
        due_at=now + timedelta(seconds=body.after_seconds),
        created_at=now,
        updated_at=now,
        worker=worker,
        lease_until=lease_until,
        idempotency_key=idempotency_key,
        request_digest=None if idempotency_key is None else digest(thread_id, body),
    )


def _kwargs(thread_id: str | None, assistant: Assistant, body: RunCreate) -> Json:
    """All that the run needs later: the assistant as it is now, with what the caller asked for."""
    command = body.command
    return {
        "input": body.input,
        "command": command.model_dump() if command else None,
        "config": _config(assistant, body),
        "context": {**assistant.context, **(body.context or {})} or None,
        "checkpoint": _checkpoint(thread_id, body),
        "interrupt_before": body.interrupt_before,
        "interrupt_after": body.interrupt_after,
        "stream_mode": body.stream_modes,
        "stream_subgraphs": body.stream_subgraphs,
        "stream_resumable": body.stream_resumable,
        "strict_resume": bool(body.strict_resume),
        "durability": body.durability or ("exit" if body.checkpoint_during is False else None),
    }


def _config(assistant: Assistant, body: RunCreate) -> Json:
    mine, asked = assistant.config, body.config
    return {
        "tags": [*mine.get("tags", []), *asked.tags],
        "recursion_limit": asked.recursion_limit or mine.get("recursion_limit"),
        "configurable": {**mine.get("configurable", {}), **asked.configurable},
        "metadata": asked.metadata,
    }


def _checkpoint(thread_id: str | None, body: RunCreate) -> Json:
    """The place in the thread's history to start from; empty for its end."""
    place = body.checkpoint.model_dump(exclude_none=True) if body.checkpoint else {}
    named = place.pop("thread_id", thread_id)
    if named != thread_id:
        raise InvalidRequest(f"checkpoint.thread_id: expected the run's own thread, found {named}")
    return {**place, "checkpoint_id": body.checkpoint_id} if body.checkpoint_id else place

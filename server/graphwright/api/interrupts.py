"""Interrupts: `/interrupts`."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response

from graphwright.api.wire import Tenant, answer
from graphwright.database.threads import InterruptSearch
from graphwright.errors import InvalidRequest
from graphwright.interrupts import Interrupts
from graphwright.schemas import Limit, Offset

Metadata = Annotated[
    str | None, Query(description="What the thread's metadata must have, as a JSON object.")
]


def router(interrupts: Interrupts) -> APIRouter:
    """The routes of interrupts."""
    routes = APIRouter(tags=["Interrupts"])

    @routes.get("/interrupts")
    async def search(
        tenant: Tenant,
        thread_id: str | None = None,
        graph_id: str | None = None,
        assistant_id: str | None = None,
        metadata: Metadata = None,
        limit: Limit = 10,
        offset: Offset = 0,
    ) -> Response:
        """What waits for an answer, on all threads, the longest wait first.

        To answer: a run on the thread with `{"command": {"resume": {interrupt_id: answer}}}`.
        """
        wanted = InterruptSearch(
            thread_id, graph_id, assistant_id, _object(metadata), limit, offset
        )
        return answer(await interrupts.search(tenant, wanted))

    return routes


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = {} if text is None else orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest(f"metadata: expected a JSON object, found {text!r}")
    return found

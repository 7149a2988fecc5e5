"""What models were used, and what it cost: `/usage`, `/threads/{thread_id}/usage`."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from graphwright.accounts import Accounts
from graphwright.api.wire import Tenant, ThreadId, answer
from graphwright.database.usage import GROUPS, Wanted
from graphwright.errors import InvalidRequest
from graphwright.schemas import Limit, Offset

By = Annotated[
    list[str] | None,
    Query(alias="group_by", description=f"One or more of {', '.join(GROUPS)}, in the order told."),
]
Moment = Annotated[datetime | None, Query(description="In UTC, unless it says otherwise.")]


def router(accounts: Accounts) -> APIRouter:
    """The routes of accounts."""
    routes = APIRouter(tags=["Usage"])

    @routes.get("/usage")
    async def search(
        tenant: Tenant,
        thread_id: str | None = None,
        run_id: str | None = None,
        graph_id: str | None = None,
        assistant_id: str | None = None,
        node: str | None = None,
        model: str | None = None,
        since: Moment = None,
        until: Moment = None,
        group_by: By = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        """Calls, tokens and cost of the runs that match, in all and by group.

        `cost` is the sum of what has a price, null if nothing has; `unpriced_calls` tells how many
        calls it leaves out, and `unmetered_calls` how many did not say what they used.
        """
        wanted = Wanted(
            thread_id, run_id, graph_id, assistant_id, node, model, _utc(since), _utc(until)
        )
        found = await accounts.search(tenant, wanted, _groups(group_by), limit=limit, offset=offset)
        return answer(found)

    @routes.get("/threads/{thread_id}/usage")
    async def of_thread(
        tenant: Tenant,
        thread_id: ThreadId,
        group_by: By = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        """Calls, tokens and cost of a thread's runs, also of those that were deleted."""
        found = await accounts.of_thread(
            tenant, thread_id, _groups(group_by), limit=limit, offset=offset
        )
        return answer(found)

    return routes


def _groups(asked: list[str] | None) -> list[str]:
    """The groups in a repeated parameter, or in one with commas."""
    names = [name.strip() for text in asked or () for name in text.split(",")]
    if unknown := [name for name in names if name not in GROUPS]:
        raise InvalidRequest(f"group_by: one or more of {', '.join(GROUPS)}, found {unknown[0]!r}")
    return list(dict.fromkeys(names))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

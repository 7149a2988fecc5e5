"""Assistants: `/assistants`."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from graphwright.api.wire import AssistantId, Tenant, answer, page
from graphwright.assistants import Assistants
from graphwright.database.assistants import Search
from graphwright.schemas import AssistantCount, AssistantSearch


def router(assistants: Assistants) -> APIRouter:
    """The routes of assistants."""
    routes = APIRouter(prefix="/assistants", tags=["Assistants"])
    _assistants(routes, assistants)
    _graphs(routes, assistants)
    return routes


def _assistants(routes: APIRouter, assistants: Assistants) -> None:
    @routes.post("/search")
    async def search(tenant: Tenant, body: AssistantSearch) -> Response:
        """List assistants."""
        wanted = Search(
            **body.model_dump(exclude={"sort_order", "select"}),
            descending=body.sort_order == "desc",
        )
        found, total = await assistants.search(tenant, wanted)
        return page(found, total, body.offset, body.select)

    @routes.post("/count")
    async def count(tenant: Tenant, body: AssistantCount) -> Response:
        """Count assistants."""
        return answer(await assistants.count(tenant, Search(**body.model_dump())))

    @routes.get("/{assistant_id}")
    async def get(tenant: Tenant, assistant_id: AssistantId) -> Response:
        """One assistant."""
        return answer(await assistants.get(tenant, assistant_id))


def _graphs(routes: APIRouter, assistants: Assistants) -> None:
    # These take a graph's name too: `RemoteGraph("agent").get_graph()` sends it.
    @routes.get("/{assistant_id}/graph")
    async def graph(tenant: Tenant, assistant_id: str, xray: bool | int = False) -> Response:
        """The graph's nodes and edges; `xray` opens subgraphs, to a depth if it is a number."""
        return answer(await assistants.drawing(tenant, assistant_id, xray))

    @routes.get("/{assistant_id}/schemas")
    async def schemas(tenant: Tenant, assistant_id: str) -> Response:
        """JSON Schemas of what the graph takes and gives."""
        return answer(await assistants.schemas(tenant, assistant_id))

    @routes.get("/{assistant_id}/subgraphs")
    async def subgraphs(tenant: Tenant, assistant_id: str, recurse: bool = False) -> Response:
        """Schemas of the graphs inside, by namespace."""
        return answer(await assistants.subgraphs(tenant, assistant_id, None, recurse))

    @routes.get("/{assistant_id}/subgraphs/{namespace}")
    async def subgraph(
        tenant: Tenant,
        assistant_id: str,
        namespace: str,
        recurse: Annotated[bool, Query()] = False,
    ) -> Response:
        """Schemas of the graphs inside, under a namespace."""
        return answer(await assistants.subgraphs(tenant, assistant_id, namespace, recurse))

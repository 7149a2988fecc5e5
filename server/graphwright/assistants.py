"""Assistants: every graph has one from the start, under a constant id."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from langgraph.pregel import Pregel

from graphwright.database import Database
from graphwright.database import assistants as rows
from graphwright.database.assistants import Assistant, Search
from graphwright.errors import InvalidRequest, NotFound
from graphwright.project import AnyGraph, Project

# The official server's namespace: a graph's first assistant has the same id on every server and at
# every start.
NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")


def default_id(graph_id: str) -> str:
    """The id of the assistant that stands for the graph itself."""
    return str(uuid5(NAMESPACE, graph_id))


class Assistants:
    """What can happen to assistants."""

    def __init__(self, database: Database, project: Project) -> None:
        self._database = database
        self._project = project
        # Each run begins with its assistant. Not where another process may change one.
        self._known: dict[tuple[str, str], Assistant] | None = None if database.shared else {}

    async def register(self, tenant: str) -> None:
        """Make the assistant of each graph that has none yet."""
        now = datetime.now(UTC)
        new = [
            Assistant(
                assistant_id=default_id(graph.graph_id),
                graph_id=graph.graph_id,
                name=graph.graph_id,
                description=graph.description,
                version=1,
                config={},
                context={},
                metadata={"created_by": "system"},
                created_at=now,
                updated_at=now,
            )
            for graph in self._project.graphs.values()
        ]
        async with self._database.begin(lock="assistants") as connection:
            await rows.insert_missing(connection, tenant, new)

    async def get(self, tenant: str, assistant_id: str) -> Assistant:
        """The assistant with this id."""
        found = await self._find(tenant, assistant_id)
        if found is None or found.graph_id not in self._project.graphs:
            raise NotFound(f"Assistant with ID {assistant_id} not found")
        return found

    async def _find(self, tenant: str, assistant_id: str) -> Assistant | None:
        key = (tenant, assistant_id)
        if self._known is not None and key in self._known:
            return self._known[key]
        async with self._database.connect() as connection:
            found = await rows.get(connection, tenant, assistant_id)
        if self._known is not None and found is not None:
            self._known[key] = found
        return found

    async def named(self, tenant: str, name: str) -> Assistant:
        """The assistant with this id, or the one that stands for the graph of this name."""
        return await self.get(tenant, default_id(name) if name in self._project.graphs else name)

    async def resolve(self, tenant: str, name: str) -> Assistant:
        """The assistant that a run means by its id, or by the name of its graph."""
        try:
            assistant = await self.named(tenant, name)
        except NotFound:
            graphs = ", ".join(self._project.graphs)
            raise InvalidRequest(
                f"Invalid assistant: {name!r}. Must be either:\n- A valid assistant UUID, or\n"
                f"- One of the registered graphs: {graphs}"
            ) from None
        self._project.graphs[assistant.graph_id].check()
        return assistant

    async def search(self, tenant: str, wanted: Search) -> tuple[Sequence[Assistant], int]:
        """One page of assistants, and how many there are on all pages."""
        async with self._database.connect() as connection:
            return (
                await rows.search(connection, tenant, wanted),
                await rows.count(connection, tenant, wanted),
            )

    async def count(self, tenant: str, wanted: Search) -> int:
        """How many match."""
        async with self._database.connect() as connection:
            return await rows.count(connection, tenant, wanted)

    async def drawing(self, tenant: str, name: str, xray: bool | int) -> dict[str, Any]:
        """The graph's nodes and edges as JSON."""
        async with self._open(await self.named(tenant, name)) as graph:
            drawn = (await graph.aget_graph(xray=xray)).to_json()
        # The API names a node's function; LangChain's JSON also tells the class behind it.
        nodes = [
            {**node, "data": {"name": node["data"]["name"]}} if "data" in node else node
            for node in drawn["nodes"]
        ]
        return {"nodes": nodes, "edges": drawn["edges"]}

    async def schemas(self, tenant: str, name: str) -> dict[str, Any]:
        """JSON Schemas of what the graph takes and gives."""
        assistant = await self.named(tenant, name)
        async with self._open(assistant) as graph:
            return {"graph_id": assistant.graph_id, **graph_schemas(graph)}

    async def subgraphs(
        self, tenant: str, name: str, namespace: str | None, recurse: bool
    ) -> dict[str, Any]:
        """The schemas of the graphs inside, by namespace."""
        async with self._open(await self.named(tenant, name)) as graph:
            return {
                path: graph_schemas(inner)
                async for path, inner in graph.aget_subgraphs(namespace=namespace, recurse=recurse)
                if isinstance(inner, Pregel)
            }

    def _open(self, assistant: Assistant) -> AbstractAsyncContextManager[AnyGraph]:
        """The assistant's graph, to look at rather than to run."""
        graph = self._project.graphs[assistant.graph_id]
        return graph.open({"configurable": assistant.config.get("configurable", {})})


def graph_schemas(graph: AnyGraph) -> dict[str, Any]:
    """What `/assistants/{id}/schemas` says of a graph; null for a part that has no JSON Schema."""
    return {
        "input_schema": _schema(graph.get_input_jsonschema),
        "output_schema": _schema(graph.get_output_jsonschema),
        "state_schema": _schema(lambda: _state_schema(graph)),
        "config_schema": _schema(graph.get_context_jsonschema),
        "context_schema": _schema(graph.get_context_jsonschema),
    }


def _state_schema(graph: AnyGraph) -> dict[str, Any]:
    """Every channel, not only those that the graph gives as its output."""
    whole = graph.copy(update={"output_channels": graph.stream_channels_list})
    # Pregel's own: a StateGraph's would give its output schema, whatever its output channels.
    return {**Pregel.get_output_jsonschema(whole), "title": graph.get_name("State")}


def _schema(make: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    try:
        return make()
    except Exception:  # pydantic raises several kinds for a type that JSON Schema cannot say
        return None

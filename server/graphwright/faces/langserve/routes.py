"""The routes that LangServe makes of a project's graphs."""

from typing import Any

from fastapi import FastAPI, Request, Response
from langserve import add_routes
from starlette.responses import RedirectResponse

from graphwright.api.wire import on_request_error
from graphwright.database import DEFAULT_TENANT
from graphwright.errors import NotFound, RequestError
from graphwright.faces.langserve.chat import ChatGraph
from graphwright.faces.langserve.failures import ToldFailures
from graphwright.faces.langserve.inputs import input_schema, input_type
from graphwright.faces.langserve.pages import Pages, thread_of_page
from graphwright.faces.langserve.served import ServedGraph
from graphwright.faces.langserve.settings import settings_of
from graphwright.project import Project
from graphwright.runs import Runs
from graphwright.threads import Threads

TYPED = ("", "playground", "chat/playground")  # what people type for a page


async def build_routes(project: Project, runs: Runs, threads: Threads) -> FastAPI:
    """An application with the routes of every graph."""
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(RequestError, on_request_error)
    app.add_middleware(Pages)
    app.add_middleware(ToldFailures)
    for graph_id, graph in project.graphs.items():
        if graph.problem is not None:
            continue
        async with graph.open({}) as opened:
            schema, settings = input_schema(opened), settings_of(opened)
        shown = input_type(graph_id, schema)
        served = ServedGraph(runs, DEFAULT_TENANT, graph_id, shown, settings)
        add_routes(app, served, path=f"/{graph_id}", config_keys=["configurable"])
        if "messages" in schema.get("properties", {}):
            _add_chat(app, ChatGraph(runs, threads, DEFAULT_TENANT, graph_id), f"/{graph_id}/chat")
    app.add_api_route("/{graph_id}/{path:path}", _explain(project), methods=["GET", "POST"])
    return app


def _add_chat(app: FastAPI, chat: ChatGraph, path: str) -> None:
    add_routes(
        app,
        chat,
        path=path,
        config_keys=["configurable"],
        playground_type="chat",
        per_req_config_modifier=thread_of_page,
    )


def _explain(project: Project) -> Any:
    """The endpoint behind all others: why there is nothing at a path."""

    async def explain(request: Request, graph_id: str, path: str) -> Response:
        if graph_id not in project.graphs:
            raise NotFound(f"No graph named {graph_id!r}; there are: {', '.join(project.graphs)}")
        project.graphs[graph_id].check()
        if request.method == "GET" and path in TYPED:
            return RedirectResponse(f"playground/?{request.url.query}".rstrip("?"))
        if path.startswith("chat/"):
            raise NotFound(
                f"The graph {graph_id} has no chat page, because its input has no `messages`. "
                f"Its playground is /graphs/{graph_id}/playground/"
            )
        raise NotFound(f"The graph {graph_id} has no LangServe route for this method and path")

    return explain

"""LangServe: each graph at `/graphs/{graph_id}/`, with its playgrounds.

LangServe is source-available and not open source (see the README), so this face stands apart:
nothing else imports it, and the service runs without it. Its routes are made at the first request,
because importing LangServe would add to every start, and anew once the project was loaded anew.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from graphwright.project import Graph, Project
from graphwright.runs import Runs
from graphwright.threads import Threads

if TYPE_CHECKING:
    from fastapi import FastAPI


class LangServe:
    """The ASGI application of the face."""

    def __init__(self, project: Project, runs: Runs, threads: Threads) -> None:
        self._project = project
        self._runs = runs
        self._threads = threads
        self._routes: ASGIApp | None = None
        self._routed: Mapping[str, Graph] | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, building the routes first where this is the first request."""
        async with self._building:
            if self._routes is None or self._routed is not self._project.graphs:
                self._routed = self._project.graphs
                self._routes = await self._build()
            routes = self._routes
        await routes(scope, receive, send)

    async def _build(self) -> "FastAPI":
        from graphwright.faces.langserve.routes import build_routes  # noqa: PLC0415

        return await build_routes(self._project, self._runs, self._threads)

"""Is it there, and what is it: `/ok`, `/info`, `/`."""

from importlib.metadata import version

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from graphwright import __version__
from graphwright.api.wire import answer
from graphwright.project import Project

INFO = {
    "version": __version__,
    "langgraph_py_version": version("langgraph"),
    # What clients may ask of this server; the official SDKs and agent-chat-ui read it.
    "flags": {"assistants": True, "crons": False, "langsmith": False, "strict_resume": True},
    "host": {"kind": "self-hosted"},
}


def router(model: str, project: Project) -> APIRouter:
    """The routes of the service itself; `model` says which model answers."""
    routes = APIRouter(tags=["System"])

    @routes.get("/ok")
    async def ok() -> Response:
        """The service is up, and everything it needs is open."""
        return answer({"ok": True, "services": {}})

    @routes.get("/info")
    async def info() -> Response:
        """Versions, and what is served. `problems` are those of graphs as they are on the disk."""
        problems = {"problems": project.problems} if project.problems else {}
        return answer({**INFO, "model": model, **problems})

    @routes.get("/", include_in_schema=False)
    async def home() -> Response:
        """A browser gets the documentation."""
        return RedirectResponse("docs")

    return routes

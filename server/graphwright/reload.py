"""Hot reload: a project's graphs are loaded anew when one of its files changes.

Threads and runs stay. A run under way goes on with the graph that it began with, the next one takes
the new graph; a graph that is broken on the disk leaves its last good one in place.
"""

import asyncio
import importlib
import linecache
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

from graphwright.errors import ProjectError
from graphwright.project import Graph, Project

# What graphs are made of. Tools may write other files beside them, databases for example.
WATCHED = {
    ".csv", ".j2", ".jinja", ".jinja2", ".json", ".jsonl", ".md", ".mustache", ".prompt", ".py",
    ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip
SETTLING = 300  # milliseconds in which further changes join the first

log = logging.getLogger(__name__)


class Load(Protocol):
    """Reads a project, see `load_project`."""

    def __call__(self, *, instead: Mapping[str, Graph]) -> Project:
        """The project; of its broken graphs, those of `instead`."""
        ...


class Reload:
    """Keeps a project as its files are."""

    def __init__(self, project: Project, config: Path, load: Load, data_dir: Path) -> None:
        self._project = project
        self._config = config
        self._load = load
        self._data_dir = data_dir.resolve()

    @asynccontextmanager
    async def running(self, changed: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Watch while the context lasts; `changed` is called when other graphs are served."""
        watching = asyncio.create_task(self._watch(changed))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        # Only `dev` watches: the service does without this library's code.
        from watchfiles import DefaultFilter, awatch  # noqa: PLC0415

        usual = DefaultFilter(ignore_paths=[str(self._data_dir)])
        async for changes in awatch(
            *self._project.roots,
            watch_filter=lambda change, path: Path(path).suffix in WATCHED and usual(change, path),
            step=SETTLING,
        ):
            await self.load(Path(path) for _, path in changes)
            await changed()

    async def load(self, files: Iterable[Path]) -> None:
        """Load the graphs anew, since these files changed. What is wrong is told in the log."""
        root = self._config.absolute().parent
        names = ", ".join(sorted({_short(path, root) for path in files}))
        try:
            # In a thread: importing a project takes seconds in which others want answers.
            newer = await asyncio.to_thread(self._newer)
        except ProjectError as error:  # the project's file itself
            self._project.problems = {**self._project.problems, "": str(error)}
            log.warning("%s changed: %s\nThe graphs stay as they were.", names, error)
            return
        self._project.become(newer)
        for graph_id, problem in newer.problems.items():
            stays = "It has no version that works" if newer.graphs[graph_id].problem else "It stays"
            log.warning("%s changed: %s\n%s.", names, problem, stays)
        if not newer.problems:
            log.info("%s changed: the graphs are loaded anew", names)

    def _newer(self) -> Project:
        _forget_modules(self._project.roots)
        whole = {key: graph for key, graph in self._project.graphs.items() if not graph.problem}
        return self._load(instead=whole)


def _forget_modules(roots: Iterable[Path]) -> None:
    """Let the modules of a project be imported anew, but none of Graphwright's own or installed."""
    folders = [root.resolve() for root in roots]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name.partition(".")[0].startswith("graphwright") or "site-packages" in file:
            continue
        if any(Path(file).resolve().is_relative_to(folder) for folder in folders):
            del sys.modules[name]
    importlib.invalidate_caches()
    linecache.checkcache()


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

"""The service's parts around one worker, without HTTP, and ways to wait for what they do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from tests.conftest import ROOT

from graphwright.assistants import Assistants
from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.database.events import EventArchive
from graphwright.database.runs import Run
from graphwright.direct import DirectClaims
from graphwright.engine.local import LocalEngine
from graphwright.events import Event
from graphwright.graphs import Graphs
from graphwright.project import load_project
from graphwright.runs import Runs
from graphwright.schemas import RunCreate
from graphwright.store import TenantStores
from graphwright.worker import Worker
from graphwright_checkpoints import open_checkpointer
from graphwright_graphs.models import Models


class Bench:
    """The service's parts around one worker."""

    def __init__(self, folder: Path, record_url: str) -> None:
        project = load_project(ROOT / "tests/projects/plain/langgraph.json", Models("demo"))
        self.database = database_at(record_url)
        self.assistants = Assistants(self.database, project)
        url = f"sqlite:///{folder / 'checkpoints.db'}"
        self.graphs = Graphs(project, TenantStores(self.database), open_checkpointer(url))
        self.restart()

    def restart(self) -> None:
        """An engine and what is around it, as after the process was started again."""
        self.engine = LocalEngine(EventArchive(self.database))
        self.direct = DirectClaims(self.engine)
        self.runs = Runs(self.database, self.assistants, self.graphs, self.engine, self.direct)

    @asynccontextmanager
    async def working(self, grace: float = 0) -> AsyncIterator[None]:
        worker = Worker(self.database, self.graphs, self.engine, self.direct, patience=0.2)
        async with worker.running(slots=4, grace=grace, alone=True):
            yield

    async def start(self, thread: str, graph: str = "stages", **pause: Any) -> Run:
        body = RunCreate(assistant_id=graph, input=pause, if_not_exists="create")
        return await self.runs.start(DEFAULT_TENANT, thread, body)

    async def start_alone(self, key: str | None = None, **asked: Any) -> Run:
        """A run without a thread."""
        body = RunCreate(assistant_id="stages", input={"pause": 0.2}, **asked)
        return await self.runs.start(DEFAULT_TENANT, None, body, key)

    async def events(self, run: Run) -> list[Event]:
        """All that a run told, to those who come now."""
        return [event async for batch in self.runs.follow(run, after=0) for event in batch]

    async def result(self, run: Run) -> Any:
        return orjson.loads(await asyncio.wait_for(self.runs.result(run), 10))

    async def status(self, run: Run) -> str:
        return (await self.runs.get(DEFAULT_TENANT, run.run_id)).status

    async def attempt(self, run: Run) -> int:
        return (await self.runs.get(DEFAULT_TENANT, run.run_id)).attempt


async def reaches(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


async def is_(found: Any, wanted: Any) -> bool:
    return bool(await found == wanted)


async def next_is(bench: Bench, node: str, graph_id: str = "stages") -> bool:
    config: Any = {"configurable": {"thread_id": "thread"}}
    async with bench.graphs.open(DEFAULT_TENANT, graph_id, config) as graph:
        return (await graph.aget_state(config)).next == (node,)

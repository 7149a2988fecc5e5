"""Where the parts meet: `create_app` builds every one of them, and the lifespan opens and closes
them in order.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.types import Lifespan

from graphwright import __version__
from graphwright.accounts import Accounts
from graphwright.api import assistants as assistants_api
from graphwright.api import interrupts as interrupts_api
from graphwright.api import queue as queue_api
from graphwright.api import runs as runs_api
from graphwright.api import system as system_api
from graphwright.api import threads as threads_api
from graphwright.api import usage as usage_api
from graphwright.api.sse import LastingResponses
from graphwright.api.wire import on_invalid_body, on_request_error
from graphwright.assistants import Assistants
from graphwright.checkpointing import checkpoints_of
from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.database.events import EventArchive
from graphwright.direct import DirectClaims
from graphwright.engine.local import LocalEngine
from graphwright.errors import RequestError, StartError
from graphwright.faces.langserve import LangServe
from graphwright.graphs import Graphs
from graphwright.interrupts import Interrupts
from graphwright.models import models_of
from graphwright.prices import Prices
from graphwright.project import Project, load_project
from graphwright.queue import Queue
from graphwright.reload import Load, Reload
from graphwright.retention import Sweep
from graphwright.runs import Runs
from graphwright.settings import Settings
from graphwright.store import TenantStores
from graphwright.threads import Threads
from graphwright.worker import Worker
from graphwright_checkpoints import Retention
from graphwright_graphs.models import ModelError, Models

DESCRIPTION = """\
The LangGraph Server API over this project's graphs. The official SDKs and `RemoteGraph` speak it;
an `assistant_id` may be a graph's name.

Errors are `{"detail": "…"}`. Streams are server-sent events: `metadata` first, then what the stream
modes ask for.
"""
THREADS = 1024
"""Sync nodes that may be at work at once, or go on after a stop. asyncio's own pool has six on two
cores, which the writing of checkpoints shares; a thread is made only where none is idle."""
POLL = 0.25  # seconds between looks for what other processes tell of their runs

# Readable by a browser's scripts; the official server hides `location`, without which they cannot
# reconnect.
EXPOSED_HEADERS = ["content-location", "location", "x-pagination-total", "x-pagination-next"]


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application.

    Loads the project, which runs its code; opens nothing before the lifespan begins. Raises
    `StartError`.
    """
    settings = settings or Settings()
    models = _models(settings)
    load = partial(load_project, settings.config, models, settings.imports)
    project = load(instead={} if settings.reload else None)
    database = database_at(settings.database_url, settings.database_connections)
    engine = LocalEngine(EventArchive(database), poll=POLL if database.shared else None)
    graphs = Graphs(project, TenantStores(database), checkpoints_of(settings))
    assistants = Assistants(database, project)
    threads = Threads(database, project, graphs)
    direct = DirectClaims(engine)
    runs = Runs(database, assistants, graphs, engine, direct)
    kept, prices = timedelta(seconds=settings.events_ttl), Prices.read(settings.prices)
    worker = Worker(database, graphs, engine, direct, keep_events=kept, prices=prices)
    policy = Retention(settings.retention_age, settings.retention_keep)
    interrupts = Interrupts(database, runs)
    sweep = Sweep(database, policy, engine.wake, usage_age=settings.usage_age)
    watching = _watching(settings, project, load, assistants)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "node"))
        with closing(models):  # servers of local models
            async with database.opened():
                await assistants.register(DEFAULT_TENANT)
                alone = not database.shared
                async with (
                    graphs.checkpointing(),
                    worker.running(slots=settings.slots, grace=settings.grace, alone=alone),
                    sweep.running(graphs, every=settings.retention_every),
                    interrupts.expiring(),
                    watching,
                ):
                    yield

    app = _application(lifespan, settings)
    # Routes are tried in order: those that are asked most come first.
    app.include_router(runs_api.router(runs, threads))
    app.include_router(threads_api.router(threads))
    app.include_router(queue_api.router(Queue(database, runs), runs))
    app.include_router(interrupts_api.router(interrupts))
    app.include_router(assistants_api.router(assistants))
    app.include_router(usage_api.router(Accounts(database)))
    app.include_router(system_api.router(models.describe(), project))
    app.state.drain, app.state.project = worker.drain, project
    app.state.model, app.state.langserve = models.describe(), settings.langserve
    if settings.langserve:
        app.mount("/graphs", LangServe(project, runs, threads))
    return app


def _watching(
    settings: Settings, project: Project, load: Load, assistants: Assistants
) -> AbstractAsyncContextManager[None]:
    """Keeps the graphs as the project's files are, where that was asked for."""
    if not settings.reload:
        return nullcontext()
    reload = Reload(project, settings.config, load, settings.data_dir)
    return reload.running(partial(assistants.register, DEFAULT_TENANT))


def _application(lifespan: Lifespan[FastAPI], settings: Settings) -> FastAPI:
    """What every request meets: who may ask from a browser, and how errors are told."""
    app = FastAPIOffline(
        title="Graphwright",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        static_url="/docs/assets",
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allow_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=EXPOSED_HEADERS,
    )
    app.add_middleware(LastingResponses)  # around all else, therefore last
    app.add_exception_handler(RequestError, on_request_error)
    app.add_exception_handler(RequestValidationError, on_invalid_body)
    return app


def _models(settings: Settings) -> Models:
    """The catalogue of models; the default one is made now, so that what it lacks is said now."""
    models = models_of(settings)
    try:
        models.get()
    except ModelError as error:
        raise StartError(str(error)) from error
    return models

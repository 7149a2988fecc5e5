"""Making a service's record know threads that came to its checkpoints from elsewhere."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from graphwright.checkpointing import checkpoints_of
from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.errors import CommandError
from graphwright.graphs import Graphs
from graphwright.models import models_of
from graphwright.project import Project, load_project
from graphwright.settings import Settings
from graphwright.store import TenantStores
from graphwright.threads import Threads, new_thread
from graphwright_checkpoints import ValueNotRead
from graphwright_checkpoints.importing import Source, ThreadImport

# Fixed, so that the same thread gets the same id in every import.
NAMESPACE = UUID("0d7f6f4e-6c39-5d0b-9a1e-6f1f0b8f2c55")

GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)  # where the clock of such UUIDs begins


class Adoption(NamedTuple):
    """A thread that the record is to know, and the graph that goes on with it."""

    thread: ThreadImport
    graph_id: str
    begun: datetime
    ended: datetime


def wire_id(thread_id: str) -> str:
    """The id that a thread has in the API, where ids are UUIDs."""
    try:
        return str(UUID(thread_id))
    except ValueError:
        return str(uuid5(NAMESPACE, thread_id))


def project_of(settings: Settings) -> Project:
    """The project of the settings. Raises `ProjectError`, `StartError`."""
    return load_project(settings.config, models_of(settings), settings.imports)


def adoptions(
    source: Source, threads: Iterable[ThreadImport], project: Project, graph: str | None
) -> Sequence[Adoption]:
    """Choose the graph of each thread: the one its checkpoints name, else `graph`.

    Raises `CommandError` where there is none, and for a graph that the project does not have.
    """
    known = ", ".join(project.graphs)
    if graph is not None and graph not in project.graphs:
        raise CommandError(f"--graph: no graph is named {graph!r}; the project has {known}.")
    found = [_adoption(source, thread, project, graph) for thread in threads]
    homeless = [adoption.thread.thread_id for adoption in found if not adoption.graph_id]
    if homeless:
        raise CommandError(
            f"{len(homeless)} threads name no graph of the project ({homeless[0]!r} is one)."
            f" Name the graph that goes on with them: --graph, one of {known}."
            " --no-record imports the checkpoints alone."
        )
    return found


def _adoption(
    source: Source, thread: ThreadImport, project: Project, graph: str | None
) -> Adoption:
    addresses = source.addresses(thread.thread_id)
    outer = [address for address in addresses if not address.checkpoint_ns] or addresses
    try:
        named = source.metadata(outer[-1]).get("graph_id")
    except ValueNotRead:  # the import itself will tell
        named = None
    graph_id = str(named) if named in project.graphs else graph or ""
    return Adoption(thread, graph_id, *(_moment(outer[n].checkpoint_id) for n in (0, -1)))


async def adopt(
    settings: Settings, project: Project, chosen: Iterable[Adoption]
) -> AsyncIterator[tuple[Adoption, str | None]]:
    """Record threads, one after the other, with what is wrong with each."""
    database = database_at(settings.database_url, settings.database_connections)
    graphs = Graphs(project, TenantStores(database), checkpoints_of(settings))
    threads = Threads(database, project, graphs)
    async with database.opened(), graphs.checkpointing():
        for adoption in chosen:
            yield adoption, await _adopt(threads, adoption)


async def _adopt(threads: Threads, adoption: Adoption) -> str | None:
    thread_id, target_id = adoption.thread.thread_id, adoption.thread.target_id
    metadata = {} if thread_id == target_id else {"source_thread_id": thread_id}
    thread = replace(
        new_thread(target_id, metadata, adoption.begun),
        updated_at=adoption.ended,
        state_updated_at=adoption.ended,
    )
    try:
        await threads.adopt(DEFAULT_TENANT, thread, adoption.graph_id)
    except Exception as error:  # the graph may be another than the one that wrote the checkpoints
        return f"graph {adoption.graph_id!r} cannot read its state: {type(error).__name__}: {error}"
    return None


def _moment(checkpoint_id: str) -> datetime:
    """When a checkpoint was made: LangGraph's ids are UUIDs of version 6, which begin with it."""
    try:
        made = UUID(checkpoint_id)
    except ValueError:
        return datetime.now(UTC)
    if made.version != 6:
        return datetime.now(UTC)
    ticks = made.int >> 80 << 12 | made.int >> 64 & 0xFFF  # of 100 ns
    return GREGORIAN + timedelta(microseconds=ticks // 10)

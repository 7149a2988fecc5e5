"""Runs on other servers that a run of ours began, through LangGraph's `RemoteGraph`.

`RemoteGraph` sends our thread's id, and our run's in the config's metadata. When its node is
cancelled it only hangs up, and the other server goes on: nobody would take the result, and the next
message would wait behind it. So it is told to stop as well.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from graphwright.database.runs import Run
from graphwright.engine import Signal
from graphwright.project import AnyGraph

PATIENCE = 5.0  # seconds that another server has to stop its run
NEWEST = 20  # runs of a thread that are looked at

log = logging.getLogger(__name__)


async def stop(graph: AnyGraph, run: Run, action: Signal) -> None:
    """Stop what `run` began elsewhere and what is not over there. A server that does not answer is
    told of in the log, and holds up nothing.
    """
    await asyncio.gather(*(_stop(remote, run, action) for remote in remote_graphs(graph)))


def remote_graphs(graph: AnyGraph) -> Iterator[Any]:
    """The `RemoteGraph`s among the subgraphs that LangGraph knows of, however deep."""
    # Who has one has imported it, and to import it takes a client's time for it.
    module = sys.modules.get("langgraph.pregel.remote")
    if module is not None:
        for _, inner in graph.get_subgraphs(recurse=True):
            if isinstance(inner, module.RemoteGraph):
                yield inner


async def _stop(remote: Any, run: Run, action: Signal) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            # The clients are RemoteGraph's own, with whatever they were given to be let in.
            for found in await _call(remote, "list", run.thread_id, limit=NEWEST):
                if found["status"] in ("pending", "running") and _is_of(run, found):
                    told = run.thread_id, found["run_id"]
                    await _call(remote, "cancel", *told, wait=True, action=action.value)
    except Exception as error:  # whatever a client or a network raises
        log.warning(
            "run %s: what it began on the remote graph %s may go on: %s",
            *(run.run_id, remote.assistant_id, error or type(error).__name__),
        )


async def _call(remote: Any, name: str, *arguments: Any, **options: Any) -> Any:
    if remote.client is not None:
        return await getattr(remote.client.runs, name)(*arguments, **options)
    return await asyncio.to_thread(getattr(remote.sync_client.runs, name), *arguments, **options)


def _is_of(run: Run, found: Mapping[str, Any]) -> bool:
    """Whether a run of another server is one that our run began."""
    config = (found.get("kwargs") or {}).get("config") or {}
    return run.run_id in (
        (config.get("metadata") or {}).get("run_id"),
        (found.get("metadata") or {}).get("run_id"),
    )

"""An input's checkpoint is committed with the one that follows it, and is never lost sight of."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import START, MessagesState, StateGraph

from graphwright_checkpoints import LeaseLost, open_checkpointer


def config(token: int | None = None, **more: Any) -> Any:
    fence = {} if token is None else {"__fence": token}
    return {"configurable": {"thread_id": "t", "checkpoint_ns": "", **more, **fence}}


async def put(saver: Any, source: str, token: int | None = None) -> Any:
    return await saver.aput(config(token), empty_checkpoint(), {"source": source}, {})


def sources(saver: Any) -> list[str]:
    return [found.metadata["source"] for found in saver.list(config())]


async def test_whoever_looks_finds_an_input_at_once(url: str) -> None:
    async with open_checkpointer(url) as saver:
        first = await put(saver, "input")
        assert (await saver.aget_tuple(first)).metadata["source"] == "input"
        second = await put(saver, "input")
        assert saver.get_tuple(second).metadata["source"] == "input"
        await put(saver, "input")
        assert len([found async for found in saver.alist(config())]) == 3
        await put(saver, "input")
        assert len(sources(saver)) == 4
        await put(saver, "input")
        await saver.adelete_thread("t")
        assert sources(saver) == []


async def test_an_input_that_nothing_follows_is_stored_too(shared_url: str) -> None:
    async with open_checkpointer(shared_url) as saver:
        await put(saver, "input")
    with open_checkpointer(shared_url) as other:
        assert sources(other) == ["input"]


async def test_it_waits_for_no_longer_than_a_turn_of_the_loop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.db"
    async with open_checkpointer(url) as saver:
        await put(saver, "input")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with open_checkpointer(url) as other:
            assert sources(other) == ["input"]


async def test_the_one_that_follows_fails_with_it(url: str) -> None:
    async with open_checkpointer(url) as saver:
        await put(saver, "loop", token=2)
        await put(saver, "input", token=1)
        with pytest.raises(LeaseLost):
            await put(saver, "loop", token=1)
        await put(saver, "loop", token=2)
        assert sources(saver) == ["loop", "loop"]


async def test_a_failure_that_nobody_waited_for_is_met_by_the_next(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_checkpointer(url) as saver:
        await put(saver, "loop", token=2)
        await put(saver, "input", token=1)
        while not caplog.records:
            await asyncio.sleep(0.01)
        assert "The input of a run on thread 't' is not stored" in caplog.text
        with pytest.raises(LeaseLost):
            await put(saver, "loop", token=1)
        await put(saver, "loop", token=2)
        assert sources(saver) == ["loop", "loop"]


async def test_a_run_of_one_node_has_two_commits(tmp_path: Path) -> None:
    async def node(state: MessagesState) -> dict[str, Any]:
        await asyncio.sleep(0.01)  # the steps are apart
        return {"messages": ("ai", "hello")}

    path = tmp_path / "c.db"
    async with open_checkpointer(f"sqlite:///{path}") as saver:
        graph = StateGraph(MessagesState).add_node("n", node).add_edge(START, "n").compile(saver)
        await graph.ainvoke({"messages": [("human", "hi")]}, config())
        pages = _frames(path)
        await graph.ainvoke({"messages": [("human", "hi")]}, config())
        assert len(sources(saver)) == 6
        assert _commits(path, pages) == 2


def _frames(path: Path) -> int:
    """How many page images SQLite's write-ahead log has."""
    link = sqlite3.connect(path)
    page_size = link.execute("PRAGMA page_size").fetchone()[0]
    link.close()
    return (path.with_name(path.name + "-wal").stat().st_size - 32) // (page_size + 24)


def _commits(path: Path, after: int) -> int:
    """How many of them end a commit: there the size of the database is told, see SQLite's
    description of its file format, section 4.
    """
    link = sqlite3.connect(path)
    page_size = link.execute("PRAGMA page_size").fetchone()[0]
    link.close()
    log = path.with_name(path.name + "-wal").read_bytes()[32:]
    frames = [log[at : at + 8] for at in range(0, len(log), page_size + 24)]
    return sum(int.from_bytes(frame[4:]) > 0 for frame in frames[after:])

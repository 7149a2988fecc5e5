"""What a run puts is committed together where that is quicker, and is never lost sight of."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from graphwright_checkpoints import LeaseLost, ValueNotStored, open_checkpointer, puts
from graphwright_checkpoints.entries import RUNTIME
from graphwright_checkpoints.saver import Saver


def config(token: int | None = None, **more: Any) -> Any:
    fence = {} if token is None else {"__fence": token}
    return {"configurable": {"thread_id": "t", "checkpoint_ns": "", **more, **fence}}


async def put(saver: Any, source: str, token: int | None = None, **more: Any) -> Any:
    """Put a checkpoint as a run does."""
    at = config(token, **{RUNTIME: None}, **more)
    return await saver.aput(at, empty_checkpoint(), {"source": source}, {})


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
        assert "A checkpoint of thread 't' is not stored" in caplog.text
        with pytest.raises(LeaseLost):
            await put(saver, "loop", token=1)
        await put(saver, "loop", token=2)
        assert sources(saver) == ["loop", "loop"]


async def test_a_put_outside_of_a_run_is_committed_when_it_returns(shared_url: str) -> None:
    async with open_checkpointer(shared_url) as saver:
        await saver.aput(config(), empty_checkpoint(), {"source": "input", "step": -1}, {})
        with open_checkpointer(shared_url) as other:
            assert sources(other) == ["input"]


async def test_a_put_that_fails_does_not_take_the_input_along(url: str) -> None:
    async with open_checkpointer(url) as saver:
        await put(saver, "input")
        with pytest.raises(ValueNotStored):
            await put(saver, "loop", checkpoint_ns="\ud800")
        assert sources(saver) == ["input"]


class Counter(TypedDict):
    n: int


def graph_of(node: Any, saver: Any, **options: Any) -> Any:
    builder = StateGraph(MessagesState).add_node("n", node).add_edge(START, "n")
    return builder.compile(saver, **options)


async def hello(state: MessagesState) -> dict[str, Any]:
    return {"messages": ("ai", "hello")}


SAID = {"messages": [("human", "hi")]}


async def test_a_run_of_one_node_has_two_commits(tmp_path: Path) -> None:
    async def node(state: MessagesState) -> dict[str, Any]:
        await asyncio.sleep(0.01)  # the steps are apart
        return {"messages": ("ai", "hello")}

    path = tmp_path / "c.db"
    async with open_checkpointer(f"sqlite:///{path}") as saver:
        graph = graph_of(node, saver)
        await graph.ainvoke(SAID, config())
        pages = _frames(path)
        await graph.ainvoke(SAID, config())
        assert len(sources(saver)) == 6
        assert _commits(path, pages) == 2


# Where a commit is a round trip


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many entries each commit had that coroutines asked of Postgres."""
    sizes: list[int] = []
    real = Saver.__init__

    def watched(self: Saver, database: Any, **options: Any) -> None:
        ainsert = database.ainsert

        async def counted(new: Sequence[Any]) -> Any:
            sizes.append(len(new))
            return await ainsert(new)

        database.ainsert = counted
        real(self, database, **options)

    monkeypatch.setattr(Saver, "__init__", watched)
    monkeypatch.setattr(puts, "PAUSE", 5)  # a slow machine does not matter then
    return sizes


async def test_a_run_of_one_quick_node_is_one_commit(commits: list[int], postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:
        await graph_of(hello, saver).ainvoke(SAID, config())
        with open_checkpointer(postgres_url) as other:
            assert sources(other) == ["loop", "loop", "input"]
    assert commits == [5]  # three checkpoints, and two sets of writes


async def test_steps_that_follow_each_other_at_once_are_half_as_many_commits(
    commits: list[int], postgres_url: str
) -> None:
    async def count(state: Counter) -> dict[str, int]:
        return {"n": state["n"] + 1}

    builder = StateGraph(Counter)
    for number in range(4):
        builder.add_node(f"n{number}", count)
        builder.add_edge(START if number == 0 else f"n{number - 1}", f"n{number}")
    async with open_checkpointer(postgres_url) as saver:
        result = await builder.compile(saver).ainvoke({"n": 0}, config())
        assert result == {"n": 4}
        history = [
            state.values async for state in builder.compile(saver).aget_state_history(config())
        ]
    assert history == [{"n": 4}, {"n": 3}, {"n": 2}, {"n": 1}, {"n": 0}, {}]
    assert len(commits) == 3  # two steps each


async def test_a_step_is_committed_soon_while_its_node_runs(shared_url: str) -> None:
    found: list[list[str]] = []

    async def slow(state: MessagesState) -> dict[str, Any]:
        with open_checkpointer(shared_url) as other:
            for _ in range(100):
                await asyncio.sleep(0.02)
                if len(seen := sources(other)) == 2:
                    break
            found.append(seen)
        return {"messages": ("ai", "hello")}

    async with open_checkpointer(shared_url) as saver:
        await graph_of(slow, saver).ainvoke(SAID, config())
    assert found == [["loop", "input"]]


async def test_with_durability_sync_a_step_is_committed_before_its_node_runs(
    shared_url: str,
) -> None:
    found: list[list[str]] = []

    async def node(state: MessagesState) -> dict[str, Any]:
        with open_checkpointer(shared_url) as other:
            found.append(sources(other))
        return {"messages": ("ai", "hello")}

    async with open_checkpointer(shared_url) as saver:
        await graph_of(node, saver).ainvoke(SAID, config(), durability="sync")
    assert found == [["loop", "input"]]


async def raising(state: MessagesState) -> dict[str, Any]:
    raise RuntimeError("no")


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_an_input_that_cannot_be_routed_is_committed_when_its_graph_fails(
    shared_url: str, pause: float
) -> None:
    async def lost(state: MessagesState) -> str:
        await asyncio.sleep(pause)
        raise RuntimeError("nowhere")

    async with open_checkpointer(shared_url) as saver:
        builder = StateGraph(MessagesState).add_node("n", hello)
        graph = builder.add_conditional_edges(START, lost, ["n"]).compile(saver)
        with open_checkpointer(shared_url) as other:
            with pytest.raises(RuntimeError, match="nowhere"):
                await graph.ainvoke(SAID, config())
            assert sources(other) == ["input"]
            writes = other.get_tuple(config()).pending_writes  # type: ignore[union-attr]
            assert sorted(channel for _, channel, _ in writes or ()) == ["__error__", "messages"]


async def asking(state: MessagesState) -> dict[str, Any]:
    return {"messages": ("ai", interrupt("really?"))}


@pytest.mark.parametrize(
    ("node", "options", "expected"),
    [
        (hello, {}, ["loop", "loop", "input"]),
        (hello, {"interrupt_before": ["n"]}, ["loop", "input"]),
        (hello, {"interrupt_after": ["n"]}, ["loop", "loop", "input"]),
        (asking, {}, ["loop", "input"]),
        (raising, {}, ["loop", "input"]),
    ],
)
async def test_when_a_graph_has_returned_all_is_committed(
    shared_url: str, node: Any, options: Any, expected: list[str]
) -> None:
    async with open_checkpointer(shared_url) as saver:
        graph = graph_of(node, saver, **options)
        with open_checkpointer(shared_url) as other:  # before, as opening takes time
            if node is raising:
                with pytest.raises(RuntimeError, match="no"):
                    await graph.ainvoke(SAID, config())
            else:
                await graph.ainvoke(SAID, config())
            assert sources(other) == expected


async def test_a_run_that_lost_its_lease_hears_of_it(shared_url: str) -> None:
    async def overtaken(state: MessagesState) -> dict[str, Any]:
        with open_checkpointer(shared_url) as other:
            other.raise_fence("t", 2)
        return {"messages": ("ai", "hello")}

    async with open_checkpointer(shared_url) as saver:
        with pytest.raises(LeaseLost):
            await graph_of(overtaken, saver.fenced(1)).ainvoke(SAID, config())


async def test_who_takes_a_thread_over_in_the_same_process_finds_its_last_step(url: str) -> None:
    async with open_checkpointer(url) as saver:
        await saver.araise_fence("t", 1)
        await put(saver, "input", token=1)
        await saver.araise_fence("t", 2)
        assert sources(saver) == ["input"]


async def test_a_run_that_is_cancelled_leaves_its_steps(url: str) -> None:
    begun = asyncio.Event()

    async def endless(state: MessagesState) -> dict[str, Any]:
        begun.set()
        await asyncio.sleep(60)
        return {}

    async with open_checkpointer(url) as saver:
        run = asyncio.create_task(graph_of(endless, saver).ainvoke(SAID, config()))
        await begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert sources(saver) == ["loop", "input"]


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

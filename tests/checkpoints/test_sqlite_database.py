"""Files that are not ours, files that are too new, and several users of one file."""

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from graphwright_checkpoints import DatabaseTooNew, DatabaseUnavailable, open_checkpointer
from graphwright_checkpoints.sqlite import batches, schema


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}


def checkpoint(**values: Any) -> Any:
    versions = dict.fromkeys(values, "00000000000000000000000000000001.0")
    return {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}


def put(saver: Any, thread: str, **values: Any) -> Any:
    new = checkpoint(**values)
    return saver.put(config(thread), new, {"step": 0}, new["channel_versions"])


async def aput(saver: Any, thread: str, **values: Any) -> Any:
    new = checkpoint(**values)
    return await saver.aput(config(thread), new, {"step": 0}, new["channel_versions"])


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy milk. " * 1000)
    with (
        pytest.raises(DatabaseUnavailable, match=r"notes\.txt: .*not a database.*another path"),
        open_checkpointer(url(path)),
    ):
        pass
    assert path.read_text().startswith("Buy milk.")


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match=r"absent/c\.db: .*folder has to exist"),
        open_checkpointer(url(tmp_path / "absent" / "c.db")),
    ):
        pass


def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as link:
        link.execute("PRAGMA user_version = 99")
    link.close()
    with (
        pytest.raises(DatabaseTooNew, match=r"c\.db: .*schema 99.*newer"),
        open_checkpointer(url(path)),
    ):
        pass
    assert _tables(path) == set()


def test_a_file_of_the_official_saver_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE checkpoints (thread_id TEXT)")
    link.close()
    with (
        pytest.raises(DatabaseUnavailable, match=r"c\.db: .*langgraph-checkpoint-sqlite"),
        open_checkpointer(url(path)),
    ):
        pass
    assert _tables(path) == {"checkpoints"}


def _tables(path: Path) -> set[str]:
    link = sqlite3.connect(path)
    rows = link.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    link.close()
    return {name for (name,) in rows}


def test_other_tables_may_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    with sqlite3.connect(path) as link:
        link.execute("CREATE TABLE runs (id TEXT)")
    link.close()
    with open_checkpointer(url(path)) as saver:
        put(saver, "t", a=1)
    assert "runs" in _tables(path)


def test_what_is_stored_is_there_after_reopening(tmp_path: Path) -> None:
    with open_checkpointer(url(tmp_path / "c.db")) as saver:
        stored = put(saver, "t", messages=["hello"])
        saver.put_writes(stored, [("messages", "world")], "task")
    with open_checkpointer(url(tmp_path / "c.db")) as saver:
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"messages": ["hello"]}
        assert found.pending_writes == [("task", "messages", "world")]
        assert schema.version(sqlite3.connect(tmp_path / "c.db")) == schema.VERSION


def test_some_open_a_file_while_others_close_it(tmp_path: Path) -> None:
    # The last one takes the log away, the first one recovers it: SQLite has locks for both.
    def come_and_go(path: Path) -> None:
        for _ in range(3):
            with open_checkpointer(url(path)):
                pass

    with ThreadPoolExecutor(4) as pool:
        for round in range(40):
            list(pool.map(come_and_go, [tmp_path / f"{round}.db"] * 4))


async def test_another_process_writing_does_not_hold_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    async with open_checkpointer(url(path)) as saver:
        await aput(saver, "t", step=0)
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
        writing = asyncio.create_task(aput(saver, "t", step=1))
        longest = 0.0
        while not writing.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before)
        await writing
        other.close()
        assert longest < 0.25  # the other transaction lasted 0.3 s
        assert len([found async for found in saver.alist(config("t"))]) == 2


@pytest.mark.parametrize("option", ["normal", "full"])
async def test_how_much_a_commit_waits_for_is_an_option(tmp_path: Path, option: str) -> None:
    path = tmp_path / "c.db"
    async with open_checkpointer(f"{url(path)}?synchronous={option}") as saver:
        levels = {
            connection._link.execute("PRAGMA synchronous").fetchone()
            for connection in saver._database._file._connections()  # type: ignore[attr-defined]
        }
        assert levels == {(2,) if option == "full" else (1,)}
        await asyncio.gather(*(aput(saver, "t", step=step) for step in range(20)))
        assert len([found async for found in saver.alist(config("t"))]) == 20
    assert path.exists()


async def test_a_large_value_is_written_and_read_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops: list[str] = []
    loop = asyncio.get_running_loop()
    hop = loop.run_in_executor

    def counted(pool: Any, work: Any, *args: Any) -> Any:
        hops.append(work)
        return hop(pool, work, *args)

    monkeypatch.setattr(loop, "run_in_executor", counted)
    async with open_checkpointer(url(tmp_path / "c.db")) as saver:
        await aput(saver, "small", text="x")
        assert hops == []
        text = "x" * (batches.INLINE + 1)
        stored = await aput(saver, "large", text=text)
        await saver.aput_writes(stored, [("text", text)], "task")
        found = await saver.aget_tuple(config("large"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": text}
    # One encodes, one writes, one decodes. What the write holds, the checkpoint has: nothing to do.
    assert len(hops) == 3

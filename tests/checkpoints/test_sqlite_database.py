"""Files that are not ours, files that are too new, and several users of one file."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
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


async def test_threads_and_tasks_share_one_saver(tmp_path: Path) -> None:
    async with open_checkpointer(url(tmp_path / "c.db")) as saver:

        def work(thread: int) -> None:
            for step in range(20):
                put(saver, f"sync-{thread}", step=step)

        async def awork(thread: int) -> None:
            for step in range(20):
                await aput(saver, f"async-{thread}", step=step)
                assert await saver.aget_tuple(config(f"async-{thread}")) is not None

        threads = [asyncio.to_thread(work, number) for number in range(4)]
        await asyncio.gather(*threads, *(awork(number) for number in range(8)))
        assert len([found async for found in saver.alist(None)]) == 4 * 20 + 8 * 20


def test_several_event_loops_share_one_saver(tmp_path: Path) -> None:
    with open_checkpointer(url(tmp_path / "c.db")) as saver, ThreadPoolExecutor(4) as pool:

        async def work(thread: int) -> None:
            for step in range(20):
                await aput(saver, f"t{thread}", step=step)

        list(pool.map(lambda number: asyncio.run(work(number)), range(4)))
        assert len(list(saver.list(None))) == 80


def _write_in_process(path: Path, name: str) -> None:
    with open_checkpointer(url(path)) as saver:
        for step in range(25):
            put(saver, name, step=step)


def test_processes_share_one_file_from_its_first_moment(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "c.db"
    workers = [
        context.Process(target=_write_in_process, args=(path, f"p{number}")) for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with open_checkpointer(url(path)) as saver:
        assert len(list(saver.list(None))) == 75


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
    assert len(hops) == 2  # the write holds what the checkpoint has: there is little to store


WRITER = """
import sys
from langgraph.checkpoint.base import empty_checkpoint
from graphwright_checkpoints import open_checkpointer
with open_checkpointer(sys.argv[1]) as saver:
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    lines = []
    if found := saver.get_tuple(config):
        config, lines = found.config, found.checkpoint["channel_values"]["lines"]
    for step in range(len(lines) + 1, 100_000):
        version = f"{step:032}.0"
        lines = [*lines, f"{step:600}"]
        new = {**empty_checkpoint(), "channel_values": {"step": step, "lines": lines},
               "channel_versions": {"step": version, "lines": version}}
        config = saver.put(config, new, {"step": step}, new["channel_versions"])
        saver.put_writes(config, [("step", step)], "task")
        print(step, flush=True)
"""


KILLS = int(os.environ.get("GRAPHWRIGHT_KILLS", "10"))  # a release is tested with 100


def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    before = 0
    for kill in range(KILLS):
        acknowledged = _write_until_killed(path, at_least=5 + 7 * kill % 40)
        before = _check(path, before, acknowledged)


def _write_until_killed(path: Path, at_least: int) -> int:
    """The last step that a writer said it had stored. It is killed while it goes on writing."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(at_least)]
    writer.send_signal(signal.SIGKILL)
    lines += writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    return int(lines[-1])


def _check(path: Path, before: int, acknowledged: int) -> int:
    """Every checkpoint up to the last is there, whole, and no element without its checkpoint."""
    with open_checkpointer(url(path)) as saver:
        found = list(saver.list(config("t")))
        steps = [item.checkpoint["channel_values"]["step"] for item in found]
        assert steps == list(range(len(steps), 0, -1))
        assert before < acknowledged <= steps[0] <= acknowledged + 1
        for item in found:
            values = item.checkpoint["channel_values"]
            assert len(values["lines"]) == values["step"]
            assert all(len(line) == 600 for line in values["lines"])
        # The writes of what was acknowledged; a kill may come between a checkpoint and its writes.
        done = [
            item for step, item in zip(steps, found, strict=True) if before < step <= acknowledged
        ]
        assert all(item.pending_writes for item in done)
    return steps[0]

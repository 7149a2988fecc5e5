"""Several users of one database, and users that end in the middle, on every kind of database."""

import asyncio
import json
import math
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from tests.checkpoints.stored import Stored
from tests.processes import Command

from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.records import Selection

WRITER = """
import sys
from langgraph.checkpoint.base import empty_checkpoint
from graphwright_checkpoints import open_checkpointer
with open_checkpointer(sys.argv[1]) as saver:
    config = {"configurable": {"thread_id": sys.argv[2], "checkpoint_ns": ""}}
    lines = []
    if found := saver.get_tuple(config):
        config, lines = found.config, found.checkpoint["channel_values"]["lines"]
    for step in range(len(lines) + 1, int(sys.argv[3]) + 1):
        version = f"{step:032}.0"
        lines = [*lines, f"{step:600}"]
        new = {**empty_checkpoint(), "channel_values": {"step": step, "lines": lines},
               "channel_versions": {"step": version, "lines": version}}
        config = saver.put(config, new, {"step": step}, new["channel_versions"])
        saver.put_writes(config, [("step", step)], "task")
        print(step, flush=True)
"""


# Each node adds its number to the log, so that a log that lacks something shows it.
RUNNER = """
import asyncio, sys
from operator import add
from typing import Annotated, TypedDict
from langgraph.graph import START, StateGraph
from graphwright_checkpoints import open_checkpointer

class Log(TypedDict):
    lines: Annotated[list[str], add]

async def node(state):
    return {"lines": [f"{len(state['lines']):600}"]}

async def main():
    builder = StateGraph(Log).add_sequence([("a", node), ("b", node), ("c", node)])
    builder.add_edge(START, "a")
    config = {"configurable": {"thread_id": sys.argv[2]}}
    async with open_checkpointer(sys.argv[1]) as saver:
        graph = builder.compile(saver)
        for _ in range(int(sys.argv[3])):
            print(len((await graph.ainvoke({"lines": []}, config))["lines"]), flush=True)

asyncio.run(main())
"""


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


async def test_threads_and_tasks_share_one_saver(url: str) -> None:
    async with open_checkpointer(url) as saver:

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


def test_several_event_loops_share_one_saver(url: str) -> None:
    with open_checkpointer(url) as saver, ThreadPoolExecutor(4) as pool:

        async def work(thread: int) -> None:
            for step in range(20):
                await aput(saver, f"t{thread}", step=step)

        list(pool.map(lambda number: asyncio.run(work(number)), range(4)))
        assert len(list(saver.list(None))) == 80


def test_processes_share_one_database_from_its_first_moment(
    shared_url: str, tmp_path: Path
) -> None:
    writers = [_writer(shared_url, f"p{number}", tmp_path / "said", 25) for number in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    with open_checkpointer(shared_url) as saver:
        assert len(list(saver.list(None))) == 75


def _writer(url: str, thread: str, said: Path, steps: int, code: str = WRITER) -> Command:
    told = url, thread, str(steps)
    return Command(*told, code=code, folder=said.parent, environment=os.environ, output=said)


def _message(writer: int, step: int) -> HumanMessage:
    return HumanMessage(f"{writer} {step} " + "word " * 100, id=f"{writer}-{step}")


def test_savers_that_do_not_know_of_each_other_write_to_one_thread(
    url: str, stored: Stored
) -> None:
    """As processes do, each with its own idea of what the thread has."""

    def work(writer: int) -> None:
        with open_checkpointer(url) as saver:
            for step in range(20):
                put(saver, "t", messages=[_message(writer, n) for n in range(step + 1)])

    with open_checkpointer(url) as saver, ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
        found = list(saver.list(config("t")))
    assert len(found) == 80
    for item in found:
        messages = item.checkpoint["channel_values"]["messages"]
        writer = int(messages[0].id.split("-")[0])
        assert messages == [_message(writer, n) for n in range(len(messages))]
    assert stored.elements() == stored.referred()
    assert len(stored.elements()) == 80


def test_sweeps_beside_a_writer_lose_nothing(url: str, stored: Stored) -> None:
    def sweep(_: int) -> None:
        with open_checkpointer(url) as saver:
            for _ in range(round(10 * stored.kills)):
                saver.prune(["t"])

    def write(writer: int) -> None:
        with open_checkpointer(url) as saver:
            for step in range(round(40 * stored.kills)):
                messages = [_message(writer, n) for n in range(step + 1)]
                at = put(saver, "t", messages=messages)
                saver.put_writes(at, [("messages", messages[-1:])], f"task {writer}")

    with ThreadPoolExecutor(4) as pool:
        work = [pool.submit(do, number) for number, do in enumerate([write, write, sweep, sweep])]
        for done in work:
            done.result()
    with open_checkpointer(url) as saver:
        found = list(saver.list(config("t")))
        assert found
        for item in found:
            messages = item.checkpoint["channel_values"]["messages"]
            writer = int(messages[0].id.split("-")[0])
            assert messages == [_message(writer, n) for n in range(len(messages))]


KILLS = int(os.environ.get("GRAPHWRIGHT_KILLS", "10"))  # a release is tested with 100
THREAD = 5  # kills, after which a new thread is begun: each looks at all checkpoints of its own


def test_kill_9_loses_nothing_that_was_committed(
    shared_url: str, stored: Stored, tmp_path: Path
) -> None:
    before = 0
    for kill in range(math.ceil(KILLS * stored.kills)):
        said = tmp_path / f"said-{kill}"
        thread = f"t{kill // THREAD}"
        if kill % THREAD == 0:
            before = 0
        acknowledged = _write_until_killed(shared_url, thread, said, 5 + 7 * kill % 40)
        before = _check(shared_url, thread, before, acknowledged)


def test_kill_9_loses_nothing_that_a_graph_returned(
    shared_url: str, stored: Stored, tmp_path: Path
) -> None:
    """Coroutines hold a step until the next one ends: no step may be there without those before."""
    for kill in range(math.ceil(KILLS * stored.kills / 5)):
        said = tmp_path / f"said-{kill}"
        thread = f"t{kill // THREAD}"
        acknowledged = _write_until_killed(shared_url, thread, said, 3 + 5 * kill % 20, RUNNER)
        with open_checkpointer(shared_url) as saver:
            found = list(saver.list(config(thread), limit=100))
        logs = [item.checkpoint["channel_values"].get("lines", []) for item in found]
        assert len(logs[0]) >= acknowledged
        assert logs[0] == [f"{number:600}" for number in range(len(logs[0]))]
        assert all(log == logs[0][: len(log)] for log in logs)
        parents = [item.parent_config for item in found[:-1]]
        assert parents == [item.config for item in found[1:]]


def _write_until_killed(
    url: str, thread: str, said: Path, at_least: int, code: str = WRITER
) -> int:
    """The last step that a writer said it had stored. It is killed while it goes on writing."""
    writer = _writer(url, thread, said, 100_000, code)
    while not said.exists() or said.read_bytes().count(b"\n") < at_least:
        assert writer.poll() is None, said.read_text()
        time.sleep(0.001)
    writer.send_signal(signal.SIGKILL)
    writer.wait(60)
    return int(said.read_text().splitlines()[-1])


def _check(url: str, thread: str, before: int, acknowledged: int) -> int:
    """Every checkpoint is there up to the last, and whole, and no element without its checkpoint.

    What earlier checks saw is only counted: to read it all each time would take very long.
    """
    with open_checkpointer(url) as saver:
        stored = saver._database.select(Selection(thread_id=thread))  # type: ignore[attr-defined]
        steps = [json.loads(metadata)["step"] for _, metadata in stored]
        assert steps == list(range(len(steps), 0, -1))
        assert before < acknowledged <= steps[0] <= acknowledged + 1
        for item in saver.list(config(thread), limit=steps[0] - before + 1):
            values = item.checkpoint["channel_values"]
            assert values["step"] == item.metadata["step"] == len(values["lines"])
            assert all(len(line) == 600 for line in values["lines"])
            # The writes of what was acknowledged; a kill may come between a checkpoint and those.
            assert item.pending_writes or not before < values["step"] <= acknowledged
    return steps[0]

"""How long anybody waits for SQLite's write lock while a large file is swept.

    python benchmarks/retention.py [CHECKPOINTS]

Makes a file of long threads, then deletes most of their history while another process takes the
write lock again and again and times each; once without a sweep, for comparison.
"""

import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from graphwright_checkpoints import Retention, open_checkpointer

COPIES = 10  # of the long thread
TEXT = "What a day. " * 85  # 1 kB
WINDOW = 200  # messages that the thread keeps; older ones are elements that nothing needs
QUIET = 3.0  # seconds without a sweep
BOUND = 0.05  # seconds that nobody should wait longer


def config(thread: str, parent: str | None = None) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": parent}}


def put(saver: Any, thread: str, parent: str | None, number: int, messages: list[Any]) -> str:
    version = f"{number:032}.0"
    new: Any = {
        **empty_checkpoint(),
        "channel_values": {"messages": messages},
        "channel_versions": {"messages": version},
    }
    place = saver.put(config(thread, parent), new, {"step": number}, {"messages": version})
    saver.put_writes(place, [("messages", messages[-1:]), ("branch:to:a", None)], f"task {number}")
    made: str = place["configurable"]["checkpoint_id"]
    return made


def fill(url: str, checkpoints: int) -> None:
    with open_checkpointer(url) as saver:
        parent, messages = None, []
        for number in range(checkpoints):
            messages = [*messages, HumanMessage(f"{number} {TEXT}", id=str(number))][-WINDOW:]
            parent = put(saver, "thread 0", parent, number, messages)
        for copy in range(1, COPIES):
            saver.copy_thread("thread 0", f"thread {copy}")


def wait(path: str, ready: Event, stop: Event, times: Any) -> None:
    """Take the write lock until told to stop; put the seconds that each time took."""
    link = sqlite3.connect(path, timeout=0, isolation_level=None)
    taken = []
    while not stop.is_set():
        begin = time.perf_counter()
        while not _takes_lock(link):
            time.sleep(0.0002)  # SQLite's own polling is too coarse to measure with
        taken.append(time.perf_counter() - begin)
        ready.set()
        time.sleep(0.001)
    link.close()
    times.put(taken)


def _takes_lock(link: sqlite3.Connection) -> bool:
    try:
        link.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    link.execute("ROLLBACK")
    return True


def beside_a_writer(path: Path, work: Any) -> list[float]:
    """Do `work` while another process wants to write; how long it waited."""
    context = multiprocessing.get_context("spawn")
    ready, stop, times = context.Event(), context.Event(), context.Queue()
    writer = context.Process(target=wait, args=(str(path), ready, stop, times))
    writer.start()
    try:
        ready.wait(60)
        work()
    finally:
        stop.set()
    taken: list[float] = times.get(timeout=60)
    writer.join()
    return taken


def sweep(url: str) -> None:
    with open_checkpointer(url) as opened:
        saver: Any = opened
        begin = time.perf_counter()
        swept = [
            found
            for thread in list(saver.threads())
            if (found := saver.retain(thread, Retention(None, keep=100)))
        ]
        seconds = time.perf_counter() - begin
    checkpoints, size = sum(one.checkpoints for one in swept), sum(one.bytes for one in swept)
    print(f"  deleted {checkpoints} checkpoints, {size / 1e6:.1f} MB, in {seconds:.1f} s")


def say(name: str, taken: list[float]) -> None:
    ordered = sorted(taken)
    late = sum(seconds > BOUND for seconds in ordered)
    print(
        f"  {name:16} {len(ordered):6} times   median {statistics.median(ordered) * 1e3:6.1f} ms"
        f"   99 % {ordered[int(len(ordered) * 0.99)] * 1e3:6.1f} ms"
        f"   longest {ordered[-1] * 1e3:6.1f} ms   {late} over {BOUND * 1e3:.0f} ms"
    )


def main() -> None:
    checkpoints = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoints.db"
        url = f"sqlite:///{path}"
        fill(url, checkpoints)
        print(f"{COPIES} threads of {checkpoints} checkpoints, {path.stat().st_size / 1e6:.0f} MB")
        say("without a sweep", beside_a_writer(path, lambda: time.sleep(QUIET)))
        say("during a sweep", beside_a_writer(path, lambda: sweep(url)))


if __name__ == "__main__":
    main()

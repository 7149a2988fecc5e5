"""What the service adds to `graph.astream`, against a bare FastAPI handler in the same run.

    python benchmarks/service.py [--rounds 5] [--database postgresql://…]

Figures drift on a shared machine, so both servers take turns and the medians of their ratios count.
"""

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event

from graphwright.app import create_app
from graphwright.settings import Settings

PROJECT = Path(__file__).parent / "project"
ECHO = {"assistant_id": "echo", "input": {"text": "hi"}}
ECHO_STREAM = {**ECHO, "stream_mode": ["values"]}
FOUNTAIN = {
    "assistant_id": "fountain",
    "input": {"messages": [{"role": "user", "content": "x"}]},
    "stream_mode": ["messages-tuple"],
}
CALLS = 60  # per figure and round
CALLERS = 16
BASELINE_START = "import fastapi, uvicorn, langgraph.graph, sqlalchemy"

Measure = Callable[[httpx.AsyncClient], Awaitable[float]]


async def wait(client: httpx.AsyncClient) -> float:
    """Milliseconds of one run without a thread."""
    return await _median_time(lambda: client.post("/runs/wait", json=ECHO))


async def first_event(client: httpx.AsyncClient) -> float:
    """Milliseconds to the first event of a stream, which is then read to its end: a caller who
    leaves would have the server stop the run meanwhile.
    """
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        async with client.stream("POST", "/runs/stream", json=ECHO_STREAM) as response:
            pieces = response.aiter_raw()
            await anext(pieces)
            times.append(1000 * (time.perf_counter() - began))
            async for _piece in pieces:
                pass
    return statistics.median(times)


async def throughput(client: httpx.AsyncClient) -> float:
    """Runs per second with several callers."""

    async def caller() -> None:
        for _ in range(CALLS // 4):
            (await client.post("/runs/wait", json=ECHO)).raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return CALLERS * (CALLS // 4) / (time.perf_counter() - began)


async def tokens(client: httpx.AsyncClient) -> float:
    """Events per second of a model that writes as fast as it can."""
    rates = []
    for _ in range(5):
        count, first = 0, 0.0
        async with client.stream("POST", "/runs/stream", json=FOUNTAIN) as response:
            async for piece in response.aiter_raw():
                first = first or time.perf_counter()
                count += piece.count(b"event: ")
        rates.append(count / (time.perf_counter() - first))
    return statistics.median(rates)


async def _median_time(call: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await call()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


# name, measure, what it must be against the bare handler, whether less is better
FIGURES: list[tuple[str, Measure, float, bool]] = [
    ("one-node run, wait, ms", wait, 2.0, True),
    ("first event, ms", first_event, 2.0, True),
    (f"runs/s, {CALLERS} callers", throughput, 0.5, False),
    ("500 tokens, events/s", tokens, 0.6, False),
]


@contextmanager
def serving(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process of its own, until the context ends."""
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                httpx.get(f"http://127.0.0.1:{port}/ok").raise_for_status()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bare_command(port: int) -> list[str]:
    """The bare handler."""
    quiet = ["--log-level", "warning", "--no-access-log"]
    return [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port), *quiet]


def service_command(port: int, folder: str, database: str) -> list[str]:
    """The service, with a data folder of its own, and a record there if no database is named."""
    command = [sys.executable, "-m", "graphwright", "serve", "--port", str(port)]
    return [*command, "--data-dir", folder, "--database", database]


async def compare(rounds: int, table: Table, database: str) -> None:
    """Measure every figure on both servers in turn."""
    bare, ours = free_port(), free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(bare_command(bare), bare),
        serving(service_command(ours, folder, database), ours),
    ):
        limits = httpx.Limits(max_connections=64)
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{bare}", limits=limits) as floor,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ours}", limits=limits) as service,
        ):
            for name, measure, bound, less in FIGURES:
                await measure(floor), await measure(service)  # warm
                pairs = [(await measure(floor), await measure(service)) for _ in range(rounds)]
                ratio = statistics.median(b / a for a, b in pairs)
                _row(
                    table,
                    name,
                    *map(statistics.median, zip(*pairs, strict=True)),
                    ratio,
                    bound,
                    less,
                )


def start(rounds: int, table: Table, database: str) -> None:
    """From process start to the first answer, against importing the libraries it stands on; and
    what it takes then, on tables that are there: Alembic, which makes them, takes 8 MiB more.
    """
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        _time_start(folder, database)  # makes the tables
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", BASELINE_START], check=True)
            pairs.append((time.perf_counter() - began, _time_start(folder, database)))
        port = free_port()
        with serving(service_command(port, folder, database), port) as process:
            idle = _resident(process.pid)
    table.add_row("resident, idle, MiB", "", f"{idle:.0f}", "", "<= 120")
    ratio = statistics.median(b / a for a, b in pairs)
    _row(
        table,
        "start to /ok, s",
        *map(statistics.median, zip(*pairs, strict=True)),
        ratio,
        1.3,
        True,
    )


def _time_start(folder: str, database: str) -> float:
    port = free_port()
    began = time.perf_counter()
    with serving(service_command(port, folder, database), port):
        return time.perf_counter() - began


async def statements(table: Table, database: str) -> None:
    """SQL statements of one run, counted in this process; BEGIN is not one of them."""
    count = 0

    def on_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal count
        count += not statement.startswith("BEGIN")

    event.listen(Engine, "before_cursor_execute", on_statement)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            config=PROJECT / "langgraph.json", data_dir=Path(folder), database=database
        )
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://service") as client,
        ):
            thread = (await client.post("/threads", json={})).json()["thread_id"]
            paths = {"/runs/wait": 4, f"/threads/{thread}/runs/wait": 8}
            for path, bound in paths.items():
                counts = []
                for _ in range(9):  # the median passes over the sweeper's own
                    before = count
                    await client.post(path, json=ECHO)
                    await asyncio.sleep(0.02)  # the worker looks once more after a run
                    counts.append(count - before)
                name = "SQL statements, stateless run" if bound == 4 else "… run on a thread"
                table.add_row(name, "0", f"{statistics.median(counts)}", "", f"<= {bound}")


def _row(
    table: Table, name: str, floor: float, ours: float, ratio: float, bound: float, less: bool
) -> None:
    kept = ratio <= bound if less else ratio >= bound
    sign = "<=" if less else ">="
    colour = "green" if kept else "red"
    table.add_row(
        name, f"{floor:.2f}", f"{ours:.2f}", f"[{colour}]{ratio:.2f}[/]", f"{sign} {bound}"
    )


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # not Linux
        return float("nan")
    line = next(row for row in status.read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", default="", help="by default a SQLite file")
    arguments = parser.parse_args()
    rounds, database = arguments.rounds, arguments.database
    table = Table("figure", "bare", "graphwright", "ratio", "must be")
    asyncio.run(compare(rounds, table, database))
    asyncio.run(statements(table, database))
    start(min(rounds, 3), table, database)
    Console().print(table)
    Console().print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

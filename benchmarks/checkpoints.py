"""What a checkpointer adds to a run: one node, a fresh thread each time, medians in one process.

    python benchmarks/checkpoints.py [runs]

Prints each saver's time and its ratio to LangGraph's InMemorySaver; the savers take turns, so that
a noisy machine slows them alike. The official AsyncSqliteSaver is measured where it is installed.
"""

import asyncio
import operator
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from graphwright_checkpoints import open_checkpointer

BLOCK = 20  # runs of one saver before the next one's turn
WARM_UP = 20  # runs that are not counted


class Echo(TypedDict):
    text: str
    log: Annotated[list[str], operator.add]


async def echo(state: Echo) -> dict[str, Any]:
    return {"text": state["text"], "log": ["echo:" + state["text"]]}


def graph(saver: BaseCheckpointSaver[Any] | None) -> Any:
    builder = StateGraph(Echo).add_node("echo", echo)
    return builder.add_edge(START, "echo").add_edge("echo", END).compile(checkpointer=saver)


@asynccontextmanager
async def official(folder: Path) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - optional

    async with AsyncSqliteSaver.from_conn_string(str(folder / "official.db")) as saver:
        yield saver


async def measure(compiled: Any, name: str, start: int, runs: int) -> list[float]:
    times = []
    for number in range(start, start + runs):
        config = {"configurable": {"thread_id": f"{name}-{number}"}}
        begin = time.perf_counter()
        await compiled.ainvoke({"text": "hello"}, config)
        times.append(time.perf_counter() - begin)
    return times


async def compare(runs: int, folder: Path) -> dict[str, float]:
    """Median seconds of a run, by saver."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(open_checkpointer(f"sqlite:///{folder}/ours.db"))
        graphs = {
            "no checkpointer": graph(None),
            "InMemorySaver": graph(InMemorySaver()),
            "Graphwright SqliteSaver": graph(ours),
        }
        if find_spec("langgraph.checkpoint.sqlite"):
            saver = await stack.enter_async_context(official(folder))
            graphs["official AsyncSqliteSaver"] = graph(saver)
        times: dict[str, list[float]] = {name: [] for name in graphs}
        for start in range(0, WARM_UP + runs, BLOCK):
            for name, compiled in graphs.items():
                times[name] += await measure(compiled, name, start, BLOCK)
    return {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        medians = asyncio.run(compare(runs, Path(folder)))
    for name, seconds in medians.items():
        ratio = seconds / medians["InMemorySaver"]
        print(f"{name:28} {seconds * 1000:7.2f} ms   {ratio:5.2f} x InMemorySaver")


if __name__ == "__main__":
    main()

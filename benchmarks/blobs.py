"""What an image in a chat costs: bytes in the database and outside, and time for each turn.

    python benchmarks/blobs.py

A chat of 50 turns begins with an image of 1 MB. Savers take turns in one process, so that a noisy
machine slows them alike: trust the ratios. The official AsyncSqliteSaver is measured where it is
installed.
"""

import asyncio
import base64
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from graphwright_checkpoints import open_checkpointer

Saver = BaseCheckpointSaver[Any]

TURNS = 50
IMAGE = random.Random(1).randbytes(1_000_000)
CONFIG: Any = {"configurable": {"thread_id": "t"}}


async def answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": AIMessage(f"A picture, said {len(state['messages'])} times.")}


def chat(saver: Saver) -> Any:
    builder = StateGraph(MessagesState).add_node("answer", answer)
    return builder.add_edge(START, "answer").add_edge("answer", END).compile(checkpointer=saver)


@asynccontextmanager
async def official(folder: Path) -> AsyncIterator[Saver]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - optional

    async with AsyncSqliteSaver.from_conn_string(str(folder / "official.db")) as saver:
        yield saver


@asynccontextmanager
async def savers(folder: Path) -> AsyncIterator[dict[str, Saver]]:
    async with AsyncExitStack() as stack:
        inside = open_checkpointer(f"sqlite:///{folder}/inside.db")
        outside = open_checkpointer(f"sqlite:///{folder}/outside.db", blobs=f"file://{folder}/out")
        opened: dict[str, Saver] = {
            "InMemorySaver": InMemorySaver(),
            "inside": await stack.enter_async_context(inside),
            "outside": await stack.enter_async_context(outside),
        }
        if find_spec("langgraph.checkpoint.sqlite"):
            opened["official"] = await stack.enter_async_context(official(folder))
        yield opened


def question(turn: int) -> Any:
    words: dict[str, Any] = {"type": "text", "text": f"{turn}: what is it?"}
    if turn:
        return {"role": "user", "content": [words]}
    image = {"url": f"data:image/png;base64,{base64.b64encode(IMAGE).decode()}"}
    return {"role": "user", "content": [words, {"type": "image_url", "image_url": image}]}


async def converse(opened: dict[str, Saver]) -> dict[str, list[float]]:
    """Milliseconds of every turn."""
    graphs = {name: chat(saver) for name, saver in opened.items()}
    times: dict[str, list[float]] = {name: [] for name in graphs}
    for turn in range(TURNS):
        for name, graph in graphs.items():
            asked = {"messages": [question(turn)]}
            begin = time.perf_counter()
            await graph.ainvoke(asked, CONFIG)
            times[name].append(1000 * (time.perf_counter() - begin))
    return times


async def read_anew(folder: Path) -> dict[str, float]:
    """Milliseconds that the state takes in a new process."""
    times = {}
    async with savers(folder) as opened:
        for name, saver in opened.items():
            begin = time.perf_counter()
            await chat(saver).aget_state(CONFIG)
            times[name] = 1000 * (time.perf_counter() - begin)
    return times


def size(folder: Path, pattern: str) -> float:
    """Megabytes of the files that match."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()) / 1e6


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with savers(folder) as opened:
            times = await converse(opened)
        first = await read_anew(folder)
        print(f"{'':14} {'database':>10} {'outside':>9} {'image':>9} {'turn':>9} {'read anew':>10}")
        for saver, turns in times.items():
            outside = size(folder / "out", "*") if saver == "outside" else 0.0
            read = f"{first[saver]:7.1f} ms" if saver != "InMemorySaver" else ""
            print(
                f"{saver:14} {size(folder, f'{saver}.db'):7.2f} MB {outside:6.2f} MB"
                f" {turns[0]:6.1f} ms {statistics.median(turns[1:]):6.2f} ms {read:>10}"
            )


if __name__ == "__main__":
    asyncio.run(main())

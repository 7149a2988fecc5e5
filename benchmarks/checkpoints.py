"""What a checkpointer costs: time of a run, growth of a long chat, many threads at once.

    python benchmarks/checkpoints.py [--postgres URL] [--sync MS] [run] [chat] [threads]

run: one node on a fresh thread, by saver. A run makes three checkpoints and two sets of writes.
chat: 400 turns of 2 kB on one thread. How much slower the last turns are than the first is told in
decodings of the whole state, which a saver that decodes it for each turn would need one of.
threads: 64 conversations at once on one event loop.

Savers take turns in one process, so that a noisy machine slows them alike: trust the ratios, and
only where the load is below the number of cores. A machine's speed changes from one second to the
next: ratios are those of neighbours in time. The official savers are measured where
`langgraph-checkpoint-sqlite` and `langgraph-checkpoint-postgres` are installed; Postgres where a
URL is given, in databases that are made there and dropped again.

The official savers sync the disk several times a run, so that what they cost beside ours is a
matter of the disk. `--sync 1` makes each sync take 1 ms longer, see `disks.py`.
"""

import argparse
import asyncio
import gc
import itertools
import operator
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from disks import make_slower, sync_time, with_slower_commits
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from graphwright_checkpoints import open_checkpointer

Saver = BaseCheckpointSaver[Any]

RUNS = 300  # of each saver
BLOCK = 20  # runs of one saver before the next one's turn; as many are not counted
TURNS = 400
SAMPLE = 15  # turns at either end of the chat
ROUNDS = 3  # of the threads, each with threads of its own
TEXT = "What a day. " * 85  # 1 kB; a turn has two


class Echo(TypedDict):
    text: str
    log: Annotated[list[str], operator.add]


async def echo(state: Echo) -> dict[str, Any]:
    return {"text": state["text"], "log": ["echo:" + state["text"]]}


async def answer(state: MessagesState) -> dict[str, Any]:
    return {"messages": AIMessage(f"{len(state['messages'])} {TEXT}")}


def echo_graph(saver: Saver | None) -> Any:
    builder = StateGraph(Echo).add_node("echo", echo)
    return builder.add_edge(START, "echo").add_edge("echo", END).compile(checkpointer=saver)


def chat_graph(saver: Saver | None) -> Any:
    builder = StateGraph(MessagesState).add_node("answer", answer)
    return builder.add_edge(START, "answer").add_edge("answer", END).compile(checkpointer=saver)


@asynccontextmanager
async def official_sqlite(folder: Path) -> AsyncIterator[Saver]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415 - optional

    async with AsyncSqliteSaver.from_conn_string(str(folder / "official.db")) as saver:
        yield saver


@asynccontextmanager
async def official_postgres(url: str) -> AsyncIterator[Saver]:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415 - optional

    async with AsyncPostgresSaver.from_conn_string(url) as saver:
        await saver.setup()
        yield saver


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a database that is dropped at the end."""
    import psycopg  # noqa: PLC0415 - optional

    name = f"benchmark_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def savers(folder: Path, server: str | None) -> AsyncIterator[dict[str, Saver]]:
    async with AsyncExitStack() as stack:
        opened: dict[str, Saver] = {"InMemorySaver": InMemorySaver()}
        ours = open_checkpointer(f"sqlite:///{folder}/ours.db")
        opened["SQLite, Graphwright"] = await stack.enter_async_context(ours)
        if find_spec("langgraph.checkpoint.sqlite"):
            theirs = official_sqlite(folder)
            opened["SQLite, official"] = await stack.enter_async_context(theirs)
        if server is not None:
            ours = open_checkpointer(stack.enter_context(fresh_database(server)))
            opened["Postgres, Graphwright"] = await stack.enter_async_context(ours)
        if server is not None and find_spec("langgraph.checkpoint.postgres"):
            theirs = official_postgres(stack.enter_context(fresh_database(server)))
            opened["Postgres, official"] = await stack.enter_async_context(theirs)
        yield opened


async def timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


async def compare_runs(folder: Path, server: str | None) -> None:
    """One node, a fresh thread each time."""
    number = itertools.count()

    async def run(compiled: Any) -> None:
        config = {"configurable": {"thread_id": str(next(number))}}
        await compiled.ainvoke({"text": "hello"}, config)

    async with savers(folder, server) as opened:
        graphs = {"none": echo_graph(None)} | {n: echo_graph(s) for n, s in opened.items()}
        times: dict[str, list[float]] = {name: [] for name in graphs}
        for _ in range(RUNS // BLOCK + 1):
            for name, compiled in graphs.items():
                times[name] += [await timed(lambda: run(compiled)) for _ in range(BLOCK)]  # noqa: B023 - awaited here
    blocks = {name: medians(values)[1:] for name, values in times.items()}
    print("run of one node, median; ratios are those of a block to the other savers' in its round")
    for name, seconds in blocks.items():
        text = f"  {name:22} {statistics.median(seconds) * 1000:7.2f} ms"
        print(text + ratios(seconds, blocks))


def ratios(values: Sequence[float], of: Mapping[str, Sequence[float]]) -> str:
    """How many times the values of others these are: of neighbours in time, median."""
    text = ""
    for base in "InMemorySaver", "SQLite, official", "Postgres, official":
        if base in of:
            pairs = zip(values, of[base], strict=True)
            text += f"   {statistics.median([one / other for one, other in pairs]):5.2f} x {base}"
    return text


def medians(times: Sequence[float]) -> list[float]:
    """Of each block."""
    starts = range(0, len(times), BLOCK)
    return [statistics.median(times[start : start + BLOCK]) for start in starts]


async def grow_chat(folder: Path, server: str | None) -> None:
    """A chat of many turns in one process: time, size, and reading it."""
    config: Any = {"configurable": {"thread_id": "chat"}}
    path = folder / "chat.db"
    async with open_checkpointer(f"sqlite:///{path}") as saver:
        graph = chat_graph(saver)
        turns = []
        for number in range(TURNS):
            said = {"messages": [HumanMessage(f"{number} {TEXT}")]}
            turns.append(await timed(lambda: graph.ainvoke(said, config)))  # noqa: B023 - awaited here
        warm = [await timed(lambda: graph.aget_state(config)) for _ in range(SAMPLE)]
        state = (await graph.aget_state(config)).values["messages"]
    size = sum(file.stat().st_size for file in folder.glob("chat.db*"))
    async with open_checkpointer(f"sqlite:///{path}") as saver:
        cold = await timed(lambda: chat_graph(saver).aget_state(config))
    decoding = median_decoding(state)
    first, last = statistics.median(turns[3 : 3 + SAMPLE]), statistics.median(turns[-SAMPLE:])
    print(f"chat of {TURNS} turns of 2 kB, {len(state)} messages")
    print(f"  on disk                       {size / 1e6:7.2f} MB")
    print(f"  first and last turn           {first * 1e3:7.2f} ms {last * 1e3:7.2f} ms")
    print(f"  decoding the whole state      {decoding * 1e3:7.2f} ms")
    print(f"  last minus first, decodings   {(last - first) / decoding:7.2f}")
    print(f"  get_state                     {statistics.median(warm) * 1e3:7.2f} ms")
    print(f"  get_state after a restart     {cold * 1e3:7.2f} ms")


def median_decoding(state: Any) -> float:
    serde = JsonPlusSerializer()
    encoded = serde.dumps_typed(state)
    times = []
    for _ in range(SAMPLE):
        begin = time.perf_counter()
        serde.loads_typed(encoded)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


async def compare_throughput(folder: Path, server: str | None) -> None:
    """64 threads at once, 10 turns each."""

    async def talk(graph: Any, thread: str) -> None:
        for _ in range(10):
            said = {"messages": [HumanMessage(TEXT)]}
            await graph.ainvoke(said, {"configurable": {"thread_id": thread}})

    async def all_talk(graph: Any, turn: int) -> None:
        await asyncio.gather(*(talk(graph, f"{turn}-{number}") for number in range(64)))

    async with savers(folder, server) as opened:
        rates: dict[str, list[float]] = {name: [] for name in opened}
        for turn in range(ROUNDS):
            for name, saver in opened.items():
                gc.collect()
                seconds = await timed(lambda: all_talk(chat_graph(saver), turn))  # noqa: B023 - awaited here
                rates[name].append(640 / seconds)
    print("64 threads at once, 10 turns of 2 kB each, median")
    for name, found in rates.items():
        print(f"  {name:22} {statistics.median(found):7.0f} turns/s" + ratios(found, rates))


PARTS = {"run": compare_runs, "chat": grow_chat, "threads": compare_throughput}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--sync", metavar="MS", type=float, default=0)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    chosen = parser.parse_args()
    server = chosen.postgres
    if chosen.sync:
        make_slower(chosen.sync)
        server = server and with_slower_commits(server, chosen.sync)
    for name in chosen.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"a sync of the disk takes {sync_time(Path(folder)) * 1e3:.2f} ms")
            asyncio.run(PARTS[name](Path(folder), server))


if __name__ == "__main__":
    main()

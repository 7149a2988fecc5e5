"""A service under a mixed load for a while: memory stays flat, and nothing is left busy.

`make soak` takes 20 minutes.
"""

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
SECONDS = float(os.environ.get("GRAPHWRIGHT_SOAK", "6"))
CALLERS = 12
TURNS = 8  # of a conversation, which is deleted then
PAUSE = 0.4  # seconds between two turns, at most
WARM = 0.25  # of the time; caches fill in the beginning
GROWTH = 0.15  # of the memory in use then, by which it may have grown at the end
SLACK = 24  # MiB; what an allocator keeps for later differs from moment to moment

log = logging.getLogger(__name__)


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
async def test_memory_stays_flat(service_at: Callable[..., Service]) -> None:
    service = service_at(PLAIN).start()
    assert service.process is not None
    end = time.monotonic() + SECONDS
    turns: list[int] = []
    memory: list[float] = []
    async with get_client(url=service.url, timeout=60) as client, asyncio.TaskGroup() as group:
        for number in range(CALLERS):
            group.create_task(talk(client, random.Random(number), end, turns))
        group.create_task(watch(service.process.pid, end, memory))
    await left_in_order(service)
    before, after = memory[int(len(memory) * WARM)], memory[-1]
    log.info("%d turns in %.0f s; %.0f, then %.0f MiB", len(turns), SECONDS, before, after)
    assert len(turns) > SECONDS, "hardly anything was done"
    assert after < before * (1 + GROWTH) + SLACK
    assert "Traceback" not in service.output()


async def watch(pid: int, end: float, memory: list[float]) -> None:
    """Note the process's resident memory, in MiB."""
    while time.monotonic() < end:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        memory.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
        await asyncio.sleep(SECONDS / 100)


async def talk(
    client: LangGraphClient, chance: random.Random, end: float, turns: list[int]
) -> None:
    """Have conversations, one after the other."""
    while time.monotonic() < end:
        thread = (await client.threads.create())["thread_id"]
        for turn in range(TURNS):
            await chance.choice((wait, stream, leave, stop, ask, stateless))(client, thread, turn)
            turns.append(turn)
            await asyncio.sleep(chance.uniform(0, PAUSE))
        await settled(client, thread)
        await client.threads.delete(thread)


async def wait(client: LangGraphClient, thread: str, turn: int) -> None:
    await client.runs.wait(thread, "chat", input=said(f"I am {turn}"))


async def stream(client: LangGraphClient, thread: str, turn: int) -> None:
    parts = [part async for part in streaming(client, thread, "count 30 0.002")]
    assert parts[-1].event == "values"


async def leave(client: LangGraphClient, thread: str, turn: int) -> None:
    """Go away in the middle of an answer."""
    async with aclosing(streaming(client, thread, "count 50 0.01")) as parts:
        async for _ in parts:
            break


async def stop(client: LangGraphClient, thread: str, turn: int) -> None:
    run = await client.runs.create(
        thread, "slow", input=said("count 100 0.05"), multitask_strategy="interrupt"
    )
    with suppress(Exception):  # it may be over, or not there yet: both are fine
        await client.runs.cancel(thread, run["run_id"], wait=True)


async def ask(client: LangGraphClient, thread: str, turn: int) -> None:
    await client.runs.wait(thread, "approve", input={"text": f"{turn}"})
    await client.runs.wait(thread, "approve", command={"resume": "yes"})


async def stateless(client: LangGraphClient, thread: str, turn: int) -> None:
    await client.runs.wait(None, "echo", input={"text": "x" * 10_000})


def said(text: str) -> Any:
    return {"messages": [("user", text)]}


def streaming(client: LangGraphClient, thread: str, text: str) -> AsyncIterator[Any]:
    return client.runs.stream(thread, "slow", input=said(text), stream_mode=["messages", "values"])


async def settled(client: LangGraphClient, thread: str) -> None:
    """Stop what the thread still does."""
    for run in await client.runs.list(thread, limit=100):
        if run["status"] in ("pending", "running"):
            with suppress(Exception):
                await client.runs.cancel(thread, run["run_id"], wait=True)
    async with asyncio.timeout(60):
        while (await client.threads.get(thread))["status"] == "busy":
            await asyncio.sleep(0.05)


async def left_in_order(service: Service) -> None:
    async with get_client(url=service.url) as client:
        assert await client.threads.count(status="busy") == 0

"""Nodes that block a thread, which nothing can cancel: what a stop and a deploy do to them."""

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import convert_to_messages
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service
from tests.server.test_stopping import check

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
AT_ONCE = 3.0  # seconds; a node that does not heed its cancellation is left after 5


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """What the node waits for; it goes when the node ends."""
    return tmp_path / "gate"


def said(text: str) -> Any:
    return {"messages": [{"role": "user", "content": text}]}


async def blocked(client: LangGraphClient, thread: str, gate: Path) -> str:
    """A run whose node blocks its thread."""
    run = await client.runs.create(thread, "gated", input=said(f"pass {gate}"))
    async with asyncio.timeout(30):
        while (await client.threads.get_state(thread))["next"] != ["gate"]:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)  # for its thread to begin
    return run["run_id"]


async def ended(gate: Path) -> None:
    """Let the node end, and wait until it has."""
    gate.touch()
    async with asyncio.timeout(10):
        while gate.exists():
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)  # for its result to come where it may


async def test_a_stop_frees_the_thread_at_once_and_drops_the_late_result(
    client: LangGraphClient, thread: str, gate: Path
) -> None:
    run = await blocked(client, thread, gate)
    began = time.monotonic()
    await client.runs.cancel(thread, run, wait=True)
    assert (await client.runs.get(thread, run))["status"] == "interrupted"
    assert (await client.threads.get(thread))["status"] == "interrupted"
    values: Any = await client.runs.wait(thread, "gated", input=said("hello"))
    assert time.monotonic() - began < AT_ONCE
    assert values["messages"][-1]["content"] == "message 4"
    await ended(gate)
    after = await client.threads.get_state(thread)
    assert after["values"] == values
    assert after["next"] == []
    assert (await client.runs.get(thread, run))["status"] == "interrupted"
    asked, called, cancelled, hello, _ = convert_to_messages(values["messages"])
    assert (asked.text, hello.text) == (f"pass {gate}", "hello")
    assert called.tool_calls[0]["id"] == cancelled.tool_call_id  # type: ignore[union-attr]
    assert "Cancelled" in cancelled.text
    check(convert_to_messages(values["messages"]))


async def test_one_that_displaces_it_begins_at_once(
    client: LangGraphClient, thread: str, gate: Path
) -> None:
    run = await blocked(client, thread, gate)
    began = time.monotonic()
    values: Any = await client.runs.wait(
        thread, "gated", input=said("hello"), multitask_strategy="rollback"
    )
    assert time.monotonic() - began < AT_ONCE
    assert [message["content"] for message in values["messages"]] == ["hello", "message 1"]
    await ended(gate)
    assert (await client.threads.get_state(thread))["values"] == values
    assert run not in [one["run_id"] for one in await client.runs.list(thread)]


async def test_many_of_them_hold_up_nobody_else(client: LangGraphClient, tmp_path: Path) -> None:
    """More than the threads that Python would have for them, some stopped and some at work."""
    gates = [
        tmp_path / f"gate {number}" for number in range(min(32, (os.cpu_count() or 1) + 4) + 4)
    ]
    threads = [(await client.threads.create())["thread_id"] for _ in gates]
    runs = await asyncio.wait_for(
        asyncio.gather(*map(partial(blocked, client), threads, gates)), 30
    )
    half = len(runs) // 2
    for thread, run in zip(threads[:half], runs[:half], strict=True):
        await client.runs.cancel(thread, run, wait=True)
    values: Any = await asyncio.wait_for(
        client.runs.wait(threads[0], "gated", input=said("hello")), 10
    )
    assert values["messages"][-1]["content"] == "message 4"
    await asyncio.gather(*map(ended, gates))
    for thread, run in zip(threads[half:], runs[half:], strict=True):
        values = await client.runs.join(thread, run)
        assert [m["content"] for m in values["messages"]][2:] == ["passed", "message 3"]


async def test_the_service_stops_and_starts_in_spite_of_it(
    service_at: Callable[..., Service], gate: Path
) -> None:
    service = service_at(PLAIN, {"GRAPHWRIGHT_GRACE": "0.5"}).start()
    async with get_client(url=service.url) as client:
        thread = (await client.threads.create())["thread_id"]
        run = await blocked(client, thread, gate)
    began = time.monotonic()
    assert await asyncio.to_thread(service.stop) == 0
    assert time.monotonic() - began < 15  # the grace, and what Python gets to end its threads
    await asyncio.to_thread(service.start)
    gate.touch()
    async with get_client(url=service.url) as client:
        values: Any = await client.runs.join(thread, run)
    assert [m["content"] for m in values["messages"]][2:] == ["passed", "message 3"]

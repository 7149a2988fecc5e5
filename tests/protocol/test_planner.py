"""A planner behind the service: its events, a stop and a crash in the middle of its plan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import Service

DOCUMENT = """
state: {messages: messages, plan: plan}
input: [messages]
nodes: {planner: {planner: ["sums:calculator"]}}
edges: {START: planner, planner: END}
"""
SUMS = """
import asyncio
from pathlib import Path

HERE = Path(__file__).parent

async def calculator(expression: str) -> str:
    "Work out a sum; with a 9 in it, when it may."
    with (HERE / "log").open("a") as log:
        print(expression, file=log)
    while "9" in expression and not (HERE / "free").exists():
        await asyncio.sleep(0.05)
    return str(eval(expression))
"""


@pytest.fixture
def service(tmp_path: Path, service_at: Callable[..., Service]) -> Service:
    (tmp_path / "planner.yaml").write_text(DOCUMENT)
    (tmp_path / "sums.py").write_text(SUMS)
    config = tmp_path / "langgraph.json"
    config.write_text(json.dumps({"graphs": {"planner": "./planner.yaml"}}))
    started: Service = service_at(config).start()
    return started


async def begin(client: LangGraphClient, thread: str, said: str) -> str:
    """Start a run and follow it until its first step is done; the run's id."""
    run = await client.runs.create(
        thread, "planner", input={"messages": said}, stream_mode=["custom"]
    )
    async for event in client.runs.join_stream(thread, run["run_id"]):
        if event.event == "custom" and event.data.get("status") == "done":
            break
    return run["run_id"]


async def steps(client: LangGraphClient, thread: str) -> list[str]:
    values: Any = (await client.threads.get_state(thread))["values"]
    return [each["status"] for each in values["plan"]["steps"]]


async def test_a_plan_goes_on_after_a_stop_and_after_a_crash(service: Service) -> None:
    log, free = service.config.with_name("log"), service.config.with_name("free")
    async with get_client(url=service.url) as client:
        thread = (await client.threads.create())["thread_id"]
        run = await begin(client, thread, "Calculate 2 + 3, calculate 9 + 1, then add 7 to it")
        await client.runs.cancel(thread, run, wait=True)
        assert await steps(client, thread) == ["done", "waiting", "waiting"]

        free.touch()
        await client.runs.wait(thread, "planner", input={"messages": []})
        assert await steps(client, thread) == ["done"] * 3
        assert sorted(log.read_text().splitlines()) == ["10 + 7", "2 + 3", "9 + 1", "9 + 1"]

        free.unlink()
        log.unlink()
        run = await begin(client, thread, "Calculate 5 + 3, calculate 9 + 2, then add 7 to it")
    await asyncio.sleep(0.5)  # what was told is in the record within milliseconds
    service.kill()
    service.end_leases()
    free.touch()
    service.start()
    async with get_client(url=service.url) as client:
        await client.runs.join(thread, run)
        assert await steps(client, thread) == ["done"] * 3
    assert sorted(log.read_text().splitlines()) == ["11 + 7", "5 + 3", "9 + 2", "9 + 2"]

"""The unmodified official clients, connected to real services."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import Service


@pytest.fixture
async def client(plain: Service) -> AsyncIterator[LangGraphClient]:
    """The official SDK on the small graphs."""
    async with get_client(url=plain.url) as connected:
        yield connected


@pytest.fixture
async def thread(client: LangGraphClient) -> str:
    """A new thread's id."""
    return (await client.threads.create())["thread_id"]


@pytest.fixture
def http(plain: Service) -> Iterator[httpx.Client]:
    """Plain HTTP on the small graphs, for what the SDK would not send or does not show."""
    with httpx.Client(base_url=plain.url, timeout=30) as connected:
        yield connected


async def settled(client: LangGraphClient, thread: str, run_id: str) -> str:
    """The status a run ends with."""
    for _ in range(200):
        status = (await client.runs.get(thread, run_id))["status"]
        if status not in ("pending", "running"):
            return status
        await asyncio.sleep(0.02)
    raise AssertionError(f"run {run_id} did not end: {status}")

"""Conversations and runs that outlive the process that served them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"


@pytest.fixture
def service(service_at: Callable[..., Service]) -> Service:
    started: Service = service_at(PLAIN).start()
    return started


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=service.url) as client:
        yield client


async def say(client: LangGraphClient, thread: str, graph: str, text: str) -> str:
    asked = {"messages": [{"role": "user", "content": text}]}
    values: Any = await client.runs.wait(thread, graph, input=asked)
    answer: str = values["messages"][-1]["content"]
    return answer


async def reached(client: LangGraphClient, thread: str, node: str) -> None:
    """Wait until a node is the next to finish, as the checkpoint tells."""
    for _ in range(500):
        if (await client.threads.get_state(thread))["next"] == [node]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{node} was not reached")


async def test_kill_between_and_within_runs(service: Service) -> None:
    """One service for both, since starting it is what takes time."""
    async with connected(service) as client:
        talk = (await client.threads.create())["thread_id"]
        await say(client, talk, "chat", "I am Ada")
        asked = (await client.threads.create())["thread_id"]
        await client.runs.wait(asked, "approve", input={"text": "x"})
        cut = (await client.threads.create())["thread_id"]
        run = await client.runs.create(cut, "stages", input={"pause": 0.5})
        queued = await client.runs.create(cut, "stages", input={"pause": 0})
        await reached(client, cut, "two")
    service.kill()
    service.start()
    async with connected(service) as client:
        whole = [
            part async for part in client.runs.join_stream(cut, run["run_id"], last_event_id="-1")
        ]
        # What the process that is gone had told is there as well.
        attempts = [part.data["attempt"] for part in whole if part.event == "metadata"]
        assert attempts == [1, 2]
        assert whole[-1].data["log"] == ["one", "two", "three"]
        assert await say(client, talk, "chat", "Who am I?") == "You are Ada"
        answered: Any = await client.runs.wait(asked, "approve", command={"resume": "yes"})
        assert answered["log"] == ["answer:yes", "echo:x"]
        # Stage one is not run again, and what waited behind the run has its turn.
        done: Any = await client.runs.join(cut, queued["run_id"])
        assert done["log"] == ["one", "two", "three"] * 2
        assert (await client.runs.get(cut, run["run_id"]))["status"] == "success"
        assert (await client.threads.get(cut))["status"] == "idle"


async def test_a_deploy_under_an_open_stream(service: Service) -> None:
    async with connected(service) as client:
        thread = (await client.threads.create())["thread_id"]
        stream = client.runs.stream(thread, "stages", input={"pause": 30}, stream_mode="updates")
        assert (await anext(stream)).event == "metadata"
        began = time.monotonic()
        assert await asyncio.to_thread(service.stop) == 0
        assert time.monotonic() - began < 15
        await stream.aclose()
    assert "Traceback" not in service.output()


async def test_a_node_that_is_under_way_at_a_deploy_is_not_done_again(service: Service) -> None:
    async with connected(service) as client:
        thread = (await client.threads.create())["thread_id"]
        run = await client.runs.create(thread, "stages", input={"pause": 1})
        await reached(client, thread, "two")
        assert service.stop() == 0
        service.start()
        parts = [
            part
            async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1")
        ]
    told = [part.data if part.event == "metadata" else len(part.data["log"]) for part in parts]
    first, second = ({"run_id": run["run_id"], "attempt": attempt} for attempt in (1, 2))
    # Had the stop cut off stage two, the second attempt would begin with one entry.
    assert told == [first, 0, 1, 2, second, 2, 3]


async def test_the_shipped_agent_goes_on_after_a_crash(
    service_at: Callable[..., Service],
) -> None:
    service = service_at(ROOT / "langgraph.json").start()
    async with connected(service) as client:
        thread = (await client.threads.create())["thread_id"]
        assert "144" in await say(client, thread, "agent", "What is 12 times 12?")
    service.kill()
    service.start()
    async with connected(service) as client:
        assert "51" in await say(client, thread, "agent", "What is 17 times 3?")
        state: Any = await client.threads.get_state(thread)
        said = [m["content"] for m in state["values"]["messages"] if m["type"] == "human"]
        assert said == ["What is 12 times 12?", "What is 17 times 3?"]

"""A service that is killed while it streams, and the official client, which reconnects.

`make chaos` kills it 200 times.
"""

import asyncio
import logging
import os
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from tests.conftest import ROOT, Service

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
KILLS = int(os.environ.get("GRAPHWRIGHT_KILLS", "3"))
TOKENS = 60
DELAY = 0.02  # seconds between tokens
ASKED = f"count {TOKENS} {DELAY}"
ANSWER = "".join(f"t{number} " for number in range(TOKENS))

log = logging.getLogger(__name__)


# On Postgres a run waits for the lease of who was killed: the same code, at a tenth of the pace.
@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
async def test_each_event_once_and_the_same_end(service_at: Callable[..., Service]) -> None:
    service = service_at(PLAIN).start()
    chance = random.Random(7)
    attempts: list[int] = []
    for _ in range(KILLS):
        async with get_client(url=service.url) as client:
            reading = asyncio.create_task(converse(client))
            await asyncio.sleep(chance.uniform(0.1, 1.4))
            await asyncio.to_thread(service.kill)
            await asyncio.to_thread(service.start)
            try:
                attempts.append(await asyncio.wait_for(reading, 60))
            except ConnectionError:  # killed before the client had an answer to come back to
                continue
    log.info("%d kills, of which %d came in the middle of a stream", KILLS, attempts.count(2))
    assert max(attempts) == 2, "no kill came in the middle of a stream"


async def converse(client: LangGraphClient) -> int:
    """Stream one run to its end and check what was seen; how many attempts it took."""
    thread = (await client.threads.create())["thread_id"]
    parts: list[Any] = []
    try:
        async for part in client.runs.stream(
            thread,
            "slow",
            input={"messages": [("user", ASKED)]},
            stream_mode=["messages-tuple", "values"],
            stream_resumable=True,
        ):
            parts.append(part)
    except Exception as error:
        if not parts:
            raise ConnectionError from error
        raise
    ids = [int(part.id) for part in parts]
    assert ids == sorted(set(ids)), "each event once, in order"
    seen = by_attempt(parts)
    for texts in seen:
        assert ANSWER.startswith("".join(texts)), "nothing lost or doubled within an attempt"
    # Where the kill came after the node's end was stored, the next attempt says how it stands.
    last = [part.data for part in parts if part.event == "values"][-1]["messages"][-1]["content"]
    assert ("".join(seen[-1]) or last) == last == ANSWER
    state = await state_of(client, thread)
    assert [message["content"] for message in state["values"]["messages"]] == [ASKED, ANSWER]
    assert state["next"] == []
    return len(seen)


async def state_of(client: LangGraphClient, thread: str) -> Any:
    """The thread's state, asked again where the kill came between the stream and the answer."""
    while True:
        try:
            return await client.threads.get_state(thread)
        except httpx.TransportError:
            await asyncio.sleep(0.05)


def by_attempt(parts: list[Any]) -> list[list[str]]:
    """The tokens of each attempt."""
    attempts: list[list[str]] = []
    for part in parts:
        if part.event == "metadata":
            assert part.data["attempt"] == len(attempts) + 1
            attempts.append([])
        elif part.event == "messages" and part.data[0]["type"] == "AIMessageChunk":
            attempts[-1].append(part.data[0]["content"])
    return attempts

"""Answers that last, without a server: what an ASGI server is sent, and when."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from graphwright.api import sse
from graphwright.api.sse import EventStream, LastingResponses
from graphwright.events import Event, encode


async def sent(answer: EventStream) -> list[Message]:
    """What is sent to a client that listens to the end."""
    messages: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        messages.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(scope, receive, send)

    await LastingResponses(app)({"type": "http"}, receive, send)
    for _ in range(5):  # what was begun has its turn
        await asyncio.sleep(0)
    return messages


async def test_no_heartbeat_comes_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server takes a piece after the end for an error, and logs it."""
    monkeypatch.setattr(sse, "HEARTBEAT_INTERVAL", 0.0)
    for turns in range(6):  # of the loop: one of them ends when a beat is due

        async def batches(turns: int = turns) -> AsyncIterator[Sequence[Event]]:
            for _ in range(turns):
                await asyncio.sleep(0)
            yield [Event(1, encode("values", {}))]

        messages = await sent(EventStream(batches(), headers={}, ids=False))
        ends = [number for number, one in enumerate(messages) if one.get("more_body") is False]
        assert ends == [len(messages) - 1]

"""Limits of providers: turns, tokens, waits that are cancelled, the text they are read from."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from langchain_core.language_models import BaseChatModel

from graphwright_graphs.models import ModelError, Models
from graphwright_graphs.models.limits import Bucket, Gate, Limits
from graphwright_graphs.models.rates import RateLimiter


async def test_a_gate_lets_only_so_many_through_in_order() -> None:
    gate, inside, most, order = Gate(2), 0, 0, []

    async def call(number: int) -> None:
        nonlocal inside, most
        async with gate.aturn():
            order.append(number)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(call(number) for number in range(9)))

    assert most == 2
    assert order == list(range(9))


async def test_a_gate_is_shared_by_threads_and_event_loops() -> None:
    gate, inside, most, lock = Gate(3), 0, 0, threading.Lock()

    def enter(by: int) -> None:
        nonlocal inside, most
        with lock:
            inside += by
            most = max(most, inside)

    def in_a_thread() -> None:
        with gate.turn():
            enter(1)
            time.sleep(0.002)
            enter(-1)

    async def on_a_loop() -> None:
        async with gate.aturn():
            enter(1)
            await asyncio.sleep(0.002)
            enter(-1)

    async def several() -> None:
        await asyncio.gather(*(on_a_loop() for _ in range(6)))

    def on_another_loop() -> None:
        asyncio.run(several())

    await asyncio.gather(
        several(),
        asyncio.to_thread(on_another_loop),
        *(asyncio.to_thread(in_a_thread) for _ in range(4)),
    )

    assert most == 3
    assert inside == 0


async def test_who_is_cancelled_while_waiting_takes_no_turn() -> None:
    gate = Gate(1)

    async def call() -> str:
        async with gate.aturn():
            return "through"

    async with gate.aturn():
        waiting = [asyncio.create_task(call()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
        await asyncio.sleep(0)
    assert await asyncio.wait_for(waiting[2], 1) == "through"
    # One that is cancelled in the very moment of its turn hands it on.
    async with gate.aturn():
        late = asyncio.create_task(call())
        await asyncio.sleep(0)
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert await asyncio.wait_for(call(), 1) == "through"


def test_a_bucket_gives_a_burst_and_then_a_steady_rate() -> None:
    bucket = Bucket(per_second=10, burst=2)
    pauses = [bucket.take() for _ in range(4)]

    assert pauses[:2] == [0, 0]
    assert pauses[2:] == pytest.approx([0.1, 0.2], abs=0.02)
    bucket.give_back()
    assert bucket.take() == pytest.approx(0.2, abs=0.02)


async def test_a_cancelled_wait_gives_its_token_back() -> None:
    bucket = Bucket(per_second=1, burst=1)
    limiter = RateLimiter(bucket)
    assert limiter.acquire()
    assert not limiter.acquire(blocking=False)
    assert not await limiter.aacquire(blocking=False)
    waiting = asyncio.create_task(limiter.aacquire())
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert bucket.take() == pytest.approx(1, abs=0.1)


def test_limits_are_read_per_provider() -> None:
    limits = Limits("openai=8, openai=120/m, *=2")
    gate, bucket = limits.gate("openai"), limits.bucket("openai")
    assert gate is limits.gate("openai")
    assert bucket is not None
    assert [bucket.take() for _ in range(120)] == [0] * 120
    assert bucket.take() == pytest.approx(0.5, abs=0.1)
    assert limits.bucket("groq") is None
    assert limits.gate("groq") is not limits.gate("mistralai")  # each its own two
    assert Limits().gate("openai") is None


@pytest.mark.parametrize("text", ["openai", "openai=0", "openai=8/d", "8", "openai=many", "a=-1"])
def test_a_limit_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Models(limits=text)


def test_a_model_of_a_limited_provider_asks_for_its_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "dummy")
    models = Models("openai:a", limits="openai=60/m")
    first, second = models.get(), models.get("openai:b")
    assert isinstance(first, BaseChatModel)
    assert first.rate_limiter is not None
    assert first.rate_limiter.acquire(blocking=False)
    assert second.rate_limiter is not None
    assert [second.rate_limiter.acquire(blocking=False) for _ in range(60)].count(True) == 59

"""What was put off is done before anybody goes on who waited for a task of its tick."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from graphwright_checkpoints.ticks import Ticks

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(coroutine)

    return run


def test_it_is_done_before_who_waits_for_the_task_goes_on(run: Run) -> None:
    ticks, seen = Ticks(), list[str]()

    async def task(name: str) -> None:
        ticks.at_end(seen.append, f"put off by {name}")

    async def waiting(name: str) -> None:
        await asyncio.create_task(task(name))
        seen.append(f"{name} ended")

    async def main() -> None:
        await asyncio.gather(waiting("a"), waiting("b"))

    run(main())
    assert seen == ["put off by a", "put off by b", "a ended", "b ended"]


def test_each_tick_has_an_end(run: Run) -> None:
    ticks, seen = Ticks(), list[int]()

    async def main() -> None:
        for number in range(3):
            ticks.at_end(seen.append, number)
            assert seen == list(range(number))
            await asyncio.sleep(0)
            assert seen == list(range(number + 1))

    run(main())


def test_what_fails_is_reported_and_keeps_nothing_from_being_done(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    ticks, seen = Ticks(), list[str]()

    def failing() -> None:
        raise RuntimeError("on purpose")

    async def main() -> None:
        ticks.at_end(failing)
        ticks.at_end(seen.append, "the other")
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, logger="asyncio"):
        run(main())
    assert seen == ["the other"]
    assert "on purpose" in caplog.text

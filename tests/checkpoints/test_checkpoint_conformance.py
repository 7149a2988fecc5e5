"""LangGraph's own conformance suite, every capability."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES
from tests.checkpoints.stored import Stored

from graphwright_checkpoints import open_checkpointer


async def test_every_capability_passes(fresh: Callable[[], Stored]) -> None:
    await check(lambda: fresh().url)


async def test_every_capability_passes_with_every_element_in_a_blob(tmp_path: Path) -> None:
    number = iter(range(100))
    await check(lambda: f"sqlite:///{tmp_path}/{next(number)}.db", f"file://{tmp_path}/blobs")


async def test_every_capability_passes_in_memory() -> None:
    await check(lambda: "sqlite://")


async def check(new_url: Callable[[], str], blobs: str | None = None) -> None:
    @checkpointer_test(name="Saver")
    async def factory() -> AsyncGenerator[Any, None]:
        async with open_checkpointer(new_url(), blobs=blobs, blobs_above=1) as saver:
            yield saver

    report = await validate(factory)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert report.conformance_level() == "FULL"
    passed = {name for name, result in report.results.items() if result.passed}
    assert passed == {capability.value for capability in ALL_CAPABILITIES}

"""LangGraph's own conformance suite, every capability."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES

from graphwright_checkpoints import open_checkpointer


@pytest.mark.parametrize("place", ["file", "memory"])
async def test_every_capability_passes(place: str, tmp_path: Path) -> None:
    number = iter(range(100))

    @checkpointer_test(name=f"SqliteSaver in {place}")
    async def factory() -> AsyncGenerator[Any, None]:
        path = f"/{tmp_path}/{next(number)}.db" if place == "file" else ""
        async with open_checkpointer(f"sqlite://{path}") as saver:
            yield saver

    report = await validate(factory)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert report.conformance_level() == "FULL"
    passed = {name for name, result in report.results.items() if result.passed}
    assert passed == {capability.value for capability in ALL_CAPABILITIES}

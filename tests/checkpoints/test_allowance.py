"""What is encoded on the loop is little, whatever it is made of."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.allowance import Allowance, TakesLong, bulk
from graphwright_checkpoints.entries import ENCODED_INLINE


class Threads(JsonPlusSerializer):
    """Notes which threads encode and decode what is large."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        encoded = super().dumps_typed(obj)
        self._note(encoded)
        return encoded

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        self._note(data)
        return super().loads_typed(data)

    def _note(self, encoded: tuple[str, bytes]) -> None:
        if len(encoded[1]) > ENCODED_INLINE:
            self.used.add(threading.current_thread().name)


@pytest.mark.parametrize(
    "value",
    ["x" * 1_000_000, [HumanMessage("x" * 1_000_000)], {"a": {"b": [["x" * 500_000] * 2]}}],
    ids=["text", "message", "nested"],
)
async def test_large_values_are_encoded_and_decoded_in_threads(tmp_path: Path, value: Any) -> None:
    serde = Threads()
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    new = {**empty_checkpoint(), "channel_values": {"a": value}, "channel_versions": {"a": "1.0"}}
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db", serde=serde) as saver:
        stored = await saver.aput(place, new, {}, {"a": "1.0"})  # type: ignore[typeddict-item]
        await saver.aput_writes(stored, [("a", value)], "task")
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db", serde=serde) as saver:
        found = await saver.aget_tuple(place)
        assert found is not None
        assert found.checkpoint["channel_values"]["a"] == value
    assert serde.used
    assert threading.current_thread().name not in serde.used


async def test_many_values_together_are_much(tmp_path: Path) -> None:
    hops: list[Any] = []
    loop = asyncio.get_running_loop()
    hop = loop.run_in_executor
    loop.run_in_executor = lambda *all: hops.append(all) or hop(*all)  # type: ignore
    values = [HumanMessage("x" * 10_000, id=f"{n}") for n in range(100)]
    place: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    new: Any = {**empty_checkpoint(), "channel_values": {"a": values}}
    new["channel_versions"] = {"a": "1.0"}
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        await saver.aput(place, new, {}, {"a": "1.0"})
        assert len(hops) == 2  # one encodes, one writes
        await saver.aput(place, {**new, "id": "2"}, {}, {"a": "1.0"})
        assert len(hops) == 2  # all of it is stored: there is nothing to encode


def test_how_large_a_value_is() -> None:
    assert bulk("x" * 500, 100) == 500
    assert bulk([HumanMessage("x" * 500)], 10_000) > 500
    assert bulk([1] * 1_000_000, 100) < 1000  # it does not count to the end
    allowance = Allowance(100)
    allowance.take(60)
    with pytest.raises(TakesLong):
        allowance.look_at("x" * 50)
    with pytest.raises(TakesLong):
        allowance.take(50)
    Allowance(None).look_at("x" * 1000)

"""What a connection remembers of its threads is true, whoever else writes or deletes."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint

from graphwright_checkpoints import LeaseLost, open_checkpointer

TEXT = "What a day. " * 85  # 1 kB


def config(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


async def put(saver: Any, number: int, where: Any = None) -> None:
    version = f"{number:010}.0"
    values = {"messages": [HumanMessage(f"{n} {TEXT}", id=f"{n}") for n in range(number)]}
    new = {
        **empty_checkpoint(),
        "channel_values": values,
        "channel_versions": {"messages": version},
    }
    await saver.aput(where or config(), new, {"step": number}, new["channel_versions"])


async def messages(saver: Any) -> list[int]:
    found = await saver.aget_tuple(config())
    return [int(m.id) for m in found.checkpoint["channel_values"]["messages"]]


async def test_two_savers_take_turns(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.db"
    async with open_checkpointer(url) as one, open_checkpointer(url) as other:
        for number in range(1, 20):
            await put(one if number % 2 else other, number)
            assert await messages(one) == await messages(other) == list(range(number))


@pytest.mark.parametrize("place", ["{}/c.db", ""], ids=["file", "memory"])
async def test_a_deleted_thread_starts_anew(tmp_path: Path, place: str) -> None:
    url = f"sqlite:///{place.format(tmp_path)}" if place else "sqlite://"
    async with open_checkpointer(url) as saver:
        for _ in range(3):
            await put(saver, 3)
            await put(saver, 5)
            assert await messages(saver) == list(range(5))
            await saver.adelete_thread("t")
            assert await saver.aget_tuple(config()) is None


async def test_a_fence_that_another_saver_raised_is_seen(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.db"
    async with open_checkpointer(url) as old, open_checkpointer(url) as new:
        mine: Any = config(__fence=1)
        await put(old, 1, mine)
        await put(old, 2, mine)
        await new.araise_fence("t", 2)  # type: ignore[attr-defined]
        with pytest.raises(LeaseLost, match="token is 1 and the thread has seen 2"):
            await put(old, 3, mine)
        assert await messages(new) == [0, 1]


async def test_what_a_failed_transaction_made_is_forgotten(tmp_path: Path) -> None:
    async with open_checkpointer(f"sqlite:///{tmp_path}/c.db") as saver:
        with pytest.raises(LeaseLost):
            await saver.araise_fence("t", -1)  # type: ignore[attr-defined]
        await put(saver, 3)
        assert await messages(saver) == [0, 1, 2]

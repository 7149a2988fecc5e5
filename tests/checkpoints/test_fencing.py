"""A worker that lost its lease cannot write any more."""

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from graphwright_checkpoints import LeaseLost, open_checkpointer


def config(token: int | None = None, **more: Any) -> Any:
    fence = {} if token is None else {"__fence": token}
    return {"configurable": {"thread_id": "t", "checkpoint_ns": "", **more, **fence}}


def put(saver: Any, token: int | None) -> Any:
    return saver.put(config(token), empty_checkpoint(), {}, {})


def test_an_older_token_is_refused_and_writes_nothing(url: str) -> None:
    with open_checkpointer(url) as old, open_checkpointer(url) as new:
        first = put(old, 1)
        assert "__fence" not in new.get_tuple(first).metadata
        put(new, 2)
        with pytest.raises(LeaseLost, match=r"'t' belongs to a newer attempt.*1.*2.*Stop"):
            put(old, 1)
        with pytest.raises(LeaseLost):
            at = config(1, checkpoint_id=first["configurable"]["checkpoint_id"])
            old.put_writes(at, [("a", 1)], "task")
        put(new, 2)
        put(old, None)  # whoever has no token is not asked
        assert len(list(new.list(config()))) == 4
        assert new.get_tuple(first).pending_writes == []


def test_a_saver_that_belongs_to_a_worker(url: str) -> None:
    with open_checkpointer(url) as saver:
        old, new = saver.fenced(1), saver.fenced(2)
        first = put(old, None)
        put(new, None)
        with pytest.raises(LeaseLost):
            put(old, None)
        with pytest.raises(LeaseLost):
            at = config(checkpoint_id=first["configurable"]["checkpoint_id"])
            old.put_writes(at, [("a", 1)], "task")
        put(old, 3)  # a config's own token goes first
        put(saver, None)
        assert len(list(saver.list(config()))) == 4


async def test_a_refused_write_does_not_take_others_with_it(url: str) -> None:
    async with open_checkpointer(url) as saver:
        await saver.aput(config(2), empty_checkpoint(), {}, {})
        outcomes = await asyncio.gather(
            *(saver.aput(config(token), empty_checkpoint(), {}, {}) for token in (2, 1, 2, 3, 2)),
            return_exceptions=True,
        )
        lost = [isinstance(outcome, LeaseLost) for outcome in outcomes]
        # Some databases are asked from several threads: then 3 may come before the 2 beside it.
        assert lost[1:4:2] == [True, False]
        if url.startswith(("sqlite", "postgres")):
            assert lost == [False, True, False, False, True]
        stored = [found async for found in saver.alist(config())]
        assert len(stored) == 1 + lost.count(False)


async def test_a_fence_can_be_raised_before_the_first_write(url: str) -> None:
    async with open_checkpointer(url) as saver:
        await saver.araise_fence("t", 5)
        with pytest.raises(LeaseLost):
            put(saver, 4)
        with pytest.raises(LeaseLost):
            saver.raise_fence("t", 4)
        put(saver, 5)

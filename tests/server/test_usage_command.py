"""`graphwright usage`, on the accounts in a record."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.server.test_cli import graphwright

from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.database import usage as rows


def row(run: str, model: str, cost: float | None, age: timedelta, unmetered: int = 0) -> Any:
    return {
        "tenant": DEFAULT_TENANT, "run_id": run, "attempt": 1, "node": "chat", "model": model,
        "thread_id": "t", "graph_id": "agent", "assistant_id": "a", "calls": 1 + unmetered,
        "unmetered_calls": unmetered, "input_tokens": 1000, "output_tokens": 20,
        "cache_read_tokens": 500, "cache_write_tokens": 0, "reasoning_tokens": 0, "cost": cost,
        "created_at": datetime.now(UTC) - age,
    }  # fmt: skip


@pytest.fixture
def record(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'record.db'}"

    async def fill() -> None:
        database = database_at(url)
        async with database.opened(), database.begin() as connection:
            day = timedelta(days=1)
            await rows.insert(
                connection,
                [
                    row("1", "openai:a", 0.5, age=0 * day),
                    row("2", "openai:a", 0.25, age=9 * day),
                    row("3", "groq:b", None, age=0 * day, unmetered=1),
                ],
            )

    asyncio.run(fill())
    return url


def test_it_sums_up_by_model_and_says_what_is_left_out(record: str) -> None:
    said = graphwright("usage", "--database", record).stdout
    lines = [" ".join(line.split()) for line in said.splitlines()]

    assert lines[0] == "Model Calls Input of it cached Output Cost"
    assert "openai:a 2 2,000 1,000 40 0.7500" in lines
    assert "groq:b 2 1,000 500 20 -" in lines
    assert "all 4 3,000 1,500 60 0.7500" in lines
    assert "2 calls have no price" in said
    assert "1 call did not say what was used" in said


def test_without_calls_it_says_why(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"

    async def make() -> None:
        async with database_at(url).opened():
            pass

    asyncio.run(make())
    said = graphwright("usage", "--database", url).stdout
    assert "No call is counted. The demo model is no LLM" in said


def test_it_looks_back_and_groups_for_programs(record: str) -> None:
    ended = graphwright(
        "usage", "--database", record, "--since", "2d", "--by", "graph,model", "--json"
    )
    found = json.loads(ended.stdout)

    assert found["total"]["calls"] == 3
    assert {(each["graph"], each["model"], each["calls"]) for each in found["groups"]} == {
        ("agent", "openai:a", 1),
        ("agent", "groq:b", 2),
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "'colour'"),
        (["--since", "soon"], "--since"),
        (["--database", "sqlite:////nowhere/record.db"], "no such file"),
    ],
)
def test_what_cannot_be_asked_is_said(record: str, arguments: list[str], said: str) -> None:
    ended = graphwright("usage", "--database", record, *arguments)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr

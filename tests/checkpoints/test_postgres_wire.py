"""Statements that go to libpq past psycopg's cursors have its values, its rows and its errors."""

import asyncio
from typing import Any

import psycopg
import pytest

from graphwright_checkpoints.postgres.wire import execute


async def test_values_go_there_and_rows_come_back(postgres_url: str) -> None:
    values = (1, b"\x00\xff", "caf\u00e9", ["x", "y"], None)
    sql = "SELECT %s::int + 1, %b, %s::text, %s::text[], %s::int"
    expected: Any = [(2, *values[1:])]
    with psycopg.connect(postgres_url, autocommit=True) as link:
        assert link.wait(execute(link, sql, values)) == expected
        assert link.wait(execute(link, "SELECT 1 WHERE false", ())) == []
        assert link.wait(execute(link, "SET statement_timeout = 1000", ())) == []
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as other:
        assert await other.wait(execute(other, sql, values)) == expected


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT 1 / %s::int", psycopg.errors.DivisionByZero),
        ("SELEC %s", psycopg.errors.SyntaxError),
        ("", psycopg.Error),
    ],
)
def test_errors_are_psycopgs_and_the_connection_goes_on(
    postgres_url: str, sql: str, error: type[Exception]
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as link:
        with pytest.raises(error):
            link.wait(execute(link, sql, (0,) if sql else ()))
        assert link.wait(execute(link, "SELECT 1", ())) == [(1,)]


async def test_one_that_is_cancelled_is_stopped_in_the_server(postgres_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as link:
        waiting = asyncio.create_task(link.wait(execute(link, "SELECT pg_sleep(60)", ())))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await link.wait(execute(link, "SELECT 1", ())) == [(1,)]

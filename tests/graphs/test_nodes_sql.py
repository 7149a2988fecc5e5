"""The kind `sql`. What it may do to a database is tested with the client, in tests/tools."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from graphwright_graphs.errors import DocumentError, RequestError

ORDERS = """
    state:
      customer: {type: string, default: Ada}
      least: {type: number, default: 0}
      found: {type: list}
    nodes:
      read:
        sql:
          database: env:SHOP_DATABASE
          query: |
            SELECT id, total, ':customer' AS said FROM orders
            WHERE customer = :customer AND total >= :least ORDER BY id -- :nothing
          tables: [orders]
          rows: 2
          output: found
    edges: {START: read, read: END}
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER, customer TEXT, total REAL)")
        rows = [(1, "Ada", 9.5), (2, "Ada", 1.25), (3, "Bob", 2), (4, "Bob", 3), (5, "Bob", 4)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{path}")


async def test_values_of_the_state_are_bound(compiled: Any) -> None:
    graph = compiled(ORDERS)

    assert (await graph.ainvoke({"customer": "Ada", "least": 2}))["found"] == [
        {"id": 1, "total": 9.5, "said": ":customer"}
    ]
    assert (await graph.ainvoke({"customer": "x' OR 'a'='a"}))["found"] == []


def test_it_runs_synchronously_with_defaults(compiled: Any) -> None:
    found = compiled(ORDERS).invoke({"least": 0.0})["found"]

    assert [row["id"] for row in found] == [1, 2]


@pytest.mark.parametrize(
    ("old", "new", "given", "said"),
    [
        ("rows: 2", "rows: 2", {"customer": "Bob"}, "more than 2 rows"),
        ("FROM orders", "FROM order1", {}, "orders"),
        ("env:SHOP_DATABASE", "env:NO_DATABASE", {}, "NO_DATABASE is not set"),
        ("rows: 2", "rows: 2", {"customer": {"a": 1}}, 'can\'t bind "customer"'),
    ],
)
def test_what_fails_is_said(
    compiled: Any, old: str, new: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError, match="node `read`") as caught:
        compiled(ORDERS.replace(old, new)).invoke({"least": 0, **given})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("= :customer", "= :custmer", 'sql.query: found "custmer"'),
        ("SELECT id", "SELCT id", "expected one SELECT, since nothing can be changed here"),
        ("SELECT id", "-- SELECT\n            DELETE", 'sql.query: found "-- SELECT DELETE, total'),
        (
            "= :customer",
            "= {customer}",
            'found "{customer}", expected a parameter, which is bound, did you mean ":customer"?',
        ),
        ("output: found", "output: fond", 'did you mean "found"?'),
        ("env:SHOP_DATABASE", "postgresql://me:s3cret@host/db", "sql.database: found what is no"),
        ("          output: found\n", "", "no `output`"),
    ],
)
def test_mistakes_are_located(compiled: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(ORDERS.replace(old, new))
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)

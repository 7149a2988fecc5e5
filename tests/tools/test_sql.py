"""The SQL tools on real databases: SQLite, Postgres and MariaDB."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pymysql
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from graphwright_tools.errors import Refused, TooLarge
from graphwright_tools.sql import Limits, sql_client, sql_query, sql_toolset

TABLES = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, secret TEXT)",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), "
    "total NUMERIC(8, 2), secrets INTEGER)",
    "CREATE TABLE secrets (id INTEGER PRIMARY KEY, word VARCHAR(40))",
    "INSERT INTO customers VALUES (1, 'Ada', 'a'), (2, 'Bob | Co', NULL)",
    "INSERT INTO orders VALUES (1, 1, 9.50, 7), (2, 1, 1.25, NULL), (3, 2, 30, NULL)",
    "INSERT INTO secrets VALUES (1, 'sesame')",
    "CREATE VIEW spent AS SELECT name, sum(total) AS total FROM customers "
    "JOIN orders ON orders.customer = customers.id GROUP BY name",
    "CREATE VIEW words AS SELECT length(word) AS size FROM secrets",
)
MARIADB = {"host": "127.0.0.1", "port": 3306, "user": "root", "password": ""}


@dataclass
class Shop:
    """A database with a shop's tables, and how the test looks into it."""

    kind: str
    url: str
    run: Callable[[str], list[Any]]

    def contents(self) -> list[Any]:
        names = ("customers", "orders", "secrets")
        return [self.run(f"SELECT * FROM {name} ORDER BY id") for name in names]


def sqlite_shop(tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "shop 1.db"

    def run(statement: str) -> list[Any]:
        connection = sqlite3.connect(path)
        try:
            with connection:
                return connection.execute(statement).fetchall()
        finally:
            connection.close()

    yield Shop("sqlite", f"sqlite:///{path}", run)


def postgres_shop(url: str) -> Iterator[Shop]:
    with psycopg.connect(url, autocommit=True) as connection:

        def run(statement: str) -> list[Any]:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield Shop("postgres", url, run)


def mariadb_shop() -> Iterator[Shop]:
    try:
        connection = pymysql.connect(**MARIADB, autocommit=True)  # type: ignore[arg-type]
    except pymysql.OperationalError:
        pytest.skip("no MariaDB answers at 127.0.0.1:3306")
    name = f"test_{uuid4().hex}"

    def run(statement: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    try:
        run(f"CREATE DATABASE {name}")
        run(f"USE {name}")
        yield Shop("mariadb", f"mysql://root@127.0.0.1:3306/{name}?ssl_disabled=true", run)
    finally:
        run(f"DROP DATABASE {name}")
        connection.close()


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    match request.param:
        case "sqlite":
            made = sqlite_shop(tmp_path)
        case "postgres":
            made = postgres_shop(request.getfixturevalue("postgres_url"))
        case _:
            made = mariadb_shop()
    for found in made:
        for statement in TABLES:
            found.run(statement)
        monkeypatch.setenv("SHOP_DATABASE", found.url)
        yield found


def only(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", [kind], indirect=True)


def asked(tool: BaseTool, **arguments: Any) -> ToolMessage:
    call = {"name": tool.name, "args": arguments, "id": "1", "type": "tool_call"}
    message = tool.invoke(call)
    assert isinstance(message, ToolMessage)
    return message


def query(statement: str, **options: Any) -> ToolMessage:
    return asked(sql_toolset("env:SHOP_DATABASE", **options)[2], statement=statement)


def refused(statement: str, **options: Any) -> str:
    message = query(statement, **options)
    assert message.status == "error", f"{statement} answered {message.text}"
    return message.text


def test_lists_tables_and_views(shop: Shop) -> None:
    tables, _, _ = sql_toolset("env:SHOP_DATABASE")

    assert asked(tables).text.split("\n") == [
        "customers (table)",
        "orders (table)",
        "secrets (table)",
        "spent (view)",
        "words (view)",
    ]


def test_describes_tables(shop: Shop) -> None:
    _, schema, _ = sql_toolset("env:SHOP_DATABASE", tables=["orders", "customers"])

    said = asked(schema, tables=["Orders"]).text
    assert said.startswith("orders (table)\n  id INTEGER, primary key\n  customer INTEGER")
    # MariaDB takes a column's own REFERENCES, as of 10.5.
    assert "references customers.id" in said
    assert "NUMERIC(8, 2)" in said or "DECIMAL(8, 2)" in said
    assert asked(schema, tables=["secrets"]).text == (
        "There is no table secrets that can be read here. Tables: customers, orders."
    )


def test_answers_a_select(shop: Shop) -> None:
    asked_for = "SELECT id, name, secret FROM customers ORDER BY id; "

    assert query(asked_for).text == (
        "id | name | secret\n1 | Ada | a\n2 | Bob \\| Co | NULL\n(2 rows)"
    )
    assert query("WITH a AS (SELECT 1 AS x) SELECT x FROM a -- done").text == "x\n1\n(1 row)"
    assert query("SELECT name, total FROM spent WHERE name LIKE 'A%'").text == (
        "name | total\nAda | 10.75\n(1 row)"
    )


def test_an_answer_has_limits(shop: Shop) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
    few = Limits(rows=3, cell=5)

    said = query(f"{many} SELECT i, 'abcdefghi' AS a FROM n", limits=few).text
    assert said.startswith("i | a\n1 | abcde…\n2 | abcde…\n3 | abcde…\n[Cut: these are the first 3")
    assert "[Values are cut after 5 characters.]" in said
    wide = query(f"SELECT '{'x' * 9000}' AS a").text
    assert wide == f"a\n{'x' * 500}…\n(1 row)\n[Values are cut after 500 characters.]"
    short = query(f"{many} SELECT i FROM n", limits=Limits(rows=400, characters=100)).text
    assert len(short) < 400


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n",
    "postgres": "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "mariadb": "SELECT count(*) FROM information_schema_free a",
}


def endless(shop: Shop) -> str:
    """A statement that runs for hours."""
    if shop.kind != "mariadb":
        return ENDLESS[shop.kind]
    shop.run("CREATE TABLE many (i INTEGER)")
    shop.run("INSERT INTO many VALUES (1)")
    for _ in range(10):
        shop.run("INSERT INTO many SELECT * FROM many")
    return "SELECT sum(a.i * b.i + c.i - d.i) FROM many a, many b, many c, many d"


def test_a_slow_statement_is_stopped(shop: Shop) -> None:
    statement, begun = endless(shop), time.monotonic()

    assert "longer than 0.3 s" in refused(statement, limits=Limits(seconds=0.3))
    assert time.monotonic() - begun < 20


async def test_a_cancelled_call_stops_the_statement_on_the_server(shop: Shop) -> None:
    statement = endless(shop)
    tool = sql_toolset("env:SHOP_DATABASE", limits=Limits(seconds=300))[2]
    call = asyncio.create_task(tool.ainvoke({"statement": statement}))
    if shop.kind == "sqlite":
        await asyncio.sleep(0.1)
    else:
        await until(lambda: running(shop, statement))

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    if shop.kind != "sqlite":
        await until(lambda: not running(shop, statement))


def running(shop: Shop, statement: str) -> bool:
    if shop.kind == "postgres":
        sql = "SELECT query FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'FETCH%'"
        return bool(shop.run(sql))
    return any(row[7] == statement for row in shop.run("SHOW FULL PROCESSLIST"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


def test_says_what_is_near_to_an_unknown_name(shop: Shop) -> None:
    assert "Did you mean customers.name?" in refused("SELECT nmae FROM customers")
    assert "Did you mean customers" in refused("SELECT * FROM custmers")
    assert "secrets" not in refused("SELECT * FROM secret", tables=["orders"])


def test_reads_no_other_tables_than_allowed(shop: Shop) -> None:
    listed = {"tables": ["orders"]}

    for statement in (
        "SELECT * FROM secrets",
        "SELECT word FROM orders, secrets",
        "SELECT (SELECT max(word) FROM secrets) FROM orders",
        "WITH orders AS (SELECT * FROM secrets) SELECT * FROM orders",
        "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM secrets WHERE word LIKE 's%')",
        "SELECT id FROM orders UNION SELECT word FROM secrets",
        "SELECT size FROM words",
        "SELECT count(*) FROM secrets",
        "SELECT 1 FROM secrets",
        "SELECT o.id FROM orders o JOIN/**/secrets ON 1 = 1",
        "SELECT id FROM SECRETS",
    ):
        assert "sesame" not in refused(statement, **listed)
    assert query("SELECT o.secrets FROM orders o WHERE o.id = 1", **listed).text == (
        "secrets\n7\n(1 row)"
    )


@pytest.mark.parametrize("shop", ["postgres", "mariadb"], indirect=True)
def test_a_view_may_read_tables_that_are_not_listed(shop: Shop) -> None:
    assert query("SELECT size FROM words", tables=["words"]).text == "size\n6\n(1 row)"
    assert "can't be read" in refused("SELECT * FROM words, secrets", tables=["words"])


WRITES = (
    "INSERT INTO orders VALUES (9, 1, 1, 1)",
    "UPDATE orders SET total = 0",
    "DELETE FROM orders",
    "DROP TABLE secrets",
    "CREATE TABLE more (id INTEGER)",
    "CREATE TABLE more AS SELECT * FROM orders",
    "ALTER TABLE orders ADD COLUMN more INTEGER",
    "TRUNCATE TABLE orders",
    "SELECT 1; DELETE FROM orders",
    "SELECT 1;;DELETE FROM orders;",
    "SELECT 1 -- '\n; DELETE FROM orders",
    "SELECT 1 /* ' */; DELETE FROM orders",
    "/* SELECT */ DELETE FROM orders",
    "-- SELECT\nDELETE FROM orders",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) INSERT INTO orders SELECT 9, 1, 1, 1",
    "COMMIT",
    "ROLLBACK",
    "BEGIN",
    "SET x = 1",
    "EXPLAIN DELETE FROM orders WHERE",
    "SELECT * INTO more FROM orders",
    "",
    ";",
    "SELECT 'open",
    "SELECT 1\x00; DELETE FROM orders",
)
SQLITE_WRITES = (
    "ATTACH DATABASE '/tmp/graphwright-attack.db' AS more",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "SELECT * FROM pragma_query_only",
    "VACUUM INTO '/tmp/graphwright-attack.db'",
    "REPLACE INTO orders VALUES (1, 1, 1, 1)",
    "SELECT load_extension('attack')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT zeroblob(1000000000)",
    "DELETE FROM orders RETURNING id",
)
POSTGRES_WRITES = (
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "WITH more AS (INSERT INTO orders VALUES (9, 1, 1, 1) RETURNING *) SELECT * FROM more",
    "SELECT * FROM orders FOR UPDATE",
    "SET default_transaction_read_only = off",
    "SET TRANSACTION READ WRITE",
    "SET LOCAL statement_timeout = 0",
    "RESET ALL",
    "COPY orders TO '/tmp/graphwright-attack'",
    "COPY orders FROM PROGRAM 'echo 9'",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "CALL attack()",
    "PREPARE x AS DELETE FROM orders",
    "EXECUTE x",
    "LISTEN x",
    "NOTIFY x",
    "LOCK TABLE orders",
    "VACUUM",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT pg_catalog.set_config('transaction_read_only', 'off', true)",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 500)",
    "SELECT \"nextval\"('numbers')",
    "SELECT nextval /* ( */ ('numbers')",
    "SELECT nextval --\n('numbers')",
    "SELECT NEXTVAL('numbers')",
    "SELECT U&\"n\\0065xtval\"('numbers')",
    "SELECT U&'a' FROM nextval('numbers')",
    "SELECT $$ ' $$, nextval('numbers'), $$ ' $$",
    "SELECT E'\\'', nextval('numbers') --'",
    "SELECT '\\', nextval('numbers') --'",
    "SELECT /* /* */ ' */ nextval('numbers') -- '",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('/')",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT pg_cancel_backend(1)",
    "SELECT pg_sleep(0)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_notify('x', 'y')",
    "SELECT pg_reload_conf()",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_create(0)",
    "SELECT lo_export(1, '/tmp/graphwright-attack')",
    "SELECT dblink('dbname=postgres', 'DELETE FROM orders')",
    "SELECT query_to_xml('DELETE FROM orders', true, true, '')",
    "SELECT table_to_xml('secrets', true, true, '')",
    "SELECT ts_stat('SELECT word FROM secrets')",
    "SELECT erase()",
    "SELECT current_setting('data_directory')",
    "SELECT * FROM pg_stat_get_activity(NULL)",
    "SELECT * FROM pg_show_all_settings()",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_catalog.pg_shadow",
    "SELECT * FROM information_schema.tables",
    "SELECT last_value FROM numbers, pg_class",
    "SELECT 1) ; DELETE FROM orders; SELECT (1",
)
MARIADB_WRITES = (
    "SELECT 1 INTO OUTFILE '/tmp/graphwright-attack'",
    "SELECT 1 INTO DUMPFILE '/tmp/graphwright-attack'",
    "SELECT 1 INTO @x",
    "SELECT /*! 1 INTO OUTFILE '/tmp/graphwright-attack' */",
    "SELECT /*!50000 SLEEP(1) */",
    "SELECT /*M! SLEEP(1) */",
    "SELECT /*+ MAX_EXECUTION_TIME(0) */ 1",
    "SELECT LOAD_FILE('/etc/passwd')",
    "SELECT `load_file`('/etc/passwd')",
    "SELECT load_file /* ( */ ('/etc/passwd')",
    "SELECT load_file #\n ('/etc/passwd')",
    "SELECT '\\'', load_file('/etc/passwd'), '\\''",
    "SELECT \"'\", load_file('/etc/passwd'), \"'\"",
    "SELECT 1--' \n, load_file('/etc/passwd') -- '",
    "SELECT SLEEP(1)",
    "SELECT BENCHMARK(1000000000, 1)",
    "SELECT GET_LOCK('x', 1)",
    "SELECT RELEASE_ALL_LOCKS()",
    "SELECT MASTER_POS_WAIT('x', 1, 1)",
    "SELECT NEXT VALUE FOR numbers",
    "SELECT NEXTVAL(numbers)",
    "SELECT SETVAL(numbers, 500)",
    "SELECT LAST_INSERT_ID(5)",
    "SELECT erase()",
    "SELECT sys_exec('id')",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT * FROM orders LOCK IN SHARE MODE",
    "SELECT * FROM orders PROCEDURE ANALYSE()",
    "SET SESSION TRANSACTION READ WRITE",
    "SET STATEMENT max_statement_time = 0 FOR SELECT 1",
    "START TRANSACTION READ WRITE",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE secrets",
    "HANDLER secrets OPEN",
    "KILL 1",
    "FLUSH TABLES",
    "SHOW GRANTS",
    "CALL erase()",
    "EXECUTE IMMEDIATE 'DELETE FROM orders'",
    "DO SLEEP(1)",
    "SELECT user, authentication_string FROM mysql.user",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM `mysql` . `user`",
    "WITH sleep (x) AS (SELECT 1) SELECT sleep(1)",
    "SELECT * FROM {oj orders o LEFT JOIN secrets s ON 1}",
)


def prepare_attack(shop: Shop) -> None:
    if shop.kind == "postgres":
        shop.run("CREATE SEQUENCE numbers")
        shop.run(
            "CREATE FUNCTION erase() RETURNS integer LANGUAGE sql AS 'DELETE FROM orders; SELECT 1'"
        )
    if shop.kind == "mariadb":
        shop.run("CREATE SEQUENCE numbers")
        shop.run(
            "CREATE FUNCTION erase() RETURNS integer DETERMINISTIC BEGIN "
            "DELETE FROM orders; RETURN 1; END"
        )


def numbers(shop: Shop) -> list[Any]:
    match shop.kind:
        case "postgres":
            return shop.run("SELECT last_value, is_called FROM numbers")
        case "mariadb":
            return shop.run("SELECT next_not_cached_value FROM numbers")
    return []


def test_nothing_can_be_changed(shop: Shop) -> None:
    attacks = {"sqlite": SQLITE_WRITES, "postgres": POSTGRES_WRITES, "mariadb": MARIADB_WRITES}
    prepare_attack(shop)
    before, numbered = shop.contents(), numbers(shop)
    tool = sql_toolset("env:SHOP_DATABASE")[2]

    for statement in (*WRITES, *attacks[shop.kind]):
        message = asked(tool, statement=statement)
        assert message.status == "error", f"{statement} answered {message.text}"
        assert shop.contents() == before, statement

    assert numbers(shop) == numbered
    assert not Path("/tmp/graphwright-attack").exists()
    assert not Path("/tmp/graphwright-attack.db").exists()
    names = asked(sql_toolset("env:SHOP_DATABASE")[0]).text
    assert "more" not in names


@pytest.mark.parametrize("shop", ["postgres", "mariadb"], indirect=True)
def test_an_operator_may_allow_a_function_which_still_changes_nothing(shop: Shop) -> None:
    prepare_attack(shop)

    said = refused("SELECT erase()", functions=["erase"])

    assert "read" in said.lower()
    assert len(shop.run("SELECT * FROM orders")) == 3


@only("postgres")
def test_lists_tables_of_other_schemas_by_their_full_names(shop: Shop) -> None:
    shop.run("CREATE SCHEMA sales")
    shop.run("CREATE TABLE sales.orders (id INTEGER, at TIMESTAMPTZ, data JSONB)")
    shop.run("INSERT INTO sales.orders VALUES (1, 'infinity', '{\"a\": [1]}')")
    tables, schema, _ = sql_toolset("env:SHOP_DATABASE", tables=["sales.orders"])

    assert asked(tables).text == "sales.orders (table)"
    assert asked(schema, tables=["sales.orders"]).text.startswith("sales.orders (table)\n  id INT")
    assert query("SELECT * FROM sales.orders", tables=["sales.orders"]).text == (
        'id | at | data\n1 | infinity | {"a": [1]}\n(1 row)'
    )
    assert "can't be read" in refused("SELECT * FROM orders", tables=["sales.orders"])
    assert "can't be read" in refused("SELECT * FROM sales.orders", tables=["orders"])


@only("postgres")
def test_a_large_value_is_cut_on_the_server(shop: Shop) -> None:
    said = query(
        "SELECT repeat('x', 300000) AS a, '\\x0102'::bytea AS a, true AS b -- end",
        limits=Limits(cell=200_000, characters=400_000),
    ).text

    assert said == f"a | a | b\n{'x' * 100_000} | <2 bytes> | true\n(1 row)"


@only("postgres")
def test_reads_a_partitioned_table_by_its_name(shop: Shop) -> None:
    shop.run("CREATE TABLE days (day INTEGER) PARTITION BY RANGE (day)")
    shop.run("CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM (0) TO (9)")
    shop.run("INSERT INTO days VALUES (4)")

    assert query("SELECT day FROM days", tables=["days"]).text == "day\n4\n(1 row)"


@only("sqlite")
def test_a_secret_is_in_no_message(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for url in (
        "postgresql://ada:se%40same@127.0.0.1:1/shop",
        "postgresql://ada:se@same/x@127.0.0.1:1/shop",
        "mysql://ada:se@same@127.0.0.1:1/shop",
        "mysql://ada:sesame@127.0.0.1:port/shop",
        "oracle://ada:sesame@127.0.0.1/shop",
        "sesame",
        "sqlite:////nowhere/sesame.db",
    ):
        monkeypatch.setenv("SHOP_DATABASE", url)
        said = refused("SELECT 1")
        assert "same" not in said
        assert "operator" in said
    with pytest.raises(ValueError, match="env:NAME"):
        sql_toolset("postgresql://ada:sesame@127.0.0.1/shop")


@only("sqlite")
def test_the_tools_of_the_environment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SQL_DATABASE is not set" in asked(sql_query, statement="SELECT 1").text

    monkeypatch.setenv("SQL_DATABASE", shop.url)
    monkeypatch.setenv("SQL_TABLES", "orders, customers")

    assert asked(sql_query, statement="SELECT count(*) AS n FROM orders").text == "n\n3\n(1 row)"
    assert asked(sql_query, statement="SELECT * FROM secrets").status == "error"


@only("sqlite")
def test_limits_on_what_is_asked(shop: Shop) -> None:
    _, schema, _ = sql_toolset("env:SHOP_DATABASE")

    assert "longer than 20000" in refused("SELECT 1" + " " * 20_000)
    assert "1 to 20 tables" in asked(schema, tables=[]).text


def test_reads_records_with_bound_parameters(shop: Shop) -> None:
    client = sql_client("env:SHOP_DATABASE", tables=["customers", "orders"])
    found = client.records(
        "SELECT o.id, name, total, o.secrets FROM orders o JOIN customers c ON c.id = o.customer "
        "WHERE name = :name AND '50% :name' <> :name ORDER BY o.id -- :name %s",
        {"name": "Ada", "unused": "x' OR 1=1"},
    )

    assert found == [
        {"id": 1, "name": "Ada", "total": 9.5, "secrets": 7},
        {"id": 2, "name": "Ada", "total": 1.25, "secrets": None},
    ]
    assert client.records("SELECT id FROM customers WHERE name = :name", {"name": "' OR 1=1"}) == []
    with pytest.raises(Refused, match="secrets can't be read"):
        client.records("SELECT word FROM secrets WHERE id = :id", {"id": 1})


async def test_records_have_limits(shop: Shop) -> None:
    client = sql_client("env:SHOP_DATABASE", rows=2)
    with pytest.raises(TooLarge, match="more than 2 rows"):
        await client.arecords("SELECT id FROM orders", {})


@only("postgres")
def test_records_keep_the_types_of_postgres(shop: Shop) -> None:
    statement = "SELECT 1 AS a, 2.50 AS b, true AS c, '{\"d\": [1]}'::jsonb AS d, :e::text AS e"

    assert sql_client("env:SHOP_DATABASE").records(statement, {"e": "5"}) == [
        {"a": 1, "b": 2.5, "c": True, "d": {"d": [1]}, "e": "5"}
    ]

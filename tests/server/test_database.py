import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from graphwright.chores import Chores
from graphwright.database import (
    DEFAULT_TENANT,
    claims,
    database_at,
    items,
    migrations,
    sqlite,
    threads,
)
from graphwright.database.tables import REVISION, metadata
from graphwright.engine.local import LocalEngine
from graphwright.errors import DatabaseError, Unavailable
from graphwright.threads import new_thread

MIGRATIONS = Path(migrations.__file__).parent
NOW = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


async def test_a_fresh_file_is_migrated(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "record.db"
    async with database_at(url(file)).opened():
        pass
    with sqlite3.connect(file) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
    raw.close()
    assert {"assistants", "threads", "runs", "items", "alembic_version"} <= tables
    assert mode == "wal"


async def test_what_was_written_is_there_after_opening_again(record_url: str) -> None:
    for _ in range(2):
        database = database_at(record_url)
        async with database.opened(), database.begin() as connection:
            await items.put(connection, DEFAULT_TENANT, ("a",), "k", {"n": 1}, NOW)
    async with database.opened(), database.connect() as connection:
        found = await items.get(connection, DEFAULT_TENANT, ("a",), "k")
    assert found is not None
    assert found.value == {"n": 1}
    assert found.created_at == NOW
    assert found.created_at.utcoffset() == timedelta(0)


def test_the_tables_name_the_newest_migration() -> None:
    """By it a record is known to need none: a wrong one leaves older records as they are."""
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


@pytest.mark.parametrize("older", ["0001", "0004", "0006", "0008"])
async def test_a_record_of_an_older_version_is_brought_up_to_date(
    tmp_path: Path, older: str
) -> None:
    file = tmp_path / "record.db"
    engine = sa.create_engine(url(file))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes |= {"connection": connection, "version_table": "alembic_version"}
        command.upgrade(config, older)
    async with database_at(url(file)).opened():
        pass
    with engine.connect() as connection:
        # SQLite takes any text for any type of text.
        found = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(found, metadata) == []
    engine.dispose()


async def test_what_is_done_each_second_reads_no_table_whole(tmp_path: Path) -> None:
    """Of the runs only the unfinished, and those without a thread, are looked at."""
    said: list[tuple[str, Any]] = []
    database = database_at(url(tmp_path / "record.db"))
    engine = LocalEngine()
    chores = Chores(database, engine, lambda: {"run"}, timedelta(days=1))
    async with database.opened(), database.begin() as connection:
        raw = (await connection.execute(sa.text("SELECT 1"))).connection
        event.listen(raw, "before_cursor_execute", lambda *told: said.append(told[2:4]))
        await chores.sweep(connection, NOW)
        await claims.renew(connection, database.process, {"run"}, NOW)
        plans = [
            (statement, str(raw.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()))
            for statement, values in list(said)
        ]
    assert len(plans) == 6
    assert [(statement, plan) for statement, plan in plans if "SCAN" in plan] == []


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "record.db"
    async with database_at(url(file)).opened():
        pass
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(DatabaseError, match="'9999' is newer than this version"):
        async with database_at(url(file)).opened():
            pass


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "record.db"
    file.write_text("not a database, but long enough to be taken for one" * 100)
    with pytest.raises(DatabaseError, match="file is not a database") as caught:
        async with database_at(url(file)).opened():
            pass
    assert str(file) in str(caught.value)
    assert "--database" in str(caught.value)


async def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file"):
        async with database_at(url(tmp_path)).opened():
            pass


async def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(DatabaseError, match="taken"):
        async with database_at(url(tmp_path / "taken" / "record.db")).opened():
            pass


def test_another_kind_of_database_is_refused_without_its_password() -> None:
    with pytest.raises(DatabaseError, match="expected a URL like sqlite") as caught:
        database_at("mysql://root:secret@host/db")
    assert "secret" not in str(caught.value)


async def test_a_transaction_is_all_or_nothing(record_url: str) -> None:
    database = database_at(record_url)
    async with database.opened():
        with pytest.raises(ZeroDivisionError):
            async with database.begin() as connection:
                await items.put(connection, DEFAULT_TENANT, ("a",), "k", {}, NOW)
                raise ZeroDivisionError
        async with database.connect() as connection:
            assert await items.get(connection, DEFAULT_TENANT, ("a",), "k") is None


async def test_a_file_that_others_write_to_for_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 20)
    file = tmp_path / "record.db"
    database = database_at(url(file))
    async with database.opened():
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match=r"record\.db: database is locked\. .*try again"):
            async with database.begin() as connection:
                raise AssertionError
        other.close()
        async with database.begin() as connection:
            await items.put(connection, DEFAULT_TENANT, ("a",), "k", {}, NOW)


async def test_a_full_disk_is_unavailable_and_a_wrong_statement_is_not(tmp_path: Path) -> None:
    database = database_at(url(tmp_path / "record.db"))
    async with database.opened():
        async with database.begin() as connection:
            (pages,) = (await connection.execute(sa.text("PRAGMA page_count"))).one()
            await connection.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(Unavailable, match="disk is full"):
            async with database.begin() as connection:
                await items.put(connection, DEFAULT_TENANT, ("a",), "k", {"t": "x" * 99_999}, NOW)
        async with database.connect() as connection:
            assert await items.get(connection, DEFAULT_TENANT, ("a",), "k") is None
            with pytest.raises(OperationalError):
                await connection.execute(sa.text("SELECT nothing"))


async def test_tenants_do_not_see_each_other(record_url: str) -> None:
    database = database_at(record_url)
    async with database.opened():
        async with database.begin() as connection:
            await items.put(connection, "one", ("a",), "k", {"of": 1}, NOW)
            await items.put(connection, "two", ("a",), "k", {"of": 2}, NOW)
            await items.delete(connection, "two", ("a",), "k")
        async with database.connect() as connection:
            assert await items.get(connection, "two", ("a",), "k") is None
            assert await items.search(connection, "two", (), {}, limit=9, offset=0) == []
            (found,) = await items.search(connection, "one", (), {}, limit=9, offset=0)
    assert found.value == {"of": 1}


HARD = {
    "z": "\x00 \x1a \x1a0000 \\u0000 \\\x00 \ud800 \U0001f600 é",
    "a": [2**70, 1.0, 1e16, -0.0, None, True],
    "\x00\udfff": {"2": {"b": 1, "a": 2}},
}


async def test_json_of_any_kind_comes_back_in_its_order(record_url: str) -> None:
    database = database_at(record_url)
    thread = new_thread("t", HARD, NOW)
    async with database.opened():
        async with database.begin() as connection:
            await threads.insert(connection, DEFAULT_TENANT, thread)
        async with database.connect() as connection:
            found = await threads.get(connection, DEFAULT_TENANT, "t")
    assert found == thread
    assert repr(found) == repr(thread)


async def test_an_order_that_no_locale_changes(record_url: str) -> None:
    database = database_at(record_url)
    names = ["B", "a", "á", "Ä", "_", "b"]
    async with database.opened():
        async with database.begin() as connection:
            for name in names:
                await items.put(connection, DEFAULT_TENANT, (name,), "k", {}, NOW)
        async with database.connect() as connection:
            found = await items.namespaces(connection, DEFAULT_TENANT)
    assert found == [(name,) for name in sorted(names)]

"""The record on a Postgres that is restarted, shared, or not as it should be."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from langgraph.store.base import PutOp
from tests.ports import free_port
from tests.postgres import PASSWORD, PostgresServer, pooled
from tests.server.test_database import HARD

from graphwright.database import (
    DEFAULT_TENANT,
    Database,
    assistants,
    claims,
    database_at,
    items,
    runs,
    threads,
)
from graphwright.database import postgres as module
from graphwright.database.runs import Run
from graphwright.errors import DatabaseError, InvalidRequest, Unavailable
from graphwright.store import Store
from graphwright.threads import new_thread

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
OPEN = """
import asyncio, sys
from graphwright.database import database_at

async def main():
    async with database_at(sys.argv[1]).opened():
        pass

asyncio.run(main())
"""


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    made = database_at(postgres_url)
    async with made.opened():
        yield made


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    server = PostgresServer(free_port())
    try:
        server.start()
        yield server
    finally:
        server.remove()


async def put(database: Database, key: str, value: Any) -> None:
    async with database.begin() as connection:
        await items.put(connection, DEFAULT_TENANT, ("a",), key, {"v": value}, NOW)


async def value_of(database: Database, key: str) -> Any:
    async with database.connect() as connection:
        found = await items.get(connection, DEFAULT_TENANT, ("a",), key)
    return found and found.value["v"]


def executed(url: str, statement: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else None


def cut_connections(url: str) -> None:
    executed(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_processes_that_start_together_migrate_once(postgres_url: str) -> None:
    command = [sys.executable, "-c", OPEN, postgres_url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert ended == [(b"", 0)] * 4
    assert executed(postgres_url, "SELECT count(*) FROM graphwright_version") == [(1,)]


async def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    async with database_at(postgres_url).opened():
        executed(postgres_url, "UPDATE graphwright_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="'9999' is newer than this version") as caught:
        async with database_at(postgres_url).opened():
            pass
    assert PASSWORD not in str(caught.value)
    assert quote(PASSWORD) not in str(caught.value)


async def test_another_program_that_uses_alembic_is_left_alone(postgres_url: str) -> None:
    executed(postgres_url, "CREATE TABLE alembic_version (version_num text)")
    executed(postgres_url, "INSERT INTO alembic_version VALUES ('theirs')")
    async with database_at(postgres_url).opened():
        pass
    assert executed(postgres_url, "SELECT * FROM alembic_version") == [("theirs",)]


async def test_cut_connections_are_not_noticed(database: Database, postgres_url: str) -> None:
    for what in ("first", "second"):
        await put(database, "k", what)
        cut_connections(postgres_url)
        assert await value_of(database, "k") == what
        cut_connections(postgres_url)


async def test_while_the_server_is_down_all_is_unavailable(own_server: PostgresServer) -> None:
    database = database_at(own_server.url())
    async with database.opened():
        await put(database, "k", 1)
        own_server.stop()
        for call in (put(database, "k", 2), value_of(database, "k")):
            with pytest.raises(Unavailable, match="cannot be reached at the moment") as caught:
                await call
            assert PASSWORD not in f"{caught.value} {caught.value.__cause__}"
        own_server.start()
        assert await value_of(database, "k") == 1
        await put(database, "k", 2)
        assert await value_of(database, "k") == 2


async def test_a_commit_whose_outcome_nobody_knows(database: Database, postgres_url: str) -> None:
    with pytest.raises(Unavailable, match="may have been stored or not"):
        async with database.begin() as connection:
            await items.put(connection, DEFAULT_TENANT, ("a",), "k", {"v": 1}, NOW)
            cut_connections(postgres_url)
    assert await value_of(database, "k") is None


async def test_a_transaction_is_not_repeated_in_its_middle(
    database: Database, postgres_url: str
) -> None:
    with pytest.raises(Unavailable):
        async with database.begin() as connection:
            await items.put(connection, DEFAULT_TENANT, ("a",), "first", {"v": 1}, NOW)
            cut_connections(postgres_url)
            await items.put(connection, DEFAULT_TENANT, ("a",), "second", {"v": 1}, NOW)
    assert await value_of(database, "second") is None


async def test_all_connections_in_use(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POOL_TIMEOUT", 0.1)
    database = database_at(postgres_url, connections=1)
    async with database.opened():
        async with database.begin(lock="mine"):
            with pytest.raises(Unavailable, match="--database-connections"):
                await value_of(database, "k")
        assert await value_of(database, "k") is None


async def test_one_of_many_processes_claims_a_run(postgres_url: str) -> None:
    await claim_by_many_processes(postgres_url)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="needs pgbouncer on the machine")
async def test_behind_pgbouncer_in_transaction_mode(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with pooled(postgres_server, postgres_url, free_port()) as url:
        await claim_by_many_processes(url)
        database = database_at(url)
        async with database.opened():
            await asyncio.gather(*(put(database, str(n), n) for n in range(50)))
            found = await asyncio.gather(*(value_of(database, str(n)) for n in range(50)))
    assert found == list(range(50))


async def claim_by_many_processes(url: str) -> None:
    async with AsyncExitStack() as stack:
        processes = [database_at(url, 2) for _ in range(4)]
        for process in processes:
            await stack.enter_async_context(process.opened())
        for round_ in range(10):
            thread = str(uuid4())
            async with processes[0].begin() as connection:
                for position in range(2):
                    await runs.insert(connection, pending(thread, position))
            found = await asyncio.gather(*(claim(process, thread) for process in processes * 2))
            assert [run.position for run in found if run] == [0], round_


async def claim(process: Database, thread: str) -> Run | None:
    async with process.begin(lock=thread) as connection:
        until = NOW + timedelta(seconds=15)
        claimed = await claims.claim(connection, thread, process.process, NOW, until)
        return claimed and claimed.run


def pending(thread: str, position: int) -> Run:
    return Run(
        run_id=str(uuid4()),
        tenant=DEFAULT_TENANT,
        thread_id=thread,
        assistant_id="assistant",
        status="pending",
        temporary=False,
        multitask_strategy="enqueue",
        metadata={},
        kwargs={},
        attempt=0,
        position=position,
        due_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )


async def test_batches_that_write_the_same_items_do_not_block_each_other(
    database: Database,
) -> None:
    store = Store(database, DEFAULT_TENANT)
    puts = [PutOp(("a",), str(number), {"v": number}) for number in range(20)]
    await asyncio.gather(*(store.abatch(puts[:: 1 - 2 * (n % 2)]) for n in range(8)))
    assert len(await store.asearch((), limit=99)) == 20


async def test_json_is_found_by_whatever_it_holds(database: Database) -> None:
    async with database.begin() as connection:
        await threads.insert(connection, DEFAULT_TENANT, new_thread("t", HARD, NOW))
    async with database.connect() as connection:
        for wanted in ({"z": HARD["z"]}, {"a": HARD["a"]}, {"\x00\udfff": {"2": {"b": 1}}}):
            search = threads.Search(metadata=wanted)
            assert await threads.count(connection, DEFAULT_TENANT, search) == 1
        search = threads.Search(metadata={"z": "\x00"}, ids=["\x00", "t"])
        assert await threads.count(connection, DEFAULT_TENANT, search) == 0


@pytest.mark.parametrize("text", ["\x00", "\x1a0000", "a\x00b\x1a", "\ud800"])
async def test_text_that_postgres_has_no_place_for(database: Database, text: str) -> None:
    store = Store(database, DEFAULT_TENANT)
    name = text.replace("\x00", "\x1a")  # LangGraph itself refuses NUL in a namespace
    await store.aput((name, "b"), text, {"t": text})
    await store.aput(("b", name), text, {"t": "x"})
    found = await store.aget((name, "b"), text)
    assert found is not None
    assert (found.namespace, found.key, found.value) == ((name, "b"), text, {"t": text})
    (below,) = await store.asearch((name,), filter={"t": text})
    (above,) = await store.asearch((), filter={"t": {"$gte": text, "$lte": text}})
    assert below.value == above.value == found.value


async def test_times_are_utc_whatever_the_servers_zone(postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    executed(postgres_url, f"ALTER DATABASE {name} SET timezone = 'Asia/Kathmandu'")
    database = database_at(postgres_url)
    async with database.opened():
        await put(database, "k", 1)
        async with database.connect() as connection:
            found = await items.get(connection, DEFAULT_TENANT, ("a",), "k")
    assert found is not None
    assert found.created_at.isoformat() == NOW.isoformat()


async def test_a_key_that_no_index_can_hold_is_refused(database: Database) -> None:
    key = "".join(chr(256 + n * 7919 % 40_000) for n in range(4_000))
    with pytest.raises(InvalidRequest, match="about 2,600 bytes"):
        await put(database, key, 1)
    await put(database, "short", 1)


async def test_a_number_that_no_column_can_hold_is_refused(database: Database) -> None:
    wanted = assistants.Search(offset=2**70)
    with pytest.raises(InvalidRequest, match="cannot take a value"):
        async with database.connect() as connection:
            await assistants.search(connection, DEFAULT_TENANT, wanted)


async def test_libpqs_options_in_a_url(postgres_server: PostgresServer) -> None:
    where = f"host=127.0.0.1:{free_port()}&host=127.0.0.1:{postgres_server.port}"
    url = f"postgresql://graphwright:{quote(PASSWORD)}@/postgres?{where}&application_name=mine"
    database = database_at(url)
    async with database.opened(), database.connect() as connection:
        found = await connection.execute(sa.text("SHOW application_name"))
        assert found.scalar() == "mine"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("never%40", "wrong"), "Check the user and the password"),
        ((":never%40shown", ""), "Check the user and the password"),
        (("/postgres", "/nowhere"), 'database "nowhere" does not exist. Make it with createdb'),
        (("/postgres", "/postgres?colour=red"), 'invalid connection option "colour"'),
        (("%40", "@"), r"Signs like @ / : # in a password are written as %40"),
        (("127.0.0.1:", "127.0.0.1:x"), "cannot be read: expected a URL like sqlite:///file.db"),
        (("127.0.0.1:", "127.0.0.1:1"), "Check that the server runs"),
        (("postgresql://", "oracle://"), "expected a URL like sqlite:///file.db or postgresql://"),
    ],
)
async def test_what_is_wrong_with_a_url_is_said_without_its_password(
    postgres_server: PostgresServer, change: tuple[str, str], says: str
) -> None:
    url = postgres_server.url().replace(*change)
    url = url.replace(f":1{postgres_server.port}", f":{free_port()}")
    with pytest.raises(DatabaseError) as caught:
        async with database_at(url).opened():
            pass
    said = f"{caught.value} {caught.value.__cause__}"
    assert says in said
    for secret in (PASSWORD, quote(PASSWORD), "never", "shown"):
        assert secret not in said


async def test_a_role_that_may_not_make_tables(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as url:
        role = f"reader_{uuid4().hex}"
        executed(url, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
        mine = url.replace(f"graphwright:{quote(PASSWORD)}", f"{role}:x")
        with pytest.raises(DatabaseError, match=r"for schema public\. The role must"):
            async with database_at(mine).opened():
                pass
        executed(url, f"DROP ROLE {role}")


def test_a_missing_driver_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match=r"pip install 'graphwright\[postgres\]'"):
        database_at("postgresql://h/d")

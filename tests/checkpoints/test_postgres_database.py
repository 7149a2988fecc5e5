"""What only Postgres can do to its users: refuse them, restart, and be far away."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import START, MessagesState, StateGraph
from tests.ports import free_port
from tests.postgres import PASSWORD, USER, PostgresServer, pooled
from tests.processes import Command

from graphwright_checkpoints import (
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    ValueNotStored,
    open_checkpointer,
)
from graphwright_checkpoints.postgres import inserting
from graphwright_checkpoints.postgres.names import escape, unescape
from graphwright_checkpoints.postgres.schema import VERSION

TEXT = "word " * 100


def config(thread: str = "t", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def put(saver: Any, at: Any = None, **values: Any) -> Any:
    versions = dict.fromkeys(values, "00000000000000000000000000000001.0")
    new: Any = {**empty_checkpoint(), "channel_values": values, "channel_versions": versions}
    return saver.put(at or config(), new, {"step": 0}, versions)


def chat(saver: Any) -> Any:
    def answer(state: MessagesState) -> Any:
        return {"messages": AIMessage(f"{len(state['messages'])} {TEXT}")}

    return StateGraph(MessagesState).add_node("a", answer).add_edge(START, "a").compile(saver)


def execute(url: str, *statements: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as link:
        for statement in statements[:-1]:
            link.execute(statement.encode())
        cursor = link.execute(statements[-1].encode())
        return cursor.fetchall() if cursor.description else []


# Opening


def refused(url: str) -> str:
    """What somebody is told who cannot open it; never the password."""
    with pytest.raises(DatabaseUnavailable) as caught, open_checkpointer(url):
        pass
    assert PASSWORD not in str(caught.value)
    assert quote(PASSWORD) not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password(postgres_server: PostgresServer) -> None:
    url = postgres_server.url().replace(quote(PASSWORD), "wrong")
    said = refused(url)
    assert "password authentication failed" in said
    assert "Check the user and the password in the URL" in said
    assert "wrong" not in said


def test_an_unknown_database(postgres_server: PostgresServer) -> None:
    assert "CREATE DATABASE" in refused(postgres_server.url("absent"))


def test_an_unreachable_server(postgres_server: PostgresServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = refused(f"postgresql://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}/absent")
    assert f"postgresql://{USER}@127.0.0.1:{port}/absent: " in said
    assert "Start the server, or check the host and the port" in said


def test_missing_rights(postgres_server: PostgresServer, postgres_url: str) -> None:
    role = "may_do_nothing"
    execute(postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    try:
        poor = postgres_url.replace(f"//{USER}:", f"//{role}:")
        assert "GRANT CREATE, USAGE ON SCHEMA public" in refused(poor)
        with open_checkpointer(postgres_url):
            pass
        # Whoever may read and write the tables that another role made needs no more.
        execute(
            postgres_url,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        )
        with open_checkpointer(poor) as saver:
            put(saver, text=TEXT)
            saver.delete_thread("t")
    finally:
        execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_database_that_cannot_hold_every_text(postgres_server: PostgresServer) -> None:
    execute(
        postgres_server.url(),
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'"
        " LOCALE_PROVIDER libc LOCALE 'C'",
    )
    try:
        said = refused(postgres_server.url("latin"))
    finally:
        execute(postgres_server.url(), "DROP DATABASE latin WITH (FORCE)")
    assert "its encoding is LATIN1" in said
    assert "ENCODING 'UTF8'" in said


def test_a_database_of_a_newer_release_is_left_alone(postgres_url: str) -> None:
    with open_checkpointer(postgres_url) as saver:
        put(saver)
    execute(postgres_url, "UPDATE graphwright_checkpoint_schema SET version = 99")
    with (
        pytest.raises(DatabaseTooNew, match=r"test_.*: .*schema 99.*newer"),
        open_checkpointer(postgres_url),
    ):
        pass
    assert execute(postgres_url, "SELECT count(*) FROM graphwright_checkpoints") == [(1,)]


def test_a_url_that_cannot_be_read() -> None:
    with pytest.raises(InvalidURL, match="%40") as caught:
        open_checkpointer("postgresql://me:p%zz@host/db")
    assert "p%zz" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_other_schemes_of_the_same(scheme: str, postgres_url: str) -> None:
    with open_checkpointer(postgres_url.replace("postgresql", scheme, 1)) as saver:
        put(saver)


WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from graphwright_checkpoints import InvalidURL, open_checkpointer
try:
    open_checkpointer("postgresql://localhost/db")
except InvalidURL as error:
    print(error)
"""


def test_without_the_driver() -> None:
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout
    assert "(psycopg): pip install 'graphwright[postgres]'" in said


def test_the_official_savers_tables_may_be_beside_ours(postgres_url: str) -> None:
    official = {"checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"}
    execute(postgres_url, *(f"CREATE TABLE {name} (thread_id text)" for name in sorted(official)))
    with open_checkpointer(postgres_url) as saver:
        put(saver)
    rows = execute(postgres_url, "SELECT relname FROM pg_stat_user_tables")
    assert all(name in official or name.startswith("graphwright_") for (name,) in rows)


OPEN_AND_PUT = """
import sys
from langgraph.checkpoint.base import empty_checkpoint
from graphwright_checkpoints import open_checkpointer

with open_checkpointer(sys.argv[1]) as saver:
    config = {"configurable": {"thread_id": sys.argv[2], "checkpoint_ns": ""}}
    saver.put(config, empty_checkpoint(), {"step": 0}, {})
"""


def test_processes_that_open_a_new_database_together(postgres_url: str, tmp_path: Path) -> None:
    where: Any = {"folder": tmp_path, "environment": os.environ, "output": tmp_path / "said"}
    processes = [
        Command(postgres_url, f"p{number}", code=OPEN_AND_PUT, **where) for number in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0] * 4, where["output"].read_text()
    assert execute(postgres_url, "SELECT * FROM graphwright_checkpoint_schema") == [(VERSION,)]
    with open_checkpointer(postgres_url) as saver:
        assert len(list(saver.list(None))) == 4


def test_a_database_of_the_first_schema_gets_what_the_second_adds(postgres_url: str) -> None:
    with open_checkpointer(postgres_url) as saver:
        put(saver, config("before"))
    with psycopg.connect(postgres_url) as link:
        link.execute("DROP FUNCTION graphwright_checkpoint_insert_2")
        link.execute("UPDATE graphwright_checkpoint_schema SET version = 1")
    with open_checkpointer(postgres_url) as saver:
        put(saver, config("after"))
        assert len(list(saver.list(None))) == 2
    assert execute(postgres_url, "SELECT * FROM graphwright_checkpoint_schema") == [(VERSION,)]


# Names


@given(st.text(st.sampled_from("\x00\x01\x02a\\\N{ROCKET}"), max_size=8), st.text(max_size=8))
def test_escaped_names_have_no_nul_and_keep_their_order(one: str, other: str) -> None:
    for name in (one, other):
        assert "\x00" not in escape(name)
        assert unescape(escape(name)) == name
    assert (escape(one) < escape(other)) == (one < other)


def test_odd_names_come_back(postgres_url: str) -> None:
    with open_checkpointer(postgres_url) as saver:
        at = put(saver, config("t\x00", checkpoint_ns="n\x00\x01"), **{"ch\x00": 1})
        saver.put_writes(at, [("ch\x00", 1)], "task\x00", "path\x01")
        found = saver.get_tuple(config("t\x00", checkpoint_ns="n\x00\x01"))
        assert found is not None
        assert found.config == at
        assert found.pending_writes == [("task\x00", "ch\x00", 1)]
        assert [item.config for item in saver.list(None)] == [at]


def test_a_namespace_that_no_index_takes_is_refused(postgres_url: str) -> None:
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4000))
    with open_checkpointer(postgres_url) as saver:
        with pytest.raises(ValueNotStored, match=r"'address' cannot be stored.*too long"):
            put(saver, config(checkpoint_ns=noise))
        put(saver)


def test_more_than_a_message_holds_is_refused_by_channel(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inserting, "MAX_SIZE", 10_000)
    with open_checkpointer(postgres_url) as saver:
        with pytest.raises(ValueNotStored, match=r"'large' cannot be stored.* the limit of Post"):
            put(saver, large="x" * 9_000, small="x" * 1_000)
        assert saver.get_tuple(config()) is None
        with pytest.raises(ValueNotStored, match="'large' cannot be stored"):
            saver.put_writes(config(checkpoint_id="1"), [("large", "x" * 11_000)], "task")


# Restarts


def test_the_server_restarts(postgres_server: PostgresServer, postgres_url: str) -> None:
    with open_checkpointer(postgres_url) as saver:
        at = put(saver, text=TEXT)
        postgres_server.stop()
        postgres_server.start()
        at = put(saver, at, text=TEXT)
        saver.put_writes(at, [("text", TEXT)], "task")
        assert len(list(saver.list(config()))) == 2


async def test_the_server_restarts_under_coroutines(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_checkpointer(postgres_url) as saver:
        graph = chat(saver)

        async def talk(thread: str) -> None:
            await graph.ainvoke({"messages": [HumanMessage("hi")]}, config(thread))

        await asyncio.gather(*(talk(f"{number}") for number in range(8)))
        for _ in range(2):
            await asyncio.to_thread(postgres_server.stop)
            calls = [asyncio.create_task(talk(f"{number}")) for number in range(8)]
            await asyncio.to_thread(postgres_server.start)
            await asyncio.gather(*calls)
        for number in range(8):
            state = await graph.aget_state(config(f"{number}"))
            assert len(state.values["messages"]) == 6


def test_connections_are_cut_while_a_run_writes(postgres_url: str) -> None:
    """An insert whose outcome is unknown is repeated, and is there once."""
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    ended = threading.Event()

    def cutting() -> None:
        while not ended.wait(0.05):
            execute(postgres_url, cut)

    with open_checkpointer(postgres_url) as saver:
        knife = threading.Thread(target=cutting)
        knife.start()
        messages: list[Any] = []
        try:
            at = None
            for step in range(150):
                messages = [*messages, HumanMessage(f"{step} {TEXT}", id=f"{step}")]
                try:
                    at = put(saver, at, messages=messages)
                    saver.put_writes(at, [("messages", messages[-1:])], "task")
                except DatabaseUnavailable as error:
                    assert "lost twice" in str(error)  # cut, and cut again
        finally:
            ended.set()
            knife.join()
        at = put(saver, at, messages=messages)
        found = saver.get_tuple(at)
        assert found is not None
        assert found.checkpoint["channel_values"]["messages"] == messages
    numbers = execute(postgres_url, "SELECT digest FROM graphwright_checkpoint_elements")
    assert len(numbers) == len(set(numbers))


# Round trips


class Proxy:
    """Between a client and a server, counting how often the client speaks and waits."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.trips = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, sink, step in ((client, server, 1), (server, client, 0)):
                thread = threading.Thread(target=self._pass, args=(source, sink, step))
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, step: int) -> None:
        with closing(source):
            # A message that is large comes in pieces, and what was said is small here.
            while data := source.recv(1 << 20):
                self.trips += step
                sink.sendall(data)
            with suppress(OSError):  # the other direction may have ended first
                sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxied(postgres_url: str) -> Iterator[tuple[str, Proxy]]:
    parts = urlsplit(postgres_url)
    assert parts.port is not None
    proxy = Proxy(("127.0.0.1", parts.port))
    yield postgres_url.replace(f":{parts.port}/", f":{proxy.port}/"), proxy
    proxy.close()


async def test_round_trips(proxied: tuple[str, Proxy]) -> None:
    url, proxy = proxied
    async with open_checkpointer(url) as saver:
        graph = chat(saver)

        async def trips(work: Any) -> int:
            before = proxy.trips
            await work
            return proxy.trips - before

        async def ask(thread: str, turn: int) -> None:
            said = {"messages": [HumanMessage(f"{turn} {TEXT}")]}
            await graph.ainvoke(said, config(thread))

        await ask("warm", 0)
        await ask("t", 0)
        # A read, and for each of three checkpoints one that takes the writes before it along.
        assert await trips(ask("t", 1)) <= 5
        assert await trips(ask("new", 0)) <= 5
        assert await trips(saver.aget_tuple(config("t"))) == 2  # the messages, to decode
        assert await trips(saver.aget_tuple(config("t"))) == 1
        many = await trips(asyncio.gather(*(ask(f"many {n}", 0) for n in range(50))))
        assert many < 100  # 4 of each run, if nothing were shared
        at = (await graph.aget_state(config("t"))).config
        assert await trips(saver.aput_writes(at, [("messages", HumanMessage(TEXT))], "x")) == 1


def test_round_trips_of_threads(proxied: tuple[str, Proxy]) -> None:
    url, proxy = proxied
    with open_checkpointer(url) as saver:
        at = put(saver, text=TEXT)
        for step in range(5):
            before = proxy.trips
            at = put(saver, at, text=f"{step} {TEXT}")
            assert proxy.trips == before + 1
            saver.put_writes(at, [("text", f"{step} more {TEXT}")], "task")
            assert proxy.trips == before + 2


# pgbouncer


@pytest.mark.skipif(
    shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") is None,
    reason="needs pgbouncer on the machine",
)
async def test_behind_pgbouncer_in_transaction_mode(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    with pooled(postgres_server, postgres_url, free_port()) as url:
        async with open_checkpointer(url) as one, open_checkpointer(url) as two:
            graphs = [chat(one), chat(two)]

            async def talk(number: int) -> None:
                for turn in range(4):
                    graph = graphs[turn % 2]
                    said = {"messages": [HumanMessage(f"{turn} {TEXT}")]}
                    await graph.ainvoke(said, config(f"{number}"))

            await asyncio.gather(*(talk(number) for number in range(12)))
            for number in range(12):
                state = await graphs[0].aget_state(config(f"{number}"))
                assert len(state.values["messages"]) == 8
            await one.adelete_thread("3")
            assert await two.aget_tuple(config("3")) is None


# The event loop


async def test_a_large_value_does_not_hold_the_loop(postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:
        new: Any = {**empty_checkpoint(), "channel_values": {"blob": b"x" * 50_000_000}}
        new["channel_versions"] = {"blob": "1"}
        writing = asyncio.create_task(saver.aput(config(), new, {}, {"blob": "1"}))
        await asyncio.sleep(0)  # it is encoded before it is sent
        longest = 0.0
        while not writing.done():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)
        await writing
        found = await saver.aget_tuple(config())
        assert found is not None
        assert found.checkpoint["channel_values"] == new["channel_values"]
        assert longest < 0.5


async def test_a_cancelled_call_does_not_hurt_the_others(postgres_url: str) -> None:
    async with open_checkpointer(postgres_url) as saver:

        async def write(number: int) -> Any:
            new: Any = {**empty_checkpoint(), "channel_values": {}, "channel_versions": {}}
            return await saver.aput(config(f"{number}"), new, {}, {})

        tasks = [asyncio.create_task(write(number)) for number in range(5)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            *(dict, dict, asyncio.CancelledError, dict, dict)
        ]
        assert len([found async for found in saver.alist(None)]) >= 4


def test_use_after_the_block_is_explained(postgres_url: str) -> None:
    with open_checkpointer(postgres_url) as saver:
        pass
    with pytest.raises(DatabaseUnavailable, match="inside the `with` block"):
        saver.get_tuple(config())


@pytest.mark.parametrize(("setting", "waits"), [("normal", False), ("full", True)])
async def test_only_the_last_commit_of_a_run_waits_for_the_disk(
    postgres_url: str, setting: str, waits: bool
) -> None:
    options = quote(f"-csynchronous_commit=on -cgraphwright.synchronous={setting}")
    async with (
        await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as link,
        open_checkpointer(f"{postgres_url}?options={options}") as saver,
    ):

        async def reached(source: str, updated: list[str]) -> bool:
            new: Any = {**empty_checkpoint(), "updated_channels": updated}
            await saver.aput(config(), new, {"source": source}, {})  # type: ignore[typeddict-item]
            lag = "pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()"
            row = await (await link.execute(f"SELECT {lag}".encode())).fetchone()
            return bool(row and row[0])

        # The server writes its log by itself as well, every 200 ms: one of several is enough.
        steps = [await reached("loop", ["branch:to:node"]) for _ in range(10)]
        assert all(steps) is waits
        assert await reached("loop", ["answer"])

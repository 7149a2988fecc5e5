"""Redis' own: broken connections, clusters, limits and errors."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from langgraph.checkpoint.conformance import checkpointer_test, validate
from tests.checkpoints.stored import Stored
from tests.checkpoints.stored_on_servers import REDIS, StoredInRedis, plain_redis
from tests.checkpoints.test_database import config, put
from tests.checkpoints.test_keys import NEW, OLD
from tests.ports import free_port

from graphwright_checkpoints import (
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    ValueNotStored,
    open_checkpointer,
)

START_TIMEOUT = 20.0  # seconds
SLOTS = 16384


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    with contextmanager(plain_redis.__wrapped__)(request) as made:  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts Redis servers of one's own; the port of each. They end with the test."""
    if not (command := shutil.which("redis-server")):
        pytest.skip("no redis-server on this machine")
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> int:
        port = free_port()
        folder = tmp_path / str(port)
        folder.mkdir()
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        with (folder / "log").open("wb") as log:
            running.append(
                subprocess.Popen([command, *arguments, "--save", "", *options], stdout=log)
            )
        # One that wants a password answers too.
        with redis.Redis(port=port) as client, suppress(redis.AuthenticationError):
            _wait(client.ping)
        return port

    yield start
    for process in running:
        process.kill()
        process.wait()


def _wait(works: Callable[[], Any]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            if works():
                return
        except redis.ConnectionError as error:
            if isinstance(error, redis.AuthenticationError):
                raise
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_ready(node: Any) -> bool:
    said = node.execute_command("CLUSTER INFO")
    return (said["cluster_state"], said["cluster_known_nodes"]) == ("ok", "3")


def test_a_killed_connection_is_replaced(stored: Stored) -> None:
    url = f"{stored.url}&client_name=killed"
    with open_checkpointer(url) as saver, redis.Redis.from_url(REDIS) as admin:
        for step in range(5):
            put(saver, "t", step=step)
            ours = [each for each in admin.client_list() if each["name"] == "killed"]
            assert ours
            for each in ours:
                admin.client_kill(each["addr"])
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"step": 4}


def test_a_server_that_was_restarted_is_found_again(server: Any, tmp_path: Path) -> None:
    port = server("--appendonly", "yes", "--appendfsync", "always")
    with open_checkpointer(f"redis://127.0.0.1:{port}/0") as saver:
        put(saver, "t", step=1)
        with redis.Redis(port=port) as admin:
            admin.shutdown(nosave=True)
        with pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:\d+/0: .*See that Redis runs"):
            saver.get_tuple(config("t"))
        folder = tmp_path / str(port)
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command = ["redis-server", *arguments, "--save", "", "--appendonly", "yes"]
        with (folder / "log").open("ab") as log:
            again = subprocess.Popen(command, stdout=log)
        try:
            with redis.Redis(port=port) as client:
                _wait(client.ping)
            put(saver, "t", step=2)
            assert len(list(saver.list(config("t")))) == 2
        finally:
            again.kill()
            again.wait()


async def test_a_cluster_passes_the_conformance_suite(server: Any, tmp_path: Path) -> None:
    """Three nodes, so that a command with keys of two slots would be refused.

    Each element is in a blob, and every key of a thread is used.
    """
    buses = [free_port() for _ in range(3)]
    options = ("--cluster-enabled", "yes", "--cluster-port")
    ports = [server(*options, str(bus)) for bus in buses]
    clients = [redis.Redis(port=port, decode_responses=True) for port in ports]
    for number, client in enumerate(clients):
        slots = range(number * SLOTS // 3, (number + 1) * SLOTS // 3)
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
        client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
    for client in clients:
        _wait(partial(_is_ready, client))
        client.close()

    url, blobs = f"redis+cluster://127.0.0.1:{ports[0]}", tmp_path / "blobs"

    @checkpointer_test(name="Saver on a cluster")
    async def factory() -> Any:
        async with open_checkpointer(url, blobs=f"file://{blobs}", blobs_above=1) as saver:
            yield saver
            for item in [item async for item in saver.alist(None)]:
                await saver.adelete_thread(item.config["configurable"]["thread_id"])

    report = await validate(factory)
    assert [failure for result in report.results.values() for failure in result.failures] == []
    assert report.conformance_level() == "FULL"

    with open_checkpointer(url, blobs=f"file://{blobs}", blobs_above=1) as saver:
        for thread in "abc":
            put(saver, thread, text="word " * 100, name=thread * 500)
    with open_checkpointer(url, blobs=f"file://{blobs}", serde=NEW, old_serdes=[OLD]) as saver:
        assert saver.reencrypt().rewritten == 1 + 3 + 3 * 2  # type: ignore[attr-defined]
        assert saver.delete_orphans(timedelta(0)) == 0  # type: ignore[attr-defined]
    with open_checkpointer(url, serde=NEW) as saver:  # without the store
        for thread in "abc":
            saver.delete_thread(thread)
    with open_checkpointer(url, blobs=f"file://{blobs}", serde=NEW):
        assert not [path for path in blobs.rglob("*") if path.is_file()]


def test_a_full_server_says_what_to_do(server: Any) -> None:
    port = server("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    with open_checkpointer(f"redis://127.0.0.1:{port}") as saver:
        put(saver, "t", text="small")
        with pytest.raises(DatabaseUnavailable, match=r"maxmemory.*Raise `maxmemory`"):
            for step in range(100):
                put(saver, "t", text=f"{step}" * 500_000)
        found = list(saver.list(config("t")))
        assert found[-1].checkpoint["channel_values"] == {"text": "small"}
        assert all(item.checkpoint["channel_values"] for item in found)


def test_a_wrong_password_is_explained_and_not_shown(server: Any) -> None:
    port = server("--requirepass", "right")
    with (
        pytest.raises(DatabaseUnavailable, match="Put the right user and password") as caught,
        open_checkpointer(f"redis://:secret@127.0.0.1:{port}/0"),
    ):
        pass
    assert "secret" not in str(caught.value)


def test_nobody_listens() -> None:
    with (
        pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/0: .*See that Redis runs"),
        open_checkpointer("redis://127.0.0.1:1/0"),
    ):
        pass


def test_a_newer_release_wrote_it(stored: StoredInRedis) -> None:
    prefix = stored.url.partition("prefix=")[2]
    with redis.Redis.from_url(REDIS) as client:
        client.hset(f"{prefix}:keys", "version", 99)
    with (
        pytest.raises(DatabaseTooNew, match=r"schema 99.*\?prefix=name"),
        open_checkpointer(stored.url),
    ):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://localhost",
        "redis://localhost:port",
        "redis://localhost?db=x",
        "redis://localhost/name",
        "redis://localhost/0?nonsense=1",
    ],
)
def test_urls_that_cannot_be_read(url: str) -> None:
    with pytest.raises(InvalidURL, match="Give redis://host:6379/0"):
        open_checkpointer(url)


@pytest.mark.parametrize(("limit", "bytes_"), [("LARGEST", 5000), ("TOGETHER", 9000)])
def test_what_redis_would_hang_up_for_is_refused(
    stored: StoredInRedis, monkeypatch: pytest.MonkeyPatch, limit: str, bytes_: int
) -> None:
    monkeypatch.setattr(f"graphwright_checkpoints.redis.server.{limit}", bytes_)
    values = {"small": "x", "one": "y" * 6000, "other": "z" * 4000}
    new: Any = {"v": 1, "id": "1", "ts": "", "channel_values": values, "versions_seen": {}}
    new["channel_versions"] = dict.fromkeys(values, "1")
    with open_checkpointer(stored.url) as saver:
        with pytest.raises(ValueNotStored, match=r"'one' .*Redis takes .* blob store"):
            saver.put(config("t"), new, {}, new["channel_versions"])
        assert saver.get_tuple(config("t")) is None
        del values["one"]
        stored_at = saver.put(config("t"), new, {}, dict.fromkeys(values, "1"))
        with pytest.raises(ValueNotStored, match="'answer' cannot"):
            saver.put_writes(stored_at, [("answer", "w" * 6000), ("b", "v" * 4000)], "task")


def test_a_run_leaves_no_note_behind(stored: StoredInRedis) -> None:
    with open_checkpointer(stored.url) as saver:
        for run in "ab":
            new = {"v": 1, "id": run, "ts": "", "channel_values": {}, "channel_versions": {}}
            saver.put(config("t"), {**new, "versions_seen": {}}, {"run_id": run}, {})  # type: ignore[typeddict-item]
        assert len(stored.names("run:*")) == 2
        saver.delete_for_runs(["a"])
        assert len(stored.names("run:*")) == 1
        saver.delete_thread("t")
        assert [name.rpartition(":")[2] for name in stored.names()] == ["keys"]

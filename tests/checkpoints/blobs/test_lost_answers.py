"""What only a server can do to blobs: lose an answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from tests.checkpoints.blobs.test_offloading import LARGE, NOW, Keys, Xor, get, put
from tests.checkpoints.stored import Stored
from tests.checkpoints.stored_on_servers import SERVERS

from graphwright_checkpoints import open_checkpointer
from graphwright_checkpoints.networked.server import Disconnected
from graphwright_checkpoints.postgres.database import PostgresDatabase
from graphwright_checkpoints.postgres.failures import Lost

on_servers = pytest.mark.parametrize("fresh", SERVERS, indirect=True)


def lose(owner: Any, name: str, *, meanwhile: Callable[[], object] = bool) -> None:
    """A server's next answer to one kind of request is lost, and something happens before that
    is known."""
    do = getattr(owner, name)

    def once(*arguments: Any) -> Any:
        setattr(owner, name, do)
        do(*arguments)
        meanwhile()
        raise Disconnected("the answer was lost")

    setattr(owner, name, once)


@contextmanager
def lost_answers(saver: Any) -> Iterator[None]:
    """Each change takes effect, and every other time its connection breaks then."""
    rows = saver._database._rows
    if isinstance(rows, PostgresDatabase):
        changes: list[tuple[Any, str]] = [(rows._pools, "_run_once")]
    else:
        server = rows._server
        changes = [(server, "store"), (server.contents, "replace"), (server.blobs, "doom")]
        changes += [(server, "delete_thread"), (server.blobs, "forget")]

    def losing(do: Any) -> Any:
        turns = iter(range(1_000_000))

        def lose_every_other(*arguments: Any) -> Any:
            result = do(*arguments)
            if next(turns) % 2 == 0:
                raise (Lost if isinstance(rows, PostgresDatabase) else Disconnected)("lost")
            return result

        return lose_every_other

    with ExitStack() as stack:
        for owner, name in changes:
            made = losing(getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, made))
        yield


@pytest.mark.parametrize("fresh", ["postgres", *SERVERS], indirect=True)
def test_what_is_done_twice_dooms_no_blob_of_its_own(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    old, new = EncryptedSerializer(Xor(1)), EncryptedSerializer(Xor(2))
    with open_checkpointer(stored.url, blobs=blobs, serde=old) as saver, lost_answers(saver):
        put(saver, [LARGE], "copy")
        at = put(saver, [LARGE, f"other {LARGE}"])
        saver.put_writes(at, [("ch", f"third {LARGE}")], "task")
        assert stored.rows("doomed_blobs") == []
        for target in ("new", "copy", "copy"):
            saver.copy_thread("t", target)
            for thread in ("t", target):
                assert get(saver, thread) == [LARGE, f"other {LARGE}"]
        assert len(keys(blobs)) == 9
    with (
        open_checkpointer(stored.url, blobs=blobs, serde=new, old_serdes=[old]) as saver,
        lost_answers(saver),
    ):
        saver.reencrypt()  # type: ignore[attr-defined]
        assert saver.delete_orphans(NOW) == 0  # type: ignore[attr-defined]
    with open_checkpointer(stored.url, blobs=blobs, serde=new) as saver, lost_answers(saver):
        for thread in ("t", "new", "copy"):
            assert get(saver, thread) == [LARGE, f"other {LARGE}"]
            saver.delete_thread(thread)
    assert keys(blobs) == set()


@on_servers
def test_what_was_deleted_before_its_second_attempt_gets_another_blob(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    with (
        open_checkpointer(stored.url, blobs=blobs) as saver,
        open_checkpointer(stored.url, blobs=blobs) as other,
    ):
        server = saver._database._rows._server  # type: ignore[attr-defined]
        for _ in range(2):  # a thread that is new, and one that is not
            lose(server, "store", meanwhile=lambda: other.delete_thread("t"))
            put(saver, [LARGE])
            for reader in (saver, other):
                assert get(reader) == [LARGE]
            assert len(keys(blobs)) == 1
            assert stored.rows("doomed_blobs") == []


@on_servers
def test_what_was_refused_while_others_wrote_and_swept(
    stored: Stored, blobs: str, keys: Keys
) -> None:
    """A number that another process has taken meanwhile; and a sweep before the second attempt."""
    with (
        open_checkpointer(stored.url, blobs=blobs) as saver,
        open_checkpointer(stored.url, blobs=blobs) as other,
    ):
        put(saver, ["small"])
        put(other, ["small"])
        for number in range(3):
            put(other, [f"theirs {number} {LARGE}"])
            server = saver._database._rows._server  # type: ignore[attr-defined]
            thread = server.thread

            def late(thread_id: str, server: Any = server, thread: Any = thread) -> Any:
                server.thread = thread
                other.prune(["t"])
                return thread(thread_id)

            server.thread = late
            put(saver, [f"ours {number} {LARGE}"])
            for reader in (saver, other):
                assert get(reader) == [f"ours {number} {LARGE}"]
        saver.prune(["t"])
        assert len(keys(blobs)) == 1
        saver.delete_thread("t")
    assert keys(blobs) == set()

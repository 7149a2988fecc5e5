"""What only Postgres can do to blobs: lose an answer, let writers wait, and many processes."""

import threading
import time
from typing import Any

import psycopg
import pytest
from tests.checkpoints.blobs.test_offloading import LARGE, Keys, at, get, put
from tests.checkpoints.stored import KINDS, StoredInSql, fresh_of

from graphwright_checkpoints import LeaseLost, open_checkpointer
from graphwright_checkpoints.postgres import contents, inserting
from graphwright_checkpoints.postgres.failures import Lost
from graphwright_checkpoints.serialization import Encoded

fresh = fresh_of({"postgres": KINDS["postgres"]})


def test_a_refusal_after_a_lost_answer_leaves_what_was_stored(
    stored: StoredInSql, blobs: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        open_checkpointer(stored.url, blobs=blobs) as saver,
        open_checkpointer(stored.url) as newer,
    ):
        put(saver, "small", __fence=1)
        send = inserting.send

        def send_and_lose(groups: Any) -> Any:
            yield from send(groups)
            newer.raise_fence("t", 2)  # type: ignore[attr-defined]
            monkeypatch.setattr(inserting, "send", send)
            raise Lost("the answer was lost")

        monkeypatch.setattr(inserting, "send", send_and_lose)
        with pytest.raises(LeaseLost):
            put(saver, LARGE, __fence=1)
        assert get(saver) == LARGE
        with pytest.raises(LeaseLost):
            put(saver, f"other {LARGE}", __fence=1)
        assert len(keys(blobs)) == 1


def test_what_was_deleted_before_its_second_attempt_gets_another_blob(
    stored: StoredInSql, blobs: str, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        open_checkpointer(stored.url, blobs=blobs) as saver,
        open_checkpointer(stored.url, blobs=blobs) as other,
    ):
        for is_new in (True, False):
            send = inserting.send

            def send_and_lose(groups: Any, send: Any = send) -> Any:
                yield from send(groups)
                monkeypatch.setattr(inserting, "send", send)
                other.delete_thread("t")
                raise Lost("the answer was lost")

            monkeypatch.setattr(inserting, "send", send_and_lose)
            put(saver, [LARGE])
            for reader in (saver, other):
                assert get(reader) == [LARGE]
            assert len(keys(blobs)) == 1
            assert stored.rows("doomed_blobs") == []
            assert is_new or len(list(saver.list(at()))) == 1


def test_what_another_process_stored_is_not_stored_again(
    stored: StoredInSql, blobs: str, keys: Keys
) -> None:
    with (
        open_checkpointer(stored.url, blobs=blobs) as one,
        open_checkpointer(stored.url, blobs=blobs) as other,
    ):
        for number in range(3):
            put(one, [f"{number} small"])
            put(other, [f"{number} {LARGE}"])
            put(one, [f"{number} {LARGE}"])
            assert len(keys(blobs)) == number + 1
    assert stored.rows("doomed_blobs") == []


def test_a_deletion_waits_for_a_change_of_keys(stored: StoredInSql, blobs: str, keys: Keys) -> None:
    """A row that changes while it is to be deleted is deleted all the same."""
    with open_checkpointer(stored.url, blobs=blobs) as saver:
        put(saver, LARGE)
        with psycopg.connect(stored.url) as link:
            link.execute("UPDATE graphwright_checkpoint_elements SET type = type")
            deletion = threading.Thread(target=saver.delete_thread, args=("t",))
            deletion.start()
            wait_for(stored, "wait_event_type = 'Lock'")
        deletion.join(timeout=60)
        assert [*stored.counts(), len(stored.rows("doomed_blobs"))] == [0] * 5
        assert keys(blobs) == set()


def wait_for(stored: StoredInSql, condition: str) -> None:
    """Until somebody who is connected fulfils a condition."""
    deadline = time.monotonic() + 60
    while not stored.execute(
        "SELECT pid FROM pg_stat_activity"
        f" WHERE datname = current_database() AND pid <> pg_backend_pid() AND {condition}"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def pages(rows: Any) -> list[list[tuple[Any, Encoded]]]:
    found: list[list[tuple[Any, Encoded]]] = []
    while page := rows.contents(found[-1][-1][0] if found else None):
        found.append(page)
    return found


def test_pages_have_few_bytes_or_one_value(
    stored: StoredInSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "PAGE", 4)
    monkeypatch.setattr(contents, "PAGE_SIZE", 10_000)
    with open_checkpointer(stored.url) as saver:
        for number, size in enumerate((10, 4_000, 20_000, 30, 4_000, 4_000, 4_000, 10)):
            put(saver, "x" * size, f"{number}")
        found = pages(saver._database)  # type: ignore[attr-defined]
    values = [value for page in found for value in page]
    places = [place for place, _ in values]
    assert len(values) == len({*places}) == 1 + 5 + 8  # the key, elements, checkpoints
    for page in found:
        assert len(page) <= 4
        assert len(page) == 1 or sum(len(content.data) for _, content in page) <= 10_000
    assert str(places[0]) == "graphwright_checkpoint_keys ('digest',)"


def test_only_what_is_as_it_was_is_replaced(stored: StoredInSql) -> None:
    with open_checkpointer(stored.url) as saver:
        put(saver, LARGE)
        rows = saver._database  # type: ignore[attr-defined]
        before = pages(rows)
        _, [(place, old)], _ = before  # a key, an element and a checkpoint
        for known in (old._replace(data=b"another"), old._replace(type="another")):
            rows.replace_contents([(place, known, Encoded("new", b"bytes"))])
        assert pages(rows) == before
        rows.replace_contents([(place, old, Encoded("new", b"bytes"))] * 2)
        _, [(_, now)], _ = pages(rows)
        assert now == Encoded("new", b"bytes")

"""MySQL's own: broken connections, limits and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest
from tests.checkpoints.stored import Stored
from tests.checkpoints.stored_on_servers import MYSQL, mysql
from tests.checkpoints.test_database import config, put

from graphwright_checkpoints import (
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    ValueNotStored,
    open_checkpointer,
)


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    with contextmanager(mysql.__wrapped__)(request) as made:  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def admin(stored: Stored) -> Iterator[Any]:
    link = pymysql.connect(**MYSQL, autocommit=True)
    with link.cursor() as cursor:
        yield cursor
    link.close()


def test_a_killed_connection_is_replaced(stored: Stored, admin: Any) -> None:
    name = stored.url.rpartition("/")[2]
    with open_checkpointer(stored.url) as saver:
        for step in range(5):
            put(saver, "t", step=step)
            admin.execute(
                "SELECT id FROM information_schema.processlist"
                " WHERE db = %s AND command = 'Sleep' AND id <> %s",
                (name, stored._link.thread_id()),  # type: ignore[attr-defined] - not the fixture's
            )
            for (number,) in admin.fetchall():
                admin.execute("KILL %s", (number,))
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"step": 4}


def test_names_that_differ_in_case_or_spaces_are_others(stored: Stored) -> None:
    names = ["t", "T", "t ", "\u00e9", "e"]
    with open_checkpointer(stored.url) as saver:
        for name in names:
            put(saver, name, name=name)
        for name in names:
            found = list(saver.list({"configurable": {"thread_id": name, "checkpoint_ns": ""}}))
            assert [item.checkpoint["channel_values"] for item in found] == [{"name": name}]
            assert (
                list(saver.list({"configurable": {"thread_id": name, "checkpoint_ns": " "}})) == []
            )


def test_what_no_packet_takes_is_refused_by_name_and_setting(stored: Stored, admin: Any) -> None:
    admin.execute("SELECT @@max_allowed_packet")
    ((packet,),) = admin.fetchall()
    with open_checkpointer(stored.url) as saver:
        with pytest.raises(ValueNotStored, match=r"'address' .*`max_allowed_packet` is \d+. Set"):
            put(saver, "x" * (packet // 2))
        with pytest.raises(ValueNotStored, match=r"'checkpoint' .*`max_allowed_packet`"):
            put(saver, "t", **{f"{number}" * 200: "x" * 200 for number in range(packet // 400)})
        large = "x" * (packet + 1)  # of one value, which is stored in pieces
        put(saver, "t", large=large)
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"large": large}


def test_a_database_that_does_not_exist() -> None:
    with (
        pytest.raises(DatabaseUnavailable, match=r"/graphwright_absent: .*CREATE DATABASE"),
        open_checkpointer("mysql://root@127.0.0.1:3306/graphwright_absent"),
    ):
        pass


def test_a_wrong_password_is_explained_and_not_shown() -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="Put the right user and password") as caught,
        open_checkpointer("mysql://nobody:secret@127.0.0.1:3306/test"),
    ):
        pass
    assert "secret" not in str(caught.value)


def test_nobody_listens() -> None:
    with (
        pytest.raises(DatabaseUnavailable, match=r"127\.0\.0\.1:1/db: .*See that the server runs"),
        open_checkpointer("mysql://127.0.0.1:1/db"),
    ):
        pass


def test_a_newer_release_wrote_it(stored: Stored, admin: Any) -> None:
    with open_checkpointer(stored.url):
        pass
    name = stored.url.rpartition("/")[2]
    admin.execute(f"UPDATE {name}.graphwright_keys SET value = '99' WHERE name = 'version'")
    with pytest.raises(DatabaseTooNew, match=r"mysql://.*schema 99"), open_checkpointer(stored.url):
        pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost", "names no database"),
        ("mysql://localhost:port/db", "Give mysql://"),
        ("mysql://me:secret@localhost/db?ssl=1", "unknown option 'ssl'"),
    ],
)
def test_urls_that_cannot_be_read(url: str, said: str) -> None:
    with pytest.raises(InvalidURL, match=said) as caught:
        open_checkpointer(url)
    assert "secret" not in str(caught.value)

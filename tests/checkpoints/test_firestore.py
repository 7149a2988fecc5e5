"""Firestore's own: large values, limits and errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import firestore
from tests.checkpoints.stored import Stored
from tests.checkpoints.stored_on_servers import firestore_emulator as in_emulator
from tests.checkpoints.test_database import config, put

from graphwright_checkpoints import (
    DatabaseTooNew,
    DatabaseUnavailable,
    InvalidURL,
    ValueNotStored,
    open_checkpointer,
)
from graphwright_checkpoints.firestore.collections import Collections


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> Iterator[Stored]:
    with contextmanager(in_emulator.__wrapped__)(request) as made:  # type: ignore[attr-defined]
        yield made


def test_a_value_of_many_requests(stored: Stored) -> None:
    text = "x" * 8_000_000
    with open_checkpointer(stored.url) as saver:
        put(saver, "t", text=text)
        put(saver, "t", text=text)
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": text}
        assert len(stored.elements()) == 1
        saver.delete_thread("t")
        assert stored.counts() == [0, 0, 0, 0]


def test_a_crash_between_the_requests_of_a_value(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Collections.add
    calls = iter(range(100))

    def crash_at_the_second(self: Any, some: Any) -> None:
        if next(calls):
            raise KeyboardInterrupt
        add(self, some)

    text = "x" * 8_000_000
    with open_checkpointer(stored.url) as saver:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Collections, "add", crash_at_the_second)
            put(saver, "t", text=text)
        assert saver.get_tuple(config("t")) is None
        put(saver, "t", text=text)
        found = saver.get_tuple(config("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"text": text}
        saver.prune(["t"])
        assert stored.elements() == stored.referred()


def test_what_no_document_takes_is_refused_by_name(stored: Stored) -> None:
    with open_checkpointer(stored.url) as saver:
        with pytest.raises(ValueNotStored, match=r"'address' .*a document of Firestore takes"):
            put(saver, "x" * 1_100_000)
        with pytest.raises(ValueNotStored, match=r"'checkpoint' .*a document of Firestore takes"):
            put(saver, "t", **{f"channel {number}": "x" * 200 for number in range(6000)})
        assert stored.counts() == [0, 0, 0, 0]


def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> Any:
        raise DefaultCredentialsError("Your default credentials were not found.")  # type: ignore[no-untyped-call]

    # The real look-up would ask Google's metadata server.
    monkeypatch.setattr(firestore, "Client", refuse)
    with (
        pytest.raises(DatabaseUnavailable, match="gcloud auth application-default login"),
        open_checkpointer("firestore://project"),
    ):
        pass


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr("graphwright_checkpoints.firestore.collections.RETRY._timeout", 0.3)
    with (
        pytest.raises(DatabaseUnavailable, match=r"firestore://project: .*See that Firestore"),
        open_checkpointer("firestore://project"),
    ):
        pass


def test_a_newer_release_wrote_it(stored: Stored) -> None:
    client: Any = firestore.Client(project=stored.url.partition("://")[2])
    client.collection("graphwright_keys").document("version").set({"value": 99})
    client.close()
    with pytest.raises(DatabaseTooNew, match="schema 99"), open_checkpointer(stored.url):
        pass


@pytest.mark.parametrize("url", ["firestore://", "firestore://p/d/e", "firestore://p?x=1"])
def test_urls_that_cannot_be_read(url: str) -> None:
    with pytest.raises(InvalidURL, match="firestore://project/database"):
        open_checkpointer(url)

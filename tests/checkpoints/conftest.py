"""Tests that are about any saver run on every kind of database."""

from collections.abc import Callable, Iterator

import pytest
from tests.checkpoints import firestore
from tests.checkpoints.stored import KINDS, Stored, fresh_of
from tests.checkpoints.stored_on_servers import SERVERS, StoredInMongo

EVERY_KIND = {**KINDS, **SERVERS}
fresh = fresh_of(EVERY_KIND)


@pytest.fixture
def stored(fresh: Callable[[], Stored]) -> Stored:
    """A fresh database, and its raw tables."""
    return fresh()


@pytest.fixture
def url(stored: Stored) -> str:
    """The URL of a fresh database."""
    return stored.url


@pytest.fixture
def shared_url(stored: Stored) -> str:
    """The URL of a fresh database that other processes can use too."""
    if isinstance(stored, StoredInMongo):
        pytest.skip("litemongo, which stands in for MongoDB, belongs to one process")
    return stored.url


@pytest.fixture(scope="session")
def firestore_emulator() -> Iterator[str]:
    """The address of Firestore's emulator, one for this session or worker of xdist."""
    with firestore.emulator() as address:
        yield address

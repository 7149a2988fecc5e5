"""Tests that are about any saver run on every kind of database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.checkpoints import firestore
from tests.checkpoints.stored import KINDS, Stored
from tests.checkpoints.stored_on_servers import SERVERS, StoredInMongo

EVERY_KIND = {**KINDS, **SERVERS}


@pytest.fixture(params=EVERY_KIND)
def fresh(request: pytest.FixtureRequest) -> Iterator[Callable[[], Stored]]:
    """Makes fresh, empty databases of one kind; the test runs once for each kind."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(EVERY_KIND[request.param](request))


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

from collections.abc import Iterator

import pytest
from tests.tools.loopback import Loopback, serving


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A real HTTP server that answers what the test tells it to."""
    with serving() as told:
        yield told

"""What tests of the service's parts share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.server.bench import Bench

from graphwright.database import DEFAULT_TENANT


@pytest.fixture
async def bench(
    tmp_path: Path, record_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.syspath_prepend(str(ROOT / "tests/projects/plain"))
    made = Bench(tmp_path, record_url)
    async with made.database.opened():
        await made.assistants.register(DEFAULT_TENANT)
        async with made.graphs.checkpointing():
            yield made

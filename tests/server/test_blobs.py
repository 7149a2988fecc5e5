"""The service keeps media outside its database: once, for as long as the thread is there."""

import asyncio
import base64
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from tests.checkpoints.stored import stored_at
from tests.conftest import ROOT, Service

PLAIN = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
URL = "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(300_000)).decode()
CONTENT: Any = [
    {"type": "text", "text": "Look."},
    {"type": "image_url", "image_url": {"url": URL}},
]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_image_through_a_restart(
    service_at: Callable[..., Service], record_kind: str, tmp_path: Path
) -> None:
    # Where checkpoints are in a file, a folder beside it has what is large.
    is_file = record_kind == "sqlite"
    told = {} if is_file else {"GRAPHWRIGHT_BLOBS": f"file://{tmp_path}/blobs"}
    service = service_at(PLAIN, told).start()
    blobs = service.folder / "data" / "blobs" if is_file else tmp_path / "blobs"
    async with get_client(url=service.url) as client:
        thread = (await client.threads.create())["thread_id"]
        asked = {"messages": [{"role": "user", "content": CONTENT}]}
        await client.runs.wait(thread, "chat", input=asked)
        assert len(files(blobs)) == 1
    service.kill()
    service.start()
    async with get_client(url=service.url) as client:
        values: Any = (await client.threads.get_state(thread))["values"]
        assert values["messages"][0]["content"] == CONTENT
        await client.threads.delete(thread)
    assert files(blobs) == []
    file = f"sqlite:///{service.folder}/data/checkpoints.db"
    stored = stored_at(file if is_file else service.environment["GRAPHWRIGHT_DATABASE"])
    assert stored.counts() == [0] * 4
    assert stored.rows("doomed_blobs") == []


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
async def test_the_sweep_deletes_what_a_killed_process_left(
    service_at: Callable[..., Service],
) -> None:
    service = service_at(PLAIN).start("--retention-every", "1s")
    blobs = service.folder / "data" / "blobs"
    async with get_client(url=service.url) as client:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(
            thread, "chat", input={"messages": [{"role": "user", "content": CONTENT}]}
        )
        (kept,) = files(blobs)
        old, young = (kept.with_name(f"{digit * 32}-{digit * 16}") for digit in "ab")
        for orphan in (old, young):
            orphan.write_bytes(b"left")
        yesterday = time.time() - 86_400
        os.utime(old, (yesterday, yesterday))
        async with asyncio.timeout(30):
            while old.exists():
                await asyncio.sleep(0.05)
        assert {*files(blobs)} == {kept, young}  # a young one may get its row yet


@pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("flag", ["--blobs=ftp://somewhere", "--blobs=s3://me:hidden@bucket"])
async def test_a_wrong_place_is_told_at_the_start(
    flag: str, service_at: Callable[..., Service]
) -> None:
    service = service_at(PLAIN)
    with pytest.raises(AssertionError, match="where --blobs says") as caught:
        service.start(flag)
    assert "Traceback" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    service.kill()

"""Stores to test against: a folder, S3 by moto's server, Azure by Azurite. All on loopback."""

import base64
import hashlib
import hmac
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from tests.npm import installed
from tests.ports import free_port

from graphwright_checkpoints.blobs import BlobStore

START_TIMEOUT = 60.0  # seconds; two cores may be busy with other tests
AZURITE = "azurite@3.37"
# Azurite's own account, the same on every machine.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass
class Emulator:
    """A cloud's stand-in, in a process of its own."""

    url: str
    log: Path

    def count(self, method: str) -> int:
        """How many calls it has had."""
        return self.log.read_text().count(f'"{method} /')


def run(command: list[str], port: int, log: Path) -> Iterator[Emulator]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            try:
                httpx.get(url, timeout=1)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        else:
            raise AssertionError(f"{command[:3]} did not start:\n{log.read_text()}")
        yield Emulator(url, log)
    finally:
        process.kill()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """moto's server, with a bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    for emulator in run(command, port, tmp_path_factory.mktemp("s3") / "log"):
        httpx.put(f"{emulator.url}/bucket").raise_for_status()
        yield emulator


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Azurite, with a container. It needs node, and comes by npm."""
    folder = installed(AZURITE, "--no-audit", "--no-package-lock", "--ignore-scripts")
    script = folder / "node_modules/azurite/dist/src/blob/main.js"
    port, place = free_port(), tmp_path_factory.mktemp("azure")
    command = ["node", str(script), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(place), "--skipApiVersionCheck", "--disableTelemetry"]
    for emulator in run(command, port, place / "log"):
        make_container(emulator.url)
        yield emulator


def make_container(url: str) -> None:
    """A signed call: the package that is tested makes no containers."""
    path = f"/{ACCOUNT}/container"
    headers = (
        f"x-ms-date:{format_datetime(datetime.now(UTC), usegmt=True)}\nx-ms-version:2021-12-02"
    )
    # Method and twelve empty headers, ours, and the resource, its account named twice.
    text = "PUT" + "\n" * 12 + headers + f"\n/{ACCOUNT}{path}\nrestype:container"
    digest = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
    signature = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    named = dict(line.split(":", 1) for line in headers.splitlines())
    call = httpx.put(
        f"{url}{path}?restype=container", headers={**named, "authorization": signature}
    )
    call.raise_for_status()


@pytest.fixture
def s3_url(s3: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of the test's own in S3."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    return f"s3://bucket/{uuid.uuid4().hex}/here?endpoint={s3.url}&region=us-east-1"


@pytest.fixture
def azure_url(azure: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of the test's own in Azure."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    return f"az://container/{uuid.uuid4().hex}?endpoint={azure.url}/{ACCOUNT}"


@pytest.fixture(params=["file", "s3", "azure"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place in each kind of store."""
    if request.param == "file":
        return f"file://{tmp_path}/blobs"
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def blobs(tmp_path: Path) -> str:
    """An empty folder's URL."""
    return f"file://{tmp_path}/blobs"


@pytest.fixture
def keys() -> Callable[[str], set[str]]:
    """All that a store has, whoever put it there."""

    def look(url: str) -> set[str]:
        store = BlobStore(url)
        store.open()
        try:
            later = datetime.now(UTC) + timedelta(days=1)
            return {key for batch in store.list("", later) for key in batch}
        finally:
            store.close()

    return look


@pytest.fixture(scope="session", autouse=True)
def without_credentials() -> None:
    """Nobody's own account is to be used by mistake."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            del os.environ[name]

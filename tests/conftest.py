"""What tests of several packages share: a real service, in a process of its own."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from tests.places import use_memory
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.processes import ROOT, Command
from tests.scheduling import Scheduling
from xdist.remote import Producer

from graphwright.database import database_at

START_TIMEOUT = 60.0  # seconds; two cores may be busy with other tests


@dataclass
class Service:
    """`graphwright serve` in a process: start it, kill it, start it again on the same data."""

    folder: Path
    config: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: Command | None = None
    verb: str = "serve"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *more: str) -> "Service":
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRAPHWRIGHT_")}
        self.process = Command(
            *(self.verb, "--config", str(self.config), "--port", str(self.port)),
            *("--data-dir", str(self.folder / "data"), *more),
            folder=self.folder,
            environment={**inherited, **self.environment},
            output=self.folder / "serve.log",
        )
        self._wait_until_ready()
        return self

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended at start:\n{self.output()}")
            try:
                answered = httpx.get(f"{self.url}/ok", timeout=1).status_code == 200
                # Still ours: another process may have taken the port first.
                if answered and self.process.poll() is None:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"the service did not answer in {START_TIMEOUT} s:\n{self.output()}")

    def output(self) -> str:
        return (self.folder / "serve.log").read_text()

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as a deploy would; its exit code."""
        return self._end(signal.SIGTERM)

    def end_leases(self) -> None:
        """Let time pass, for what waits until the leases of a process that died have run out."""
        url = self.environment["GRAPHWRIGHT_DATABASE"]
        if url.startswith("postgresql:"):  # at a start no lease counts in a file
            with psycopg.connect(url) as link:
                link.execute("UPDATE runs SET lease_until = now()")

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.process = None
        return code


def pytest_configure() -> None:
    use_memory()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres for this session, or for this worker of xdist."""
    server = PostgresServer(free_port())
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database on Postgres."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def record_kind(request: pytest.FixtureRequest) -> str:
    """The kind of database that holds the record; what needs a record is tested on each."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a record on Postgres with its tables, to copy: that is faster than migrating."""

    async def migrate(url: str) -> None:
        async with database_at(url).opened():
            pass

    with postgres_server.database() as url:
        asyncio.run(migrate(url))
        yield url.rpartition("/")[2]


@pytest.fixture
def record_url(record_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh record."""
    if record_kind == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        template: str = request.getfixturevalue("migrated_database")
        with server.database(template) as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path / 'record.db'}"


@pytest.fixture
def service_at(tmp_path: Path, record_url: str) -> Iterator[Callable[..., Service]]:
    """Make services of one's own, on each kind of database; they end with the test."""
    made: list[Service] = []

    def make(config: Path, environment: dict[str, str] | None = None) -> Service:
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        where = {"GRAPHWRIGHT_DATABASE": record_url}
        made.append(Service(folder, config, {**where, **(environment or {})}))
        return made[-1]

    yield make
    for service in made:
        if service.process is not None:
            service.kill()


@pytest.fixture(scope="session")
def shared_service(
    record_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path], AbstractContextManager[Service]]:
    """Run a service that a session's tests share."""

    @contextmanager
    def run(name: str, config: Path) -> Iterator[Service]:
        folder = tmp_path_factory.mktemp(name)
        with ExitStack() as stack:
            url = f"sqlite:///{folder / 'record.db'}"
            if record_kind == "postgres":
                server: PostgresServer = request.getfixturevalue("postgres_server")
                url = stack.enter_context(server.database())
            service = Service(folder, config, {"GRAPHWRIGHT_DATABASE": url}).start()
            yield service
            service.stop()

    return run


@pytest.fixture(scope="session")
def shipped(shared_service: Callable[..., Any]) -> Iterator[Service]:
    """The service with its own graphs, shared by a session's tests: use threads of your own."""
    with shared_service("shipped", ROOT / "langgraph.json") as service:
        yield service


@pytest.fixture(scope="session")
def plain(shared_service: Callable[..., Any]) -> Iterator[Service]:
    """The service with the small graphs of `tests/projects/plain`, shared like `shipped`."""
    config = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
    with shared_service("plain", config) as service:
        yield service


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project's files; the path of its `langgraph.json`."""

    def write(graphs: dict[str, Any], files: dict[str, str] | None = None, **keys: Any) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        config = folder / "langgraph.json"
        config.write_text(json.dumps({"graphs": graphs, **keys}))
        return config

    return write

"""What tests of several packages share: a real service, in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[1]
START_TIMEOUT = 60.0  # seconds; two cores may be busy with other tests


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Service:
    """`graphwright serve` in a process: start it, kill it, start it again on the same data."""

    folder: Path
    config: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *more: str) -> list[str]:
        return [
            *(sys.executable, "-m", "graphwright", "serve"),
            *("--config", str(self.config), "--port", str(self.port)),
            *("--data-dir", str(self.folder / "data"), *more),
        ]

    def start(self, *more: str) -> "Service":
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRAPHWRIGHT_")}
        self.log = (self.folder / "serve.log").open("ab")
        self.process = subprocess.Popen(
            self.command(*more),
            cwd=self.folder,
            env={**inherited, **self.environment},
            stdout=self.log,
            stderr=subprocess.STDOUT,
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

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=30)
        self.log.close()
        self.process = None
        return code


@pytest.fixture
def service_at(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Make a service of one's own; it ends with the test."""
    made: list[Service] = []

    def make(config: Path, environment: dict[str, str] | None = None) -> Service:
        folder = tmp_path / f"service-{len(made)}"
        folder.mkdir()
        made.append(Service(folder, config, environment or {}))
        return made[-1]

    yield make
    for service in made:
        if service.process is not None:
            service.kill()


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with its own graphs, shared by a session's tests: use threads of your own."""
    service = Service(tmp_path_factory.mktemp("shipped"), ROOT / "langgraph.json").start()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the small graphs of `tests/projects/plain`, shared like `shipped`."""
    config = ROOT / "tests" / "projects" / "plain" / "langgraph.json"
    service = Service(tmp_path_factory.mktemp("plain"), config).start()
    yield service
    service.stop()


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

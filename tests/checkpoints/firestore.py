"""Firestore's emulator from npm, installed once for this machine."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

PACKAGE = "@firestore-emulator/server@0.3.15"
PATIENCE = 300.0  # seconds, for npm
END = 30.0  # seconds


@contextmanager
def emulator() -> Iterator[str]:
    """The address of an emulator of one's own."""
    folder = _installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = Path(__file__).with_name("firestore.mjs")
    process = subprocess.Popen(
        ["node", str(script), str(folder), str(port)],
        stdin=subprocess.PIPE,  # it ends when this is closed, and so with us, however we end
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield f"127.0.0.1:{port}"
    finally:
        process.communicate(timeout=END)


def _installed() -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Firestore's emulator needs node and npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = cache / "graphwright-tests" / PACKAGE.replace("/", "-")
    if not folder.exists():
        making = folder.with_name(f"{folder.name}-{uuid4().hex}")
        making.mkdir(parents=True)
        command = ["npm", "install", "--silent", "--no-fund", "--prefix", str(making), PACKAGE]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode:
            shutil.rmtree(making)
            pytest.skip(f"npm cannot install Firestore's emulator: {done.stderr[-300:]}")
        try:
            making.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(making)
    return folder

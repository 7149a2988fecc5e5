"""Firestore's emulator, from npm."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.npm import installed
from tests.ports import free_port

PACKAGE = "@firestore-emulator/server@0.3.15"
END = 30.0  # seconds


@contextmanager
def emulator() -> Iterator[str]:
    """The address of an emulator of one's own."""
    folder = installed(PACKAGE)
    port = free_port()
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

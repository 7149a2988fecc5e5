"""The process that serves one GGUF file: `python -m graphwright_graphs.models.local.serving`.

It holds a lock for as long as it lives, and ends when its standard input does: that is when whoever
started it has ended, in whatever way.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import socket
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TAKEN = 3  # the exit code when another process serves the file already


def main() -> int:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    asked = parser.parse_args()
    with asked.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return TAKEN
        lock.truncate(0)
        key = secrets.token_urlsafe(24)
        server = _server(asked.file, asked.threads, asked.context, key)
        _await_open(server.listening_address)
        place = {"url": f"{server.listening_address}/v1", "key": key, "pid": os.getpid()}
        lock.write(json.dumps(place))
        lock.flush()
        sys.stdin.read()
        lock.truncate(0)
    # Not llama.cpp's destructors, which may wait for a request under way.
    os._exit(0)


def _await_open(address: str) -> None:
    """Wait until the port answers; whoever waits for us knows when to give up."""
    place = urlsplit(address)
    while True:
        try:
            socket.create_connection((place.hostname, place.port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return


def _server(file: Path, threads: int, context: int, key: str) -> Any:
    xllamacpp: Any = import_module("xllamacpp")  # an extra, which types need not know
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]  # other people on the machine can reach the port, too
    params.offline = True
    params.ui = False
    params.n_ctx = context
    params.n_parallel = 1
    # llama.cpp would take every core that it sees, and be slower for it.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    return xllamacpp.Server(params)


if __name__ == "__main__":
    sys.exit(main())

"""Ports of the loopback for servers that tests start.

A port that the kernel gives for the asking may be some connection's a moment later, before a server
has it. So these are below the ones that connections get, and each worker of xdist has its own.
"""

import os
import random
import socket
from collections.abc import Iterator

FIRST, EACH, WORKERS = 12_000, 2_000, 10  # Linux gives those from 32,768 on


def _candidates() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    # Another session on this machine begins somewhere else, likely.
    begin = random.SystemRandom().randrange(EACH)
    while True:
        for number in range(EACH):
            yield FIRST + worker * EACH + (begin + number) % EACH


_ports = _candidates()


def free_port() -> int:
    """A port that nobody has."""
    for port in _ports:
        with socket.socket() as probe:
            # As servers do: else one whose last connection is being closed counts as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("there is no free port")

"""Serving over HTTP: the address is taken first, the service opened second, and only then is it
said to be there.
"""

import asyncio
import errno
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from graphwright.app import create_app
from graphwright.errors import AddressError, StartError
from graphwright.settings import Settings

BACKLOG = 2048  # connections that may wait to be accepted
GRACEFUL_SHUTDOWN = 2  # seconds that open requests have to finish
LEAVING = 5.0  # seconds that the process has to end, once everything is closed

log = logging.getLogger(__name__)


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket to serve on."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise AddressError(_refusal(settings, error)) from error
        listener.listen(BACKLOG)
        yield listener


@contextmanager
def sole_user(data_dir: Path) -> Iterator[None]:
    """Hold a data folder for this process alone: two local engines on one record would run the same
    runs.
    """
    path = data_dir / "serve.lock"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise StartError(
            f"data folder {data_dir}: {error.strerror}. "
            "Name one that you may write to with --data-dir."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"data folder {data_dir}: another graphwright serves from it. "
                "Stop that one, or name another folder with --data-dir."
            ) from None
        yield


class _Server(uvicorn.Server):
    """uvicorn, leaving to us what it would do around the service."""

    def __init__(
        self, app: FastAPI, on_ready: Callable[[], None], on_stop: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
            )
        )
        self._on_ready = on_ready
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let runs come to a place to go on from, while open requests finish."""
        self._on_stop()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._on_ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving; uvicorn would raise the signal again, which ends the process before its
        files are closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def run(settings: Settings, say: Callable[[str, FastAPI], None]) -> None:
    """Serve until a signal says stop; the process then ends within `LEAVING` seconds. Raises
    `StartError` with nothing left open.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("graphwright").setLevel(logging.INFO)
    with ExitStack() as held:
        listener = held.enter_context(listening(settings))
        app = create_app(settings)
        held.enter_context(sole_user(settings.data_dir))  # not made for a project that is wrong
        host, port = listener.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        server = _Server(app, lambda: say(url, app), app.state.drain)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(_serve(app, server, listener))
            _leave_in_time()


def _leave_in_time() -> None:
    """Have the process end though a node goes on: nothing can stop a thread, and Python would wait
    for it without limit. Its run is done again, so that nothing is lost.
    """
    leaving = threading.Timer(LEAVING, _leave)
    leaving.daemon = True
    leaving.start()


def _leave() -> None:
    log.warning("a node does not heed its cancellation; the process ends without it")
    sys.stdout.flush()
    os._exit(0)


async def _serve(app: FastAPI, server: _Server, listener: socket.socket) -> None:
    # Not uvicorn's lifespan: it would log a start error's traceback and hide the error from us.
    async with app.router.lifespan_context(app):
        # What is loaded by now stays until the end. A full collection would look at all of it, and
        # hold the loop for 70 ms.
        gc.freeze()
        await server.serve([listener])


def _refusal(settings: Settings, error: OSError) -> str:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        holder = _holder(settings.port)
        by = f" by {holder}" if holder else ""
        return f"{where} is in use{by}. Stop it, or choose another port with --port."
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need special rights. Choose another with --port."
    return f"{where}: {error.strerror or error}. Choose an address of this machine with --host."


def _holder(port: int) -> str | None:
    """The process that listens on a port, where Linux tells: its name and pid."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            rows = (line.split() for line in table.read_text().splitlines()[1:])
            listening = "0A"
            inodes |= {
                row[9]
                for row in rows
                if row[3] == listening and int(row[1].split(":")[1], 16) == port
            }
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*") if wanted else ():
        try:
            if any(str(fd.readlink()) in wanted for fd in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:  # it ended, or is not ours to look at
            continue
    return None

"""The `graphwright` command, and programs, in processes that start in a fraction of a second.

Importing LangGraph and FastAPI takes three seconds of a core, and a suite starts the service a
hundred times. So one process, multiprocessing's fork server, imports once, and the others are
forked from it: each with a working folder, an environment and an output of its own, to be signalled
and killed like any other. That the command starts from nothing is for `tests/server/test_cli.py`.
"""

import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import uuid_utils

ROOT = Path(__file__).parents[1]
IMPORTED = [
    "graphwright.cli",
    "graphwright.serve",
    "graphwright.report",
    "graphwright.database.migrations",
    "graphwright.operate.importing",
    "graphwright.faces.langserve",
    "graphwright_graphs.demo",
    "graphwright_checkpoints.networked.database",
    "graphwright_checkpoints.postgres.database",
    "graphwright_checkpoints.sqlite.database",
    "langchain.agents",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "uvloop",
    "uvicorn.protocols.http.httptools_impl",
]


class Command:
    """`graphwright` with some arguments, or `code` as `python -c` runs it, in a process of its
    own.
    """

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
        code: str | None = None,
    ) -> None:
        """Begin it. Its output is appended to a file, and so are its errors, to theirs or the
        same.
        """
        context = get_context("forkserver")
        context.set_forkserver_preload(IMPORTED)
        told = (code, arguments, folder, dict(environment), output, errors or output)
        self._process = context.Process(target=_become, args=told)
        # It finds this module in the folder of the project, where pytest needs no path to find it.
        with mock.patch.object(sys, "path", [*sys.path, str(ROOT)]):
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, once it has ended; minus a signal's number if that ended it."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """The exit code, when it has ended; `subprocess.TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("graphwright", timeout)
        self._process.close()
        return code

    def send_signal(self, how: signal.Signals) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)


def graphwright(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end, as `subprocess.run` would; 200 columns wide, unless told."""
    plain = {"COLUMNS": "200", "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as name:
        output, errors = Path(name) / "output", Path(name) / "errors"
        command = Command(
            *arguments,
            folder=Path.cwd(),
            environment={**os.environ, **plain, **environment},
            output=output,
            errors=errors,
        )
        try:
            code = command.wait(60)
        except subprocess.TimeoutExpired:
            command.send_signal(signal.SIGKILL)
            raise
        said, told = output.read_text(), errors.read_text()
    return subprocess.CompletedProcess(arguments, code, said, told)


def _become(
    code: str | None,
    arguments: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    errors: Path,
) -> None:
    for path, number in ((output, 1), (errors, 2)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    uuid_utils.reseed_rng()  # Python's own generator sees a fork by itself
    _forget_the_tests(folder)
    sys.argv = ["-c" if code else "graphwright", *arguments]
    if code:
        exec(code, {"__name__": "__main__"})
    else:
        runpy.run_module("graphwright", run_name="__main__", alter_sys=True)


def _forget_the_tests(folder: Path) -> None:
    """Find the modules that `python -m graphwright` would find in a folder, and no others."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:] = [str(folder)] + [path for path in sys.path if path not in ("", str(ROOT))]

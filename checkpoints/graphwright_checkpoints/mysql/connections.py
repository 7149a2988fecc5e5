"""Connections to MySQL, kept for the next call, and its errors in our words."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.constants import CR, ER
from pymysql.cursors import Cursor

from graphwright_checkpoints.errors import (
    CheckpointError,
    DatabaseUnavailable,
    InvalidURL,
)
from graphwright_checkpoints.networked.server import Disconnected, Moved

FORM = "mysql://user:password@host:3306/database"
OPTIONS = ("ssl_ca", "unix_socket")
CONNECTING = 10  # seconds
GONE = {
    *(CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, 0),  # 0: used after it was closed
    *(ER.SERVER_SHUTDOWN, 1927),  # 1927: MariaDB's word for a killed connection
}
LOG_IN = "Put the right user and password into the URL."
ADVICE = {
    ER.ACCESS_DENIED_ERROR: LOG_IN,
    1698: LOG_IN,  # MariaDB's, of a user who has no password to give
    ER.DBACCESS_DENIED_ERROR: "GRANT that user ALL ON that database.",
    ER.TABLEACCESS_DENIED_ERROR: "GRANT that user ALL ON that database.",
    ER.BAD_DB_ERROR: "Make it first: CREATE DATABASE … CHARACTER SET utf8mb4.",
    CR.CR_CONN_HOST_ERROR: "See that the server runs and can be reached from here.",
    ER.NET_PACKET_TOO_LARGE: "Raise `max_allowed_packet` in the server's settings.",
}


class Place(NamedTuple):
    """Where a URL points, and how to show it without its password."""

    arguments: dict[str, Any]
    shown: str


def parse(url: str) -> Place:
    """Read a URL, or raise `InvalidURL`."""
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    options = dict(parse_qsl(parts.query))
    try:
        port = parts.port or 3306
    except ValueError as error:
        raise InvalidURL(f"{shown}: {error}. Give {FORM}.") from error
    if not parts.path.strip("/"):
        raise InvalidURL(f"{shown}: it names no database. Give {FORM}.")
    if unknown := set(options) - set(OPTIONS):
        raise InvalidURL(
            f"{shown}: unknown option {min(unknown)!r}. There is {', '.join(OPTIONS)}."
        )
    arguments = {
        "host": parts.hostname or "127.0.0.1",
        "port": port,
        "user": unquote(parts.username or "root"),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
        **options,
    }
    return Place(arguments, shown)


class Connections:
    """Connections that any thread may use, each for one transaction at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._idle: list[pymysql.Connection[Cursor]] = []

    def close(self) -> None:
        """Close those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            _end(connection)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Commit what is done with the cursor, or nothing of it."""
        connection = None
        try:
            connection = self._take()
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException as error:
            if connection is not None:
                self._give_up(connection, error)
            if isinstance(error, pymysql.Error):
                raise self._explain(error) from error
            raise
        with self._lock:
            self._idle.append(connection)

    def _take(self) -> "pymysql.Connection[Cursor]":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return pymysql.connect(
            **self._place.arguments,
            charset="utf8mb4",
            connect_timeout=CONNECTING,
            # A server that is told not to be strict cuts values short and says nothing.
            init_command="SET SESSION sql_mode = 'STRICT_ALL_TABLES'",
        )

    def _give_up(self, connection: "pymysql.Connection[Cursor]", error: BaseException) -> None:
        if isinstance(error, CheckpointError | Moved) or _code(error) == ER.DUP_ENTRY:
            with suppress(pymysql.Error):
                connection.rollback()
                with self._lock:
                    self._idle.append(connection)
                return
        _end(connection)
        if _code(error) in GONE:
            self.close()  # most likely the others are broken as well

    def _explain(self, error: pymysql.Error) -> Exception:
        code = _code(error)
        if code in (ER.DUP_ENTRY, ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT):
            return Moved()
        said = f"{self._place.shown}: {error.args[-1] if error.args else error}."
        if code in GONE or isinstance(error, pymysql.InterfaceError):
            return Disconnected(f"{said} See that the server runs and can be reached from here.")
        return DatabaseUnavailable(f"{said} {ADVICE.get(code, f'MySQL numbers this {code}.')}")


def _code(error: BaseException) -> int:
    code = error.args[0] if isinstance(error, pymysql.Error) and error.args else -1
    return code if isinstance(code, int) else -1


def _end(connection: "pymysql.Connection[Cursor]") -> None:
    with suppress(pymysql.Error):
        connection.close()

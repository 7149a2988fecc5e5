"""What Postgres, its driver and its pools say, as errors that tell what to do."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from graphwright_checkpoints.errors import CheckpointError, DatabaseUnavailable, ValueNotStored


class Lost(Exception):
    """The connection ended, and nobody can say whether the last statement took effect."""


LOST = (Lost,)
KNOWN = (psycopg.Error, Lost)
"""What `explain` explains. The pools' own errors are psycopg's too."""

REFUSED = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)
"""Another process wrote at the same time: do it again, holding the lock."""

ADVICE: Mapping[type[psycopg.Error], str] = MappingProxyType(
    {
        errors.InsufficientPrivilege: (
            "The role needs CREATE on the schema to make the tables, and SELECT, INSERT, UPDATE and"
            " DELETE on them: GRANT CREATE, USAGE ON SCHEMA public TO the_role."
        ),
        errors.InvalidPassword: "Check the user and the password in the URL.",
        errors.InvalidAuthorizationSpecification: "Check the user in the URL, and pg_hba.conf.",
        errors.InvalidCatalogName: "Make the database first: CREATE DATABASE.",
        errors.ReadOnlySqlTransaction: "It is a standby: give the URL of the primary server.",
        errors.TooManyConnections: "Raise max_connections, or put pgbouncer before the server.",
        errors.DiskFull: "Free some space on the server's disk.",
        errors.UndefinedTable: "Somebody dropped the tables: open the checkpoints once more.",
        errors.UndefinedFunction: "Somebody dropped the functions: restore them from a backup.",
        PoolTimeout: "The server does not answer, or every connection is busy for too long.",
        PoolClosed: "Use them inside the `with` block that opened them.",
    }
)

QUESTION = re.compile(r"\s*Is the server running [^?]*\?")

# Errors of a connection that was never made have no code, and their text is the server's.
SIGNS = MappingProxyType(
    {
        "password authentication failed": ADVICE[errors.InvalidPassword],
        "no password supplied": "The server asks for a password: put it into the URL.",
        "no pg_hba.conf entry": ADVICE[errors.InvalidAuthorizationSpecification],
        'database "': ADVICE[errors.InvalidCatalogName],
        'role "': "Check the user in the URL, or make the role: CREATE ROLE … LOGIN.",
        "too many clients": ADVICE[errors.TooManyConnections],
        "Connection refused": "Start the server, or check the host and the port in the URL.",
        "failed to resolve host": "Check the host in the URL.",
        "timeout expired": "Check the host and the port in the URL, and the firewall.",
    }
)


def lost_or_not(error: psycopg.Error, connection: psycopg.BaseConnection[Any]) -> Exception:
    """`Lost`, if the connection is; else the error itself."""
    if not connection.closed:
        return error
    lost = Lost(str(error))
    lost.__cause__ = error
    return lost


def one_line(said: str) -> str:
    """What libpq says, without the question that it asks back: what to do is said after it."""
    return " ".join(QUESTION.sub("", said).split()).rstrip(".?")


def explain(place: str, error: Exception) -> CheckpointError:
    """The error to raise for one of `KNOWN`."""
    if isinstance(error, errors.ProgramLimitExceeded):
        return ValueNotStored(
            "address", f"a namespace, a checkpoint's id or a task's id is too long ({error})"
        )
    said = one_line(str(error))
    if isinstance(error, PoolClosed):
        said = "these checkpoints are closed"
    return DatabaseUnavailable(f"{place}: {said}. {_advice(error, said)}")


def _advice(error: Exception, said: str) -> str:
    for kind, advice in ADVICE.items():
        if isinstance(error, kind):
            return advice
    for sign, advice in SIGNS.items():
        if sign in said:
            return advice
    if isinstance(error, Lost):
        return "The connection was lost twice: see the server's log."
    return "See the error above for what Postgres said."

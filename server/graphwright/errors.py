"""What can go wrong, as one tree.

    GraphwrightError
    ├── StartError            the service cannot start; nothing was opened or changed
    │   ├── ProjectError      langgraph.json or a graph it names
    │   ├── DatabaseError     the record cannot be opened or is newer than this version
    │   └── AddressError      the address to listen on is taken or not ours
    ├── CommandError          what a command was asked cannot be done
    └── RequestError          a caller asked for something that cannot be done; has an HTTP status
        ├── InvalidRequest    422
        ├── Conflict          409
        ├── NotFound          404
        └── Unavailable       503

A `StartError` is written for the person at the terminal: what was found, where, and what to do.
A `RequestError` is answered as `{"detail": message}`, the shape of the Agent Server API.
"""

from pathlib import Path


class GraphwrightError(Exception):
    """Any error that Graphwright raises on purpose."""


class StartError(GraphwrightError):
    """The service cannot start."""


class ProjectError(StartError):
    """A project's `langgraph.json`, or a graph it names, cannot be used."""

    def __init__(self, file: Path | str, key: str, problem: str) -> None:
        where = f"{file}: {key}" if key else str(file)
        super().__init__(f"{where}: {problem}")


class DatabaseError(StartError):
    """The database that holds the record cannot be used."""


class AddressError(StartError):
    """The address to listen on cannot be had."""


class CommandError(GraphwrightError):
    """A command on the databases cannot be done as asked."""


class RequestError(GraphwrightError):
    """A request that cannot be done as asked."""

    status = 400


class InvalidRequest(RequestError):
    """The request itself is wrong, whatever the state of the service."""

    status = 422


class Conflict(RequestError):
    """The request contradicts what exists."""

    status = 409


class NotFound(RequestError):
    """What the request names does not exist, or belongs to another tenant."""

    status = 404


class Unavailable(RequestError):
    """What the service needs cannot be reached at the moment; later the same request may work."""

    status = 503

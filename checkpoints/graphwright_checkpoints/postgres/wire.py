"""Statements on libpq's own level: psycopg's cursors take longer than a round trip does.

What psycopg does below them is used as it is: its waiting, its types, its errors. A cursor's other
services have no use here: there are no prepared statements, pipelines or copies, and results are
small enough to be read at once.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from psycopg import AsyncConnection, Connection, errors, generators
from psycopg.abc import PQGen, PyFormat
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format

Rows = list[tuple[Any, ...]]

MARK = re.compile("%[sb]")
FORMATS = {"%s": PyFormat.AUTO, "%b": PyFormat.BINARY}


def execute(
    connection: Connection[Any] | AsyncConnection[Any], sql: str, values: Sequence[Any]
) -> PQGen[Rows]:
    """Run one statement and return its rows, for a `wait` of this connection.

    `values` stand for the statement's `%s` and `%b`. Raises psycopg's errors.
    """
    command, formats = _command(sql)
    transformer = Transformer(connection)
    parameters = transformer.dump_sequence(values, formats)
    connection.pgconn.send_query_params(
        command, parameters, transformer.types, transformer.formats, Format.BINARY
    )
    results = yield from generators.execute(connection.pgconn)
    if not results:
        raise errors.InternalError("the server answered a statement with nothing")
    result = results[-1]
    if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        raise errors.error_from_result(result, encoding=transformer.encoding)
    if not result.nfields:
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


@lru_cache
def _command(sql: str) -> tuple[bytes, list[PyFormat]]:
    """A statement as libpq takes it, and the formats of its parameters."""
    numbers = count(1)
    formats = [FORMATS[mark] for mark in MARK.findall(sql)]
    return MARK.sub(lambda _: f"${next(numbers)}", sql).encode(), formats

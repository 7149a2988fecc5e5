"""Parameters of a statement: `:name` in the text, bound by the driver and never put into it."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMED = re.compile(r":([a-zA-Z_]\w*)")

Parameters = Mapping[str, object]


def percent_style(statement: str, parameters: Parameters, dialect: re.Pattern[str]) -> str:
    """A statement as drivers with `%(name)s` take it, which read every other `%` as `%%`.

    Args:
        statement: With `:name` where a parameter stands; `::type` and strings stay as they are.
        parameters: A name that is none of these stays as it is too.
        dialect: The lexer's pattern, which tells strings and comments from the rest.
    """
    written: list[str] = []
    place = 0
    while match := dialect.search(statement, place):
        written.append(statement[place : match.start()])
        named = NAMED.match(statement, match.start())
        doubled = statement[match.start() - 1 : match.start()] == ":"
        if match.lastgroup == "sign" and named and not doubled and named[1] in parameters:
            written.append(f"%({named[1]})s")
            place = named.end()
        else:
            written.append(match[0].replace("%", "%%"))
            place = match.end()
    return "".join([*written, statement[place:]])

"""Questions about a database: how many there are, which there are, sums of a column, or a SELECT.

Which tables there are is asked first; the statement is made of the request's own words. A question
with a condition is left alone: an answer that passes over it would be wrong.
"""

from __future__ import annotations

import re
from typing import Final

from langchain_core.messages import ToolCall

from graphwright_graphs.demo.conversation import Turn
from graphwright_graphs.demo.errands import Errand
from graphwright_graphs.demo.intents import Intent, Kind
from graphwright_graphs.demo.toolbox import Tool, Toolbox

MOST_ROWS: Final = 10
FUNCTIONS: Final = {
    "total": "sum",
    "sum": "sum",
    "average": "avg",
    "mean": "avg",
    "highest": "max",
    "largest": "max",
    "lowest": "min",
    "smallest": "min",
}
ARTICLES: Final = r"(?:(?:all|the|of|our|my)\s+)*"
# What may follow the things that are counted: nothing that would leave some of them out.
ALL: Final = (
    r"(?:\s+(?:are there|are|there are|do (?:we|you|I) have|have we|exist))?"
    r"(?:\s+in (?:the|our|my|this|your) (?:database|shop|table))?\s*(?:$|[?!.,;]|\band\b)"
)
COUNT: Final = re.compile(rf"\bhow many\s+{ARTICLES}(\w+){ALL}", re.I)
SUM: Final = re.compile(
    rf"\b({'|'.join(FUNCTIONS)})\s+(\w+)\s+(?:of|in|for|from)\s+{ARTICLES}(\w+){ALL}", re.I
)
LIST: Final = re.compile(rf"\b(?:list|show|give me|which)\s+(?:me\s+)?{ARTICLES}(\w+)", re.I)
SELECT: Final = re.compile(r"select\s.+", re.I | re.S)
TABLE: Final = re.compile(r"^(\w+) \((?:table|view)\)$", re.M)


def plan(turn: Turn, toolbox: Toolbox) -> list[Errand] | None:
    """What to ask the database next; None where no such tools are bound, or nothing such asked."""
    listing, asking = _tools(toolbox)
    if listing is None or asking is None:
        return None
    argument = asking.argument("statement") or "statement"
    if written := SELECT.fullmatch(turn.request.strip()):
        return [_errand(turn, asking, {argument: written[0]}, 1)]
    statement = _statement(turn.request)
    if statement is None:
        return None
    template, noun = statement
    first = _errand(turn, listing, {}, 0)
    if first.result is None or first.result.failed:
        return [first]
    table = _table(noun, TABLE.findall(first.result.text))
    if table is None:
        return [first]
    return [_errand(turn, asking, {argument: template.format(table=table)}, 1)]


def bound(toolbox: Toolbox) -> bool:
    """Whether there is a database to ask."""
    return None not in _tools(toolbox)


def _tools(toolbox: Toolbox) -> tuple[Tool | None, Tool | None]:
    return _ending(toolbox, "_tables"), _ending(toolbox, "_query")


def _ending(toolbox: Toolbox, end: str) -> Tool | None:
    return next((tool for tool in toolbox.tools if tool.name.endswith(end)), None)


def _statement(request: str) -> tuple[str, str] | None:
    """A statement without its table, and the word that the table is called by."""
    if found := COUNT.search(request):
        return "SELECT count(*) AS number FROM {table}", found[1]
    if found := SUM.search(request):
        function = FUNCTIONS[found[1].lower()]
        return f"SELECT {function}({found[2]}) AS {found[1].lower()} FROM {{table}}", found[3]
    if found := LIST.search(request):
        return f"SELECT * FROM {{table}} LIMIT {MOST_ROWS}", found[1]
    return None


def _table(noun: str, tables: list[str]) -> str | None:
    said = _singular(noun)
    return next((table for table in tables if _singular(table) == said), None)


def _singular(word: str) -> str:
    return re.sub(r"(?:(?<=y)ies|s)$", "", word.casefold())


def _errand(turn: Turn, tool: Tool, args: dict[str, str], at: int) -> Errand:
    call = ToolCall(
        name=tool.name, args=args, id=f"demo_{turn.digest}_table_{at}", type="tool_call"
    )
    made = next((each for each in turn.calls if each["id"] == call["id"]), call)
    intent = Intent(Kind.UNKNOWN, turn.request)
    return Errand(intent, made, tool, result=turn.results.get(made["id"] or ""))

"""What `graphwright usage` prints: which models were used, by what, and what it cost."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graphwright.accounts import Accounts
from graphwright.database import DEFAULT_TENANT, database_at
from graphwright.database.usage import GROUPS, Wanted
from graphwright.errors import CommandError
from graphwright.operate.locations import sqlite_file
from graphwright.settings import Settings

Json = dict[str, Any]

FIGURES = {
    "calls": "Calls",
    "input_tokens": "Input",
    "cache_read_tokens": "of it cached",
    "output_tokens": "Output",
    "cost": "Cost",
}


def groups_of(text: str) -> list[str]:
    """The names that a text lists with commas, or raise `ValueError` for one that is none."""
    groups = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in groups if name not in GROUPS]:
        raise ValueError(f"expected one or more of {', '.join(GROUPS)}, found {unknown[0]!r}")
    return groups


def show_usage(
    settings: Settings, *, by: Sequence[str], since: timedelta | None, limit: int, as_json: bool
) -> None:
    """Print the sums of each group. Raises `CommandError` where there is nothing to read."""
    file = sqlite_file(settings.database_url)
    if file is not None and not file.exists():
        raise CommandError(
            f"{file}: no such file. Say where the service keeps its data with --data-dir, "
            "or where its record is with --database."
        )
    wanted = Wanted(since=datetime.now(UTC) - since if since else None)
    found = asyncio.run(_read(settings, wanted, by, limit))
    console = Console(highlight=False, soft_wrap=as_json)
    if as_json:
        console.print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode(), markup=False)
    else:
        console.print(_table(by, found))
        console.print(_left_out(found["total"]), end="")


async def _read(settings: Settings, wanted: Wanted, by: Sequence[str], limit: int) -> Json:
    database = database_at(settings.database_url)
    async with database.opened():
        accounts = Accounts(database)
        return await accounts.search(DEFAULT_TENANT, wanted, by, limit=limit, offset=0)


def _table(by: Sequence[str], found: Json) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in by or ("",):
        table.add_column(name.capitalize(), overflow="fold")
    for name in FIGURES.values():
        table.add_column(name, justify="right", no_wrap=True)
    for group in found.get("groups", ()):
        table.add_row(*(escape(str(group[name] or "-")) for name in by), *_figures(group))
    table.add_section()
    table.add_row("all", *[""] * (len(by) - 1), *_figures(found["total"]))
    return table


def _figures(sums: Json) -> list[str]:
    cost = "-" if sums["cost"] is None else f"{sums['cost']:,.4f}"
    return [*(f"{sums[name]:,}" for name in FIGURES if name != "cost"), cost]


def _left_out(total: Json) -> str:
    """What the figures leave out, as whoever pays should know."""
    said = ""
    if not total["calls"]:
        said += "No call is counted. The demo model is no LLM, and its calls never are.\n"
    if unpriced := total["unpriced_calls"]:
        have = "call has" if unpriced == 1 else "calls have"
        said += f"{unpriced:,} {have} no price; `graphwright serve --prices FILE` names prices.\n"
    if unmetered := total["unmetered_calls"]:
        said += f"{unmetered:,} call{'' if unmetered == 1 else 's'} did not say what was used.\n"
    return said

"""`graphwright db check`: can everything be opened and read?"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial

import sqlalchemy as sa
import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

from graphwright.checkpointing import checkpoints_of, explained
from graphwright.database import Database, database_at
from graphwright.database.tables import REVISION, metadata
from graphwright.errors import DatabaseError
from graphwright.operate.locations import shown, sqlite_file
from graphwright.settings import Settings
from graphwright_checkpoints import CheckpointError, Saver

NAMED = 10  # problems that are kept of each database


@dataclass
class Health:
    """What was found of one database."""

    name: str
    url: str
    schema: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_databases(settings: Settings, *, as_json: bool) -> bool:
    """Print how the record and the checkpoints are; whether all is well.

    Opens them as the service does, which brings tables of an older release to this one.
    """
    found = [
        _check("record", settings.database_url, partial(_check_record, settings)),
        _check("checkpoints", settings.checkpoints_url, partial(_check_checkpoints, settings)),
    ]
    if as_json:
        typer.echo(json.dumps([asdict(health) for health in found], indent=2))
    else:
        _print(found)
    return not any(health.problems for health in found)


def _check(name: str, url: str, look: Callable[[Health], None]) -> Health:
    health = Health(name, shown(url))
    file = sqlite_file(url)
    if file is not None and not file.is_file():
        health.problems.append(f"{file}: there is no such file. Name its folder with --data-dir.")
        return health
    try:
        look(health)
        if file is not None:
            with closing(sqlite3.connect(file)) as link:
                said = [text for (text,) in link.execute(f"PRAGMA integrity_check({NAMED})")]
            health.problems += [text for text in said if text != "ok"]
    except CheckpointError as error:
        health.problems.append(explained(error))
    except (DatabaseError, SQLAlchemyError, sqlite3.Error) as error:
        health.problems.append(str(error))
    return health


def _check_record(settings: Settings, health: Health) -> None:
    health.counts = asyncio.run(_count(database_at(settings.database_url)))
    health.schema = REVISION


async def _count(database: Database) -> dict[str, int]:
    async with database.opened(), database.connect() as connection:
        return {
            table.name: (
                await connection.execute(sa.select(sa.func.count()).select_from(table))
            ).scalar_one()
            for table in metadata.sorted_tables
        }


def _check_checkpoints(settings: Settings, health: Health) -> None:
    with checkpoints_of(settings) as saver:
        if not isinstance(saver, Saver):
            return
        file = sqlite_file(settings.checkpoints_url)
        if file is not None:
            with closing(sqlite3.connect(file)) as link:
                health.schema = str(link.execute("PRAGMA user_version").fetchone()[0])
        threads, writes = set(), 0
        addresses = saver.addresses()
        for address in addresses:
            threads.add(address.thread_id)
            try:
                found = saver.get_tuple(address.config())
                writes += len(found.pending_writes or ()) if found else 0
            except CheckpointError as error:
                if len(health.problems) < NAMED:
                    where = f"thread {address.thread_id!r}, checkpoint {address.checkpoint_id}"
                    health.problems.append(f"{where}: {error}")
        health.counts = {
            "threads": len(threads),
            "checkpoints": len(addresses),
            "writes": writes,
        }


def _print(found: Sequence[Health]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for health in found:
        state = "[red]cannot be read whole[/]" if health.problems else "[green]well[/]"
        console.print(f"[bold]{health.name}[/]  {state}")
        console.print(f"  {health.url}", markup=False)
        if health.schema:
            console.print(f"  schema {health.schema}")
        for name, number in health.counts.items():
            console.print(f"  {number} {name}")
        for problem in health.problems:
            console.print(f"  {problem}", markup=False)

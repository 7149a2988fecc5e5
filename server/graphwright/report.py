"""What `graphwright storage` prints: how much room threads take, and what a sweep deletes."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.console import Console, JustifyMethod
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import OperationalError

from graphwright.checkpointing import checkpoints_of, explained
from graphwright.database import Database, database_at
from graphwright.database import threads as thread_rows
from graphwright.errors import StartError
from graphwright.retention import Sweep, Total
from graphwright.settings import Settings
from graphwright.storage import described
from graphwright_checkpoints import (
    CheckpointError,
    Retention,
    Saver,
    Swept,
    Usage,
    moment,
)

Json = dict[str, Any]

NO_GRAPH = "(none)"  # of threads that only the checkpoints know


class Opened(NamedTuple):
    """The two databases."""

    record: Database
    saver: Saver


class Row(NamedTuple):
    """One thread of the list."""

    thread_id: str
    graph: str
    usage: Usage


class Report:
    """Prints for people, or JSON for programs. Raises `StartError` where nothing can be opened."""

    def __init__(self, settings: Settings, *, limit: int, as_json: bool) -> None:
        self._settings = settings
        self._policy = Retention(settings.retention_age, settings.retention_keep)
        self._limit = limit
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=as_json)

    def show(self, thread_id: str | None) -> None:
        """Print what all threads take, or one."""
        asyncio.run(self._show_all() if thread_id is None else self._show_one(thread_id))

    def sweep(self, thread_id: str | None, *, dry_run: bool) -> None:
        """Apply the policy to all threads, or print what it would delete."""
        if thread_id is not None:
            raise StartError("a sweep is of all threads: leave the thread out.")
        asyncio.run(self._preview() if dry_run else self._sweep())

    async def _show_all(self) -> None:
        async with self._opened() as (record, saver):
            async with record.connect() as connection:
                graphs = await thread_rows.graph_ids(connection)
            rows = [Row(one, graphs.get(one) or NO_GRAPH, usage) for one, usage in saver.usages()]
        rows.sort(key=lambda row: row.usage.bytes, reverse=True)
        if self._as_json:
            self._print_json(self._all_as_json(rows))
        elif not rows:
            self._console.print("No thread has checkpoints yet.")
        else:
            self._console.print(_graphs_table(rows), "")
            self._console.print(_threads_table(rows[: self._limit]))
            self._tell_hidden(len(rows))
            self._console.print(f"On disk: {self._on_disk()}")
            if self._settings.blobs_url is not None:
                outside = sum(row.usage.outside.bytes for row in rows)
                place = self._settings.blobs_url.partition("?")[0]
                self._console.print(f"Large values: {decimal(outside)} in {place}", markup=False)

    def _tell_hidden(self, number: int) -> None:
        if (hidden := number - self._limit) > 0:
            self._console.print(f"and {hidden:,} more; see them with --limit")

    def _all_as_json(self, rows: Sequence[Row]) -> Json:
        return {
            "total_bytes": sum(row.usage.bytes for row in rows),
            "graphs": [
                {"graph_id": graph, "threads": count, "checkpoints": checkpoints, "bytes": size}
                for graph, count, checkpoints, size in _by_graph(rows)
            ],
            "threads": [
                {"thread_id": thread_id, "graph_id": graph, **described(usage)}
                for thread_id, graph, usage in rows[: self._limit]
            ],
            "files": {path.name: path.stat().st_size for path in self._files()},
        }

    async def _show_one(self, thread_id: str) -> None:
        async with self._opened() as (record, saver):
            usage = saver.usage(thread_id)
            if not usage.checkpoints.rows:
                raise StartError(
                    f"thread {thread_id}: it has no checkpoints. "
                    "graphwright storage lists the threads that have some."
                )
            channels = saver.usage_by_channel(thread_id)
            async with record.connect() as connection:
                graph = (await thread_rows.graph_ids(connection)).get(thread_id) or NO_GRAPH
            doomed = saver.preview(thread_id, self._policy)
        if self._as_json:
            facts = {"thread_id": thread_id, "graph_id": graph, **described(usage, channels)}
            self._print_json(facts)
            return
        self._console.print(
            f"[bold]{_plain(thread_id)}[/]  {_plain(graph)}, {decimal(usage.bytes)}"
        )
        table = _table("What", "Count", "Size")
        _add(table, "Checkpoints", usage.checkpoints)
        _add(table, "Results of tasks", usage.writes)
        _add(table, "Messages and large values", usage.elements)
        for name in sorted(channels, key=lambda name: -channels[name].bytes):
            _add(table, f"  {_plain(name)}", channels[name])
        if usage.outside.rows:
            _add(table, "Those in the blob store", usage.outside)
        self._console.print(table)
        self._console.print(f"Oldest {_ago(usage.oldest)}, newest {_ago(usage.newest)}.")
        self._console.print(f"The next sweep deletes {_doomed(doomed)}.")

    async def _preview(self) -> None:
        async with self._opened() as (record, saver):
            found, runs = await self._policy_sweep(record).preview(saver)
        found.sort(key=lambda swept: swept.bytes, reverse=True)
        total = Total(runs=runs)
        for swept in found:
            total.add(swept)
        if self._as_json:
            threads = [
                {"thread_id": one.thread_id, "checkpoints": one.checkpoints, "bytes": one.bytes}
                for one in found
            ]
            self._print_json({**_total_as_json(total), "dry_run": True, "threads": threads})
            return
        if found:
            table = _table("Thread", "Checkpoints", "Size")
            for swept in found[: self._limit]:
                figures = f"{swept.checkpoints:,}", decimal(swept.bytes)
                table.add_row(_plain(swept.thread_id), *figures)
            self._console.print(table)
            self._tell_hidden(len(found))
        self._console.print(f"{self._limits()}, a sweep would delete {total}.")

    async def _sweep(self) -> None:
        async with self._opened() as (record, saver):
            total = await self._policy_sweep(record).once(saver)
        if total is None:
            raise StartError("the service is sweeping just now. Try again in a minute.")
        if self._as_json:
            self._print_json({**_total_as_json(total), "dry_run": False})
            return
        self._console.print(f"{self._limits()}, the sweep deleted {total}.")
        if total.skipped:
            self._console.print(f"{total.skipped} threads were in use; the next sweep takes them.")

    def _limits(self) -> str:
        age, keep = self._policy.age, self._policy.keep
        limits = [f"older than {_span(age.total_seconds())}"] if age is not None else []
        limits += [f"beyond the newest {keep:,}"] if keep is not None else []
        return f"Of what is {' or '.join(limits)}" if limits else "Without limits"

    def _policy_sweep(self, record: Database) -> Sweep:
        return Sweep(record, self._policy, _nobody)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Opened]:
        """Both databases, made by nobody: an empty answer for a mistyped path would mislead."""
        url = self._settings.checkpoints_url
        if (path := _path(url)) is not None and not path.exists():
            raise StartError(
                f"{path}: no such file. Say where the service keeps its data with --data-dir, "
                "or where the checkpoints are with --checkpoints."
            )
        record_path = _path(self._settings.database_url)
        is_there = record_path is None or record_path.exists()
        record = database_at(self._settings.database_url if is_there else "sqlite://")
        try:
            async with record.opened(), checkpoints_of(self._settings) as saver:
                if not isinstance(saver, Saver):
                    raise StartError(f"{url}: checkpoints in memory are not kept anywhere.")
                yield Opened(record, saver)
        except CheckpointError as error:
            raise StartError(explained(error)) from error
        except OperationalError as error:
            raise StartError(
                f"{record_path}: {error.orig}. Check that you may write to it and its folder."
            ) from error

    def _on_disk(self) -> str:
        files = [f"{path.name} {decimal(path.stat().st_size)}" for path in self._files()]
        return ", ".join(files) or "not known here"

    def _files(self) -> list[Path]:
        paths = [
            path
            for url in (self._settings.checkpoints_url, self._settings.database_url)
            if (path := _path(url)) is not None
        ]
        return [path for path in dict.fromkeys(paths) if path.exists()]

    def _print_json(self, value: Json) -> None:
        self._console.print(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(), markup=False)


def _path(url: str) -> Path | None:
    """The file of a SQLite URL."""
    scheme, _, place = url.partition("?")[0].partition("://")
    return Path(place[1:]) if scheme.startswith("sqlite") and place[1:] else None


def _by_graph(rows: Iterable[Row]) -> list[tuple[str, int, int, int]]:
    """Threads, checkpoints and bytes of each graph, largest first."""
    found: dict[str, tuple[int, int, int]] = {}
    for _, graph, usage in rows:
        count, checkpoints, size = found.get(graph, (0, 0, 0))
        found[graph] = (count + 1, checkpoints + usage.checkpoints.rows, size + usage.bytes)
    return sorted(((graph, *sums) for graph, sums in found.items()), key=lambda one: -one[3])


def _graphs_table(rows: Sequence[Row]) -> Table:
    table = _table("Graph", "Threads", "Checkpoints", "Size")
    for graph, count, checkpoints, size in _by_graph(rows):
        table.add_row(_plain(graph), f"{count:,}", f"{checkpoints:,}", decimal(size))
    if len(table.rows) > 1:
        size = sum(row.usage.bytes for row in rows)
        checkpoints = sum(row.usage.checkpoints.rows for row in rows)
        table.add_section()
        table.add_row("all", f"{len(rows):,}", f"{checkpoints:,}", decimal(size))
    return table


def _threads_table(rows: Sequence[Row]) -> Table:
    table = _table("Thread", "Graph", "Checkpoints", "Size", "Used")
    for thread_id, graph, usage in rows:
        figures = f"{usage.checkpoints.rows:,}", decimal(usage.bytes), _ago(usage.newest)
        table.add_row(_plain(thread_id), _plain(graph), *figures)
    return table


def _table(*columns: str) -> Table:
    """A table whose first column, and whose graphs, are text; the rest are figures."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        is_text = place == 0 or name == "Graph"
        # A graph's name may be as long as its author likes; it is the one to be cut.
        width = None if name == "Graph" else len(name)
        justify: JustifyMethod = "left" if is_text else "right"
        table.add_column(name, justify=justify, no_wrap=True, min_width=width)
    return table


def _plain(name: str) -> str:
    """A name that others chose, as text: no styles, no control characters."""
    return escape("".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name))


def _add(table: Table, name: str, amount: Any) -> None:
    table.add_row(name, f"{amount.rows:,}", decimal(amount.bytes))


def _doomed(swept: Swept | None) -> str:
    if swept is None:
        return "nothing of it"
    return f"{swept.checkpoints:,} checkpoints of it ({decimal(swept.bytes)})"


def _ago(checkpoint_id: str | None) -> str:
    made = moment(checkpoint_id)
    if made is None:
        return "unknown"
    return f"{_span(max((datetime.now(UTC) - made).total_seconds(), 0))} ago"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * length or (unit == "d" and seconds >= length):
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"


def _total_as_json(total: Total) -> Json:
    return {
        "checkpoints": total.checkpoints,
        "bytes": total.bytes,
        "runs": total.runs,
        "skipped": total.skipped,
    }


async def _nobody(_thread_id: str) -> None:
    """The service looks for waiting runs every second; nobody else needs to be woken."""

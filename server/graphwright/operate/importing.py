"""`graphwright db import`, for people and for programs."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from graphwright.checkpointing import checkpoints_of
from graphwright.errors import CommandError
from graphwright.operate.adopting import Adoption, adopt, adoptions, project_of, wire_id
from graphwright.operate.locations import shown, sqlite_file, told
from graphwright.settings import Settings
from graphwright_checkpoints import Saver
from graphwright_checkpoints.importing import (
    Source,
    Standing,
    Step,
    ThreadImport,
    open_source,
    plan,
    refuse_conflicts,
    rehearse,
    transfer,
)

NAMED = 10  # problems that are printed; JSON has them all


class Import:
    """One import into the databases of a service."""

    def __init__(
        self,
        settings: Settings,
        *,
        source: str,
        threads: Sequence[str] | None,
        graph: str | None,
        on_conflict: str,
        record: bool,
        aes_key: str | None,
        plain_data: bool,
        as_json: bool,
    ) -> None:
        self._settings = settings
        self._source = source
        self._threads = threads
        self._graph = graph
        self._on_conflict = on_conflict
        self._aes_key = aes_key
        self._plain_data = plain_data
        self._as_json = as_json
        self._project = project_of(settings) if record else None
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    def run(self) -> bool:
        """Import; whether everything that was to be imported was, and reads back the same."""
        try:
            self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"data folder {self._settings.data_dir}: {error.strerror}. "
                "Name one that you may write to with --data-dir."
            ) from error
        with told(), self._opened(self._settings) as (source, saver):
            planned = self._plan(source, saver)
            refuse_conflicts(planned, self._on_conflict)
            chosen = self._adoptions(source, planned)
            with self._interruptible():
                self._follow(planned, transfer(source, saver, planned, self._on_conflict))
        warnings = asyncio.run(self._adopt(chosen)) if chosen else []
        self._tell(planned, warnings, dry_run=False)
        return not (warnings or any(thread.standing is Standing.REFUSED for thread in planned))

    def rehearse(self) -> bool:
        """Say what `run` would do; whether it would succeed. Writes nothing."""
        target = self._settings.checkpoints_url
        file = sqlite_file(target)
        # To open a file that is not there would make it.
        nowhere = file is not None and not file.exists()
        memory = {"checkpoints": "sqlite://", "blobs": "none"} if nowhere else {}
        settings = self._settings.model_copy(update=memory)
        with told(), self._opened(settings) as (source, saver):
            planned = self._plan(source, saver)
            self._adoptions(source, planned)
            for thread in planned:
                if thread.standing is Standing.CONFLICT and self._on_conflict == "replace":
                    thread.problem = None  # it is replaced by what can be stored
            waiting = [thread for thread in planned if thread.problem is None]
            self._follow(waiting, rehearse(source, waiting, saver.serde))
        self._tell(planned, [], dry_run=True)
        stopped = {Standing.REFUSED} | (
            {Standing.CONFLICT} if self._on_conflict == "fail" else set()
        )
        return not any(thread.standing in stopped for thread in planned)

    @contextmanager
    def _opened(self, settings: Settings) -> Iterator[tuple[Source, Saver]]:
        with ExitStack() as stack:
            source = stack.enter_context(
                open_source(self._source, aes_key=self._aes_key, plain_data=self._plain_data)
            )
            saver = stack.enter_context(checkpoints_of(settings))
            if not isinstance(saver, Saver):
                raise CommandError(
                    f"--checkpoints {settings.checkpoints_url}: it forgets all. Name a database."
                )
            yield source, saver

    def _plan(self, source: Source, saver: Saver) -> list[ThreadImport]:
        rename = wire_id if self._project else str
        with self._console.status("Looking at the threads"):
            return plan(source, saver, threads=self._threads, rename=rename)

    def _adoptions(self, source: Source, planned: Iterable[ThreadImport]) -> Sequence[Adoption]:
        if self._project is None:
            return ()
        replaced = {Standing.CONFLICT} if self._on_conflict == "replace" else set()
        wanted = [t for t in planned if t.problem is None or t.standing in replaced]
        return adoptions(source, wanted, self._project, self._graph)

    async def _adopt(self, chosen: Iterable[Adoption]) -> list[dict[str, str]]:
        assert self._project is not None
        imported = [adoption for adoption in chosen if adoption.thread.problem is None]
        return [
            {"thread_id": adoption.thread.thread_id, "problem": problem}
            async for adoption, problem in adopt(self._settings, self._project, imported)
            if problem is not None
        ]

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            self._console.print(
                "Interrupted. What is imported stays, but the service does not know it yet: the"
                " same command goes on from here."
            )
            raise

    def _follow(self, planned: Sequence[ThreadImport], steps: Iterator[Step]) -> None:
        done: dict[str, int] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        total = sum(thread.size.checkpoints for thread in planned)
        with Progress(*columns, TimeRemainingColumn(), console=self._console) as progress:
            bar = progress.add_task("Checkpoints", total=total)
            for step in steps:
                before = done.get(step.thread.thread_id, 0)
                done[step.thread.thread_id] = step.checkpoints
                progress.advance(bar, step.checkpoints - before)

    def _tell(
        self, planned: Sequence[ThreadImport], warnings: list[dict[str, str]], *, dry_run: bool
    ) -> None:
        told = {
            "source": shown(self._source),
            "target": shown(self._settings.checkpoints_url),
            "dry_run": dry_run,
            "on_conflict": self._on_conflict,
            **_summary(planned),
            "warnings": warnings,
        }
        if self._as_json:
            typer.echo(json.dumps(told, indent=2))
        else:
            _print(Console(highlight=False, soft_wrap=True), told)


def _summary(planned: Sequence[ThreadImport]) -> dict[str, Any]:
    good = [thread for thread in planned if thread.problem is None]
    return {
        "threads": len(good),
        "checkpoints": sum(thread.size.checkpoints for thread in good),
        "writes": sum(thread.size.writes for thread in good),
        "bytes": sum(thread.size.bytes for thread in good),
        "lost_writes": sum(thread.size.lost for thread in good),
        "renamed": {t.thread_id: t.target_id for t in good if t.thread_id != t.target_id},
        "standings": dict(Counter(thread.standing.value for thread in planned)),
        "problems": [
            {"thread_id": t.thread_id, "standing": t.standing.value, "problem": t.problem}
            for t in planned
            if t.problem is not None
        ],
    }


def _print(console: Console, told: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    table.add_row("from", escape(told["source"]))
    table.add_row("to", escape(told["target"]))
    for name in ("threads", "checkpoints", "writes"):
        table.add_row(name, str(told[name]))
    table.add_row("bytes in the source", decimal(told["bytes"]))
    conflict = {"replace": "to be replaced", "skip": "skipped"}.get(told["on_conflict"], "conflict")
    names = {Standing.CONFLICT.value: conflict}
    for standing, number in told["standings"].items():
        table.add_row(f"threads: {names.get(standing, standing)}", str(number))
    if told["lost_writes"]:
        table.add_row("left out", f"{told['lost_writes']} writes that belong to no checkpoint")
    if told["renamed"]:
        table.add_row("new ids", f"{len(told['renamed'])} (metadata has source_thread_id)")
    console.print(table)
    problems = (*told["problems"], *told["warnings"])
    done = "A dry run: nothing was written." if told["dry_run"] else "Imported and compared."
    console.print(f"{done} But for:" if problems else done)
    for problem in problems[:NAMED]:
        standing = problem.get("standing", "imported")
        outcome = names.get(standing, standing)
        thread = f"thread {problem['thread_id']!r} ({outcome})"
        console.print(f"{thread}: {problem['problem']}", markup=False)
    if (more := len(problems) - NAMED) > 0:
        console.print(f"and {more} more; --json lists them all")

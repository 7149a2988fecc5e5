"""The `graphwright` command."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from fastapi import FastAPI
from rich.console import Console
from rich.markup import escape

from graphwright import __version__
from graphwright.documents.commands import check, draw, export, schema
from graphwright.errors import GraphwrightError
from graphwright.flags import setting, settings_of
from graphwright.operate.commands import db
from graphwright.settings import span

FLAGS = {"retention_age": "--older-than", "retention_keep": "--keep"}  # of `storage`

app = typer.Typer(
    help="Run LangGraph graphs as a service: streaming, resumable, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db, name="db")
for command in (check, draw, export, schema):
    app.command()(command)


def main() -> None:
    """Run the command; an error that we foresaw is one message, not a traceback."""
    try:
        app()
    except GraphwrightError as error:
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        # To rich, the brackets of `pip install 'graphwright[postgres]'` are a style.
        console.print("[bold red]error[/]", escape(str(error)))
        sys.exit(1)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Run LangGraph graphs as a service: streaming, resumable, on your own machine."""
    if show:
        typer.echo(f"graphwright {__version__}")
        raise typer.Exit


@app.command("dev", help="Serve, and load the graphs anew when a file of the project changes.")
@app.command("serve", help="Serve the graphs of a project.")
def serve(
    context: typer.Context,
    config: Annotated[Path | None, setting("--config", "config")] = None,
    host: Annotated[str | None, setting("--host", "host")] = None,
    port: Annotated[int | None, setting("--port", "port")] = None,
    data_dir: Annotated[Path | None, setting("--data-dir", "data_dir")] = None,
    database: Annotated[str | None, setting("--database", "database")] = None,
    database_connections: Annotated[
        int | None, setting("--database-connections", "database_connections")
    ] = None,
    checkpoints: Annotated[str | None, setting("--checkpoints", "checkpoints")] = None,
    blobs: Annotated[str | None, setting("--blobs", "blobs")] = None,
    slots: Annotated[int | None, setting("--slots", "slots")] = None,
    grace: Annotated[float | None, setting("--grace", "grace")] = None,
    events_ttl: Annotated[float | None, setting("--events-ttl", "events_ttl")] = None,
    imports: Annotated[str | None, setting("--imports", "imports")] = None,
    model: Annotated[str | None, setting("--model", "model")] = None,
    models: Annotated[str | None, setting("--models", "models")] = None,
    model_base_url: Annotated[str | None, setting("--model-base-url", "model_base_url")] = None,
    model_limits: Annotated[str | None, setting("--model-limits", "model_limits")] = None,
    local_threads: Annotated[int | None, setting("--local-threads", "local_threads")] = None,
    local_context: Annotated[int | None, setting("--local-context", "local_context")] = None,
    prices: Annotated[Path | None, setting("--prices", "prices")] = None,
    usage_age: Annotated[str | None, setting("--usage-age", "usage_age")] = None,
    langserve: Annotated[bool | None, setting("--langserve/--no-langserve", "langserve")] = None,
    allow_origins: Annotated[str | None, setting("--allow-origins", "allow_origins")] = None,
    retention_age: Annotated[str | None, setting("--retention-age", "retention_age")] = None,
    retention_keep: Annotated[str | None, setting("--retention-keep", "retention_keep")] = None,
    retention_every: Annotated[str | None, setting("--retention-every", "retention_every")] = None,
) -> None:
    """Serve the graphs of a project: `dev` is `serve` that watches its files."""
    given = {**locals(), "context": None, "reload": context.info_name == "dev" or None}
    settings = settings_of({name: value for name, value in given.items() if value is not None})
    # Here and not above: the other commands, and --help, must not wait for LangChain's imports.
    from graphwright.serve import run  # noqa: PLC0415

    run(settings, _greet)


def _greet(url: str, service: FastAPI) -> None:
    console = Console(highlight=False, soft_wrap=True)
    project = service.state.project
    rows = [("API", f"{url}  (reference: {url}/docs)"), ("Model", service.state.model)]
    if service.state.langserve:
        rows += [
            (f"Graph {graph_id}", f"{url}/graphs/{graph_id}/playground/")
            for graph_id in project.graphs
        ]
    rows += [("Problem", problem) for problem in project.problems.values()]
    width = max(len(name) for name, _ in rows)
    console.print(f"[bold]Graphwright {__version__}[/] is ready; Ctrl-C stops it.")
    for name, text in rows:
        console.print(f"  [cyan]{name:<{width}}[/]  {escape(text)}")


@app.command()
def new(
    folder: Annotated[
        Path, typer.Argument(help="The folder to make; it must not exist yet.", metavar="DIR")
    ],
) -> None:
    """Make a project: a graph, a tool of its own, a test."""
    from graphwright.scaffold import make_project  # noqa: PLC0415

    make_project(folder)
    console = Console()
    console.print(f"Made [bold]{escape(str(folder))}[/]. Next:", highlight=False)
    console.print(
        f"  cd {shlex.quote(str(folder))}\n  graphwright serve", highlight=False, markup=False
    )


@app.command()
def models(
    test: Annotated[bool, typer.Option("--test", help="Ask each model for one word.")] = False,
    config: Annotated[Path | None, setting("--config", "config")] = None,
    model: Annotated[str | None, setting("--model", "model")] = None,
    allowed: Annotated[str | None, setting("--models", "models")] = None,
    model_base_url: Annotated[str | None, setting("--model-base-url", "model_base_url")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List the models that the project uses or offers; exit with 1 where one cannot be used."""
    given = {"config": config, "model": model, "models": allowed, "model_base_url": model_base_url}
    settings = settings_of({name: value for name, value in given.items() if value is not None})
    # Here and not above: see `serve`.
    from graphwright.operate.models import show_models  # noqa: PLC0415

    if not show_models(settings, test=test, as_json=as_json):
        raise typer.Exit(1)


@app.command()
def usage(
    by: Annotated[
        str,
        typer.Option("--by", help="Some of thread, run, graph, assistant, node, model, day."),
    ] = "model",
    since: Annotated[
        str | None, typer.Option("--since", help="How far to look back, such as 24h or 30d.")
    ] = None,
    data_dir: Annotated[Path | None, setting("--data-dir", "data_dir")] = None,
    database: Annotated[str | None, setting("--database", "database")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many groups to list.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show which models were used, how much, and what it cost."""
    given = {"data_dir": data_dir, "database": database}
    settings = settings_of({name: value for name, value in given.items() if value is not None})
    try:
        age = None if since is None else span(since)
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}, found {since!r}") from None
    # Here and not above: see `serve`.
    from graphwright.operate.usage import groups_of, show_usage  # noqa: PLC0415

    try:
        groups = groups_of(by)
    except ValueError as error:
        raise typer.BadParameter(f"--by: {error}") from None
    show_usage(settings, by=groups, since=age, limit=limit, as_json=as_json)


@app.command()
def storage(
    thread_id: Annotated[
        str | None, typer.Argument(help="One thread; without it, all of them.", metavar="THREAD_ID")
    ] = None,
    data_dir: Annotated[Path | None, setting("--data-dir", "data_dir")] = None,
    database: Annotated[str | None, setting("--database", "database")] = None,
    checkpoints: Annotated[str | None, setting("--checkpoints", "checkpoints")] = None,
    blobs: Annotated[str | None, setting("--blobs", "blobs")] = None,
    older_than: Annotated[str | None, setting("--older-than", "retention_age")] = None,
    keep: Annotated[str | None, setting("--keep", "retention_keep")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Delete old checkpoints now.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --sweep would delete, and delete nothing.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many threads to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show how much room threads take, and delete what is old."""
    given = {
        "data_dir": data_dir,
        "database": database,
        "checkpoints": checkpoints,
        "blobs": blobs,
        "retention_age": older_than,
        "retention_keep": keep,
    }
    settings = settings_of(
        {name: value for name, value in given.items() if value is not None}, FLAGS
    )
    # Here and not above: see `serve`.
    from graphwright.report import Report  # noqa: PLC0415

    report = Report(settings, limit=limit, as_json=as_json)
    if sweep or dry_run:
        report.sweep(thread_id, dry_run=dry_run)
    else:
        report.show(thread_id)

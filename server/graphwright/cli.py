"""The `graphwright` command."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from fastapi import FastAPI
from pydantic import ValidationError
from rich.console import Console

from graphwright import __version__
from graphwright.errors import GraphwrightError
from graphwright.settings import Settings

app = typer.Typer(
    help="Run LangGraph graphs as a service: streaming, resumable, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command; an error that we foresaw is one message, not a traceback."""
    try:
        app()
    except GraphwrightError as error:
        Console(stderr=True).print(f"[bold red]error[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


def _setting(flag: str, name: str) -> Any:
    field = Settings.model_fields[name]
    return typer.Option(flag, help=field.description, envvar=f"GRAPHWRIGHT_{name.upper()}")


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Run LangGraph graphs as a service: streaming, resumable, on your own machine."""
    if show:
        typer.echo(f"graphwright {__version__}")
        raise typer.Exit


@app.command()
def serve(
    config: Annotated[Path | None, _setting("--config", "config")] = None,
    host: Annotated[str | None, _setting("--host", "host")] = None,
    port: Annotated[int | None, _setting("--port", "port")] = None,
    data_dir: Annotated[Path | None, _setting("--data-dir", "data_dir")] = None,
    database: Annotated[str | None, _setting("--database", "database")] = None,
    checkpoints: Annotated[str | None, _setting("--checkpoints", "checkpoints")] = None,
    slots: Annotated[int | None, _setting("--slots", "slots")] = None,
    model: Annotated[str | None, _setting("--model", "model")] = None,
    models: Annotated[str | None, _setting("--models", "models")] = None,
    model_base_url: Annotated[str | None, _setting("--model-base-url", "model_base_url")] = None,
    langserve: Annotated[bool | None, _setting("--langserve/--no-langserve", "langserve")] = None,
    allow_origins: Annotated[str | None, _setting("--allow-origins", "allow_origins")] = None,
) -> None:
    """Serve the graphs of a project."""
    given = {name: value for name, value in locals().items() if value is not None}
    settings = _settings(given)
    # Here and not above: the other commands, and --help, must not wait for LangChain's imports.
    from graphwright.serve import run  # noqa: PLC0415

    run(settings, _greet)


def _greet(url: str, service: FastAPI) -> None:
    console = Console(highlight=False, soft_wrap=True)
    rows = [("API", f"{url}  (reference: {url}/docs)"), ("Model", service.state.model)]
    if service.state.langserve:
        rows += [
            (f"Graph {graph_id}", f"{url}/graphs/{graph_id}/playground/")
            for graph_id in service.state.graphs
        ]
    width = max(len(name) for name, _ in rows)
    console.print(f"[bold]Graphwright {__version__}[/] is ready; Ctrl-C stops it.")
    for name, text in rows:
        console.print(f"  [cyan]{name:<{width}}[/]  {text}")


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist yet.")],
) -> None:
    """Make a project: a graph, a tool of its own, a test."""
    from graphwright.scaffold import make_project  # noqa: PLC0415

    make_project(folder)
    console = Console()
    console.print(f"Made [bold]{folder}[/]. Next:", highlight=False)
    console.print(f"  cd {folder}\n  graphwright serve", highlight=False)


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        raise typer.BadParameter(
            f"--{name.replace('_', '-')} (or GRAPHWRIGHT_{name.upper()}): {problem['msg']}, "
            f"found {problem['input']!r}"
        ) from None

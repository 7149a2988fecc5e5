"""`graphwright db`: the commands and their flags."""

from pathlib import Path
from typing import Annotated, Any

import typer

from graphwright.flags import setting, settings_of
from graphwright.settings import Settings

db = typer.Typer(
    help="Import, check, back up and re-encrypt the service's databases.", no_args_is_help=True
)

DataDir = Annotated[Path | None, setting("--data-dir", "data_dir")]
Record = Annotated[str | None, setting("--database", "database")]
Checkpoints = Annotated[str | None, setting("--checkpoints", "checkpoints")]
Blobs = Annotated[str | None, setting("--blobs", "blobs")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Source = Annotated[
    str,
    typer.Argument(
        help="sqlite:///file.db or postgresql://user:password@host/database.", metavar="URL"
    ),
]
Threads = Annotated[str | None, typer.Option("--threads", help="Only these, separated by commas.")]
GraphName = Annotated[
    str | None, typer.Option("--graph", help="The graph that goes on with threads that name none.")
]
ConflictPolicy = Annotated[
    str,
    typer.Option(
        "--on-conflict",
        help="A thread is there with other content: fail before anything is written, skip it, or"
        " replace it.",
    ),
]
Recording = Annotated[
    bool,
    typer.Option(
        "--record/--no-record",
        help="Make the threads known to the service, or import checkpoints alone.",
    ),
]
PlainData = Annotated[
    bool,
    typer.Option(
        "--plain-data",
        help="Import values of classes that cannot be made here as the plain data in them.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be imported, and write nothing.")
]
Key = Annotated[
    str | None,
    typer.Option("--aes-key", envvar="LANGGRAPH_AES_KEY", help="The source's key, if any."),
]
Config = Annotated[Path | None, setting("--config", "config")]


@db.command("import")
def import_(
    source: Source,
    threads: Threads = None,
    graph: GraphName = None,
    on_conflict: ConflictPolicy = "fail",
    record: Recording = True,
    plain_data: PlainData = False,
    dry_run: DryRun = False,
    aes_key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
    database: Record = None,
    checkpoints: Checkpoints = None,
    blobs: Blobs = None,
    as_json: AsJson = False,
) -> None:
    """Bring over what langgraph-checkpoint-sqlite or langgraph-checkpoint-postgres wrote."""
    if on_conflict not in ("fail", "skip", "replace"):
        raise typer.BadParameter(f"--on-conflict: fail, skip or replace, not {on_conflict!r}")
    settings = _settings(
        config=config,
        data_dir=data_dir,
        database=database,
        checkpoints=checkpoints,
        blobs=blobs,
    )
    # Here and not above: --help must not wait for LangChain's imports.
    from graphwright.operate.importing import Import  # noqa: PLC0415

    work = Import(
        settings,
        source=source,
        threads=threads.split(",") if threads else None,
        graph=graph,
        on_conflict=on_conflict,
        record=record,
        aes_key=aes_key,
        plain_data=plain_data,
        as_json=as_json,
    )
    if not (work.rehearse() if dry_run else work.run()):
        raise typer.Exit(1)


@db.command()
def check(
    data_dir: DataDir = None,
    database: Record = None,
    checkpoints: Checkpoints = None,
    blobs: Blobs = None,
    as_json: AsJson = False,
) -> None:
    """Open the databases and read everything; exit with 1 where something cannot be read."""
    settings = _settings(data_dir=data_dir, database=database, checkpoints=checkpoints, blobs=blobs)
    from graphwright.operate.checking import check_databases  # noqa: PLC0415

    if not check_databases(settings, as_json=as_json):
        raise typer.Exit(1)


@db.command()
def backup(
    folder: Annotated[
        Path, typer.Argument(help="Where the copies go; made where there is none.", metavar="DIR")
    ],
    data_dir: DataDir = None,
    database: Record = None,
    checkpoints: Checkpoints = None,
    blobs: Blobs = None,
) -> None:
    """Copy the SQLite files, each as it is at one moment, and the folder of large values.

    The service may run meanwhile.
    """
    settings = _settings(data_dir=data_dir, database=database, checkpoints=checkpoints, blobs=blobs)
    from graphwright.operate.backup import back_up, elsewhere  # noqa: PLC0415

    for copy in back_up(settings, folder):
        typer.echo(f"{copy.path}  {copy.bytes / 1e6:.1f} MB")
    if store := elsewhere(settings):
        typer.echo(f"{store}: large values are there, and are not copied. Copy them now.", err=True)


@db.command("rotate-keys")
def rotate_keys(
    data_dir: DataDir = None,
    database: Record = None,
    checkpoints: Checkpoints = None,
    blobs: Blobs = None,
    as_json: AsJson = False,
) -> None:
    """Encrypt everything with LANGGRAPH_AES_KEY that LANGGRAPH_AES_KEY_PREVIOUS, or no key, wrote.

    The service may run meanwhile, and an interrupted rotation can be begun again.
    """
    settings = _settings(data_dir=data_dir, database=database, checkpoints=checkpoints, blobs=blobs)
    from graphwright.operate.rotating import rotate_keys as rotate  # noqa: PLC0415

    rotate(settings, as_json=as_json)


def _settings(**given: Any) -> Settings:
    return settings_of({name: value for name, value in given.items() if value is not None})

"""`graphwright check`, `draw`, `export` and `schema`: the commands and their flags."""

from pathlib import Path
from typing import Annotated

import typer

from graphwright.documents.writing import write
from graphwright.flags import setting, settings_of

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Graph documents, or a langgraph.json for all that it names, as without any file.",
        metavar="FILE",
    ),
]
File = Annotated[Path, typer.Argument(help="A graph document, YAML or JSON.", metavar="FILE")]
Imports = Annotated[str | None, setting("--imports", "imports")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write: .mmd (Mermaid), .svg or .png; without, Mermaid is printed.",
    ),
]
Program = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write; without, it is printed."),
]


def check(files: Files = None, imports: Imports = None, as_json: AsJson = False) -> None:
    """Say all that is wrong with graph documents, and what looks wrong; exit with 1 for errors."""
    allowed = _imports(imports)
    # Here and not above: --help must not wait for LangChain's imports.
    from graphwright.documents.checking import check_documents  # noqa: PLC0415

    if not check_documents(files or [Path("langgraph.json")], allowed, as_json=as_json):
        raise typer.Exit(1)


def draw(file: File, output: Picture = None, imports: Imports = None) -> None:
    """Draw a graph document: as Mermaid's text, SVG or PNG. Nothing is fetched from elsewhere."""
    allowed = _imports(imports)
    from graphwright.documents.drawing import draw_document  # noqa: PLC0415

    drawn = draw_document(file, allowed, output.suffix.lower() if output else ".mmd")
    if output is None:
        typer.echo(drawn, nl=False)
    else:
        write(output, drawn)


def export(file: File, output: Program = None, imports: Imports = None) -> None:
    """Turn a graph document into plain LangGraph Python."""
    allowed = _imports(imports)
    from graphwright.documents.exporting import export_document  # noqa: PLC0415

    text = export_document(file, allowed)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write(output, text.encode())


def schema() -> None:
    """Print the JSON Schema of graph documents, with the kinds of nodes that are installed."""
    import orjson  # noqa: PLC0415

    from graphwright_graphs.schema import document_schema  # noqa: PLC0415

    typer.echo(orjson.dumps(document_schema(), option=orjson.OPT_INDENT_2))


def _imports(given: str | None) -> tuple[str, ...]:
    return settings_of({} if given is None else {"imports": given}).imports

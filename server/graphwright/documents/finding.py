"""Documents and the code that they name, when no service has loaded their project."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from graphwright.errors import CommandError
from graphwright.project import documents_of, folders_of, put_first
from graphwright_graphs.imports import Imports, project, using

PROJECT_FILE = "langgraph.json"


def documents(files: Sequence[Path]) -> list[Path]:
    """The files, and in place of a project its documents. Raises ProjectError and CommandError."""
    found: list[Path] = []
    for file in files:
        if file.name == PROJECT_FILE and not file.exists():
            raise CommandError(
                f"{file}: no such file. Name documents, such as graphs/agent.yaml, or a project's"
                " langgraph.json."
            )
        found += documents_of(file) if file.name == PROJECT_FILE else [file]
    return found


@contextmanager
def project_of(document: Path, modules: Sequence[str] = ()) -> Iterator[None]:
    """Let a document import inside the block what it may where its project is served.

    Args:
        document: its file; the project is that of `graphwright_graphs.imports.project`.
        modules: what it may import besides.

    Raises:
        ProjectError: the project's file can't be read.
    """
    root = project(document)
    file = root / PROJECT_FILE
    folders = folders_of(file) if file.is_file() else [root]
    put_first(folders)
    with using(Imports(tuple(folders), tuple(modules))):
        yield

"""`graphwright export`: a graph document as plain LangGraph Python."""

from collections.abc import Sequence
from pathlib import Path

from graphwright.documents.finding import project_of
from graphwright.errors import CommandError
from graphwright_graphs.errors import DocumentError
from graphwright_graphs.export import export


def export_document(file: Path, imports: Sequence[str] = ()) -> str:
    """The Python of a document, which may import those modules besides its project's own.

    Raises `CommandError`, which says everything that is wrong with the document.
    """
    try:
        with project_of(file, imports):
            return export(file)
    except DocumentError as error:
        raise CommandError(f"cannot export {file}:\n{error}") from error
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error

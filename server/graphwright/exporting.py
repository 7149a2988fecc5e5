"""`graphwright export`: a graph document as plain LangGraph Python."""

from pathlib import Path

from graphwright.documents.finding import project_of
from graphwright.errors import CommandError
from graphwright_graphs.errors import DocumentError
from graphwright_graphs.export import export


def export_document(file: Path) -> str:
    """The Python of a document.

    Raises `CommandError`, which says everything that is wrong with the document.
    """
    try:
        with project_of(file):
            return export(file)
    except DocumentError as error:
        raise CommandError(f"cannot export {file}:\n{error}") from error
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error

"""`graphwright export`: a graph document as plain LangGraph Python."""

import sys
from pathlib import Path

from graphwright.errors import CommandError
from graphwright_graphs.errors import DocumentError
from graphwright_graphs.export import export


def export_document(file: Path) -> str:
    """The Python of a document, whose own modules are found from the current folder.

    Raises `CommandError`, which says everything that is wrong with the document.
    """
    sys.path.insert(0, str(Path.cwd()))
    try:
        return export(file)
    except DocumentError as error:
        raise CommandError(f"cannot export {file}:\n{error}") from error
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error

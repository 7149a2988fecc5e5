"""Where the code that a document names is found, when no service has loaded its project."""

import sys
from pathlib import Path

from graphwright_graphs.imports import project


def on_the_path_of(document: Path) -> None:
    """Put a document's project and the current folder first on the import path, as a service does
    with the project's root.
    """
    for folder in (Path.cwd(), project(document)):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))

"""`graphwright new`: a project to start from, copied from the template in the package."""

import shutil
from pathlib import Path

from graphwright.errors import StartError

TEMPLATE = Path(__file__).parent / "template"


def make_project(folder: Path) -> None:
    """Make a project in a folder that does not exist yet, or is empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StartError(f"{folder}: exists already and is not empty. Name a new folder.")
    try:
        shutil.copytree(
            TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
        # Under its own name it would be the .gitignore of the template itself.
        (folder / "gitignore").rename(folder / ".gitignore")
    except OSError as error:
        raise StartError(f"{folder}: {error.strerror}. Name a folder you may write to.") from error

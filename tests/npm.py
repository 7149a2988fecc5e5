"""Programs from npm that stand in for a cloud, installed once for this machine."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

PATIENCE = 600.0  # seconds, for npm


def installed(package: str, *options: str) -> Path:
    """The folder in which npm has installed a package; a test that needs it is skipped where there
    is no node or no registry.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip(f"{package} needs node and npm, and this machine has none")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "graphwright-tests"
    folder = cache / package.replace("/", "-")
    cache.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # npm takes all of a processor for a minute
        if not folder.exists():
            _install(package, options, folder)
    return folder


def _install(package: str, options: tuple[str, ...], folder: Path) -> None:
    making = folder.with_name(f"{folder.name}-{uuid4().hex}")  # whole, or not there
    making.mkdir()
    command = ["npm", "install", "--silent", "--no-fund", *options, "--prefix", str(making)]
    done = subprocess.run(
        [*command, package], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        shutil.rmtree(making)
        pytest.skip(f"npm cannot install {package}: {done.stderr[-300:]}")
    making.rename(folder)

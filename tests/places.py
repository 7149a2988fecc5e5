"""Where the tests' files are: in memory, where a machine has room for them there.

The suite makes some 100,000 files, since a database on Postgres alone has 300. On a disk that takes
a third of its time.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4_000_000_000  # bytes; a session needs a quarter of it


def use_memory() -> None:
    """Have temporary files in memory, those of processes too, unless TMPDIR says where."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # what it was is forgotten


def _has_room() -> bool:
    if not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return False  # tests run programs from there
    return shutil.disk_usage(MEMORY).free > ROOM

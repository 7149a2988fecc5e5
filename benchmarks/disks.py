"""How long a disk takes to sync, and how it would be on one that takes longer.

The disk of a virtual machine often answers in 0.1 ms, because its host has a cache. SSDs without a
capacitor take 0.5 to 4 ms: 1.6 ms by `pg_test_fsync` for a Samsung 990 PRO
(https://tanelpoder.com/posts/using-pg-test-fsync-for-testing-low-latency-writes).
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

SYNCS = 100
PAGE = b"x" * 4096

_VARIABLE = "SYNC_MICROSECONDS"


def sync_time(folder: Path) -> float:
    """Seconds that the disk of a folder takes to sync a page, median."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for number in range(SYNCS):
            os.pwrite(file.fileno(), PAGE, number * len(PAGE))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def make_slower(milliseconds: float) -> None:
    """Begin this program anew, with syncs that take so much longer. Needs a C compiler."""
    if _VARIABLE in os.environ:  # it has begun anew, and the library is loaded
        shutil.rmtree(Path(os.environ.pop("LD_PRELOAD")).parent)
        return
    source = Path(__file__).with_name("slow_sync.c")
    library = Path(tempfile.mkdtemp()) / "slow_sync.so"
    command = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    slower = {"LD_PRELOAD": str(library), _VARIABLE: f"{milliseconds * 1000:.0f}"}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **slower})


def with_slower_commits(url: str, milliseconds: float) -> str:
    """The URL of a Postgres whose commits wait so much longer before they sync."""
    options = f"-c commit_delay={milliseconds * 1000:.0f} -c commit_siblings=0"
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"

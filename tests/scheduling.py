"""Which worker of xdist does which test.

Stand-ins for clouds take seconds to start, and a minute to install, for each worker that needs one.
So all tests of a stand-in are done by the same worker.
"""

import re

from xdist.scheduler import LoadScopeScheduling

STAND_IN = re.compile(r"azure|firestore|\bs3\b|test_stores")  # in a test's name


class Scheduling(LoadScopeScheduling):
    """Tests one by one, but for those of a stand-in."""

    def _split_scope(self, nodeid: str) -> str:
        found = STAND_IN.search(nodeid)
        # Azurite and the server for S3 are needed by tests of both.
        return nodeid if not found else "firestore" if found[0] == "firestore" else "stores"

"""What installed packages offer by entry points: tools, kinds of nodes, clients."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points


def offered(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group, by their names."""
    return {point.name: point for point in _points(group, tuple(sys.path))}


# Reading the metadata of every package takes longer than compiling a document.
@lru_cache(maxsize=16)
def _points(group: str, path: tuple[str, ...]) -> EntryPoints:
    """Those that there are on the path; another path is looked at anew."""
    return entry_points(group=group)

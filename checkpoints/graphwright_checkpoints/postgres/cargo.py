"""Rows on their way: as JSON, and beside that all binary values as one.

Postgres takes them apart by their places, so that a batch is one statement of two parameters.
"""

from typing import Any, NamedTuple

Row = dict[str, Any]


class Cargo:
    """The binary values of a statement, one after the other."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._next = 1  # Postgres counts bytes from one

    def add(self, data: bytes) -> int:
        """Add a value, and return its place."""
        place = self._next
        self.pieces.append(data)
        self._next += len(data)
        return place


class Stored(NamedTuple):
    """A row without its binary values, and those."""

    row: Row
    content: bytes
    refs: bytes | None

    def load(self, cargo: Cargo) -> Row:
        """The row with the places of its values."""
        refs = {"refs_at": cargo.add(self.refs), "refs_size": len(self.refs)} if self.refs else {}
        return {**self.row, "at": cargo.add(self.content), "size": len(self.content), **refs}

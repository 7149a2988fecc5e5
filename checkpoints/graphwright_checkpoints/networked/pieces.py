"""Elements in pieces, as large as a server takes them.

An element is there when its first piece is, which comes last. The first one knows how many there
are, and at which number the others begin: so it can go from one set of others to another at once,
where a server changes no more than one piece as a whole.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

from graphwright_checkpoints.networked.server import Moved
from graphwright_checkpoints.numbering import NewElement

SET = 0x1000  # numbers of one set; the largest value has fewer pieces
SETS = 0x10


class Piece(NamedTuple):
    """A part of an element's bytes: the element with those alone."""

    element: NewElement
    chunk: int
    """Its number: 0 for the first one, and those after `rest` for the others."""
    rest: int = 0
    total: int = 0
    """Of the first one: how many there are; 0 where that was not noted."""


class Pieces(Protocol):
    """The pieces of one shelf, of which a server changes one at a time."""

    def read(self, number: int) -> Sequence[Piece]:
        """All of an element's pieces, by their numbers."""
        ...

    def add(self, pieces: Sequence[Piece]) -> None:
        """Store pieces, or raise `Moved` where there is one of them already."""
        ...

    def change(self, old: Piece, new: Piece) -> bool:
        """Store a piece in the place of another one; False if that is not there any more."""
        ...

    def remove(self, pieces: Sequence[Piece]) -> None:
        """Delete pieces."""
        ...


def cut(element: NewElement, size: int, rest: int = 0) -> list[Piece]:
    """An element's pieces of at most `size` bytes, the first one first."""
    starts = range(0, len(element.data) or 1, size)
    return [
        Piece(
            element._replace(data=element.data[start : start + size]),
            rest + n if n else 0,
            rest,
            len(starts),
        )
        for n, start in enumerate(starts)
    ]


def joined(pieces: Iterable[Piece]) -> Iterator[NewElement]:
    """Elements from their pieces, which come in order; `Moved` for one that is being replaced."""
    for _, some in groupby(pieces, key=lambda piece: piece.element.number):
        first, *others = some
        if first.chunk:
            continue  # it is not there yet, or not any more
        rest = [each for each in others if first.rest < each.chunk < first.rest + SET]
        if first.total not in (0, len(rest) + 1):
            raise Moved
        data = [piece.element.data for piece in (first, *rest)]
        yield first.element if not rest else first.element._replace(data=b"".join(data))


def replace(pieces: Pieces, old: NewElement, new: NewElement, size: int) -> None:
    """Store an element in the place of what it was, if that is still there.

    What a crash leaves are pieces that nobody reads; they go when the element does.
    """
    found = pieces.read(old.number)
    if list(joined(found)) != [old]:
        return
    taken = {piece.chunk // SET for piece in found if piece.chunk}
    free = next(number for number in range(SETS) if number not in taken)
    first, *rest = cut(new, size, free * SET)
    if rest:
        pieces.add(rest)
    is_changed = pieces.change(found[0], first)
    if unused := found[1:] if is_changed else rest:
        pieces.remove(unused)

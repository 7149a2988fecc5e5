"""Elements in pieces: cut, joined, and replaced while others read and processes end."""

import pytest

from graphwright_checkpoints.networked import pieces
from graphwright_checkpoints.networked.pieces import SETS, Piece, cut, joined
from graphwright_checkpoints.networked.server import Moved
from graphwright_checkpoints.numbering import NewElement

SIZE = 10
OLD = NewElement(7, b"digest", False, "old", bytes(range(35)))
NEW = OLD._replace(type="new", data=bytes(range(100, 142)))
SMALL = OLD._replace(type="small", data=b"")


class Shelf:
    """Pieces in memory."""

    def __init__(self, *elements: NewElement) -> None:
        found = [piece for element in elements for piece in cut(element, SIZE)]
        self.held = {(piece.element.number, piece.chunk): piece for piece in found}
        self.left = 1_000_000  # changes until the process ends

    def read(self, number: int) -> list[Piece]:
        return [self.held[key] for key in sorted(self.held) if key[0] == number]

    def elements(self) -> list[NewElement]:
        return list(joined(self.held[key] for key in sorted(self.held)))

    def add(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            key = self._key(piece)
            if key in self.held:
                raise Moved
            self.held[key] = piece

    def change(self, old: Piece, new: Piece) -> bool:
        key = self._key(old)
        if self.held[key].element != old.element:
            return False
        self.held[key] = new
        return True

    def remove(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            del self.held[self._key(piece)]

    def _key(self, piece: Piece) -> tuple[int, int]:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return piece.element.number, piece.chunk


@pytest.mark.parametrize("size", [0, 1, SIZE, SIZE + 1, 35])
def test_pieces_make_the_element_again(size: int) -> None:
    element = OLD._replace(data=bytes(size))
    found = cut(element, SIZE)
    assert [piece.chunk for piece in found] == list(range(max(1, -(-size // SIZE))))
    assert list(joined(found)) == [element]


def test_an_element_without_its_first_piece_is_not_there() -> None:
    assert list(joined([*cut(OLD, SIZE)[1:], *cut(OLD._replace(number=8), SIZE)])) == [
        OLD._replace(number=8)
    ]


def test_an_element_is_replaced_again_and_again() -> None:
    shelf = Shelf(OLD, OLD._replace(number=8))
    known = OLD
    for number in range(3 * SETS):
        new = [NEW, SMALL, OLD][number % 3]
        pieces.replace(shelf, known, new, SIZE)
        assert shelf.elements() == [new, OLD._replace(number=8)]
        assert len(shelf.read(7)) == len(cut(new, SIZE))  # nothing is left of the old one
        known = new


def test_what_is_not_there_any_more_is_not_replaced() -> None:
    for found in (Shelf(NEW), Shelf()):
        before = dict(found.held)
        pieces.replace(found, OLD, SMALL, SIZE)
        assert found.held == before


@pytest.mark.parametrize("ends_after", range(8))
def test_a_process_that_ends_leaves_the_one_or_the_other(ends_after: int) -> None:
    shelf = Shelf(OLD)
    shelf.left = ends_after
    with pytest.raises(KeyboardInterrupt):
        pieces.replace(shelf, OLD, NEW, SIZE)
    (found,) = shelf.elements()
    assert found == (NEW if ends_after > 4 else OLD)  # after four new pieces comes the first
    shelf.left = 1_000_000
    pieces.replace(shelf, found, SMALL, SIZE)
    assert shelf.elements() == [SMALL]


def test_a_reader_that_finds_pieces_of_both_looks_again() -> None:
    shelf = Shelf(OLD)
    before = shelf.read(7)
    pieces.replace(shelf, OLD, NEW, SIZE)
    with pytest.raises(Moved):
        list(joined([before[0], *shelf.read(7)[1:]]))

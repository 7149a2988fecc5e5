"""What a process takes for granted of a thread, and when it stops."""

from typing import Any

import pytest

from graphwright_checkpoints import numbering
from graphwright_checkpoints.database import Stale
from graphwright_checkpoints.elements import Element, Shelf
from graphwright_checkpoints.numbering import Draft, Known, Numbering
from graphwright_checkpoints.records import NewPart
from graphwright_checkpoints.spans import expand
from graphwright_checkpoints.splitting import Form


def element(name: str) -> Element:
    return Element(name.encode(), False, "str", name.encode())


def part(*elements: Element, lane: str = "messages", **more: Any) -> NewPart:
    return NewPart("messages", (), Form.LIST, lane, elements, **more)


def numbers(draft: Draft, *parts: NewPart) -> list[int]:
    return [number for found in draft.file(parts) for number in expand(found.spans)]


def test_elements_are_numbered_without_gaps_and_once() -> None:
    known = Numbering().expect_new("t")
    draft = Draft(known)
    first, second, third = numbers(draft, part(element("a"), element("b"), element("a")))
    assert second == first + 1
    assert third == first
    assert numbers(draft, part(element("b"), element("c"))) == [second, second + 1]
    assert [new.data for new in draft.added] == [b"a", b"b", b"c"]


def test_lanes_have_numbers_of_their_own() -> None:
    draft = Draft(Numbering().expect_new("t"))
    (one,) = numbers(draft, part(element("a"), lane="one"))
    (two,) = numbers(draft, part(element("b"), lane="two"))
    assert numbering.lane_of_number(one) != numbering.lane_of_number(two)
    assert numbers(draft, part(element("c"), lane="one")) == [one + 1]


def test_what_was_committed_is_known_and_placed() -> None:
    shelves = Numbering()
    draft = Draft(shelves.expect_new("t"))
    a = element("a")
    (number,) = numbers(draft, part(a))
    assert a.data == b"a"
    shelves.keep(draft)
    assert (a.shelf, a.number, a.data) == (draft.shelf, number, None)
    known = shelves.recall("t")
    assert known is not None
    assert known.is_stored
    later = Draft(known)
    assert numbers(later, part(a, element("a"), element("b"))) == [number, number, number + 1]
    assert [new.digest for new in later.added] == [b"b"]


def test_an_abandoned_draft_leaves_nothing() -> None:
    shelves = Numbering()
    draft = Draft(shelves.expect_new("t"))
    numbers(draft, part(element("a")))
    again = Draft(shelves.expect_new("t"))
    numbers(again, part(element("b")))
    assert draft.added[0].number == again.added[0].number


def test_a_failure_leaves_the_rest_of_its_draft() -> None:
    draft = Draft(Numbering().expect_new("t"))
    gone = element("gone")
    gone.data = None
    (number,) = numbers(draft, part(element("a")))
    with pytest.raises(Stale):
        draft.all_or_nothing(lambda: draft.file([part(element("b"), gone)]))
    assert [new.digest for new in draft.added] == [b"a"]
    assert [number for _, number in draft.placed] == [number]
    assert numbers(draft, part(element("b")))[0] > number
    assert [new.digest for new in draft.added] == [b"a", b"b"]


def test_what_another_shelf_has_is_stale_unless_its_digest_is_known() -> None:
    old = Shelf("t", 1, 1)
    known = Known(Shelf("t", 1, 2), [(7, b"a")], is_stored=True)
    a, b = element("a"), element("b")
    a.place(old, 3)
    b.place(old, 4)
    draft = Draft(known)
    assert numbers(draft, part(a)) == [7]
    with pytest.raises(Stale):
        draft.file([part(b)])
    with pytest.raises(Stale):
        draft.file([part(spans=(3, 1), shelf=old)])
    assert numbers(draft, part(spans=(7, 1), shelf=known.shelf)) == [7]


def test_numbers_go_on_after_those_that_a_look_up_found() -> None:
    known = Numbering().learn(Shelf("t", 1, 1), [(5, b"a"), (4, b"b")])
    draft = Draft(known)
    lane = next(
        name
        for name in map(str, range(1000))
        if numbers(Draft(known), part(element(name), lane=name)) == [6]
    )
    assert numbers(draft, part(element("c"), lane=lane)) == [6]


def test_a_read_of_another_shelf_ends_what_is_known() -> None:
    shelves = Numbering()
    shelf = Shelf("t", 1, 1)
    shelves.learn(shelf, [])
    shelves.saw(shelf)
    assert shelves.recall("t") is not None
    shelves.saw(shelf._replace(epoch=2))
    assert shelves.recall("t") is None


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MAX_ELEMENTS", 3)
    shelves = Numbering()
    shelves.learn(Shelf("a", 1, 1), [(1, b"1"), (2, b"2")])
    known = shelves.learn(Shelf("b", 2, 1), [(1, b"1")])
    assert shelves.recall("a") is not None
    assert shelves.recall("b") is known
    draft = Draft(known)
    draft.file([part(element("x"))])
    shelves.keep(draft)
    assert shelves.recall("a") is None
    assert shelves.recall("b") is known
    monkeypatch.setattr(numbering, "MAX_THREADS", 2)
    for name in "cd":
        shelves.expect_new(name)
    assert shelves.recall("b") is None
    assert shelves.recall("d") is not None


def test_a_blob_is_brought_once() -> None:
    known = Numbering().expect_new("t")
    draft = Draft(known)
    (number,) = numbers(draft, part(element("a"), blobs={b"a": "key"}))
    assert [(new.data, new.blob) for new in draft.added] == [(b"", "key")]
    with pytest.raises(Stale):
        draft.file([part(element("b"), blobs={b"b": None})])
    assert numbers(draft, part(element("a"), blobs={b"a": "another"})) == [number]
    assert draft.surplus == [(number, "another")]
    with pytest.raises(ZeroDivisionError):
        draft.all_or_nothing(lambda: numbers(draft, part(element("a"), blobs={b"a": "c"}))[1 // 0])
    assert draft.surplus == [(number, "another")]

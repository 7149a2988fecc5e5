"""Everything that a serializer wrote, page by page, for a change of keys; blobs page by page too.

First comes the digest key, then one thread after the other: its elements by their numbers, and all
its rows as one page, since a server gives them as a whole.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from graphwright_checkpoints.elements import Shelf
from graphwright_checkpoints.networked.calls import Calls
from graphwright_checkpoints.networked.reading import read_elements
from graphwright_checkpoints.networked.rows import CheckpointRow, WriteRow
from graphwright_checkpoints.networked.server import Content, Server
from graphwright_checkpoints.networked.storage import is_pin
from graphwright_checkpoints.numbering import NewElement
from graphwright_checkpoints.serialization import Encoded
from graphwright_checkpoints.spans import collect

PAGE = 200  # elements
PAGE_SIZE = 1_000_000  # bytes, after which a page ends
STEP = 20  # elements of one read

Page = list[tuple[object, Encoded]]


class Place(NamedTuple):
    """Where a value is, and where its thread is among those that there were at the beginning."""

    threads: Sequence[str]
    position: int
    shelf: Shelf | None = None
    content: Content | None = None

    def __str__(self) -> str:
        if self.shelf is None:
            return "digest key"
        thread = f"thread {self.shelf.thread_id[:80]!r}"
        if isinstance(self.content, NewElement):
            return f"element {self.content.number} of {thread}"
        if isinstance(self.content, WriteRow):
            return f"write of {self.content.channel!r} in {thread}"
        return f"checkpoint of {thread}"


def read_page(server: Server, calls: Calls, after: object) -> Page:
    """The page that comes after a place, and the first one after None."""
    if not isinstance(after, Place):
        threads = calls.ask(lambda: sorted(server.threads()))
        return [(Place(threads, -1), calls.ask(server.contents.key))]
    for position in range(max(after.position, 0), len(after.threads)):
        is_begun = position == after.position
        place = after if is_begun else Place(after.threads, position)
        if page := _page_of_thread(server, calls, place):
            return page
    return []


def _page_of_thread(server: Server, calls: Calls, after: Place) -> Page:
    """The next page of the thread that a place is in."""
    if isinstance(after.content, CheckpointRow | WriteRow):
        return []
    thread = calls.ask(server.thread, after.threads[after.position])
    if thread is None:
        return []
    found: list[Content] = list(_elements(server, calls, thread.shelf, after.content))
    if not found:
        rows = calls.ask(lambda: list(server.rows(thread.shelf)))
        found = [row for row in rows if not is_pin(row)]
    return [(after._replace(shelf=thread.shelf, content=each), _inside(each)) for each in found]


def _elements(
    server: Server, calls: Calls, shelf: Shelf, after: NewElement | None
) -> Iterator[NewElement]:
    """The elements that come after one, as many as a page has; those in blobs are left out."""
    first = 0 if after is None else after.number + 1
    outside = {*calls.ask(lambda: list(server.blobs.numbers(shelf)))}
    numbers = calls.ask(lambda: sorted(number for number, _ in server.digests(shelf)))
    numbers = [number for number in numbers if number >= first and number not in outside][:PAGE]
    size = 0
    while numbers and size < PAGE_SIZE:
        some, numbers = numbers[:STEP], numbers[STEP:]
        for element in read_elements(server, calls, shelf, collect(some)):
            yield element
            size += len(element.data)


def replace(server: Server, calls: Calls, place: object, old: Encoded, new: Encoded) -> None:
    """Put other bytes where the old ones still are."""
    assert isinstance(place, Place)
    if place.shelf is None or place.content is None:
        calls.change(server.contents.replace_key, old, new)
        return
    calls.change(server.contents.replace, place.shelf, place.content, _with(place.content, new))


def read_outside(server: Server, calls: Calls, after: object) -> list[tuple[object, str, str]]:
    """Places, types and blobs of the elements of the next thread that have one."""
    if not isinstance(after, Place):
        after = Place(calls.ask(lambda: sorted(server.threads())), 0)
    for position in range(after.position, len(after.threads)):
        is_begun = position == after.position and isinstance(after.content, NewElement)
        first = element_at(after)[1].number + 1 if is_begun else 0
        thread = calls.ask(server.thread, after.threads[position])
        found = elements_outside(server, calls, thread.shelf) if thread else ()
        page: list[tuple[object, str, str]] = [
            (Place(after.threads, position, thread.shelf, element), element.type, element.blob)
            for element in found
            if thread and element.blob and element.number >= first
        ]
        if page:
            return page
    return []


def element_at(place: object) -> tuple[Shelf, NewElement]:
    """The element at a place that `read_outside` gave, and its shelf."""
    assert isinstance(place, Place)
    assert isinstance(place.shelf, Shelf) and isinstance(place.content, NewElement)
    return place.shelf, place.content


def elements_outside(server: Server, calls: Calls, shelf: Shelf) -> list[NewElement]:
    """A thread's elements whose bytes are in a blob."""
    numbers = calls.ask(lambda: sorted({*server.blobs.numbers(shelf)}))
    found = read_elements(server, calls, shelf, collect(numbers))
    return [element for element in found if element.blob is not None]


def _inside(content: Content) -> Encoded:
    if isinstance(content, CheckpointRow):
        return Encoded(content.type, content.body)
    return Encoded(content.type, content.value if isinstance(content, WriteRow) else content.data)


def _with(content: Content, new: Encoded) -> Content:
    if isinstance(content, CheckpointRow):
        return content._replace(type=new.type, body=new.data)
    if isinstance(content, WriteRow):
        return content._replace(type=new.type, value=new.data)
    return content._replace(type=new.type, data=new.data)

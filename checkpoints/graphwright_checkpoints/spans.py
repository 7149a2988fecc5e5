"""Lists of numbers as spans: a conversation's 800 messages are `[0, 800]`, two numbers.

Elements are numbered in the order in which a thread stores them, so that what a list refers to is
nearly always one run, and appending to it lengthens the last one: a checkpoint's size does not
depend on the length of its lists.
"""

from collections.abc import Iterable, Iterator, Sequence

Spans = Sequence[int]
"""Start, count, start, count, …: the numbers in their order, repetitions included."""


def collect(numbers: Iterable[int]) -> list[int]:
    """The spans that a sequence of numbers makes."""
    numbers = list(numbers)
    if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return [numbers[0], len(numbers)]
    spans: list[int] = []
    follows = -1
    for number in numbers:
        if number == follows:
            spans[-1] += 1
        else:
            spans += (number, 1)
        follows = number + 1
    return spans


def pairs(spans: Spans) -> Iterator[tuple[int, int]]:
    """Start and count of every span."""
    return zip(spans[::2], spans[1::2], strict=True)


def expand(spans: Spans) -> Iterator[int]:
    """Every number, in order."""
    for start, count in pairs(spans):
        yield from range(start, start + count)


def relative(spans: Spans) -> list[int]:
    """Spans that start where the last one ended, more or less: small numbers take one byte."""
    moved = list(spans)
    stop = 0
    for position in range(0, len(spans), 2):
        moved[position] = spans[position] - stop
        stop = spans[position] + spans[position + 1]
    return moved


def absolute(moved: Spans) -> list[int]:
    """The spans that `relative` was given."""
    spans = list(moved)
    stop = 0
    for position in range(0, len(moved), 2):
        spans[position] += stop
        stop = spans[position] + spans[position + 1]
    return spans


def union(many: Iterable[Spans]) -> list[range]:
    """The numbers that any of the spans has, as ascending ranges with gaps between them."""
    starts = sorted({pair for spans in many for pair in pairs(spans)})
    merged: list[range] = []
    for start, count in starts:
        if merged and start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, start + count))
        else:
            merged.append(range(start, start + count))
    return merged


def outside(numbers: Sequence[int], used: Sequence[range]) -> Iterator[int]:
    """Which of the sorted numbers are in none of the ascending ranges."""
    ranges = iter(used)
    current = next(ranges, range(0))
    for number in numbers:
        while current and number >= current.stop:
            current = next(ranges, range(0))
        if number not in current:
            yield number

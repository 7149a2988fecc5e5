from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from graphwright_checkpoints.spans import absolute, collect, expand, outside, relative, union

numbers = st.lists(st.integers(0, 30))


def test_a_conversation_is_two_numbers() -> None:
    assert collect(range(800)) == [0, 800]
    assert collect([*range(5), 7, 3, 3]) == [0, 5, 7, 1, 3, 1, 3, 1]


@given(numbers)
def test_spans_keep_order_and_repetitions(given: list[int]) -> None:
    assert list(expand(collect(given))) == given


@given(numbers)
def test_relative_spans_become_absolute_again(given: list[int]) -> None:
    spans = collect(given)
    assert absolute(relative(spans)) == spans


@given(st.lists(numbers))
def test_a_union_has_each_number_once_in_ranges_with_gaps(given: list[list[int]]) -> None:
    ranges = union(collect(numbers) for numbers in given)
    wanted = {number for one in given for number in one}
    assert [number for span in ranges for number in span] == sorted(wanted)
    assert all(left.stop < right.start for left, right in pairwise(ranges))


@given(st.sets(st.integers(0, 30)), st.lists(numbers))
def test_outside_is_what_no_span_has(given: set[int], many: list[list[int]]) -> None:
    used = union(collect(some) for some in many)
    expected = sorted(given - {number for some in many for number in some})
    assert list(outside(sorted(given), used)) == expected

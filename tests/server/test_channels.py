"""Which names are refused that callers send to the graph of a document."""

from typing import Any

import pytest

from graphwright.channels import check
from graphwright.errors import InvalidRequest

KNOWN = ("text", "language")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"txt": "a"},
            'input.txt: unknown channel; the graph g takes text, language. Did you mean "text"?',
        ),
        ({"text": "a", "langauge": "b"}, 'input.langauge: unknown channel; .* mean "language"?'),
        ({"foo": 1}, "input.foo: unknown channel; the graph g takes text, language$"),
        ({"txt": 1, "lang": 2}, 'input.txt, input.lang: .* Did you mean "text", "language"?'),
        ({"x" * 999: 1}, f"input.{'x' * 60}: unknown"),
    ],
)
def test_names_that_look_like_mistakes_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said.replace("?", r"\?")):
        check(given, KNOWN, "g", "input")


@pytest.mark.parametrize(
    "given",
    [
        {"text": "a"},
        {"text": "a", "budget": 3},  # what a graph around this one has
        {"text": "a", "texts": [], "language": "b"},  # all that is known is there
        {},
        None,
        "text",
        [{"txt": 1}],
    ],
)
def test_all_else_is_for_langgraph(given: Any) -> None:
    check(given, KNOWN, "g", "input")

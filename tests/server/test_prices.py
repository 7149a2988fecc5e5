"""Prices: the file, names, what tokens cost."""

from pathlib import Path

import pytest

from graphwright.errors import StartError
from graphwright.prices import Price, Prices, Tokens

FILE = """
openai:gpt-4o-mini: {input: 0.15, output: 0.60, cache_read: 0.075}
anthropic:*: {input: 3, output: 15}
anthropic:claude-haiku*: {input: 1, output: 5, cache_read: 0.1, cache_write: 1.25}
"""


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    file = tmp_path / "prices.yaml"
    file.write_text(FILE)
    return Prices.read(file)


def test_tokens_cost_by_the_million(prices: Prices) -> None:
    cost = prices.cost("openai:gpt-4o-mini", Tokens(1_000_000, 500_000, cache_read=200_000))
    assert cost == pytest.approx(0.8 * 0.15 + 0.2 * 0.075 + 0.5 * 0.6)


def test_a_cache_without_a_price_costs_as_input_does(prices: Prices) -> None:
    tokens = Tokens(1_000_000, 0, cache_read=500_000, cache_write=100_000)
    assert prices.cost("anthropic:claude-opus", tokens) == pytest.approx(3)
    haiku = 0.4 * 1 + 0.5 * 0.1 + 0.1 * 1.25  # the longest name that fits is taken
    assert prices.cost("anthropic:claude-haiku-4-5", tokens) == pytest.approx(haiku)


def test_what_has_no_price_has_no_cost(prices: Prices) -> None:
    assert prices.cost("openai:gpt-4o", Tokens(1, 1)) is None
    assert Prices().cost("openai:gpt-4o-mini", Tokens(1, 1)) is None
    assert Prices.read(None).cost("x", Tokens()) is None
    assert Prices({"x": Price(input=0, output=0)}).cost("x", Tokens(5, 5)) == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openai:a: {input: -1, output: 0}", "openai:a.input"),
        ("openai:a: {input: 1}", "openai:a.output: Field required"),
        ("openai:a: {input: 1, output: 1, price: 2}", "openai:a.price"),
        ("[1]", "the file"),
        ("{", "not readable as YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(StartError, match="prices") as caught:
        Prices.read(file)
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="--prices"):
        Prices.read(tmp_path / "none.yaml")

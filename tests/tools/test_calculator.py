import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import ToolException

from graphwright_tools.calculator import calculator, evaluate


def calculate(expression: str) -> str:
    return str(calculator.invoke({"expression": expression}))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("12 * 12", "144"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.333333333333333"),
        ("10**20 / 7", "1.42857142857143e+19"),
        ("7 // 2 + 7 % 2", "4"),
        ("-2 ** 2", "-4"),
        ("2 ** -3", "0.125"),
        ("3 × 4 ÷ 2 − 1", "5"),  # noqa: RUF001 - the signs that people paste
        ("2^10", "1024"),
        ("5² + π - pi", "25"),
        ("1,234,567 + 1", "1234568"),
        ("(1,000 + 2) * 2", "2004"),
        ("max(1,200)", "200"),
        ("max(5)", "5"),
        ("min(3, 1/2, 2)", "0.5"),
        ("12 * 12 =", "144"),
        ("sqrt(16/9) * 3", "4"),
        ("sqrt(2) ** 2", "2"),
        ("64 ** (1/3)", "4"),
        ("round(2.5) + round(-2.5) * 10", "-27"),
        ("round(2.675, 2)", "2.68"),
        ("round(1234, -2)", "1200"),
        ("abs(-3) + floor(-0.5) + ceil(0.5)", "3"),
        ("floor(log10(1000)) + floor(log(8, 2)) + log2(1/4)", "4"),
        ("log10(10**400)", "400"),
        ("log10(10**-400)", "-400"),
        ("ln(e) + log(e) + exp(0)", "3"),
        ("sin(pi) + cos(pi/2) + tan(pi)", "0"),
        ("1e-10", "1e-10"),
        ("123456789.123456789 + 1", "123456790.123456789"),
        ("+".join("1" * 400), "400"),
        ("2**1000 - 2**1000 + 1**99999999 + (-1)**99999999", "0"),
    ],
)
def test_gives_the_value_without_noise(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "empty"),
        ("1 / 0", "1 / 0: division by zero"),
        ("0 ** -1", "division by zero"),
        ("0 ** -0.5", "division by zero"),
        ("log(5, 1)", "division by zero"),
        ("9**9**9", "more than 1000 digits"),
        ("exp(1000)", "too large"),
        ("1e-999999999", "more than 1000 digits"),
        ("1e400 * 1.5 + pi", "too large"),
        ("sqrt(-1)", "sqrt(-1) has no real value"),
        ("log(0)", "log(0) has no real value"),
        ("tan(pi / 2)", "no real value"),
        ("round(1, 1/2)", "no real value"),
        ("(-8) ** (1/3)", "whole power"),
        ("sqrt(1,000)", "sqrt takes 1 number, not 2. Inside a function, write thousands without"),
        ("log(1, 2, 3)", "log takes 1 or 2 numbers, not 3"),
        ("max()", "max takes 1 or more numbers, not 0"),
        ("20 + 15%", "write 15 / 100 for 15 per cent"),
        ("twelve * 2", "'twelve' is not known here"),
        ("__import__('os')", "'__import__' is not known here"),
        ("(1).__class__", "is not known here"),
        ("[1, 2][0]", "is not known here"),
        ("round(1, ndigits=2)", "is not known here"),
        ("max(*[1])", "is not known here"),
        ("1 < 2", "is not known here"),
        ("6 & 3", "'6 & 3' is not known here"),
        ("not 1", "is not known here"),
        ("True", "'True' is not known here"),
        ("2j", "'2j' is not known here"),
        ("'a' * 9", "is not known here"),
        ("1,23", "is not known here"),
        ("2 +", "is no arithmetic expression"),
        ("1\x00", "is no arithmetic expression"),
        ("1 \ud800", "is no arithmetic expression"),
        ("(" * 300 + "1" + ")" * 300, "is no arithmetic expression"),
        ("-" * 900 + "1", "nested more than 50 levels"),
        ("1" * 1001, "longer than 1000 characters"),
    ],
)
def test_says_what_is_wrong(expression: str, said: str) -> None:
    assert said in calculate(expression)


def test_a_failure_is_marked_as_one_for_the_model() -> None:
    call = {"name": "calculator", "args": {"expression": "1/0"}, "id": "1", "type": "tool_call"}

    assert calculator.invoke(call).status == "error"


NUMBERS = st.one_of(
    st.integers(0, 10**6).map(str),
    st.decimals(0, 10**6, places=3).map(lambda number: f"{number:f}"),
)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(
            lambda parts: f"({' '.join(parts)})"
        ),
        inner.map(lambda text: f"(-{text})"),
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_agrees_with_fractions(expression: str) -> None:
    oracle = compile(_in_fractions(expression), "oracle", "eval")
    try:
        expected = eval(oracle, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(ToolException, match="division by zero"):
            evaluate(expression)
    else:
        assert evaluate(expression) == expected


def _in_fractions(expression: str) -> str:
    spaced = expression.replace("(", " ( ").replace(")", " ) ").replace("-", " - ").split()
    return "".join(f"Fraction('{part}')" if part[0].isdigit() else part for part in spaced)


NUMBERS_AND_SIGNS = ["0", "1", "9", "99999", "1e300", ".5", "+", "-", "*", "/", "//", "%", "**"]
NAMES_AND_BRACKETS = ["^", "(", ")", ",", "sqrt(", "max(", "log(", "exp(", "round(", "tan(", "pi"]
PIECES = st.sampled_from(NUMBERS_AND_SIGNS + NAMES_AND_BRACKETS)


@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map(" ".join)))
def test_answers_whatever_it_is_sent_at_once(expression: str) -> None:
    before = time.process_time()

    assert calculate(expression)
    assert time.process_time() - before < 0.5  # seconds; a power tower would take hours


@given(st.fractions())
def test_no_digit_of_an_exact_value_is_wrong(value: Fraction) -> None:
    said = Fraction(calculate(f"{value.numerator} / {value.denominator}"))

    assert abs(said - value) <= abs(value) * Fraction(1, 10**14)

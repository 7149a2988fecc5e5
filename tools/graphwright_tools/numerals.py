"""How a number is written for a person or a model: no noise, and no more digits than it has."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Final

EXACT_DIGITS: Final = 30  # a decimal fraction of no more significant digits is written in full
ROUNDED_DIGITS: Final = 15  # significant digits of any other fraction; a double holds no more
PLAIN: Final = range(-7, ROUNDED_DIGITS)  # powers of ten that are written without an exponent


def written(value: Fraction | float) -> str:
    """The number in digits: whole numbers in full, fractions rounded where they do not end."""
    if isinstance(value, float):
        return _decimal(Decimal(f"{value:.{ROUNDED_DIGITS}g}"))
    if value.denominator == 1:
        return str(value.numerator)
    exact = _quotient(value, EXACT_DIGITS)
    if Fraction(exact) == value:
        return _decimal(exact)
    return _decimal(_quotient(value, ROUNDED_DIGITS))


def _quotient(value: Fraction, digits: int) -> Decimal:
    context = Context(prec=digits)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def _decimal(number: Decimal) -> str:
    if not number:
        return "0"
    trimmed = number.normalize(Context(prec=EXACT_DIGITS))
    ends_behind_the_point = trimmed.adjusted() > 0 > int(trimmed.as_tuple().exponent)
    if trimmed.adjusted() in PLAIN or ends_behind_the_point:
        return f"{trimmed:f}"
    return str(trimmed).replace("E", "e")

"""Bounded arithmetic: exact on fractions, floating point where there is no exact value.

No operation here can take long or fill memory. An operation raises OverflowError where a number
would grow beyond the limits, ZeroDivisionError for a division by zero, and ValueError where there
is no real value.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

Number = Fraction | float

MOST_DIGITS: Final = 1000  # of any number on the way, before or after its fraction bar
MOST_BITS: Final = int(MOST_DIGITS * math.log2(10))
MANY: Final = 1000  # arguments of one function
ROUNDING: Final = 1e-15  # what floating point leaves where sin and cos are 0


@dataclass(frozen=True, slots=True)
class Function:
    """A function that an expression may call, and how many numbers it takes."""

    apply: Callable[..., Number]
    most: int = 1
    least: int = 1

    @property
    def takes(self) -> str:
        """How many numbers, in words."""
        if self.most == MANY:
            return f"{self.least} or more numbers"
        if self.most > self.least:
            return f"{self.least} or {self.most} numbers"
        return f"{self.least} number{'s' * (self.least != 1)}"


def bounded(value: Number) -> Number:
    """The value itself, unless it has too many digits."""
    fits = _bits(value) <= MOST_BITS if isinstance(value, Fraction) else math.isfinite(value)
    if not fits:
        raise OverflowError
    return value


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _whole(value: Number) -> int | None:
    """The value as an int, if it is exact and has no fraction."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else None


def _power(base: Number, exponent: Number) -> Number:
    times = _whole(exponent)
    if times is None:
        if base < 0:
            raise ValueError
        root: float = float(base) ** float(exponent)
        return root
    # Told before it is computed: 9**9**9 would take hours. Powers of 0, 1 and -1 never grow.
    if isinstance(base, Fraction) and (_bits(base) - 1) * abs(times) > MOST_BITS:
        raise OverflowError
    power: Number = base**times
    return power


def _root(value: Number) -> Number:
    if isinstance(value, Fraction) and value >= 0:
        exact = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
        if exact * exact == value:
            return exact
    return math.sqrt(value)


def _rounded(value: Number, digits: Number = Fraction(0)) -> Fraction:
    # Half away from zero, as people round; Python rounds 2.5 to 2.
    if digits != int(digits) or not -MOST_DIGITS <= digits <= MOST_DIGITS:
        raise ValueError
    unit = Fraction(10) ** int(digits)
    exact = Fraction(value)
    size: Fraction = abs(exact)
    whole = math.floor(size * unit + Fraction(1, 2))
    return Fraction(whole if exact >= 0 else -whole) / unit


def _logarithm(value: Number, base: Number = math.e) -> Number:
    result = _natural(value) / _natural(base)
    # In floating point log10(1000) is 2.9999999999999996, and its floor would be 2.
    near, whole_base = round(result), _whole(base)
    if whole_base is not None and Fraction(whole_base) ** near == value:
        return Fraction(near)
    return result


def _natural(value: Number) -> float:
    if isinstance(value, Fraction) and value > 0 and _bits(value) > 1000:
        # More than a float can hold; math.log takes an int of any size.
        return math.log(value.numerator) - math.log(value.denominator)
    return math.log(value)


def _sine(angle: Number) -> float:
    return _settled(math.sin(angle), angle)


def _cosine(angle: Number) -> float:
    return _settled(math.cos(angle), angle)


def _tangent(angle: Number) -> float:
    if abs(math.cos(angle)) < ROUNDING:
        raise ValueError
    return _settled(math.tan(angle), angle)


def _settled(result: float, angle: Number) -> float:
    # sin(pi) is 1.2e-16 in floating point, because pi is not quite pi.
    return 0.0 if abs(result) < ROUNDING < math.fabs(angle) else result


CONSTANTS: Final[Mapping[str, float]] = {"pi": math.pi, "e": math.e}

SIGNS: Final[Mapping[type[ast.unaryop], Callable[[Number], Number]]] = {
    ast.UAdd: lambda value: value,
    ast.USub: lambda value: -value,
}

# Python's operators take a fraction and a float together, which no signature of theirs says.
OPERATIONS: Final[Mapping[type[ast.operator], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: operator.mod,
    ast.Pow: _power,
}

FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(lambda value: abs(value)),
    "ceil": Function(lambda value: Fraction(math.ceil(value))),
    "cos": Function(_cosine),
    "exp": Function(math.exp),
    "floor": Function(lambda value: Fraction(math.floor(value))),
    "ln": Function(_logarithm),
    "log": Function(_logarithm, most=2),
    "log10": Function(lambda value: _logarithm(value, Fraction(10))),
    "log2": Function(lambda value: _logarithm(value, Fraction(2))),
    "max": Function(lambda *values: max(values), most=MANY),
    "min": Function(lambda *values: min(values), most=MANY),
    "round": Function(_rounded, most=2),
    "sin": Function(_sine),
    "sqrt": Function(_root),
    "tan": Function(_tangent),
}

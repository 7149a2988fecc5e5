"""Arithmetic for models: exact where it can be, bounded always, and without `eval`.

An expression is parsed to Python's syntax tree, of which only numbers, signs and the functions of
`arithmetic` are known. Decimal fractions are exact: 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import ast
import re
from fractions import Fraction
from typing import Final

from langchain_core.tools import StructuredTool, ToolException

from graphwright_tools.arithmetic import (
    CONSTANTS,
    FUNCTIONS,
    MOST_DIGITS,
    OPERATIONS,
    SIGNS,
    Function,
    Number,
    bounded,
)
from graphwright_tools.numerals import written

LONGEST: Final = 1000  # characters of an expression
DEEPEST: Final = 50  # levels of calls, powers and signs

# Signs of print and of speech, by their code points: several look like others in an editor.
PRINTED: Final = str.maketrans(
    {
        "\N{MULTIPLICATION SIGN}": "*",
        "\N{MIDDLE DOT}": "*",
        "\N{DOT OPERATOR}": "*",
        "\N{DIVISION SIGN}": "/",
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "^": "**",
        "\N{SUPERSCRIPT TWO}": "**2",
        "\N{SUPERSCRIPT THREE}": "**3",
        "\N{GREEK SMALL LETTER PI}": "pi",
    }
)
# A call's parenthesis, any other one, or a number with commas between its thousands.
GROUPING: Final = re.compile(r"\w\s*\(|\(|\)|(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")
EXPONENT: Final = re.compile(r"[eE]([+-]?\d[\d_]*)$")
PERCENT: Final = re.compile(r"%\s*(?:$|[-+*/,)])")


def evaluate(expression: str) -> Number:
    """The value of an arithmetic expression: a Fraction where it is exact, else a float.

    Raises:
        ToolException: it is no arithmetic, has no value, or is beyond the limits; the message is
            written for the model that sent it.
    """
    if len(expression) > LONGEST:
        raise ToolException(f"The expression is longer than {LONGEST} characters. Split it up.")
    source = _plain(expression)
    if not source:
        raise ToolException("The expression is empty. Send one such as 12 * 12.")
    try:
        return _Expression(source).value()
    except ZeroDivisionError:
        raise ToolException(f"{source}: division by zero has no value.") from None
    except OverflowError:
        raise ToolException(
            f"The calculation needs a number of more than {MOST_DIGITS} digits, or one that is "
            "too large or too small for its function. Calculate with smaller numbers."
        ) from None


class _Expression:
    """One expression on the way to its value."""

    def __init__(self, source: str) -> None:
        self._source = source

    def value(self) -> Number:
        try:
            tree = ast.parse(self._source, mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise self._refused(f"{self._source!r} is no arithmetic expression") from None
        return self._visit(tree.body, DEEPEST)

    def _visit(self, node: ast.expr, levels: int) -> Number:
        if levels == 0:
            raise ToolException(f"The expression is nested more than {DEEPEST} levels deep.")
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name(id=name) if name in CONSTANTS:
                return CONSTANTS[name]
            case ast.UnaryOp(op=op, operand=operand) if type(op) in SIGNS:
                return SIGNS[type(op)](self._visit(operand, levels - 1))
            case ast.BinOp():
                return self._chain(node, levels - 1)
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
                arguments = [self._visit(argument, levels - 1) for argument in node.args]
                return self._called(name, FUNCTIONS[name], arguments)
            case ast.Call():
                raise self._unknown(node.func)
        raise self._unknown(node)

    def _constant(self, node: ast.Constant) -> Number:
        if type(node.value) is int:
            return bounded(Fraction(node.value))
        if type(node.value) is not float:
            raise self._unknown(node)
        text = self._said(node)
        exponent = EXPONENT.search(text)
        # Fraction would compute 10**999999999 for 1e-999999999.
        if exponent and abs(int(exponent[1])) > MOST_DIGITS:
            raise OverflowError
        return bounded(Fraction(text))

    def _chain(self, node: ast.BinOp, levels: int) -> Number:
        # a + b + c leans to the left, a level for each term: a loop lets a sum be long.
        first: ast.expr = node
        steps: list[ast.BinOp] = []
        while isinstance(first, ast.BinOp):
            steps.append(first)
            first = first.left
        value = self._visit(first, levels)
        for step in reversed(steps):
            value = self._combined(step, value, self._visit(step.right, levels))
        return value

    def _combined(self, step: ast.BinOp, left: Number, right: Number) -> Number:
        operation = OPERATIONS.get(type(step.op))
        if operation is None:
            raise self._unknown(step)
        try:
            return bounded(operation(left, right))
        except ValueError:
            raise ToolException(
                f"({written(left)}) ** ({written(right)}) has no real value: a negative number "
                "can only be raised to a whole power."
            ) from None

    def _called(self, name: str, function: Function, arguments: list[Number]) -> Number:
        if not function.least <= len(arguments) <= function.most:
            raise ToolException(
                f"{name} takes {function.takes}, not {len(arguments)}. "
                "Inside a function, write thousands without commas."
            )
        try:
            return bounded(function.apply(*arguments))
        except ValueError:
            given = ", ".join(map(written, arguments))
            raise ToolException(f"{name}({given}) has no real value.") from None

    def _said(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._source, node) or ""

    def _unknown(self, node: ast.expr) -> ToolException:
        return self._refused(f"{self._said(node)!r} is not known here")

    def _refused(self, why: str) -> ToolException:
        percent = "% is the remainder here: write 15 / 100 for 15 per cent. "
        return ToolException(
            f"{why}. {percent if PERCENT.search(self._source) else ''}Use numbers, "
            "+ - * / // % **, parentheses, the constants pi and e, and the functions "
            f"{', '.join(FUNCTIONS)}."
        )


def _plain(expression: str) -> str:
    """The expression in Python's signs, without the commas that mark thousands."""
    source = " ".join(expression.translate(PRINTED).split()).removesuffix("=").strip()
    calls: list[bool] = []  # for each open parenthesis: do commas in it separate arguments?

    def regrouped(match: re.Match[str]) -> str:
        found = match[0]
        if found.endswith("("):
            calls.append(len(found) > 1 or any(calls))
        elif found == ")":
            del calls[-1:]
        elif not any(calls):
            return found.replace(",", "")
        return found

    return GROUPING.sub(regrouped, source)


def _calculate(expression: str) -> str:
    """Calculate an arithmetic expression exactly, for example "12 * 12" or "sqrt(2) / 3".

    It knows + - * / // % (remainder) ** and parentheses, the constants pi and e, and the functions
    sqrt abs round min max floor ceil exp ln log (natural, or log(x, base)) log10 log2 sin cos tan
    (radians). Write 15% of 80 as 80 * 15 / 100.

    Args:
        expression: The expression, in numbers and signs, without words or units.
    """
    return written(evaluate(expression))


async def _acalculate(expression: str) -> str:
    # Bounded to a few milliseconds at worst, so that a thread would cost more than it saves.
    return _calculate(expression)


calculator: Final = StructuredTool.from_function(
    _calculate, _acalculate, name="calculator", parse_docstring=True, handle_tool_error=True
)
"""Takes an arithmetic expression and gives its value as text."""

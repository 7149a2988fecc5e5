"""Arithmetic in words and signs, read into an expression that a calculator takes.

Nothing is computed here: "15% of 80" becomes "80 * 15 / 100", and a tool does the rest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Final

from graphwright_graphs.demo import shapes

LONGEST = 300  # characters of a request that are looked at; sums that people type are shorter

UNITS: Final = {
    word: value
    for value, word in enumerate(
        shapes.words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen "
            "fourteen fifteen sixteen seventeen eighteen nineteen"
        )
    )
}
TENS: Final = {
    word: 10 * value
    for value, word in enumerate(
        shapes.words("twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
}
SCALES: Final = {"thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
FUNCTIONS: Final = frozenset({"sqrt", "abs", "round", "sin", "cos", "tan", "log", "ln", "exp"})

NUMBER_WORD: Final = "|".join([*UNITS, *TENS, *SCALES, "hundred"])
NUMBER_WORDS: Final = re.compile(
    rf"\b(?:{NUMBER_WORD})(?:(?:\s+and\s+|"
    rf"[\s-]+)(?:{NUMBER_WORD}))*(?:\s+point(?:\s+(?:{NUMBER_WORD}))+)?\b"
)
LEAD_IN: Final = re.compile(
    r"^(?:please|and|so|now|then|also|hey|ok|hi|hello|can you|could you|would you|tell me|"
    r"let me know|"
    r"what(?:'s|\u2019s| is| are| does| do| would)?(?: be)?|how (?:much|many)(?: is| are| does|"
    r" do)?|"
    r"i (?:want|need|would like) to know|calculate|compute|evaluate|work out|figure out|solve|find|"
    r"give me|do you know|if|the (?:result|value|answer) (?:of|to)|is)\b[\s,:]*"
)
LEAD_OUT: Final = re.compile(
    r"[\s,]*(?:\bplease|\bequals?(?: to)?|\bis|\bmakes?|\bgives?|\bin total|\baltogether|"
    r"\bfor me|\bthanks|\bthank you|=\s*\??|[?!.:])$"
)

N: Final = r"(-?\d+(?:\.\d+)?|\((?:[^()]|\([^()]*\))*\))"
LIST: Final = rf"({N}(?:\s*(?:,\s*and|,|\band)\s*{N})+)"

Rewrite = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _joined(sign: str) -> Callable[[re.Match[str]], str]:
    def join(match: re.Match[str]) -> str:
        return "(" + f" {sign} ".join(re.findall(N, match[1])) + ")"

    return join


def _average(match: re.Match[str]) -> str:
    terms = re.findall(N, match[1])
    return f"(({' + '.join(terms)}) / {len(terms)})"


def _rules(*rules: tuple[str, str | Callable[[re.Match[str]], str]]) -> tuple[Rewrite, ...]:
    return tuple((re.compile(pattern), by) for pattern, by in rules)


# In this order: a rule works on what the ones before it left.
REWRITES: Final = _rules(
    (r"\s*\bthe\s+", " "),
    (rf"\bsquare root (?:of )?{N}", r"sqrt(\1)"),
    (rf"√\s*{N}", r"sqrt(\1)"),
    (rf"\bsquare of {N}", r"(\1 ** 2)"),
    (rf"\bcube of {N}", r"(\1 ** 3)"),
    (rf"{N}\s*squared\b", r"(\1 ** 2)"),
    (rf"{N}\s*cubed\b", r"(\1 ** 3)"),
    (rf"{N}\s*(?:raised )?to power (?:of )?{N}", r"(\1 ** \2)"),
    (rf"{N}\s*(?:raised )?to {N}(?:st|nd|rd|th) power", r"(\1 ** \2)"),
    (rf"{N}\s*(?:%|percent|per cent) of {N}", r"(\2 * \1 / 100)"),
    (rf"{N}\s*(?:%|percent|per cent) off {N}", r"(\2 * (100 - \1) / 100)"),
    (rf"\bincrease {N} by {N}\s*(?:%|percent)", r"(\1 * (100 + \2) / 100)"),
    (rf"\b(?:decrease|reduce) {N} by {N}\s*(?:%|percent)", r"(\1 * (100 - \2) / 100)"),
    (rf"\bhalf (?:of )?{N}", r"(\1 / 2)"),
    (rf"\b(?:a )?third of {N}", r"(\1 / 3)"),
    (rf"\b(?:a )?quarter of {N}", r"(\1 / 4)"),
    (rf"\b(?:double|twice) {N}", r"(2 * \1)"),
    (rf"\b(?:triple|thrice) {N}", r"(3 * \1)"),
    (rf"\b(?:sum|total) of {LIST}", _joined("+")),
    (rf"\bproduct of {LIST}", _joined("*")),
    (rf"\b(?:average|mean) of {LIST}", _average),
    (rf"\bdifference (?:between|of) {N} and {N}", r"(\1 - \2)"),
    (rf"\bquotient of {N} and {N}", r"(\1 / \2)"),
    (rf"\bremainder (?:of|when) {N} (?:is )?divided by {N}", r"(\1 % \2)"),
    (rf"^(?:add|sum) (?:up )?{LIST}", _joined("+")),
    (rf"^add {N} (?:to|with|plus) {N}", r"(\2 + \1)"),
    (rf"^(?:subtract|take|deduct) {N} (?:away )?from {N}", r"(\2 - \1)"),
    (rf"^multiply {LIST}", _joined("*")),
    (rf"^multiply {N} (?:by|with|times) {N}", r"(\1 * \2)"),
    (rf"^divide {N} by {N}", r"(\1 / \2)"),
    (rf"{N} (?:more|greater) than {N}", r"(\2 + \1)"),
    (rf"{N} less than {N}", r"(\2 - \1)"),
    (r"\bplus\b", "+"),
    (r"\b(?:minus|less|take away|subtracted by)\b|[\u2212\u2013]", "-"),
    (r"\b(?:times|multiplied (?:by|with))\b|[\u00d7·]", "*"),
    (rf"{N}\s*x\s*(?={N})", r"\1 * "),
    (r"\b(?:divided by|over)\b|÷", "/"),
    (r"\b(?:modulo|mod)\b", "%"),
    (r"\^", "**"),
)

TOKEN: Final = re.compile(r"\s*(?:\d+(?:\.\d+)?|\*\*|[-+*/%(),]|[a-z]+(?=\s*\())")
DATE: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
SIGNS: Final = re.compile(
    r"(?<![\w.-])[(\d][\d\s.()]*(?:(?:\*\*|[*/+^\u00d7÷]| - )[\s\d.()-]*)+(?![\w-])"
)
ALLOWED: Final = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Call,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.operator,
    ast.unaryop,
)


def expression(text: str) -> str | None:
    """Return what the text asks to compute, as in "(3 + 4) * 5"; None where it is no sum."""
    if len(text) > LONGEST or DATE.search(text):
        return None
    asked = _stripped(numerals(text.casefold()))
    rewritten = asked
    for pattern, by in REWRITES:
        rewritten = pattern.sub(by, rewritten)
    found = _canonical(rewritten)
    if found is None and asked != text.casefold().strip(" ?!."):
        # "What is 12*7 in euros?": a lead-in was there and signs stand inside.
        signs = SIGNS.search(asked)
        found = _canonical(signs[0].replace("^", "**")) if signs else None
    return found


def numerals(text: str) -> str:
    """Return the text with numbers in words as digits, and without separators between thousands."""
    digits = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return NUMBER_WORDS.sub(_numeral, digits)


def _numeral(match: re.Match[str]) -> str:
    whole, _, fraction = match[0].partition("point")
    total = group = 0
    previous = ""
    parts: list[str] = []
    for word in re.findall(r"[a-z]+", whole):
        if word == "and" and previous not in ("hundred", *SCALES):
            # "five and nine" are two numbers, "one hundred and five" is one.
            parts.append(str(total + group))
            total = group = 0
        elif word in SCALES:
            total, group = total + (group or 1) * SCALES[word], 0
        elif word == "hundred":
            group = (group or 1) * 100
        elif word != "and":
            group += UNITS.get(word, TENS.get(word, 0))
        previous = word
    number = " and ".join([*parts, str(total + group)])
    decimals = "".join(str(UNITS.get(word, "")) for word in fraction.split())
    return f"{number}.{decimals}" if decimals else number


def _stripped(text: str) -> str:
    before = None
    while text != before:
        before = text
        text = LEAD_OUT.sub("", LEAD_IN.sub("", text.strip())).strip()
    return text


def _canonical(text: str) -> str | None:
    end = 0
    while (token := TOKEN.match(text, end)) and token.end() > end:
        end = token.end()
    if text[end:].strip():
        return None
    try:
        tree = ast.parse(re.sub(r"\b0+(?=\d)", "", text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return ast.unparse(tree) if _is_sum(tree) else None


def _is_sum(tree: ast.Expression) -> bool:
    nodes = list(ast.walk(tree))
    return (
        all(isinstance(node, ALLOWED) for node in nodes)
        and any(isinstance(node, ast.BinOp | ast.Call) for node in nodes)
        and all(_calls_a_function(node) for node in nodes if isinstance(node, ast.Call))
        and sum(isinstance(node, ast.Name) for node in nodes)
        == sum(isinstance(node, ast.Call) for node in nodes)
    )


def _calls_a_function(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS

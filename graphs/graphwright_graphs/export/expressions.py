"""CEL conditions as Python expressions, which give the same value wherever CEL gives one.

Where CEL has an error, Python may have one too, or a value. Four things are Python's: an operand
of `&&` and `||` that fails fails the whole, `True` equals 1, `matches` is a search by `re`, and
times are exact to the microsecond.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TypeAlias

from graphwright_graphs.cel import (
    Call,
    Choice,
    Entries,
    Expr,
    Index,
    Items,
    Literal,
    Member,
    Name,
    Operation,
    Unreadable,
)
from graphwright_graphs.export import runtime, shapes, times
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.shapes import (
    AND,
    ANY,
    ATOM,
    BOOLEAN,
    CHOICE,
    COMPARISON,
    DURATION,
    INTEGER,
    MAYBE,
    MEMBERS,
    MESSAGE,
    MESSAGES,
    MOMENT,
    NOT,
    NUMBER,
    OBJECT,
    OR,
    PRODUCT,
    REPLY,
    SIGN,
    STRING,
    SUM,
    TIMESTAMP,
    Shape,
    Text,
)

Helper: TypeAlias = Callable[..., object] | ModuleType


def _by_its_name(helper: Helper) -> str:
    return helper.__name__


@dataclass(frozen=True, slots=True)
class Translation:
    """Translates expressions over named values.

    `answered` are the conversations whose last message is surely an AI message; `called` is told
    what a text needs, a function of this package or a module, and gives its name.
    """

    names: Mapping[str, Text]
    answered: Collection[str] = ()
    called: Callable[[Helper], str] = _by_its_name

    def condition(self, tree: Expr) -> str:
        """The expression where only its truth counts, such as after `if`."""
        return self._truth(tree).text

    def value(self, tree: Expr) -> Text:
        """The expression's value. Raises Unreadable for what has no Python here."""
        match tree:
            case Literal(value):
                return Text(literal(value), ATOM if _is_plain(value) else SIGN, shapes.of(value))
            case Name(name):
                return self._name(name)
            case Member(of, name):
                return self._member(self.value(of), name)
            case Index(of, key):
                inner = self.value(of)
                text = f"{inner.within(ATOM)}[{self.value(key).text}]"
                return Text(text, ATOM, inner.shape.item or ANY)
            case Items(items):
                values = [self.value(item) for item in items]
                text = ", ".join(each.text for each in values)
                return Text(f"[{text}]", ATOM, Shape("list", shapes.common(values)))
            case Entries(entries):
                pairs = [f"{self.value(k).text}: {self.value(v).text}" for k, v in entries]
                return Text("{" + ", ".join(pairs) + "}", ATOM, OBJECT)
            case _:
                return self._composed(tree)

    def _composed(self, tree: Expr) -> Text:
        match tree:
            case Choice(when, yes, no):
                first, other = self.value(yes), self.value(no)
                text = f"{first.within(OR)} if {self._truth(when).within(OR)} else {other.text}"
                return Text(text, CHOICE, shapes.common([first, other]))
            case Operation(sign, operands):
                return self._operation(sign, operands)
            case Call():
                return self._call(tree)
        raise AssertionError(tree)

    def _name(self, name: str) -> Text:
        if name not in self.names:
            raise Unreadable(f"`{name}` is no channel")
        return self.names[name]

    # --- truth

    def _truth(self, tree: Expr) -> Text:
        match tree:
            case Operation(("&&" | "||") as sign, operands):
                word, level = ("and", AND) if sign == "&&" else ("or", OR)
                parts = [self._truth(each).within(level) for each in operands]
                return Text(f" {word} ".join(parts), level, BOOLEAN)
            case Operation("!", (inner,)):
                return self._not(inner)
            case Operation(">" | "!=", (Call("size") as size, Literal(0))):
                return self.value(_measured(size))
            case Operation("==" | "<=", (Call("size") as size, Literal(0))):
                return Text(f"not {self.value(_measured(size)).within(NOT)}", NOT, BOOLEAN)
            case _:
                return self.value(tree)

    def _not(self, inner: Expr) -> Text:
        match inner:
            case Operation("in", (item, items)):
                return self._compared(item, "not in", items)
            case Operation("==", operands):
                return self._truth(Operation("!=", operands))
            case Operation("!", (again,)):
                return self._truth(again)
            case Operation("!=" | "<=", operands):
                pass
        return Text(f"not {self._truth(inner).within(NOT)}", NOT, BOOLEAN)

    # --- operators

    def _operation(self, sign: str, operands: tuple[Expr, ...]) -> Text:
        if sign in ("&&", "||", "!"):
            return self._boolean(Operation(sign, operands))
        if len(operands) == 1:
            inner = self.value(operands[0])
            return Text(f"-{inner.within(SIGN)}", SIGN, inner.shape)
        left, right = operands
        if sign in ("==", "!=", "<", "<=", ">", ">=", "in"):
            return self._compared(left, sign, right)
        return self._calculated(self.value(left), sign, self.value(right))

    def _boolean(self, tree: Operation) -> Text:
        """Where the value counts, each operand has to be True or False itself."""
        parts = [self.value(each) for each in tree.operands]
        if tree.sign == "!":
            return Text(f"not {parts[0].within(NOT)}", NOT, BOOLEAN)
        word, level = ("and", AND) if tree.sign == "&&" else ("or", OR)
        return Text(f" {word} ".join(part.within(level) for part in parts), level, BOOLEAN)

    def _compared(self, left: Expr, sign: str, right: Expr) -> Text:
        if sign in ("==", "!=") and (constant := _singleton(right)) is not None:
            return self._identity(left, sign, constant)
        if sign in ("==", "!=") and (constant := _singleton(left)) is not None:
            return self._identity(right, sign, constant)
        operands = [self.value(each).within(SUM) for each in (left, right)]
        return Text(f" {sign} ".join(operands), COMPARISON, BOOLEAN)

    def _identity(self, of: Expr, sign: str, constant: str) -> Text:
        """`== true` is `is True`, since 1 equals True in Python and not in CEL."""
        word = "is" if sign == "==" else "is not"
        return Text(f"{self.value(of).within(SUM)} {word} {constant}", COMPARISON, BOOLEAN)

    def _calculated(self, left: Text, sign: str, right: Text) -> Text:
        level = SUM if sign in "+-" else PRODUCT
        whole = left.shape != NUMBER or right.shape != NUMBER
        if sign in "/%" and whole:
            function = runtime.quotient if sign == "/" else runtime.remainder
            return self._helped(function, left, right, shape=left.shape)
        # Right of - and / stands what binds tighter.
        text = f"{left.within(level)} {sign} {right.within(level + 1)}"
        return Text(text, level, shapes.outcome(left.shape, sign, right.shape))

    def _helped(
        self, function: Helper, *arguments: Text, shape: Shape = ANY, more: str = ""
    ) -> Text:
        given = ", ".join(each.text for each in arguments)
        return Text(f"{self.called(function)}({given}{more})", ATOM, shape)

    # --- members

    def _member(self, of: Text, name: str) -> Text:
        if of.shape not in MESSAGES:
            return Text(f"{of.within(ATOM)}[{literal(name)}]", ATOM)
        if of.shape == REPLY and name == "tool_calls":
            return Text(f"{of.text}.tool_calls", ATOM, Shape("list", OBJECT))
        if name not in MEMBERS:
            raise Unreadable(f"`{name}` of a message")
        return MEMBERS[name](of)

    def _has(self, tree: Expr) -> Text:
        if not isinstance(tree, Member):
            raise Unreadable("`has` of something else than a member")
        of = self.value(tree.of)
        if of.shape in MESSAGES:
            return Text(str(tree.name in MEMBERS), ATOM, BOOLEAN)
        return Text(f"{literal(tree.name)} in {of.within(SUM)}", COMPARISON, BOOLEAN)

    # --- functions

    def _call(self, call: Call) -> Text:
        parts = (call.function, call.target is not None, len(call.arguments))
        match parts:
            case ("has", False, 1):
                return self._has(call.arguments[0])
            case ("last", True, 0):
                return self._last(_measured(call))
            case (("all" | "exists" | "exists_one" | "filter" | "map"), True, 2 | 3):
                return self._macro(call)
            case _:
                return self._plain_call(call)

    def _last(self, tree: Expr) -> Text:
        items = self.value(tree)
        shape = MAYBE if items.shape.item == MESSAGE else items.shape.item or ANY
        if isinstance(tree, Name) and tree.name in self.answered:
            shape = REPLY
        return self._helped(runtime.last, items, shape=shape)

    def _plain_call(self, call: Call) -> Text:
        given = [*([call.target] if call.target else []), *call.arguments]
        values = [self.value(each) for each in given]
        match call.function, values:
            case ("startsWith" | "endsWith") as name, [of, part]:
                return Text(f"{of.within(ATOM)}.{name.lower()}({part.text})", ATOM, BOOLEAN)
            case "contains", [of, part]:
                return Text(f"{part.within(SUM)} in {of.within(SUM)}", COMPARISON, BOOLEAN)
            case "matches", [of, pattern]:
                found = f"{self.called(re)}.search({pattern.text}, {of.text}) is not None"
                return Text(found, COMPARISON, BOOLEAN)
            case "dyn", [of]:
                return of
            case name, [of] if name in ("int", "double", "size", "string", "timestamp", "duration"):
                return self._converted(name, of)
            case name, [of, *zone] if name in MOMENT and len(zone) <= 1:
                return self._part_of_time(name, of, zone)
        raise Unreadable(f"`{call.function}`")

    def _converted(self, name: str, of: Text) -> Text:
        if name in ("timestamp", "duration"):
            wanted = TIMESTAMP if name == "timestamp" else DURATION
            return (
                of if of.shape == wanted else self._helped(getattr(times, name), of, shape=wanted)
            )
        if name == "string":
            is_time = of.shape in (TIMESTAMP, DURATION)
            return self._helped(times.time_text if is_time else runtime.text_of, of, shape=STRING)
        if name == "int" and of.shape == TIMESTAMP:
            return Text(f"int({of.within(ATOM)}.timestamp() // 1)", ATOM, INTEGER)
        function, shape = _CONVERSIONS[name]
        return Text(f"{function}({of.text})", ATOM, shape)

    def _part_of_time(self, name: str, of: Text, zone: list[Text]) -> Text:
        """An hour, a day, … of a time; the whole hours, minutes, … of a duration."""
        if of.shape == TIMESTAMP:
            of = self._helped(times.in_zone, of, *zone, shape=TIMESTAMP) if zone else of
            form, binds = MOMENT[name]
            return Text(form.format(of.within(ATOM)), binds, INTEGER)
        unit = name.removeprefix("get").lower()
        if of.shape != DURATION or zone or unit not in times.UNITS:
            raise Unreadable(f"`{name}` of what may be no time")
        whole = self._helped(times.whole, of, shape=INTEGER, more=f", {unit}=1")
        if unit == "milliseconds":  # those beside the whole seconds
            return self._helped(runtime.remainder, whole, Text("1000"), shape=INTEGER)
        return whole

    def _macro(self, call: Call) -> Text:
        assert call.target is not None
        items, (variable, *bodies) = self.value(call.target), call.arguments
        if not isinstance(variable, Name):
            raise Unreadable(f"`{call.function}` without a variable")
        each = _variable(variable.name)
        item = Text(each, ATOM, items.shape.item or ANY)
        inner = replace(self, names={**self.names, variable.name: item})
        loop = f"for {each} in {items.within(OR)}"
        match call.function:
            case "all" | "exists":
                word = "all" if call.function == "all" else "any"
                return Text(f"{word}({inner.condition(bodies[0])} {loop})", ATOM, BOOLEAN)
            case "exists_one":
                test = inner.condition(bodies[0])
                return Text(f"sum(1 {loop} if {test}) == 1", COMPARISON, BOOLEAN)
            case "filter":
                text = f"[{each} {loop} if {inner.condition(bodies[0])}]"
                return Text(text, ATOM, Shape("list", items.shape.item))
        value = inner.value(bodies[-1])
        test = f" if {inner._truth(bodies[0]).within(OR)}" if len(bodies) == 2 else ""
        return Text(f"[{value.text} {loop}{test}]", ATOM, Shape("list", value.shape))


_CONVERSIONS = {"size": ("len", INTEGER), "int": ("int", INTEGER), "double": ("float", NUMBER)}


def _variable(name: str) -> str:
    """A macro's variable, under a name that hides nothing which conditions are written with."""
    taken = (
        name in ("state", "context", "config", "re")
        or name in vars(builtins)
        or keyword.iskeyword(name)
        or any(hasattr(home, name) for home in (runtime, times))
    )
    return f"{name}_" if taken else name


def _measured(call: Call) -> Expr:
    """What `size(x)`, `x.size()` or `x.last()` is about."""
    return call.target if call.target is not None else call.arguments[0]


def _singleton(tree: Expr) -> str | None:
    """`True`, `False` or `None`, where the tree is one of them."""
    match tree:
        case Literal(True | False | None as value):
            return str(value)
    return None


def _is_plain(value: object) -> bool:
    return isinstance(value, str) or not isinstance(value, int | float) or value >= 0

"""CEL conditions as Python expressions, which give the same value wherever CEL gives one.

Where CEL has an error, Python may have one too, or a value. Three things are Python's: an operand
of `&&` and `||` that fails fails the whole, `True` equals 1, and `matches` is a search by `re`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from graphwright_graphs.export.cel import (
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
from graphwright_graphs.export.literals import literal

# How tightly Python binds, from loose to tight.
CHOICE, OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, ATOM = range(9)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a value: `message`, `list`, `integer`, … or `any`; and of its items."""

    name: str = "any"
    item: Shape | None = None


ANY = Shape()
BOOLEAN, INTEGER, NUMBER, STRING, OBJECT = map(
    Shape, ("boolean", "integer", "number", "string", "object")
)
MESSAGE = Shape("message")
MAYBE = Shape("maybe")
"""The last message of a conversation that may be empty."""
REPLY = Shape("reply")
"""A message that is surely an AI message."""
_MESSAGES = (MESSAGE, MAYBE, REPLY)


@dataclass(frozen=True, slots=True)
class Text:
    """Python text, how tightly its outermost operator binds, and the shape of its value."""

    text: str
    binds: int = ATOM
    shape: Shape = ANY

    def within(self, level: int) -> str:
        """The text as an operand of an operator that binds that tightly."""
        return self.text if self.binds >= level else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Translation:
    """Translates expressions over named values; collects the helpers and modules they need.

    `answered` are the conversations whose last message is surely an AI message.
    """

    names: Mapping[str, Text]
    answered: Collection[str] = ()
    uses: set[str] = field(default_factory=set)
    """Names that the text needs: functions of `runtime`, or `re`."""

    def condition(self, tree: Expr) -> str:
        """The expression where only its truth counts, such as after `if`."""
        return self._truth(tree).text

    def value(self, tree: Expr) -> Text:
        """The expression's value. Raises Unreadable for what has no Python here."""
        match tree:
            case Literal(value):
                return Text(literal(value), ATOM if _is_plain(value) else SIGN, _shape(value))
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
                return Text(f"[{text}]", ATOM, Shape("list", _common(values)))
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
                return Text(text, CHOICE, _common([first, other]))
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
            function = "quotient" if sign == "/" else "remainder"
            return self._helped(function, left, right)
        # Right of - and / stands what binds tighter.
        text = f"{left.within(level)} {sign} {right.within(level + 1)}"
        return Text(text, level, left.shape if left.shape == right.shape else ANY)

    def _helped(self, function: str, *arguments: Text, shape: Shape = ANY) -> Text:
        self.uses.add(function)
        shape = arguments[0].shape if shape is ANY else shape
        return Text(f"{function}({', '.join(each.text for each in arguments)})", ATOM, shape)

    # --- members

    def _member(self, of: Text, name: str) -> Text:
        if of.shape not in _MESSAGES:
            return Text(f"{of.within(ATOM)}[{literal(name)}]", ATOM)
        if of.shape == REPLY and name == "tool_calls":
            return Text(f"{of.text}.tool_calls", ATOM, Shape("list", OBJECT))
        if name not in _MESSAGE:
            raise Unreadable(f"`{name}` of a message")
        return _MESSAGE[name](of)

    def _has(self, tree: Expr) -> Text:
        if not isinstance(tree, Member):
            raise Unreadable("`has` of something else than a member")
        of = self.value(tree.of)
        if of.shape in _MESSAGES:
            return Text(str(tree.name in _MESSAGE), ATOM, BOOLEAN)
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
        self.uses.add("last")
        return Text(f"last({items.text})", ATOM, shape)

    def _plain_call(self, call: Call) -> Text:
        given = [*([call.target] if call.target else []), *call.arguments]
        values = [self.value(each) for each in given]
        match call.function, values:
            case ("startsWith" | "endsWith") as name, [of, part]:
                return Text(f"{of.within(ATOM)}.{name.lower()}({part.text})", ATOM, BOOLEAN)
            case "contains", [of, part]:
                return Text(f"{part.within(SUM)} in {of.within(SUM)}", COMPARISON, BOOLEAN)
            case "matches", [of, pattern]:
                self.uses.add("re")
                found = f"re.search({pattern.text}, {of.text}) is not None"
                return Text(found, COMPARISON, BOOLEAN)
            case name, [of] if name in _CONVERSIONS:
                function, shape = _CONVERSIONS[name]
                return Text(f"{function}({of.text})", ATOM, shape)
            case "string", [of]:
                return self._helped("text_of", of, shape=STRING)
            case "dyn", [of]:
                return replace(of, shape=ANY)
        raise Unreadable(f"`{call.function}`")

    def _macro(self, call: Call) -> Text:
        assert call.target is not None
        items, (variable, *bodies) = self.value(call.target), call.arguments
        if not isinstance(variable, Name):
            raise Unreadable(f"`{call.function}` without a variable")
        inner = Translation(
            {**self.names, variable.name: Text(variable.name, ATOM, items.shape.item or ANY)},
            self.answered,
            self.uses,
        )
        loop = f"for {variable.name} in {items.within(OR)}"
        match call.function:
            case "all" | "exists":
                word = "all" if call.function == "all" else "any"
                return Text(f"{word}({inner.condition(bodies[0])} {loop})", ATOM, BOOLEAN)
            case "exists_one":
                test = inner.condition(bodies[0])
                return Text(f"sum(1 {loop} if {test}) == 1", COMPARISON, BOOLEAN)
            case "filter":
                text = f"[{variable.name} {loop} if {inner.condition(bodies[0])}]"
                return Text(text, ATOM, Shape("list", items.shape.item))
        value = inner.value(bodies[-1])
        test = f" if {inner._truth(bodies[0]).within(OR)}" if len(bodies) == 2 else ""
        return Text(f"[{value.text} {loop}{test}]", ATOM, Shape("list", value.shape))


def _attribute(name: str, empty: str) -> Callable[[Text], Text]:
    """An attribute that only some messages have, or that no message has while there is none."""

    def read(of: Text) -> Text:
        shape = STRING if empty == '""' else Shape("list", OBJECT)
        return Text(f'getattr({of.text}, "{name}", {empty})', ATOM, shape)

    return read


def _optional(name: str) -> Callable[[Text], Text]:
    """An attribute that every message has, and that may be None."""

    def read(of: Text) -> Text:
        at = f'getattr({of.text}, "{name}", None)' if of.shape == MAYBE else f"{of.text}.{name}"
        return Text(f'{at} or ""', OR, STRING)

    return read


def _sure(name: str) -> Callable[[Text], Text]:
    """An attribute that every message has."""
    missing = _attribute(name, '""')
    return lambda of: (
        missing(of) if of.shape == MAYBE else Text(f"{of.within(ATOM)}.{name}", ATOM, STRING)
    )


_CONVERSIONS = {"size": ("len", INTEGER), "int": ("int", INTEGER), "double": ("float", NUMBER)}
_MESSAGE: Mapping[str, Callable[[Text], Text]] = {
    "type": _sure("type"),
    "content": _sure("text"),
    "name": _optional("name"),
    "id": _optional("id"),
    "tool_calls": _attribute("tool_calls", "[]"),
    "status": _attribute("status", '""'),
}


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


def _shape(value: object) -> Shape:
    kinds = ((bool, BOOLEAN), (int, INTEGER), (float, NUMBER), (str, STRING))
    return next((shape for kind, shape in kinds if isinstance(value, kind)), ANY)


def _common(values: list[Text]) -> Shape:
    """The shape that all of the values have."""
    shapes = {each.shape for each in values}
    return shapes.pop() if len(shapes) == 1 else ANY

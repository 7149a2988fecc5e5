"""Long statements broken over lines, as Python's formatters break them.

A statement that fits on its line stays as it is written. One that doesn't is taken apart at its
outermost bracket, then at the commas, operators or clauses inside.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

WIDTH = 100  # columns
INDENT = "    "

Part = ast.expr | ast.keyword


def laid_out(line: str) -> str:
    """One line of code, indented, as one or more lines that fit."""
    if len(line) <= WIDTH or "\n" in line:
        return line
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.startswith(("def ", "async def ")):
        return _header(code, indent)
    for before in ("if ", "elif "):
        if code.startswith(before):
            test = code.removeprefix(before)[:-1]
            return _Long(test).condition(before, indent)
    try:
        return _Long(code).statement(indent)
    except SyntaxError:  # a comment, or the head of a block
        return line


class _Long:
    """Code that does not fit on its line."""

    def __init__(self, code: str) -> None:
        (self._tree,) = ast.parse(code).body
        self._bytes = code.encode()

    def _flat(self, node: Part) -> str:
        """A piece of the code as it is written."""
        return self._bytes[node.col_offset : node.end_col_offset].decode()

    def statement(self, indent: str) -> str:
        """The statement over several lines."""
        match self._tree:
            case ast.Return(value=ast.expr() as value):
                return f"{indent}return {self._expression(value, indent, 7)}"
            case ast.Assign(targets=[target], value=value):
                left = f"{self._flat(target)} = "
                return f"{indent}{left}{self._expression(value, indent, len(left))}"
            case ast.AnnAssign(target=target, annotation=annotation, value=None):
                left = f"{self._flat(target)}: "
                return f"{indent}{left}{self._expression(annotation, indent, len(left))}"
            case ast.Expr(value=value):
                return f"{indent}{self._expression(value, indent, 0)}"
            case ast.ImportFrom(module=module, names=names):
                lines = [f"{indent}{INDENT}{each.name}," for each in names]
                return "\n".join([f"{indent}from {module} import (", *lines, f"{indent})"])
        return indent + self._bytes.decode()

    def condition(self, before: str, indent: str) -> str:
        """The code as the condition of an `if` or `elif`."""
        assert isinstance(self._tree, ast.Expr)
        test = self._tree.value
        if isinstance(test, ast.Call):
            return f"{indent}{before}{self._expression(test, indent, len(before), 1)}:"
        return f"{indent}{before}(\n{self._operands(test, indent + INDENT)}\n{indent}):"

    def _expression(self, node: ast.expr, indent: str, used: int, after: int = 0) -> str:
        """An expression that begins after `used` columns, with `after` more behind it."""
        flat = self._flat(node)
        if len(indent) + used + len(flat) + after <= WIDTH:
            return flat
        match node:
            case ast.Await(value=value):
                return f"await {self._expression(value, indent, used + 6, after)}"
            case ast.Call() if links := self._links(node):
                lines = [f"{indent}{INDENT}{link}" for link in links]
                return "\n".join(["(", *lines, f"{indent})"])
            case ast.Call(func=func, args=args, keywords=keywords):
                return self._flat(func) + self._listed([*args, *keywords], ("(", ")"), indent, True)
            case ast.Subscript(value=value, slice=key):
                if isinstance(key, ast.Tuple):
                    return self._flat(value) + self._listed(key.elts, ("[", "]"), indent, True)
                deeper = indent + INDENT
                inner = self._expression(key, deeper, 0)
                return f"{self._flat(value)}[\n{deeper}{inner}\n{indent}]"
            case ast.BoolOp() | ast.IfExp() | ast.BinOp() | ast.Compare() | ast.UnaryOp():
                return f"(\n{self._operands(node, indent + INDENT)}\n{indent})"
        return self._collection(node, indent)

    def _collection(self, node: ast.expr, indent: str) -> str:
        match node:
            case ast.List(elts=items):
                return self._listed(items, ("[", "]"), indent)
            case ast.Tuple(elts=items):
                return self._listed(items, ("(", ")"), indent)
            case ast.Set(elts=items):
                return self._listed(items, ("{", "}"), indent)
            case ast.Dict(keys=keys, values=values):
                return self._entries(keys, values, indent)
            case ast.ListComp():
                return f"[\n{self._loops(node, indent + INDENT)}\n{indent}]"
        return self._flat(node)

    def _links(self, node: ast.Call) -> list[str]:
        """The links of a chain of method calls, the first with what it begins with; else none."""
        links, end = list[str](), node.end_col_offset
        while isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            start = node.func.value.end_col_offset
            links.insert(0, self._bytes[start:end].decode())
            node, end = node.func.value, start
        return [self._flat(node), *links] if len(links) > 1 else []

    def _listed(
        self, parts: Sequence[Part], brackets: tuple[str, str], indent: str, joined: bool = False
    ) -> str:
        """The parts in brackets, one a line, or (if `joined`) together on a line of their own."""
        (opening, closing), deeper = brackets, indent + INDENT
        if len(parts) == 1 and isinstance(parts[0], ast.GeneratorExp):
            return f"{opening}\n{self._loops(parts[0], deeper)}\n{indent}{closing}"
        together = ", ".join(map(self._flat, parts))
        if joined and len(deeper) + len(together) <= WIDTH:
            return f"{opening}\n{deeper}{together}\n{indent}{closing}"
        lines = [f"{deeper}{self._part(part, deeper)}," for part in parts]
        return "\n".join([opening, *lines, indent + closing])

    def _part(self, part: Part, indent: str) -> str:
        if isinstance(part, ast.keyword):
            name = f"{part.arg}=" if part.arg else "**"
            return name + self._expression(part.value, indent, len(name), 1)
        return self._expression(part, indent, 0, 1)

    def _entries(
        self, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], indent: str
    ) -> str:
        deeper = indent + INDENT
        lines = []
        for key, value in zip(keys, values, strict=True):
            name = f"{self._flat(key)}: " if key else "**"
            lines.append(f"{deeper}{name}{self._expression(value, deeper, len(name), 1)},")
        return "\n".join(["{", *lines, indent + "}"])

    def _operands(self, node: ast.expr, indent: str) -> str:
        """An operation in brackets of its own, each operand on a line if need be."""
        flat = self._flat(node)
        if len(indent) + len(flat) <= WIDTH:
            return indent + flat
        match node:
            case ast.BoolOp(op=op, values=values):
                word = "and" if isinstance(op, ast.And) else "or"
                first, *others = (self._operand(value, op) for value in values)
                lines = [indent + first, *(f"{indent}{word} {each}" for each in others)]
            case ast.IfExp(test=test, body=yes, orelse=no):
                clauses = [self._flat(yes), f"if {self._flat(test)}", f"else {self._flat(no)}"]
                lines = [indent + clause for clause in clauses]
            case _:
                lines = [indent + flat]
        return "\n".join(lines)

    def _operand(self, value: ast.expr, op: ast.boolop) -> str:
        loose = isinstance(value, ast.IfExp | ast.BoolOp) and isinstance(op, ast.And)
        return f"({self._flat(value)})" if loose else self._flat(value)

    def _loops(self, node: ast.GeneratorExp | ast.ListComp, indent: str) -> str:
        """What is inside a comprehension's brackets."""
        clauses = [self._flat(node.elt)]
        for loop in node.generators:
            clauses.append(f"for {self._flat(loop.target)} in {self._flat(loop.iter)}")
            clauses += [f"if {self._flat(test)}" for test in loop.ifs]
        together = " ".join(clauses)
        if len(indent) + len(together) <= WIDTH:
            return indent + together
        return "\n".join(indent + clause for clause in clauses)


def _header(code: str, indent: str) -> str:
    """The head of a function, its parameters on lines of their own."""
    tail = code.rindex(")", 0, code.index("->") if "->" in code else len(code))
    start = code.index("(") + 1
    inside, deeper = code[start:tail], indent + INDENT
    if len(deeper) + len(inside) <= WIDTH:
        return f"{indent}{code[:start]}\n{deeper}{inside}\n{indent}{code[tail:]}"
    (function,) = ast.parse(f"{code.removeprefix('async ')} ...").body
    assert isinstance(function, ast.FunctionDef)
    parameters = [ast.unparse(each) for each in function.args.args]
    lines = [f"{deeper}{each}," for each in parameters]
    return "\n".join([indent + code[:start], *lines, indent + code[tail:]])

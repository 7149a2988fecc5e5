"""Reading a YAML or JSON document as data, remembering where each value stands.

A document is data from outside: its size, depth and number of values are bounded before anything
is built from it, and tags that would make Python objects are refused. Scalars follow YAML 1.2's
core schema, so that `on`, `no` and `2026-01-01` stay text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from graphwright_graphs import yaml_errors
from graphwright_graphs.errors import DocumentError, Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 10_000  # after aliases are expanded: this is what stops an alias bomb

Where = tuple[str | int, ...]
"""A place in a document: keys and list indices from its root."""


class Part(NamedTuple):
    """A piece of a text that stands in a document."""

    text: str
    at: int | None = None
    """Where it begins; None where it is there once, or does not matter."""


# libyaml is ten times faster; a PyYAML built without it lacks the class.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_STANDARD_TAGS = {
    f"tag:yaml.org,2002:{name}"
    for name in ("bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp", "value")
}
_CORE_SCHEMA: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]{1,300}"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One document: its data, and the line and column of each key and value."""

    file: str
    data: Any
    values: dict[Where, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Where, tuple[int, int]] = field(default_factory=dict)
    blocks: dict[Where, tuple[str, str]] = field(default_factory=dict)
    """The texts that are over several lines: as they are read, and as they are written."""

    def position(
        self, where: Where, *, of_key: bool = False, part: Part | None = None
    ) -> tuple[int, int]:
        """Line and column of the value at `where`, or of the nearest place above that exists.

        Of a text over several lines it is the place of the part, where that can be told.
        """
        if part and where in self.blocks and (place := self._inside(where, part)):
            return place
        places = self.keys if of_key else self.values
        while where and where not in places:
            where, places = where[:-1], self.values
        return places.get(where, (1, 1))

    def has_no_colon(self, where: Where) -> bool:
        """Whether a key stands in braces without a colon, as in `{key}`."""
        if where not in self.keys:
            return False
        line, column = self.keys[where]
        return self.values[where] == (line, column + len(str(where[-1])))

    def _inside(self, where: Where, part: Part) -> tuple[int, int] | None:
        """The place of a part: it is written as often as it is read, so the third is the third."""
        read, written = self.blocks[where]
        times = read.count(part.text)
        if times != written.count(part.text) or (part.at is None and times != 1):
            return None
        at = -1
        for _ in range(read.count(part.text, 0, part.at or 0) + 1):
            at = written.find(part.text, at + 1)
        if at < 0:
            return None
        line, column = self.values[where]
        before = written[:at]
        if "\n" in before:
            return line + before.count("\n"), at - before.rindex("\n")
        return line, column + at


def read(path: str | Path) -> Source:
    """Read the document at `path`.

    Raises DocumentError for what is not one bounded YAML or JSON document, OSError for a file
    that can't be opened.
    """
    file = Path(path)
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    return parse(content, str(path))


def read_beside(document: str, name: str) -> bytes:
    """Read a file that a document names, which must be in the document's folder or below it.

    Raises ValueError for a path that leads out of it or a file that is too large, OSError for one
    that can't be read.
    """
    folder = Path(document).resolve().parent
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise ValueError("it is not in the document's folder")
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    return content


def parse(content: bytes, file: str) -> Source:
    """Read a document that is already in memory; `file` names it in errors."""
    if len(content) > MAX_BYTES:
        raise _refusal(file, f"more than {MAX_BYTES} bytes", "a smaller document")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(file, f"bytes that are not UTF-8 at offset {error.start}", "UTF-8") from None
    try:
        _bound_depth(text, file)
        root = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        found, expected, line, column = yaml_errors.said(error, text)
        problem = Problem(file, line + 1, column + 1, "", found, expected)
        raise DocumentError([problem]) from None
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise _refusal(file, f"an unreadable character ({found})", "printable text") from None
    if root is None:
        raise _refusal(file, "nothing", "a graph: `state`, `nodes` and `edges`")
    return _Walk(file, text).document(root)


def _bound_depth(text: str, file: str) -> None:
    """Refuse deep nesting from the flat event stream, before anything recurses into it."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark = event.start_mark
            raise _refusal(file, f"more than {MAX_DEPTH} levels", "a flatter document", mark)


def _refusal(file: str, found: str, expected: str, mark: Any = None) -> DocumentError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return DocumentError([Problem(file, line, column, "", found, expected)])


class _Walk:
    """Turns composed YAML nodes into plain data, and notes where each value stands."""

    def __init__(self, file: str, text: str) -> None:
        self.source = Source(file, None)
        self.text = text
        self.visited = 0

    def document(self, root: yaml.Node) -> Source:
        data = self.value(root, ())
        return replace(self.source, data=data)

    def value(self, node: yaml.Node, where: Where) -> Any:
        self.visited += 1
        self.bound(node, where)
        self.source.values[where] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(each, (*where, key)) for key, each in self.items(node, where)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*where, index)) for index, each in enumerate(node.value)]
        if node.end_mark.line > node.start_mark.line:
            self.source.blocks[where] = str(node.value), self.written(node)
        return _scalar(node)

    def written(self, node: yaml.Node) -> str:
        """A text as it stands in the document; the sign that begins a block is blanked."""
        written = self.text[node.start_mark.index : node.end_mark.index]
        first = written.partition("\n")[0]
        begins = getattr(node, "style", None) in ("|", ">")
        return " " * len(first) + written[len(first) :] if begins else written

    def items(self, node: yaml.MappingNode, where: Where) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.refuse(key, "a list or mapping as a key", "text")
            name = str(key.value)
            if name in seen:
                raise self.refuse(key, f'the key "{name}" a second time', "each key once")
            seen.add(name)
            mark = key.start_mark
            self.source.keys[(*where, name)] = (mark.line + 1, mark.column + 1)
            yield name, value

    def bound(self, node: yaml.Node, where: Where) -> None:
        if node.tag not in _STANDARD_TAGS:
            own = node.tag.startswith("!")
            expected = "plain data, or quotes around a text" if own else "plain data"
            raise self.refuse(node, f"the tag {node.tag}", expected)
        if len(where) > MAX_DEPTH:
            raise self.refuse(node, f"more than {MAX_DEPTH} levels", "a flatter document")
        if self.visited > MAX_VALUES:
            raise self.refuse(node, f"more than {MAX_VALUES} values", "a smaller document")

    def refuse(self, node: yaml.Node, found: str, expected: str) -> DocumentError:
        return _refusal(self.source.file, found, expected, node.start_mark)


def _scalar(node: yaml.Node) -> Any:
    """Only plain scalars are read by the core schema: quotes and blocks always make text."""
    text = str(node.value)
    plain = not getattr(node, "style", None)
    return _core_value(text) if plain else text


def _core_value(text: str) -> Any:
    for pattern, read_as in _CORE_SCHEMA:
        if pattern.fullmatch(text):
            return read_as(text)
    return text

"""What is no YAML: the usual mistakes are named, located, and put right by what is expected."""

# ruff: noqa: E501 (a table reads best with one row a line)

from __future__ import annotations

import pytest

from graphwright_graphs import source
from graphwright_graphs.errors import DocumentError

TABLE = [
    # what is broken, the document, the one problem it has
    ("a tab", "state:\n\tmessages: messages", ":2:1: found a tab as indentation, expected spaces: YAML takes no tabs for it"),
    ("a tab after an entry", "state:\n  a: last\n \tb: last", ":3:2: found a tab as indentation"),
    ("an open brace", "state: {messages: messages", ":1:8: found a { that no } ends, expected } after its last entry"),
    ("an open brace before more", "state: {a: last\nnodes: {}", ":1:8: found a { that no } ends"),
    ("an open list", "a:\n  - [b, c\n  - d", ":2:5: found a [ that no ] ends"),
    ("an open list at the end", "a: [\n  b: c,\n", ":1:4: found a [ that no ] ends"),
    ("an open quote", 'a:\n  b: "c\n  d: e', ':2:6: found a " that begins a text and is not followed by another, expected one'),
    ("an apostrophe", "a: 'it's'", """:1:8: found "s'" after a text in quotes, expected quotes around the whole text, in which '' stands for ' and \\" for \""""),
    ("a brace too many", "a: {b: c}}", ":1:10: found one } too many"),
    ("a colon in a text", "a: Answer: yes", ":1:10: found a colon in a text without quotes, expected quotes around the whole text"),
    ("a colon in an item", "- a\n- b: c: d", ":2:7: found a colon in a text without quotes"),
    ("a colon in braces", "a: {b: c: d}", ":1:9: found a second colon in one entry, expected a comma between entries, or quotes around the whole text where a colon belongs to it"),
    ("no comma", '{"a": {"b": 1} "c": 2}', ':1:16: found ""c": 2}", expected a comma before it'),
    ("a variable at the beginning", "a: {text} is it", ':1:11: found "is it" after "a: {text}", expected quotes around the whole text'),
    ("too far in", "a: b\n  c: d", ':2:3: found "c: d", which is further in than the line before, expected the same indentation, since that one has a value'),
    ("too far in after braces", "a: {b: c}\n  d: e", ':2:3: found "d: e", which is further in than the line before'),
    ("too far out", "a:\n    b: c\n  d: e", ':3:3: found "d: e", which is further out than the lines before, and fits none, expected the indentation of a line above'),
    ("too far out in a list", "a:\n  - b: c\n   d: e", ':3:4: found "d: e", which is further out than the lines before'),
    ("further out than the first line", "  a: b\nc: d", ':2:1: found "c: d", which is further out than the first line, expected the same indentation for both'),
    ("a key in a list", "a:\n  - b\n  c: d", ':3:3: found "c: d" among the items of a list, expected `- ` before each item'),
    ("an item in a mapping", "a:\n  b: c\n  - d", ':3:3: found "- d" among the keys of a mapping, expected `key: value`'),
    ("a line without a colon", "a: b\nc\nd: e", ':2:1: found "c", which has no colon, expected `key: value`'),
    ("a line above without a colon", "a:\n  b\n  c: d", ':2:3: found "b", which has no colon, expected `key: value`'),
    ("a block that is not further in", "a:\n  b: |\n  c\n  d", ':3:3: found "c", which has no colon, expected a text that is further in than its key'),
    ("a sign at the beginning", "a: @b", ":1:4: found a text that begins with @, expected quotes around the whole text"),
    ("a negation at the beginning", "a: !(b > 1)", ":1:4: found a text that begins with !"),
    ("stars around a text", "a: *b*", ":1:4: found a text that begins with *"),
    ("an item in a line", "a: - b", ":1:4: found a text that begins with -"),
    ("nothing to repeat", "a: *b", ":1:4: found `*b`, which repeats nothing, expected `&b` before it at what it repeats, or quotes around a text"),
    ("a backslash", 'a: "\\d"', ":1:5: found \\d in a text in double quotes, expected two backslashes for one, or single quotes around the text"),
    ("two documents", "a: b\n---\nc: d", ":2:1: found a second document, expected one in each file, without `---` between"),
    ("what nobody writes", "%YAML\na: b", ":1:6: found a syntax error (while scanning a %YAML directive, did not find expected version number), expected YAML or JSON"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_mistake_is_named_and_located(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        source.parse(text.encode(), "file")

    assert str(caught.value).startswith(f"file{said}")

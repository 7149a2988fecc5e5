"""Whatever a document says, it is a graph or it is told what is wrong, and where; and so is its
export.

Hypothesis makes documents that are nearly right: trees of the language's own words, and the shipped
examples with pieces changed, moved and taken out. GRAPHWRIGHT_EXAMPLES asks for more of them.
"""

from __future__ import annotations

import copy
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.graphs.conftest import TOOLS
from tests.graphs.exported import DOCUMENTS
from tests.graphs.exported_files import write_files

from graphwright_graphs import source
from graphwright_graphs.blueprint import WORDS
from graphwright_graphs.compile import Loader
from graphwright_graphs.errors import DocumentError, Problem
from graphwright_graphs.export import export
from graphwright_graphs.imports import Imports, using
from graphwright_graphs.models import Models
from graphwright_graphs.nodes.conversation import FullPrompt, Turn
from graphwright_graphs.nodes.kinds import BUILT_IN
from graphwright_graphs.nodes.options import WORDS as OPTIONS
from graphwright_graphs.state import Channel

EXAMPLES = int(os.environ.get("GRAPHWRIGHT_EXAMPLES", "60"))
LIMIT = 4.0  # seconds of computing that one document may take; a usual one takes 0.02
FILE = "generated.yaml"

SHIPPED = [
    *(path.read_text() for path in sorted((Path(__file__).parents[2] / "graphs").glob("*.yaml"))),
    *(dedent(text) for text, _ in DOCUMENTS.values()),
]

many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

# --- values

names = st.sampled_from(["a", "b", "messages", "text", "START", "END", "today", "tools", "a & b"])
odd_texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("{a}", "{", "{{a}}", "{a.b}", "{a!r}", "{0}", "{{", "a & b", "a +", "size(a) > 0"),
            *("a.b.c == 'x'", "messages.last().tool_calls", "true || true", "timestamp(a) > a"),
            *("{{{a}}}", "{{#a}}{{b}} {{.}}{{/a}}", "{{^a}}", "{{/a}}", "{{> a}}", "{{=<% %>=}}"),
            *("parts/inner.yaml", "parts/deep.yaml", FILE, "graphs_of_a_user:graph", "asked.md"),
            *("env:X", "module:name", "os:system", "x:", ":x", "a:b.c", "..", "./x.yaml"),
            *("http://a/{b}", "openai:x", "demo", "clock", "calculator", "messages"),
            *(
                "list[string]",
                "list[list[any]]",
                "list[",
                "é😀",
                "\u2028",
                "\x7f",
                "\u0085",
                "'" * 9,
            ),
        ]
    ),
)
scalars = st.one_of(
    names,
    odd_texts,
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([10**18, -(10**25), 10**300, 1e308, -0.0, float("inf"), float("nan"), 0.1]),
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | odd_texts, inner, max_size=3)
    ),
    max_leaves=8,
)

# --- documents of the language's own words

KINDS = {kind.word: kind for kind in BUILT_IN}


def mapping_of(fields: list[str], values: Any = junk) -> Any:
    """Some of these keys, with any values."""
    return st.dictionaries(st.sampled_from(fields), values, max_size=4)


def words_of(model: Any) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


prompts = mapping_of(
    words_of(FullPrompt),
    st.one_of(
        st.sampled_from(["mustache", "f-string"]),
        odd_texts,
        st.dictionaries(names, scalars, max_size=2),
        st.lists(mapping_of(words_of(Turn), odd_texts | junk), max_size=2),
    ),
)
bodies = st.one_of(
    *(
        mapping_of(words_of(kind.body), junk | prompts).map(lambda body, word=word: {word: body})
        for word, kind in KINDS.items()
    ),
    st.tuples(st.sampled_from(list(KINDS)), junk).map(lambda pair: dict([pair])),
)
nodes = st.tuples(bodies, mapping_of(list(OPTIONS))).map(lambda pair: {**pair[1], **pair[0]})
channels = st.one_of(
    st.sampled_from(["messages", "append", "last", "add", "merge", "plan"]),
    mapping_of(words_of(Channel)),
    junk,
)
branches = st.lists(mapping_of(["when", "to", "at_most"], names | odd_texts | junk), max_size=3)
documents = st.fixed_dictionaries(
    {
        "state": st.dictionaries(names, channels, max_size=4) | junk,
        "nodes": st.dictionaries(names, nodes, max_size=3) | junk,
        "edges": st.dictionaries(names, names | st.lists(names, max_size=3) | branches, max_size=4),
    },
    optional={word: junk for word in WORDS if word not in ("state", "nodes", "edges")},
)

# --- the shipped examples, changed


def places(data: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything inside a tree is."""
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield (*where, key)
            yield from places(data[key], (*where, key))


def at(data: Any, where: tuple[Any, ...]) -> Any:
    for key in where:
        data = data[key]
    return data


@st.composite
def changed(draw: Any) -> Any:
    """A shipped example, changed in one to three places."""
    data = yaml.load(draw(st.sampled_from(SHIPPED)), yaml.CSafeLoader)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        found = list(places(data))
        if not found:
            break
        where, other = draw(st.sampled_from(found)), draw(st.sampled_from(found))
        inside, key = at(data, where[:-1]), where[-1]
        how = draw(st.sampled_from(["junk", "gone", "renamed", "copied", "wrapped"]))
        if how == "junk":
            inside[key] = draw(junk)
        elif how == "gone":
            del inside[key]
        elif how == "renamed" and isinstance(inside, dict):
            inside[draw(names | odd_texts)] = inside.pop(key)
        elif how == "copied":
            inside[key] = copy.deepcopy(at(data, other))
        else:
            inside[key] = draw(st.sampled_from([[inside[key]], {"a": inside[key]}]))
    return data


@st.composite
def mangled(draw: Any) -> str:
    """The text of a shipped example, with characters changed."""
    text: str = draw(st.sampled_from(SHIPPED))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 0, 1, 1, 2, 9, 40]))
        put = st.sampled_from(
            ["", " ", "\n", ":", "- ", "{", "}", "[", "&a ", "*a", "!x ", "#", "\t"]
        )
        text = text[:start] + draw(put | odd_texts) + text[end:]
    return text


# --- what has to hold


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "tools_of_a_user.py").write_text(TOOLS)
    write_files(folder)
    imports = Imports((folder,))
    with pytest.MonkeyPatch.context() as patch, using(imports):
        patch.syspath_prepend(folder)
        patch.chdir(folder)
        yield Loader(Models(), imports, (folder / FILE,))
    for name in ("tools_of_a_user", "graphs_of_a_user"):
        sys.modules.pop(name, None)


def check(text: str, loader: Loader) -> None:
    """Load and export a document, which may end in no other way than these two, and soon."""
    content, started = text.encode("utf-8", "surrogatepass"), time.process_time()
    try:
        graph = loader.build(source.parse(content, FILE), "generated")
        graph.get_input_jsonschema()
        graph.get_graph().draw_mermaid()
        Path(FILE).write_bytes(content)
        compile(export(FILE), "generated.py", "exec")
    except DocumentError as error:
        assert error.problems
        lines = content.decode("utf-8", "replace").splitlines() or [""]
        for problem in error.problems:
            assert_located(problem, lines)
    assert time.process_time() - started < LIMIT


def assert_located(problem: Problem, lines: list[str]) -> None:
    assert problem.file == FILE
    assert 1 <= problem.line <= len(lines) + 1
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    assert 1 <= problem.column <= len(line) + 1
    assert isinstance(problem.path, str)
    assert problem.found.strip()
    assert problem.expected.strip()
    assert len(str(problem)) < 4_000
    assert str(problem).encode()


def dumped(data: Any) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


@many
@given(junk)
def test_any_tree(loader: Loader, data: Any) -> None:
    check(dumped(data), loader)


@many
@given(documents)
def test_any_document_of_the_languages_words(loader: Loader, data: Any) -> None:
    check(dumped(data), loader)


@many
@given(changed())
def test_a_shipped_example_that_was_changed(loader: Loader, data: Any) -> None:
    check(dumped(data), loader)


@many
@given(mangled())
@example("")
@example("\ufeff")
@example("a: &a [*a]")
@example("- " * 5000)
@example("{" * 5000)
@example("a: !!python/object/apply:os.system [true]")
@example("? [a]\n: b")
@example("state: {a: {default: .inf}}\nnodes: {}\nedges: {}")
def test_the_text_of_a_shipped_example_that_was_mangled(loader: Loader, text: str) -> None:
    check(text, loader)

"""Prompts: mustache, files, few-shot examples and partial variables, all checked at load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.prompts import ChatPromptTemplate

from graphwright_graphs import DocumentError, MissingValue
from graphwright_graphs.source import MAX_BYTES

GRAPH = """
    state:
      messages: messages
      name: {type: string}
      items: {reducer: append}
      reply: {type: string}
    context: {tone: {type: string, default: dry}}
    nodes:
      ask:
        llm:
          output: reply
          prompt: %s
    edges: {START: ask, ask: END}
"""
STATE = {"name": 'A "b"', "items": [{"n": 1, "tags": ["x", "y"]}, {"n": 2, "tags": []}]}


@pytest.fixture
def asked(compiled: Any, scripted: Any) -> Any:
    """What a model is asked with that prompt, as (type, text) of each message."""

    def ask(prompt: str, **state: Any) -> list[tuple[str, str]]:
        model = scripted("ok")
        compiled(GRAPH % prompt, model).invoke({**STATE, **state})
        return [(message.type, str(message.content)) for message in model.asked[0]]

    return ask


def test_mustache_is_what_langchain_makes_of_it(asked: Any) -> None:
    text = "{{tone}}: {{{name}}} {{name}}{{#items}} {{n}}={{#tags}}{{.}},{{/tags}}{{/items}}"
    prompt = f"{{template_format: mustache, messages: [{{human: '{text}'}}]}}"
    theirs = ChatPromptTemplate.from_messages([("human", text)], template_format="mustache")
    values = {**STATE, "tone": "dry"}

    assert asked(prompt) == [("human", str(theirs.format_messages(**values)[0].content))]


def test_mustache_reads_messages_and_leaves_out_what_is_empty(asked: Any) -> None:
    said = "{{#messages}}[{{type}}: {{content}}]{{/messages}}{{^messages}}nothing{{/messages}}"
    prompt = f"{{template_format: mustache, messages: [{{human: '{said}'}}]}}"

    assert asked(prompt, messages="Hi") == [("human", "[human: Hi]")]
    assert asked(prompt) == [("human", "nothing")]
    whole = prompt.replace(said, "{{{messages}}}/{{{items}}}")
    assert asked(whole, messages="Hi", items=[1]) == [("human", "Human: Hi/[1]")]


def test_a_file_is_the_system_prompt_or_a_turn(asked: Any, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/system.md").write_text("You help {name}.\n")

    assert asked("{file: prompts/system.md}", messages="Hi") == [
        ("system", 'You help A "b".'),
        ("human", "Hi"),
    ]
    assert asked("[{human: {file: prompts/system.md}}]") == [("human", 'You help A "b".')]


def test_partial_variables_are_filled_in(asked: Any) -> None:
    prompt = "{text: '{company} no. {number}', partial_variables: {company: ACME, number: 7}}"

    assert asked(prompt) == [("system", "ACME no. 7")]


def test_examples_are_messages(asked: Any, tmp_path: Path) -> None:
    expected = [("human", "2+2"), ("ai", "4"), ("human", "{3}"), ("ai", "3"), ("human", "go")]
    pairs = "[{input: 2+2, output: '4'}, {input: '{3}', output: 3}]"
    assert asked(f"[{{examples: {pairs}}}, {{human: go}}]") == expected

    (tmp_path / "examples.yaml").write_text(pairs)
    assert asked("[{examples: {file: examples.yaml}}, {human: go}]") == expected

    own = "[{human: 'Q {q}'}, {ai: 'A {a}'}]"
    assert asked(f"[{{examples: [{{q: x, a: y}}], example_prompt: {own}}}]") == [
        ("human", "Q x"),
        ("ai", "A y"),
    ]


def test_mustache_examples_are_taken_as_they_are(asked: Any) -> None:
    prompt = "{template_format: mustache, messages: [{examples: [{input: 'a & b', output: '{'}]}]}"

    assert asked(prompt) == [("human", "a & b"), ("ai", "{")]


def test_a_prompt_node_takes_a_file_too(compiled: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear {name}")
    graph = compiled(
        """
        state: {name: {type: string}, letter: {type: string}}
        nodes: {write: {prompt: {template: {file: letter.txt}, output: letter}}}
        edges: {START: write, write: END}
        """
    )

    assert graph.invoke({"name": "Ada"})["letter"] == "Dear Ada"


def test_a_value_that_is_missing_is_said(compiled: Any) -> None:
    graph = compiled(GRAPH % "{template_format: mustache, text: '{{name}}'}")
    with pytest.raises(MissingValue, match=r"nodes\.ask\.llm\.prompt\.text needs the channel"):
        graph.invoke({"messages": "x"})


def test_a_value_in_a_section_of_its_own_may_be_missing(asked: Any) -> None:
    said = "{{#reply}}again, not {{reply}}{{/reply}}{{^reply}}first{{/reply}}"
    prompt = f"{{template_format: mustache, messages: [{{human: '{said}'}}]}}"

    assert asked(prompt) == [("human", "first")]
    assert asked(prompt, reply="a") == [("human", "again, not a")]


MUSTACHE = "{template_format: mustache, text: '%s'}"
MISTAKES = [
    (MUSTACHE % "{{nam}}", 'prompt.text: found "nam", expected a channel (', '"name"?'),
    (MUSTACHE % "{{#itmes}}{{n}}{{/itmes}}", 'found "itmes", expected a channel', '"items"?'),
    (MUSTACHE % "{{#items}}", "found a broken template (Unexpected EOF the tag", ""),
    (MUSTACHE % "{{> other}}", "found {{> other}}, expected no partials", ""),
    (MUSTACHE % "{{name", "found a broken template (unclosed tag at line", ""),
    ("{text: x, file: y}", "expected exactly one of text, file and messages", ""),
    ("{text: x, template_format: jinja2}", "expected one of f-string or mustache", ""),
    ("{text: '{company}'}", 'found "company", expected a channel', ""),
    ("{text: x, partial_variables: {name: y}}", 'partial_variables.name: found "name"', ""),
    ("{file: none.md}", 'prompt.file: found "none.md", which can\'t be read (No such file', ""),
    ("{file: ../x.md}", "which can't be read (it is not in the document's folder)", ""),
    ("{file: /etc/hosts}", "which can't be read (it is not in the document's folder)", ""),
    ("{file: big.md}", f"which can't be read (it has more than {MAX_BYTES} bytes)", ""),
    ("{file: latin.md}", 'found "latin.md", expected a text in UTF-8', ""),
    ("{file: wrong.md}", 'prompt.file: found "nam", expected a channel', '"name"?'),
    ("[{examples: [{input: x}]}]", "prompt[0].examples[0]", 'found "output"'),
    ("[{examples: {file: wrong.md}}]", "which has", "expected a list of examples"),
    (
        "[{examples: {file: broken.yaml}}]",
        'found "broken.yaml" (broken.yaml:',
        "a list of examples",
    ),
    ("[{examples: [], example_prompt: []}, {example_prompt: []}]", "exactly one of system", ""),
    ("[{human: x, example_prompt: []}]", "expected `examples` with `example_prompt`", ""),
    (
        "[{examples: [{q: x}], example_prompt: [{human: '{p}'}]}]",
        'prompt[0].example_prompt[0].human: found "p"',
        "",
    ),
    (
        "[{examples: [{input: x, output: }]}]",
        "examples[0].output: found nothing",
        "what the example",
    ),
]


@pytest.mark.parametrize(("prompt", "said", "hint"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_named_and_located(
    compiled: Any, tmp_path: Path, prompt: str, said: str, hint: str
) -> None:
    (tmp_path / "big.md").write_text("x" * (MAX_BYTES + 1))
    (tmp_path / "latin.md").write_bytes("é".encode("latin-1"))
    (tmp_path / "wrong.md").write_text("You are {nam}")
    (tmp_path / "broken.yaml").write_text("[{a: 1")
    with pytest.raises(DocumentError) as caught:
        compiled(GRAPH % prompt)

    assert said in str(caught.value)
    assert hint in str(caught.value)
    assert len(caught.value.problems) == 1, str(caught.value)


def test_a_link_out_of_the_folder_is_refused(compiled: Any, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.md"
    outside.write_text("secret")
    (tmp_path / "link.md").symlink_to(outside)
    with pytest.raises(DocumentError, match="not in the document's folder"):
        compiled(GRAPH % "{file: link.md}")

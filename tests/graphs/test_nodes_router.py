"""The kinds `router` and `prompt`."""

from __future__ import annotations

from typing import Any

import pytest

import graphwright_graphs
from graphwright_graphs.errors import DocumentError

DESKS = """
    state: {messages: messages, desk: {type: string}, reply: {type: string}}
    nodes:
      route:
        router:
          choices: {billing: Invoices and refunds., technical: Errors and outages.}
          default: technical
      billing: {prompt: {template: Billing., output: reply}}
      technical: {prompt: {template: Technical., output: reply}}
    edges: {START: route, billing: END, technical: END}
"""
STORED = """
    state: {messages: messages, desk: {type: string}}
    nodes:
      route:
        router: {choices: {billing: Invoices., other: All else.}, output: desk}
    edges: {START: route, route: END}
"""
CASES = """
    state: {size: {type: integer, default: 0}, label: {type: string}}
    nodes:
      route:
        router:
          cases:
            - {when: size > 10, choose: large}
            - {when: size > 5, choose: middling}
          default: small
          output: label
    edges: {START: route, route: END}
"""


async def test_a_models_choice_is_the_next_node(compiled: Any, scripted: Any, calls: Any) -> None:
    model = scripted(calls(("choice", {"choice": "billing"})))
    graph = compiled(DESKS, model)

    assert (await graph.ainvoke({"messages": "My invoice is wrong"}))["reply"] == "Billing."
    system = str(model.asked[0][0].content)
    assert "last message" in system
    assert "- billing: Invoices and refunds." in system
    assert {(e.source, e.target) for e in graph.get_graph().edges if e.source == "route"} == {
        ("route", "billing"),
        ("route", "technical"),
    }


def test_a_choice_is_repaired_once_and_then_the_default(
    compiled: Any, scripted: Any, calls: Any
) -> None:
    model = scripted(calls(("choice", {"choice": "sales"})), calls(("choice", {"choice": "x"})))

    assert compiled(DESKS, model).invoke({"messages": "hi"})["reply"] == "Technical."
    assert "none of billing, technical" in str(model.asked[1][-1].content)


def test_a_choice_goes_into_a_channel(compiled: Any, scripted: Any, calls: Any) -> None:
    graph = compiled(STORED, scripted(calls(("choice", {"choice": " Billing"}))))

    assert graph.invoke({"messages": "hi"})["desk"] == "billing"


def test_no_choice_without_a_default_is_an_error(compiled: Any, scripted: Any) -> None:
    with pytest.raises(graphwright_graphs.AnswerError, match="billing, other for node `route`"):
        compiled(STORED, scripted("?", "?")).invoke({"messages": "hi"})


@pytest.mark.parametrize(("size", "label"), [(11, "large"), (6, "middling"), (1, "small")])
def test_the_first_case_that_holds_is_taken(compiled: Any, size: int, label: str) -> None:
    assert compiled(CASES).invoke({"size": size})["label"] == label


def test_prompts_are_filled_in_as_text_and_as_messages(compiled: Any) -> None:
    graph = compiled("""
        state: {messages: messages, name: {type: string}, text: {type: string}}
        nodes:
          text: {prompt: {template: "Hello {name}, {{you}}", output: text}}
          ask: {prompt: {template: "Who is {name}?", output: messages}}
          tell: {prompt: {template: [{ai: "{name} is a cat."}], output: messages}}
        edges: {START: text, text: ask, ask: tell, tell: END}
    """)
    state = graph.invoke({"name": "Ada"})

    assert state["text"] == "Hello Ada, {you}"
    assert [(m.type, m.content) for m in state["messages"]] == [
        ("human", "Who is Ada?"),
        ("ai", "Ada is a cat."),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{billing: I", "{biling: I", '.router.choices.biling: found "biling", expected a node'),
        ("default: technical", "default: tech", 'did you mean "technical"?'),
        ("{START: route,", "{START: route, route: END,", "expected no edge"),
        ("default: technical", "cases: [{when: 'true', choose: a}]", "either `choices`"),
    ],
)
def test_mistakes_are_located(compiled: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(DESKS.replace(old, new))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("          default: small\n", "", "a `default`"),
        ("size > 5", "sizes > 5", 'cases[1].when: found "sizes"'),
        ("output: label", "output: lable", 'did you mean "label"?'),
    ],
)
def test_mistakes_in_cases_are_located(compiled: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(CASES.replace(old, new))
    assert said in str(caught.value)


def test_turns_need_a_conversation(compiled: Any) -> None:
    with pytest.raises(DocumentError, match="turns for"):
        compiled("""
            state: {text: {type: string}}
            nodes: {ask: {prompt: {template: [{human: hi}], output: text}}}
            edges: {START: ask, ask: END}
        """)

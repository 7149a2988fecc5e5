"""The kind `http`, against a real server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.tools.loopback import Loopback, serving

from graphwright_graphs import clients
from graphwright_graphs.errors import ConditionError, DocumentError, RequestError

ORDER = """
    state:
      customer: {type: string}
      kinds: append
      name: {type: string}
      code: {type: integer}
    nodes:
      fetch:
        http:
          url: "URL/customers/{customer}/orders"
          method: POST
          query: {limit: 2, for: "{customer}"}
          headers: {X-Asked-By: "graph of {customer}"}
          body: {kinds: "{kinds}", note: "of {customer}", deep: [true, "{kinds}"]}
          auth: {bearer: "env:ORDERS_TOKEN"}
          select: answer.items[0].name
          output: name
    edges: {START: fetch, fetch: END}
"""
ASK = {"customer": "a/../b?c", "kinds": ["new", "old"]}


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serving() as told:
        yield told


@pytest.fixture
def order(compiled: Any, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Compiles ORDER, with a replacement in it."""
    monkeypatch.setenv("ORDERS_TOKEN", "s3cret")
    loopback.answers(
        "/customers/a%2F..%2Fb%3Fc/orders", {"items": [{"name": "tea"}, {"name": "cup"}]}
    )

    def make(old: str = "", new: str = "") -> Any:
        text = ORDER.replace("URL", loopback.url)
        assert old in text
        return compiled(text.replace(old, new) if old else text)

    return make


async def test_a_request_is_filled_in_and_a_part_of_the_answer_taken(
    order: Any, loopback: Loopback
) -> None:
    assert (await order().ainvoke(ASK))["name"] == "tea"

    (sent,) = loopback.received
    assert (sent.method, sent.path) == ("POST", "/customers/a%2F..%2Fb%3Fc/orders")
    assert sent.query == [("limit", "2"), ("for", "a/../b?c")]
    assert sent.headers["x-asked-by"] == "graph of a/../b?c"
    assert sent.headers["authorization"] == "Bearer s3cret"
    assert sent.json == {
        "kinds": ["new", "old"],
        "note": "of a/../b?c",
        "deep": [True, ["new", "old"]],
    }


def test_it_runs_synchronously_and_gives_the_whole_answer(order: Any) -> None:
    graph = order("          select: answer.items[0].name\n", "")

    assert graph.invoke(ASK)["name"] == {"items": [{"name": "tea"}, {"name": "cup"}]}


def test_an_answer_in_words_is_text(order: Any, loopback: Loopback) -> None:
    loopback.answers("/customers/a/orders", "It is tea.")
    graph = order("          select: answer.items[0].name\n", "")

    assert graph.invoke({**ASK, "customer": "a"})["name"] == "It is tea."


def test_a_failing_status_is_an_error_that_says_what_to_do(order: Any, loopback: Loopback) -> None:
    loopback.answers("/customers/a/orders", "no s3cret there", status=404)
    with pytest.raises(RequestError) as caught:
        order().invoke({**ASK, "customer": "a"})

    said = str(caught.value)
    assert said.startswith(f"node `fetch`, POST {loopback.url}/customers/a/orders: ")
    assert "404 Not Found: no [env:ORDERS_TOKEN] there" in said
    assert "check the address" in said


def test_a_status_may_go_into_a_channel_instead(order: Any, loopback: Loopback) -> None:
    loopback.answers("/customers/a/orders", "gone", status=410)
    graph = order("          output: name", "          output: name\n          status: code")
    state = graph.invoke({**ASK, "customer": "a"})

    assert (state["code"], "name" in state) == (410, False)


def test_a_part_that_is_not_there_is_named(order: Any) -> None:
    with pytest.raises(ConditionError, match=r"answer\.nothing"):
        order("answer.items[0].name", "answer.nothing").invoke(ASK)


def test_a_value_can_not_change_the_path(order: Any) -> None:
    with pytest.raises(RequestError, match="can't be a part of an address"):
        order().invoke({**ASK, "customer": ".."})


def test_an_address_from_the_state_stays_on_the_listed_hosts(
    compiled: Any, loopback: Loopback
) -> None:
    loopback.answers("/a", {"b": 1})
    graph = compiled(f"""
        state: {{link: {{type: string}}, page: last}}
        nodes:
          fetch: {{http: {{url: "{{link}}", hosts: ["{loopback.host}"], output: page}}}}
        edges: {{START: fetch, fetch: END}}
    """)

    assert graph.invoke({"link": f"{loopback.url}/a"})["page"] == {"b": 1}
    with pytest.raises(RequestError, match="not allowed here"):
        graph.invoke({"link": "http://169.254.169.254/latest"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("output: name", "output: nam", 'http.output: found "nam"'),
        ("{customer}/orders", "{customr}/orders", 'http.url: found "customr"'),
        ('of {customer}", deep', 'of {customr}", deep', 'http.body.note: found "customr"'),
        ('for: "{customer}"', 'for: "{c}"', 'http.query.for: found "c"'),
        ("answer.items[0].name", "answr.items", 'http.select: found "answr.items"'),
        ("env:ORDERS_TOKEN", "s3cret", "env:NAME"),
        ("bearer:", "berer:", "by `bearer` or `basic`"),
        ("method: POST", "method: PUSH", 'http.method: found "PUSH"'),
        ("          output: name\n", "", "`select` without `output`"),
    ],
)
def test_mistakes_are_located(order: Any, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        order(old, new)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_an_address_needs_its_host_or_a_list(compiled: Any) -> None:
    with pytest.raises(DocumentError, match="an address that begins with its host, or the hosts"):
        compiled("""
            state: {link: {type: string}}
            nodes: {fetch: {http: "https://{link}/x"}}
            edges: {START: fetch, fetch: END}
        """)


@pytest.mark.parametrize(("option", "seconds"), [("", 30), (", timeout: 120", 120)])
def test_a_request_may_take_as_long_as_its_node(
    compiled: Any, monkeypatch: pytest.MonkeyPatch, option: str, seconds: int
) -> None:
    made: list[Any] = []
    usual = clients.maker

    def maker(*args: Any) -> Any:
        make: Any = usual(*args)
        return lambda *args, **kwargs: made.append(make(*args, **kwargs)) or made[-1]

    monkeypatch.setattr(clients, "maker", maker)
    compiled(f"""
        state: {{ids: append, pages: append}}
        nodes:
          one: {{http: {{url: "https://a.example/x", output: pages}}{option}}}
          each:
            map:
              over: ids
              as: id
              do: {{http: {{url: "https://a.example/{{id}}", output: pages}}{option}}}
        edges: {{START: one, one: each, each: END}}
    """)

    assert [client.timeout for client in made] == [seconds, seconds]

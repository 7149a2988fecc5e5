"""The kind `subgraph`: documents, graphs in Python, graphs of other servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from tests.tools.loopback import Handler, Received, serving

import graphwright_graphs
from graphwright_graphs.errors import DocumentError

INNER = """
    state: {text: {type: string}, length: {type: integer, default: 5}, reply: {type: string}}
    input: [text, length]
    output: [reply]
    nodes:
      write: {llm: {prompt: "{text} in {length} words", output: reply}}
    edges: {START: write, write: END}
"""
SAME = """
    state: {text: {type: string}, reply: {type: string}}
    nodes: {inside: {subgraph: inner.yaml}}
    edges: {START: inside, inside: END}
"""
MAPPED = """
    state: {topic: {type: string}, poem: {type: string}}
    nodes:
      inside:
        subgraph: {graph: inner.yaml, in: {text: topic}, out: {poem: reply}}
    edges: {START: inside, inside: END}
"""
PYTHON = """
from operator import add
from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict):
    text: str
    seen: Annotated[list, add]


def ask(state):
    return {"text": state["text"] + interrupt("more?"), "seen": ["ask"]}


builder = StateGraph(State).add_node(ask).add_edge(START, "ask").add_edge("ask", END)


def make():
    return builder


number = 7
"""
ASKING = """
    state: {text: {type: string}}
    nodes: {inside: {subgraph: "parts/asking.py:make"}}
    edges: {START: inside, inside: END}
"""
THREAD = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def files(document: Any, tmp_path: Path) -> Path:
    """A folder with a document and a Python file to be embedded."""
    document(INNER, "inner.yaml")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "asking.py").write_text(PYTHON)
    return tmp_path


async def test_states_of_the_same_names_are_shared(
    files: Path, compiled: Any, scripted: Any
) -> None:
    model = scripted("Rain, rain.")
    graph = compiled(SAME, model)
    parts = [
        (space[0].split(":")[0] if space else "", *update)
        async for space, update in graph.astream(
            {"text": "rain"}, stream_mode="updates", subgraphs=True
        )
    ]

    assert parts == [("inside", "write"), ("", "inside")]
    assert model.asked[0][0].content == "rain in 5 words"
    assert [name for name, _ in graph.get_subgraphs()] == ["inside"]


async def test_other_names_are_mapped_and_tokens_stream(
    files: Path, compiled: Any, scripted: Any
) -> None:
    graph = compiled(MAPPED, scripted("Rain falls.", "Rain falls."))
    chunks = [
        part.content
        async for _, (part, _) in graph.astream(
            {"topic": "rain"}, stream_mode="messages", subgraphs=True
        )
    ]

    assert "".join(chunks) == "Rain falls."
    assert await graph.ainvoke({"topic": "rain"}) == {"topic": "rain", "poem": "Rain falls."}
    assert [name for name, _ in graph.get_subgraphs()] == ["inside"]


def test_it_runs_synchronously(files: Path, compiled: Any, scripted: Any) -> None:
    assert compiled(MAPPED, scripted("Rain."), None).invoke({"topic": "x"})["poem"] == "Rain."


async def test_a_graph_of_a_python_file_that_asks(files: Path, compiled: Any) -> None:
    graph = compiled(ASKING)
    graph.checkpointer = InMemorySaver()
    state = await graph.ainvoke({"text": "a"}, THREAD)
    assert state["__interrupt__"][0].value == "more?"

    assert (await graph.ainvoke(Command(resume="b"), THREAD))["text"] == "ab"


def sse(event: str, data: str) -> bytes:
    return f"event: {event}\ndata: {data}\n\n".encode()


@pytest.mark.parametrize("run", ["sync", "async"])
async def test_a_graph_of_another_server(
    compiled: Any, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    monkeypatch.setenv("POEMS_KEY", "s3cret")
    monkeypatch.setenv("LANGSMITH_API_KEY", "for another server")
    with serving() as loopback:

        def answer(handler: Handler, received: Received) -> None:
            body = sse("values", '{"reply": "Rain."}')
            handler.reply(200, body, {"Content-Type": "text/event-stream"})

        loopback.scripts["/runs/stream"] = answer
        graph = compiled(f"""
            state: {{topic: {{type: string}}, poem: {{type: string}}}}
            nodes:
              inside:
                subgraph:
                  url: {loopback.url}
                  graph: poems
                  api_key: env:POEMS_KEY
                  in: {{text: topic}}
                  out: {{poem: reply}}
            edges: {{START: inside, inside: END}}
        """)
        given = {"topic": "rain"}
        state = graph.invoke(given) if run == "sync" else await graph.ainvoke(given)
        client = graph.nodes["inside"].bound.node
        client.sync_client.http.client.close()
        await client.client.http.client.aclose()

    assert state["poem"] == "Rain."
    (request,) = loopback.received
    assert (request.json["assistant_id"], request.json["input"]) == ("poems", {"text": "rain"})
    assert request.headers["x-api-key"] == "s3cret"


def test_a_list_that_goes_in_and_comes_back_is_refused(files: Path, compiled: Any) -> None:
    text = ASKING.replace("}}\n    nodes", "}, seen: append}\n    nodes", 1)
    with pytest.raises(DocumentError, match='"seen", which goes in and comes back'):
        compiled(text)
    assert compiled(
        text.replace('"parts/', '{in: [text], graph: "parts/').replace('make"', 'make"}')
    )


def test_documents_in_a_circle_are_refused(document: Any, compiled: Any) -> None:
    outer = SAME.replace("inner.yaml", "graph.yaml")
    with pytest.raises(DocumentError, match=r"a circle \(graph.yaml -> graph.yaml\)"):
        compiled(outer)
    document(SAME.replace("inner.yaml", "third.yaml"), "second.yaml")
    document(SAME.replace("inner.yaml", "graph.yaml"), "third.yaml")
    with pytest.raises(DocumentError) as caught:
        compiled(SAME.replace("inner.yaml", "second.yaml"))

    (problem,) = caught.value.problems
    assert problem.file.endswith("third.yaml")
    assert "graph.yaml -> second.yaml -> third.yaml -> graph.yaml" in problem.found


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (SAME, "inner.yaml", "iner.yaml", "which can't be read (No such file"),
        (MAPPED, "{text: topic}", "{txt: topic}", 'subgraph.in: found "txt"'),
        (MAPPED, "{text: topic}", "{text: tpic}", 'did you mean "topic"?'),
        (MAPPED, "{poem: reply}", "{poem: replies}", 'subgraph.out: found "replies"'),
        (MAPPED, "{poem: reply}", "{pom: reply}", 'did you mean "poem"?'),
        (MAPPED, "graph: inner.yaml", "graph: a, api_key: env:NOT_SET", "`url` beside `api_key`"),
        (MAPPED, "graph: inner.yaml", "graph: a, url: 'http://x', api_key: env:NOT_SET", "not set"),
        (ASKING, ":make", ":number", "which is no graph but int"),
        (ASKING, ":make", ":State", "which is no graph but dict"),
        (ASKING, ":make", ":ask", "which made no graph (TypeError"),
        (ASKING, ":make", ":nothing", "where there is no `nothing`"),
        (ASKING, "parts/asking.py", "parts/none.py", "there is no Python file"),
        (ASKING, "parts/asking.py", "../../x.py", "not a file of the project"),
    ],
)
def test_mistakes_are_located(
    files: Path, compiled: Any, text: str, old: str, new: str, said: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(text.replace(old, new))
    assert said in str(caught.value)


def test_mistakes_of_a_document_that_is_embedded_twice_are_reported_once(
    files: Path, document: Any, compiled: Any
) -> None:
    document(INNER.replace("output: reply", "output: replie"), "inner.yaml")
    with pytest.raises(DocumentError) as caught:
        compiled("""
            state: {text: {type: string}, reply: {type: string}}
            nodes: {one: {subgraph: inner.yaml}, two: {subgraph: inner.yaml}}
            edges: {START: one, one: two, two: END}
        """)

    (problem,) = caught.value.problems
    assert (Path(problem.file).name, problem.found) == ("inner.yaml", '"replie"')


def test_mistakes_inside_are_reported_with_their_own_place(
    files: Path, document: Any, tools: str
) -> None:
    document(INNER.replace("output: reply", "output: replie"), "inner.yaml")
    path = document(SAME.replace("inside: END", "inside: EN"), "outer.yaml")
    with pytest.raises(DocumentError) as caught:
        graphwright_graphs.load(path)

    assert {Path(problem.file).name for problem in caught.value.problems} == {
        "inner.yaml",
        "outer.yaml",
    }

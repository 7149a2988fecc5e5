"""The kind `agent`: LangChain's agent inside a node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from tests.graphs.openai_server import Request, answering

import graphwright_graphs
from graphwright_graphs.errors import DocumentError

AGENT = """
    state: {talk: messages, mood: {type: string, default: calm}, sum: {type: object}}
    nodes:
      adder:
        agent:
          prompt: "Add, be {mood}."
          tools: ["tools_of_a_user:add", "tools_of_a_user:fail"]
    edges: {START: adder, adder: END}
"""
MIDDLEWARE = '''
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import RemoveMessage


class Forgetting(AgentMiddleware):
    """Takes the first message out."""

    def before_model(self, state, runtime):
        return {"messages": [RemoveMessage(id=state["messages"][0].id)]}


ready = Forgetting()


def broken():
    raise RuntimeError("no")


number = 7
'''
THREAD = {"configurable": {"thread_id": "1"}}


async def test_it_calls_tools_until_it_answers(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    model = scripted(calls(("add", {"a": 1, "b": 2}), ("fail", {"reason": "bad luck"})), "It is 3.")
    graph = compiled(AGENT, model)
    state = await graph.ainvoke({"talk": "1 + 2?", "mood": "brief"})

    assert [(m.type, m.content) for m in state["talk"]] == [
        ("human", "1 + 2?"),
        ("ai", ""),
        ("tool", "3"),
        ("tool", "The tool failed: RuntimeError: bad luck"),
        ("ai", "It is 3."),
    ]
    assert [m.content for m in model.asked[0]] == ["Add, be brief.", "1 + 2?"]
    assert model.bound[0] == ["add", "fail"]
    assert [name for name, _ in graph.get_subgraphs()] == ["adder"]


def test_it_runs_synchronously_and_updates_with_what_is_new(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    graph = compiled(AGENT, scripted(calls(("add", {"a": 1, "b": 2})), "It is 3."))
    (update,) = graph.stream({"talk": "1 + 2?"}, stream_mode="updates")

    assert [message.type for message in update["adder"]["talk"]] == ["ai", "tool", "ai"]


async def test_its_tokens_stream_as_those_of_a_subgraph(
    compiled: Any, scripted: Any, tools: str
) -> None:
    graph = compiled(AGENT, scripted("one two"))
    chunks = [
        (space[0].split(":")[0], chunk.content)
        async for space, (chunk, _) in graph.astream(
            {"talk": "go"}, stream_mode="messages", subgraphs=True
        )
        if chunk.content
    ]

    assert chunks == [("adder", "one "), ("adder", "two")]


async def test_a_run_picks_its_model(
    compiled: Any, scripted: Any, catalogue: Any, tools: str
) -> None:
    models = catalogue(scripted("a", "b"), allowed=["openai:small"])
    graph = compiled(AGENT, models=models)
    await graph.ainvoke({"talk": "hi"}, {"configurable": {"model": "openai:small"}})

    assert models.got == ["openai:small"]


async def test_calls_wait_for_a_person(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    text = AGENT.replace("prompt:", 'approve: ["tools_of_a_user:add"]\n          prompt:')
    graph = compiled(text, scripted(calls(("add", {"a": 1, "b": 2})), "It is 30."))
    graph.checkpointer = InMemorySaver()
    state = await graph.ainvoke({"talk": "1 + 2?"}, THREAD)
    assert state["__interrupt__"][0].value["action_requests"][0]["name"] == "add"

    edit = {"type": "edit", "edited_action": {"name": "add", "args": {"a": 10, "b": 20}}}
    state = await graph.ainvoke(Command(resume={"decisions": [edit]}), THREAD)
    (result,) = [m.content for m in state["talk"] if m.type == "tool"]
    assert result.endswith("30")


async def test_its_answer_may_be_data(compiled: Any, scripted: Any, calls: Any, tools: str) -> None:
    schema = "{type: object, properties: {sum: {type: integer}}, required: [sum]}"
    text = AGENT.replace("prompt:", f"schema: {schema}\n          output: sum\n          prompt:")
    graph = compiled(text, scripted(calls(("answer", {"sum": 3}))))

    assert (await graph.ainvoke({"talk": "1 + 2?"}))["sum"] == {"sum": 3}


async def test_rounds_are_bounded(compiled: Any, scripted: Any, calls: Any, tools: str) -> None:
    again = [calls(("add", {"a": 1, "b": at})) for at in range(3)]
    graph = compiled(AGENT.replace("prompt:", "max_rounds: 2\n          prompt:"), scripted(*again))
    state = await graph.ainvoke({"talk": "go"})

    assert [m.content for m in state["talk"] if m.type == "tool"] == ["1", "2"]
    assert "limit" in state["talk"][-1].content


@pytest.fixture
def middleware(tmp_path: Path, tools: str) -> None:
    (tmp_path / "mine.py").write_text(MIDDLEWARE)


@pytest.mark.parametrize("name", ["ready", "Forgetting"])
async def test_middleware_may_take_messages_out(
    compiled: Any, scripted: Any, middleware: None, name: str
) -> None:
    text = AGENT.replace("prompt:", f'middleware: ["mine.py:{name}"]\n          prompt:')
    graph = compiled(text, scripted("Hello."))
    state = await graph.ainvoke({"talk": [HumanMessage("old"), HumanMessage("hi")]})

    assert [message.content for message in state["talk"]] == ["hi", "Hello."]


async def test_it_works_over_openais_wire_format(document: Any, tools: str) -> None:
    def answer(request: Request) -> Any:
        return f"It is {request.results[0]}." if request.results else [("add", {"a": 1, "b": 2})]

    with answering(answer) as server:
        graph = graphwright_graphs.load(document(AGENT), models=server.models)
        state = await graph.ainvoke({"talk": "1 + 2?"})

    assert state["talk"][-1].content == "It is 3."
    assert server.requests[0].tools == ["add", "fail"]
    assert server.requests[0].system == "Add, be calm."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("output: sum", "`schema` and `output` together"),
        ("messages: mood", "a channel whose reducer is `messages`"),
        ('middleware: ["mine.py:number"]', "which is no middleware but int"),
        ('middleware: ["mine.py:broken"]', "which made no middleware (RuntimeError: no)"),
        ('middleware: ["mine.py:nothing"]', "middleware[0]"),
        ('approve: ["tools_of_a_user:ad"]', "agent.approve[0]"),
    ],
)
def test_mistakes_are_located(compiled: Any, middleware: None, words: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(AGENT.replace("prompt:", f"{words}\n          prompt:"))
    assert said in str(caught.value)

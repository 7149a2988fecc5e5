"""A document becomes the LangGraph graph that its twin in Python is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode
from typing_extensions import TypedDict

import graphwright_graphs
from graphwright_graphs import models as catalogues

AGENT = """
    description: Adds numbers.
    state:
      messages: messages
    nodes:
      assistant:
        llm:
          prompt: You add.
          tools: [tools_of_a_user:add]
      tools:
        tools: [tools_of_a_user:add]
    edges:
      START: assistant
      assistant:
        - when: size(messages.last().tool_calls) > 0
          to: tools
        - to: END
      tools: assistant
"""


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def twin(model: Any) -> Any:
    """What a person would write by hand for AGENT."""

    @tool
    def add(a: int, b: int) -> int:
        """Add two integers."""
        return a + b

    bound = model.bind_tools([add])

    async def assistant(state: State) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke([SystemMessage("You add."), *state["messages"]])]}

    async def route(state: State) -> str:
        return "tools" if state["messages"][-1].tool_calls else END  # type: ignore[union-attr]

    graph = StateGraph(State)
    graph.add_node("assistant", assistant)
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "assistant")
    graph.add_conditional_edges("assistant", route, ["tools", END])
    graph.add_edge("tools", "assistant")
    return graph.compile(name="graph")


def without_ids(event: Any) -> str:
    """An event as text, without the ids and checkpoint names that differ from run to run."""
    changing = ("id", "run_id", "langgraph_checkpoint_ns", "checkpoint_ns", "__pregel_task_id")

    def clean(value: Any) -> Any:
        if hasattr(value, "model_dump"):
            return clean(value.model_dump())
        if isinstance(value, dict):
            return {key: clean(each) for key, each in value.items() if key not in changing}
        return [clean(each) for each in value] if isinstance(value, list | tuple) else value

    return json.dumps(clean(event), sort_keys=True, default=str)


async def events(graph: Any) -> list[str]:
    modes = ["values", "updates", "messages"]
    start = {"messages": [HumanMessage("1 + 2?", id="question")]}
    return [without_ids(event) async for event in graph.astream(start, stream_mode=modes)]


async def test_same_nodes_edges_and_events_as_a_twin_in_python(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    replies = (calls(("add", {"a": 1, "b": 2})), "It is 3.")
    ours, theirs = compiled(AGENT, scripted(*replies)), twin(scripted(*replies))

    assert ours.get_graph().draw_mermaid() == theirs.get_graph().draw_mermaid()
    assert await events(ours) == await events(theirs)


def test_the_graph_is_named_after_its_file_and_keeps_its_description(
    document: Any, tools: str
) -> None:
    graph = graphwright_graphs.load(document(AGENT, "adder.yaml"))

    assert graph.name == "adder"
    assert graphwright_graphs.description(graph) == "Adds numbers."
    assert graph.get_input_jsonschema()["description"] == "Adds numbers."
    assert (graph.checkpointer, graph.store) == (None, None)


def test_a_json_document_is_the_same_language(tmp_path: Path, tools: str) -> None:
    path = tmp_path / "upper.json"
    text = {
        "state": {"text": {"type": "string"}},
        "nodes": {"whisper": {"python": "tools_of_a_user:whisper"}},
        "edges": {"START": "whisper", "whisper": "END"},
    }
    path.write_text(json.dumps(text, indent="\t"))

    assert graphwright_graphs.load(path).invoke({"text": "LOUD"}) == {"text": "loud"}


def test_input_and_output_are_subsets_of_the_state(compiled: Any, scripted: Any) -> None:
    graph = compiled(
        """
        state:
          topic: {type: string, default: tea, description: What about}
          lines: {reducer: append, type: string}
          poem: {type: string}
        input: [topic]
        output: [poem]
        nodes:
          write:
            llm: {prompt: "A poem about {topic}", output: poem}
        edges: {START: write, write: END}
        """,
        scripted("Leaves."),
    )
    topic = graph.get_input_jsonschema()["properties"]["topic"]

    assert topic["type"] == "string"
    assert (topic["default"], topic["description"]) == ("tea", "What about")
    assert list(graph.get_output_jsonschema()["properties"]) == ["poem"]
    assert graph.invoke({"topic": "rain"}) == {"poem": "Leaves."}


def test_the_models_in_use_are_taken_when_none_are_given(
    document: Any, scripted: Any, catalogue: Any
) -> None:
    path = document("state: {messages: messages}\nnodes: {a: {llm: Hi}}\nedges: {START: a, a: END}")
    with catalogues.using(catalogue(scripted("Hello."))):
        graph = graphwright_graphs.load(path)

    assert graph.invoke({"messages": "hi"})["messages"][-1].content == "Hello."


def test_fan_out_runs_the_branches_side_by_side_and_joins_them(
    compiled: Any, scripted: Any
) -> None:
    graph = compiled(
        """
        state: {notes: append, total: add}
        nodes:
          left: {llm: {prompt: left, output: notes}}
          right: {llm: {prompt: right, output: notes}}
          end: {llm: {prompt: "{notes}", output: notes}}
        edges: {START: [left, right], left: end, right: end, end: END}
        """,
        scripted("one", "two", "three"),
    )

    assert len(graph.invoke({"notes": []})["notes"]) == 3


def test_a_missing_file_is_an_ordinary_error() -> None:
    with pytest.raises(FileNotFoundError):
        graphwright_graphs.load("nowhere.yaml")

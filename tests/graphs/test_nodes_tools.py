"""The kinds `tools` and `python`."""

from __future__ import annotations

from typing import Any

import pytest

AGENT = """
    state: {messages: messages}
    nodes:
      assistant: {llm: {tools: &tools ["tools_of_a_user:add", "tools_of_a_user:fail"]}}
      tools: {tools: *tools}
    edges:
      START: assistant
      assistant:
        - {when: size(messages.last().tool_calls) > 0, to: tools}
        - to: END
      tools: assistant
"""


async def test_tools_run_in_parallel_and_answer_by_call_id(
    compiled: Any, scripted: Any, calls: Any, tools: str
) -> None:
    model = scripted(calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), "3 and 7.")
    state = await compiled(AGENT, model).ainvoke({"messages": "add"})
    results = [(m.tool_call_id, m.content) for m in state["messages"] if m.type == "tool"]

    assert results == [("call-0-add", "3"), ("call-1-add", "7")]
    assert model.bound == [["add", "fail"]]


@pytest.mark.parametrize(
    ("name", "args", "said"),
    [
        ("fail", {"reason": "no disk"}, "The tool failed: RuntimeError: no disk"),
        ("add", {"a": "x", "b": 1}, "valid integer"),
        ("divide", {"a": 1}, "divide is not a valid tool"),
    ],
)
async def test_a_failing_tool_tells_the_model(
    compiled: Any, scripted: Any, calls: Any, tools: str, name: str, args: Any, said: str
) -> None:
    model = scripted(calls((name, args)), "It failed.")
    state = await compiled(AGENT, model).ainvoke({"messages": "go"})
    result = state["messages"][-2]

    assert (result.type, result.status) == ("tool", "error")
    assert said in result.content


@pytest.mark.parametrize(("function", "text"), [("shout", "AB"), ("whisper", "ab")])
async def test_python_functions_are_nodes(
    compiled: Any, tools: str, function: str, text: str
) -> None:
    graph = compiled(f"""
        state: {{text: {{type: string}}}}
        nodes: {{change: {{python: "tools_of_a_user:{function}"}}}}
        edges: {{START: change, change: END}}
    """)

    assert (await graph.ainvoke({"text": "Ab"}))["text"] == text

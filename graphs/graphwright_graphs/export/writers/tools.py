"""The kind `tools`: LangGraph's ToolNode."""

from __future__ import annotations

from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes import tools
from graphwright_graphs.nodes.tools import Tools


def write(body: Tools, writing: Writing) -> str:
    """The ToolNode, as an expression."""
    module, channel = writing.module, writing.conversation(body.messages)
    words = [module.known(writing.tools(body.tools))]
    if writing.name != "tools":
        words.append(f"name={literal(writing.name)}")
    words.append(f"handle_tool_errors={module.inlined(tools.explained)}")
    if channel != "messages":
        words.append(f"messages_key={literal(channel)}")
    if writing.answered:
        sync, aio = tools.unless_answered, tools.unless_answered_async
        words.append(f"wrap_tool_call={module.inlined(sync)}({literal(channel)})")
        words.append(f"awrap_tool_call={module.inlined(aio)}({literal(channel)})")
    return f"{module.imported('langgraph.prebuilt', 'ToolNode')}({', '.join(words)})"

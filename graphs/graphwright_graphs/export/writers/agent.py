"""The kind `agent`: LangChain's `create_agent`, run as a node."""

from __future__ import annotations

from graphwright_graphs import agents
from graphwright_graphs.export import models, prompts
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes import agent
from graphwright_graphs.nodes.agent import Agent
from graphwright_graphs.nodes.tools import explained


def write(body: Agent, writing: Writing) -> str:
    """A function that makes the agent for a run, and runs it."""
    module, channel = writing.module, literal(writing.conversation(body.messages))
    words = [
        models.called(body.model, writing.name, module),
        f"tools={module.constant(f'{writing.name}_tools', writing.tools(body.tools))}",
        f"middleware=[{', '.join(_middleware(body, writing))}]",
    ]
    if body.prompt:
        name = f"{writing.name}_prompt"
        words.insert(
            1, f"system_prompt={prompts.filled(body.prompt, writing.readable, module, name)}"
        )
    if body.answer is not None:
        schema = {"title": "answer", "description": "The answer.", **body.answer}
        strategy = module.imported("langchain.agents.structured_output", "ToolStrategy")
        constant = module.constant(f"{writing.name}_schema", literal(schema))
        words.append(f"response_format={strategy}({constant})")
    made = f"{module.imported('langchain.agents', 'create_agent')}({', '.join(words)})"
    data = f', {literal(body.output)}: result["structured_response"]' if body.output else ""
    lines = [
        f"agent = {made}",
        f"agent.name = {literal(writing.name)}",
        f'result = await agent.ainvoke({{"messages": state[{channel}]}}, config)',
        f'new = {module.inlined(agent.changes)}(state[{channel}], result["messages"])',
        f"return {{{channel}: new{data}}}",
    ]
    return writing.function("Let an agent work until it answers.", lines)


def _middleware(body: Agent, writing: Writing) -> list[str]:
    module, home = writing.module, "langchain.agents.middleware"
    found = [f"{module.inlined(agents.Explained)}({module.inlined(explained)})"]
    if body.approve:
        allowed = {"allowed_decisions": ["approve", "edit", "reject"]}
        names = [writing.imports.called(name) for name in body.approve]
        on = literal({name: allowed for name in names})
        found.append(f"{module.imported(home, 'HumanInTheLoopMiddleware')}(interrupt_on={on})")
    if body.max_rounds is not None:
        limit = module.imported(home, "ModelCallLimitMiddleware")
        found.append(f'{limit}(run_limit={body.max_rounds}, exit_behavior="end")')
    return found + [_own(path, writing) for path in body.middleware]


def _own(path: str, writing: Writing) -> str:
    """Middleware of the project's own: an object, or what makes one."""
    from langchain.agents.middleware import AgentMiddleware  # noqa: PLC0415 - it takes a while

    text = writing.imported(path)
    return text if isinstance(writing.imports.found(path), AgentMiddleware) else f"{text}()"

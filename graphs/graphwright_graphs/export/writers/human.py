"""The kind `human`: an interrupt, and what a person's answer becomes."""

from __future__ import annotations

from graphwright_graphs import approval
from graphwright_graphs.export import prompts
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.human import Human


def write(body: Human, writing: Writing) -> str:
    """A function that interrupts the run."""
    interrupt = writing.module.imported("langgraph.types", "interrupt")
    if body.ask is not None:
        return _question(body, writing, interrupt)
    channel = writing.conversation(body.messages)
    names = sorted(map(writing.tools_by_name.called, body.approve))
    module = writing.module
    guarded = module.constant(f"{writing.name}_tools", "{" + ", ".join(map(literal, names)) + "}")
    review, unclear = module.inlined(approval.Review), module.inlined(approval.UnclearAnswer)
    lines = [
        f"review = {review}.of(state[{literal(channel)}], {guarded})",
        "if review is None:",
        "    return {}",
        "request = review.request()",
        "while True:",
        "    try:",
        f"        decisions = review.decisions({interrupt}(request))",
        f"    except {unclear} as error:",
        '        request = {**review.request(), "error": str(error)}',
        "    else:",
        f"        return {{{literal(channel)}: review.outcome(decisions)}}",
    ]
    return writing.function("Let a person look at tool calls before they are run.", lines)


def _question(body: Human, writing: Writing, interrupt: str) -> str:
    name, module = body.output or writing.conversation(None), writing.module
    text = prompts.filled(str(body.ask), writing.readable, module, f"{writing.name}_question")
    answer = "answer"
    if writing.is_conversation(name):
        answer = f"[{module.imported('langchain_core.messages', 'HumanMessage')}(str(answer))]"
    lines = [
        f'answer = {interrupt}({{"question": {text}}})',
        f"return {{{literal(name)}: {answer}}}",
    ]
    return writing.function("Ask a person.", lines)

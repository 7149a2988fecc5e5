"""The kind `prompt`: a template filled in."""

from __future__ import annotations

from graphwright_graphs.export import prompts
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.prompts import Template
from graphwright_graphs.export.writers.conversation import turns
from graphwright_graphs.export.writers.lowering import lowered
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.prompt import PromptBody


def write(body: PromptBody, writing: Writing) -> str:
    """A function that fills in the template."""
    template = lowered(body.template, writing)
    if isinstance(template, Template):
        module = writing.module
        value = prompts.written(template, writing.readable, module, f"{writing.name}_text")
        if writing.is_conversation(body.output):
            value = f"[{module.imported('langchain_core.messages', 'HumanMessage')}({value})]"
    else:
        value = turns(template or [], writing)
    return writing.function(
        "Fill in the template.", [f"return {{{literal(body.output)}: {value}}}"]
    )

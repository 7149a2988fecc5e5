"""The kind `llm`: a chat model's reply, or its answer in the form of a schema."""

from __future__ import annotations

from collections.abc import Sequence

from graphwright_graphs.export import models, runtime
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.conversation import composed
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import llm
from graphwright_graphs.nodes.llm import Llm


def write(body: Llm, writing: Writing) -> str:
    """A function that calls the model."""
    if body.answer is not None:
        return _data(body, writing)
    tools = ""
    if body.tools:
        tools = writing.module.constant(f"{writing.name}_tools", writing.tools(body.tools))
    messages = composed(body.prompt, body.messages, writing)
    bind: models.Bind = (lambda model: f"{model}.bind_tools({tools})") if tools else str
    model = models.called(body.model, writing.name, writing.module, bind)
    output = body.output or writing.conversation(body.messages)
    said = "[reply]" if writing.is_conversation(output) else "str(reply.text)"
    lines = [
        f"model = {model}",
        f"messages = {messages}",
        "reply = await model.ainvoke(messages, config)",
        f"return {{{literal(output)}: {said}}}",
    ]
    return writing.function("Let the model answer.", lines)


def _data(body: Llm, writing: Writing) -> str:
    schema = {"title": writing.name, "description": "The answer.", **(body.answer or {})}
    messages = composed(body.prompt, body.messages, writing)
    lines = [
        f"messages = {messages}",
        *structured(schema, body.model, writing.module.inlined(llm.as_object), writing),
        "if data is None:",
        f'    raise ValueError("the model gave `{writing.name}` no answer that fits its schema")',
        f"return {{{literal(str(body.output))}: data}}",
    ]
    return writing.function("Let the model answer in the form of the schema.", lines)


def structured(
    schema: dict[str, object], model: Model | None, check: str, writing: Writing
) -> Sequence[str]:
    """Lines that set `data` to what a model says to `messages` in the form of a schema."""
    module = writing.module
    constant = module.constant(f"{writing.name}_schema", literal(schema))
    called = models.called(model, writing.name, module, models.with_schema(constant, module))
    ask = module.inlined(runtime.structured)
    return [f"model = {called}", f"data = await {ask}(model, messages, {check}, config)"]

"""The kind `router`: a label, chosen by conditions or by a model."""

from __future__ import annotations

from collections.abc import Sequence

from graphwright_graphs.edges import END
from graphwright_graphs.export import edges
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.conversation import composed
from graphwright_graphs.export.writers.llm import structured
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes import router
from graphwright_graphs.nodes.router import Router


def write(body: Router, writing: Writing) -> str:
    """A function that puts the label into a channel, or goes to the node of that name."""
    lines = _by_cases(body, writing) if body.cases else _by_model(body, writing)
    returns = ""
    if body.output is None:
        returns = f"{writing.module.imported('langgraph.types', 'Command')}[str]"
    return writing.function("Choose what comes next.", lines, returns=returns)


def _put(body: Router, label: str, writing: Writing) -> str:
    if body.output is not None:
        return f"{{{literal(body.output)}: {label}}}"
    if END in body.labels:
        end = writing.module.imported("langgraph.graph", "END")
        label = end if label == literal(END) else label
        if not label.startswith('"') and label != end:
            label = f"{end} if {label} == {literal(END)} else {label}"
    return f"{writing.module.imported('langgraph.types', 'Command')}(goto={label})"


def _by_cases(body: Router, writing: Writing) -> Sequence[str]:
    lines: list[str] = []
    for at, case in enumerate(body.cases):
        test = edges.condition(case.when, writing, (*writing.where, "cases", at, "when"))
        lines += [f"if {test}:", f"    return {_put(body, literal(case.choose), writing)}"]
    return [*lines, f"return {_put(body, literal(str(body.default)), writing)}"]


def _by_model(body: Router, writing: Writing) -> Sequence[str]:
    module = writing.module
    labels = module.constant(f"{writing.name}_choices", literal(body.choices))
    asked = module.inlined(router.with_choices)
    check = f"lambda said: {module.inlined(router.label_of)}(said, {labels})"
    default = f", {literal(body.default)}" if body.default is not None else ""
    lines = [
        f"messages = {asked}({composed(body.prompt, body.messages, writing)}, {labels}{default})",
        *structured(router.schema(body), body.model, check, writing),
    ]
    if body.default is not None:
        return [*lines, f"return {_put(body, f'data or {literal(body.default)}', writing)}"]
    lines += [
        "if data is None:",
        f'    raise ValueError("the model chose nothing for `{writing.name}`")',
    ]
    return [*lines, f"return {_put(body, 'data', writing)}"]

"""The kind `map`: a small graph with a task for each item of a list, by LangGraph's Send."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from graphwright_graphs import bodies
from graphwright_graphs.export import edges, options, runtime, state
from graphwright_graphs.export.annotations import reducer_text
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import INDENT
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.nodes.agent import Agent
from graphwright_graphs.nodes.http import Http
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.map import Map, flat
from graphwright_graphs.nodes.memory import Memory
from graphwright_graphs.nodes.node import Body
from graphwright_graphs.nodes.options import WORDS, Options
from graphwright_graphs.nodes.subgraph import Subgraph
from graphwright_graphs.state import Channel


def write(body: Map, writing: Writing) -> str:
    """A function that runs the graph, and joins what its tasks have written."""
    inner = _inner(body, writing)
    if inner is None:
        return ""
    word, data = inner
    place = (*writing.where, "do", word)
    readable = {**writing.readable, body.item: Channel()}
    told = Options.model_validate({each: body.do[each] for each in WORDS if each in body.do})
    inside = replace(
        writing.of(f"{writing.name}_{body.item}", place, told.timeout),
        readable=readable,
        state=f"dict[str, {writing.module.imported('typing', 'Any')}]",
    )
    node = ", ".join(
        [literal(body.item), writing.writers[word](data, inside), *options.words(told, inside)]
    )
    written = _written(data, writing)
    graph = _graph(body, node, written, writing)
    return _function(body, graph, written, writing)


def _inner(body: Map, writing: Writing) -> tuple[str, Body] | None:
    """The word and the body of the node that works on an item; what can't be written is told."""
    word = next(each for each in body.do if each in Kinds())
    place = (*writing.where, "do", word)
    kind = Kinds().load(word, place, writing.problems)
    if kind is None or word not in writing.writers:
        expected = f"a kind that can be exported ({', '.join(sorted(writing.writers))})"
        writing.problems.report(place, f"the kind `{word}`", expected, at_key=True)
        return None
    found = bodies.read(kind.body, body.do[word], place, writing.problems, short=kind.short)
    return (word, found) if found is not None else None


def _written(body: Body, writing: Writing) -> Mapping[str, Channel]:
    """The channels that the node inside may write, as far as its words tell."""
    known: Collection[str | None] = writing.channels
    match body:
        case Memory():
            use = body.read or body.search
            known = [use.output] if use else []
        case Subgraph() if body.gives is not None:
            known = body.gives
        case Http():
            known = [body.output, body.status]
        case Agent():  # to its conversation, too
            pass
        case _ if isinstance(output := getattr(body, "output", None), str):
            known = [output]
    return {
        name: channel
        for name, channel in writing.channels.items()
        if name in known and channel.reducer != "last"
    }


def _graph(body: Map, node: str, written: Mapping[str, Channel], writing: Writing) -> str:
    """Define the graph that has a task for each item; its name."""
    module, name = writing.module, writing.name
    anything = module.imported("typing", "Any")
    lines = [
        f"{INDENT}around: dict[str, {anything}]",
        f"{INDENT}{body.item}_list: list[{anything}]",
    ]
    if written:
        collected = module.inlined(runtime.collected)
        annotated = module.imported("typing", "Annotated")
        lines += [f"{INDENT}{each}: {annotated}[list[{anything}], {collected}]" for each in written]
    title = "".join(word.capitalize() for word in name.split("_"))
    schema = module.named(f"{title}Tasks")
    typed = module.imported("typing_extensions", "TypedDict")
    module.add([f"class {schema}({typed}, total=False):", *lines])
    return _built(body, node, schema, writing)


def _built(body: Map, node: str, schema: str, writing: Writing) -> str:
    module, name, item = writing.module, writing.name, literal(body.item)
    send = module.imported("langgraph.types", "Send")
    task = f"{send}({item}, {{**state['around'], {item}: each}})".replace("'", '"')
    tasks = writing.of(f"{name}_tasks", writing.where).function(
        "Send each item to the node.",
        [f'return [{task} for each in state["{body.item}_list"]]'],
        returns=f"list[{send}]",
        state=schema,
    )
    builder, graph = module.named(f"{name}_builder"), module.named(f"{name}_graph")
    start, end = (module.imported("langgraph.graph", each) for each in ("START", "END"))
    cache = [options.cache(module)] if "cache" in body.do else []
    lines = [
        f"{builder} = {module.imported('langgraph.graph', 'StateGraph')}({schema})",
        f"{builder}.add_node({node})",
        f"{builder}.add_conditional_edges({start}, {tasks}, [{item}])",
        f"{builder}.add_edge({item}, {end})",
        f"{graph} = {builder}.compile({', '.join([f'name={literal(name)}', *cache])})",
    ]
    module.add(lines)
    return graph


def _function(body: Map, graph: str, written: Mapping[str, Channel], writing: Writing) -> str:
    most = body.concurrency
    bound = f'min(config.get("max_concurrency") or {most}, {most})'
    lines = [
        f'given = {{"around": state, "{body.item}_list": list({_items(body, writing)})}}',
        f'settings = {{**config, "max_concurrency": {bound}}}',
        f"{'output = ' if written else ''}await {graph}.ainvoke(given, settings)",
    ]
    joined = [f"{literal(name)}: {_join(name, each, writing)}" for name, each in written.items()]
    if not joined:
        return writing.function("Work on each item.", [*lines, "return {}"])
    lines.append(f"joined = {{{', '.join(joined)}}}")
    lines.append("return {name: value for name, value in joined.items() if output.get(name)}")
    return writing.function("Work on each item, and join the updates in their order.", lines)


def _items(body: Map, writing: Writing) -> str:
    if body.over.isidentifier():
        return state.required(body.over, writing.channels[body.over]).text
    return edges.value(body.over, writing, (*writing.where, "over"))


def _join(name: str, channel: Channel, writing: Writing) -> str:
    module = writing.module
    values = f"output.get({literal(name)}, [])"
    if channel.reducer in ("append", "messages"):
        return f"{module.inlined(flat)}({values})"
    reduce = module.imported("functools", "reduce")
    return f"{reduce}({reducer_text(channel.join, module)}, {values}) if {values} else None"

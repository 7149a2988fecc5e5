"""`export`: from a document to the text of a Python module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphwright_graphs import bodies, source
from graphwright_graphs.blueprint import Blueprint
from graphwright_graphs.bounds import BoundedGraph
from graphwright_graphs.compile import Loader
from graphwright_graphs.edges import START, Edge, Join
from graphwright_graphs.errors import DocumentError, Problem
from graphwright_graphs.export import edges, options, state
from graphwright_graphs.export.imports import Imported
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.module import Module
from graphwright_graphs.export.writers import WRITERS, PlannerWriter, Writing, python
from graphwright_graphs.imports import current as allowed_imports
from graphwright_graphs.models import current as current_models
from graphwright_graphs.nodes.human import Human
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.llm import Llm
from graphwright_graphs.nodes.node import Body
from graphwright_graphs.nodes.planner import Planner
from graphwright_graphs.nodes.python import Python
from graphwright_graphs.problems import Problems
from graphwright_graphs.source import Source


class ExportError(DocumentError):
    """A graph can be run but not written in plain Python; `problems` says for want of what."""


def export(path: str | Path) -> str:
    """The document at `path` as the text of a Python module with the same graph, named `graph`.

    The documents that it embeds stand in the module, too.

    Raises:
        DocumentError: the document can't become a graph; an ExportError says that it can, but has
            a part for which there is no plain Python.
        OSError: the file can't be read.
    """
    return _Export(Path(path)).text()


class _Export:
    """One module that is written: the graph of a document, and those that it embeds."""

    def __init__(self, file: Path) -> None:
        self._loader = Loader(current_models(), allowed_imports(file))
        self._root = _Document.read(file, self._loader)
        about = self._root.blueprint.description or f"The graph `{file.stem}`."
        self._module = Module(
            f"{about}\n\nExported from {file.name} by Graphwright.\n", file.parent
        )
        self._graphs: dict[Path, str] = {}
        self._problems: list[Problem] = []

    def text(self) -> str:
        """The module. Raises ExportError."""
        self._write(self._root, "graph", "builder")
        if self._problems:
            raise ExportError(self._problems)
        return self._module.text()

    def _write(self, document: _Document, graph: str, builder: str, inside: str = "") -> None:
        document.write(self._module, graph, builder, inside, self._embedded)
        self._problems += document.problems.errors

    def _embedded(self, path: Path) -> str:
        """The name of the graph of an embedded document, which is written once.

        No circle comes so far: a graph that embeds itself can't be loaded.
        """
        key = path.resolve()
        if key not in self._graphs:
            name = path.stem
            graph, builder = (self._module.named(f"{name}_{each}") for each in ("graph", "builder"))
            self._write(_Document.read(path, self._loader), graph, builder, name)
            self._graphs[key] = graph
        return self._graphs[key]


class _Document:
    """One document that is written."""

    def __init__(self, document: Source, blueprint: Blueprint, loader: Loader) -> None:
        self.blueprint = blueprint
        self.problems = Problems(document)
        """What stands against an export."""
        self._name = Path(document.file).stem
        self._imports = Imported(loader.imports, self.problems)
        self._bodies = dict(_bodies(document.data["nodes"], self.problems))

    @classmethod
    def read(cls, file: Path, loader: Loader) -> _Document:
        """The document of a file, checked. Raises DocumentError, OSError."""
        document = source.read(file)
        problems = Problems(document)
        inside = replace(loader, embedding=(*loader.embedding, file.resolve()))
        blueprint = Blueprint.read(document.data, problems, inside)
        problems.raise_if_any()
        return cls(document, blueprint, inside)

    def write(
        self, module: Module, graph: str, builder: str, inside: str, embedded: Callable[[Path], str]
    ) -> None:
        """Define the graph in a module, under that name; its builder gets the other one.

        `inside` is empty for the outermost one, see Writing.
        """
        blueprint, classes = self.blueprint, self._classes(module)
        writing = Writing(
            name="",
            where=(),
            module=module,
            channels=blueprint.channels,
            readable={**blueprint.settings, **blueprint.channels},
            state=classes["state_schema"],
            builder=builder,
            context=classes.get("context_schema"),
            inside=inside,
            answered=any(
                isinstance(body, Human) and body.approve for _, body in self._bodies.values()
            ),
            imports=self._imports,
            writers=WRITERS,
            embedded=embedded,
            problems=self.problems,
        )
        nodes = [line for name in blueprint.nodes for line in self._node(name, writing)]
        ways = [line for edge in blueprint.edges for line in self._ways(edge, writing)]
        made = module.imported("langgraph.graph", "StateGraph")
        if any(edge.is_bounded for edge in blueprint.edges):
            made = module.inlined(BoundedGraph)
        words = ", ".join([classes["state_schema"], *_keywords(classes)])
        module.add([f"{builder} = {made}({words})", *nodes, *ways])
        module.add([f"{graph} = {builder}.compile({', '.join(self._compiled(module))})"])

    def _classes(self, module: Module) -> dict[str, str]:
        """Define the classes of state, context, input and output; their names by StateGraph's
        words.
        """
        read, about = self.blueprint, self.blueprint.description
        for name, channel in read.channels.items():
            if ":" in channel.reducer:
                self._imports.home(channel.reducer.rpartition(":")[0], module, ("state", name))
        title = "".join(word.capitalize() for word in self._name.replace("-", "_").split("_"))
        found = {"state_schema": state.state_class(title, read.channels, about, module)}
        if read.settings:
            found["context_schema"] = state.context_class(title, read.settings, module)
        for word, names in (("input", read.input), ("output", read.output)):
            if names:
                subset = f"{title}{word.capitalize()}"
                found[f"{word}_schema"] = state.subset_class(subset, names, read.channels, module)
        return found

    def _node(self, name: str, writing: Writing) -> list[str]:
        """What adds a node to the builder; a planner is several, and the ways between them."""
        word, body = self._bodies[name]
        entry = self.blueprint.nodes[name]
        inside = writing.of(name, ("nodes", name, word), entry.options.timeout)
        if isinstance(body, Planner):
            planner = PlannerWriter(body, inside)
            nodes, ways = planner.nodes(), planner.ways()
        elif word in WRITERS:
            nodes, ways = [(name, WRITERS[word](body, inside))], []
        else:
            expected = f"a kind that can be exported ({', '.join(sorted([*WRITERS, 'planner']))})"
            self.problems.report(inside.where, f"the kind `{word}`", expected, at_key=True)
            return []
        words = list(options.words(entry.options, inside, entry.leads))
        if isinstance(body, Python) and python.names_a_state(entry.action):
            words.append(f"input_schema={inside.state}")
        added = [", ".join([literal(each), action, *words]) for each, action in nodes]
        return [*(f"{inside.builder}.add_node({each})" for each in added), *ways]

    def _ways(self, edge: Edge | Join, writing: Writing) -> Sequence[str]:
        name = edge.written.lower() if edge.written == START else edge.written
        inside = writing.of(f"after_{name}", ("edges", edge.written))
        answered = self._answered_by(edge.written, inside)
        exits = {node.name: node.exit for node in self.blueprint.nodes.values()}
        return edges.lines(edge, inside, answered, exits)

    def _answered_by(self, node: str, writing: Writing) -> Sequence[str]:
        """The conversation whose last message is surely an AI message when a node is done."""
        body = self._bodies.get(node, ("", None))[1]
        if not isinstance(body, Llm) or body.answer is not None:
            return ()
        output = body.output or writing.conversation(body.messages)
        return (output,) if writing.is_conversation(output) else ()

    def _compiled(self, module: Module) -> Iterator[str]:
        yield f"name={literal(self._name)}"
        nodes = self.blueprint.nodes.values()
        for word, names in (
            ("interrupt_before", [node.name for node in nodes if node.options.stops_before]),
            ("interrupt_after", [node.exit for node in nodes if node.options.stops_after]),
        ):
            if names:
                yield f"{word}={literal(names)}"
        if any(node.options.cache is not None for node in nodes):
            yield options.cache(module)


def _keywords(classes: Mapping[str, str]) -> Iterator[str]:
    for word, name in classes.items():
        if word != "state_schema":
            yield f"{word}={name}"


def _bodies(nodes: Mapping[str, Any], problems: Problems) -> Iterator[tuple[str, tuple[str, Body]]]:
    """The word and the body of each node; a document that could be loaded has one of each."""
    kinds = Kinds()
    for name, data in nodes.items():
        word = next(each for each in data if each in kinds)
        where = ("nodes", name, word)
        kind = kinds.load(word, where, problems)
        assert kind is not None
        body = bodies.read(kind.body, data[word], where, problems, short=kind.short)
        assert body is not None
        yield name, (word, body)

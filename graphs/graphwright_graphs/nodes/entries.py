"""The `nodes:` of a document: each name with its kind, its options and what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph
from langgraph.prebuilt import ToolNode

from graphwright_graphs import bodies, edges
from graphwright_graphs.context import Setting
from graphwright_graphs.imports import Imports
from graphwright_graphs.models import Models
from graphwright_graphs.nodes.kinds import Kinds
from graphwright_graphs.nodes.node import Body, Compound, Kind, Node, Scope
from graphwright_graphs.nodes.options import INNER_WORDS, WORDS, Options
from graphwright_graphs.problems import Problems, did_you_mean, no_mapping, quoted, shown
from graphwright_graphs.source import Source, Where
from graphwright_graphs.state import Channel
from graphwright_graphs.tools import Toolbox
from graphwright_graphs.usage import Usage

_RESERVED = (edges.START, edges.END, "__start__", "__end__")

_KIND = ("kind", "type")
"""What other languages have for a kind, which is a key here."""


class Loader(Protocol):
    """What a document's nodes have from outside of it."""

    @property
    def models(self) -> Models:
        """The chat models that nodes may use."""
        ...

    @property
    def imports(self) -> Imports:
        """What the document may import."""
        ...

    @property
    def embedding(self) -> Sequence[Path]:
        """The document that is built and those that embed it, from the outermost on."""
        ...

    def document(self, path: Path) -> Any:
        """The graph of another document. Raises DocumentError, OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One node: what `StateGraph.add_node` takes, and how it is to be run."""

    name: str
    action: Any
    options: Options
    kind: str | None
    """The word of its kind; None where there is not one."""
    leads: Sequence[str]
    """Where it leads by itself, without an edge."""

    @property
    def exit(self) -> str:
        """The LangGraph node that its edges leave from."""
        return self.action.exit if isinstance(self.action, Compound) else self.name

    def add_to(self, graph: StateGraph[Any, Any, Any, Any]) -> None:
        """Add this node to a LangGraph graph. The options go for each node of a compound."""
        if not isinstance(self.action, Compound):
            self._add(graph, self.name, self.action)
            return
        for name, action in self.action.nodes.items():
            self._add(graph, name, action)
        self.action.wire(graph)

    def _add(self, graph: StateGraph[Any, Any, Any, Any], name: str, action: Any) -> None:
        ends = dict.fromkeys(edges.langgraph_name(target) for target in self.leads)
        graph.add_node(
            name,
            action,
            # The document says what a state is, whatever class a function of the project names.
            input_schema=graph.state_schema,
            destinations=tuple(ends) or None,
            **self.options.arguments(),
        )
        # Wrapped where LangGraph has made a Runnable of it, whatever it was.
        added = graph.nodes[name]
        added.runnable = self.options.around(cast(Runnable[Any, Any], added.runnable), name)


class Reader:
    """Reads the nodes of one document. To kinds that hold nodes or graphs it is their compiler."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        settings: Mapping[str, Setting],
        loader: Loader,
        problems: Problems,
    ) -> None:
        self._channels = channels
        self._settings = settings
        self._loader = loader
        self._problems = problems
        self._toolbox = Toolbox(loader.imports, problems)
        self._kinds = Kinds()
        self.usage = Usage()

    def read(self, data: Any, where: Where = ("nodes",)) -> dict[str, Entry]:
        """The nodes by name; one with problems keeps its name, so that edges to it are no error."""
        if not isinstance(data, dict) or not data:
            expected = "nodes, such as `assistant: {llm: …}`"
            self._problems.report(where, shown(data), expected, no_mapping(data))
            return {}
        entries = {}
        for name, body in data.items():
            scope = Scope(
                name,
                (*where, name),
                self._channels,
                self._toolbox,
                self._loader.models,
                self._problems,
                imports=self._loader.imports,
                settings=self._settings,
                compiler=self,
                nodes=data,
                usage=self.usage,
            )
            entries[name] = self._entry(body, scope)
        return entries

    @property
    def embedding(self) -> Sequence[Path]:
        """The document that is built and those that embed it, from the outermost on."""
        return self._loader.embedding

    def document(self, path: Path) -> Any:
        """The graph of another document. Raises DocumentError, OSError."""
        return self._loader.document(path)

    def node(self, scope: Scope, data: Any) -> Entry | None:
        """The node that `data` describes, at the place of the scope."""
        word = self._word(data, scope.where, INNER_WORDS)
        words = {name: data[name] for name in INNER_WORDS if name in data} if word else {}
        options = Options.read(words, scope)
        action = self._action(word, data, scope, options, INNER_WORDS) if word else None
        if isinstance(action, Compound):
            found = f"{quoted(str(word))}, which is several nodes"
            self._problems.report(scope.where, found, "a kind that is one node")
        if action is None or isinstance(action, Compound):
            return None
        return Entry(scope.name, action, options, word, ())

    def _entry(self, data: Any, scope: Scope) -> Entry:
        if scope.name in _RESERVED or not scope.name or set(scope.name) & set("|:"):
            expected = "another name: no `|`, no `:`, not START or END"
            self._problems.report(scope.where, quoted(scope.name), expected, at_key=True)
        options = Options.read(data, scope) if isinstance(data, dict) else Options()
        word = self._word(data, scope.where, WORDS)
        action = self._action(word, data, scope, options, WORDS) if word else None
        return Entry(scope.name, action, options, word, scope.leads)

    def _action(
        self,
        word: str,
        data: Mapping[str, Any],
        scope: Scope,
        options: Options,
        beside: Sequence[str],
    ) -> Any:
        place = (*scope.where, word)
        if (kind := self._kinds.load(word, place, self._problems)) is None:
            return None
        body: Body | None = bodies.read(
            kind.body,
            data[word],
            place,
            self._problems,
            short=kind.short,
            context=self._loader.models,
            beside=beside,
        )
        if body is None:
            return None
        action = kind.build(body, replace(scope, where=place, timeout=options.timeout))
        self.usage.note(body.model_dump())
        self.usage.is_open |= not isinstance(action, Node | ToolNode | Compound)
        return action

    def _word(self, data: Any, where: Where, options: Sequence[str]) -> str | None:
        """The word of the node's kind; None unless there is exactly one."""
        if not isinstance(data, dict):
            expected = f"a kind of node ({', '.join(self._kinds)})"
            self._problems.report(where, shown(data), expected, no_mapping(data))
            return None
        words = [word for word in data if word in self._kinds]
        strange = [word for word in data if word not in self._kinds and word not in options]
        known = ", ".join(self._kinds)
        for word in strange:
            more = f" or an option ({', '.join(options)})" if words and options else ""
            expected = f"a kind of node ({known}){more}"
            near = [*self._kinds, *(options if words else ())]
            hint = self._belongs(word, data, words) or did_you_mean(word, near)
            self._problems.report((*where, word), quoted(word), expected, hint, at_key=True)
        if len(words) > 1:
            found = f"{len(words)} kinds ({', '.join(words)})"
            hints = (self._belongs(word, data, words) for word in words)
            self._problems.report(where, found, "one", next(filter(None, hints), None), at_key=True)
        if not words and not strange:
            self._problems.report(where, "no kind", f"one of {known}", at_key=True)
        is_clear = len(words) == 1 and not set(_KIND) & set(strange)
        return words[0] if is_clear else None

    def _belongs(self, word: str, data: Mapping[str, Any], kinds: Sequence[str]) -> str | None:
        """Where a word that stands beside a kind belongs."""
        if word in _KIND and isinstance(data[word], str) and data[word] in self._kinds:
            return f"write `{data[word]}: …`"
        for each in kinds:
            kind = self._kinds.load(each, (), Problems(Source("", None)))
            if each != word and kind is not None and word in _fields(kind):
                is_short = kind.short not in (None, word) and not isinstance(data[each], dict)
                others = f"{kind.short}: …, " if is_short else ""
                return f"write `{each}: {{{others}{word}: …}}`"
        return None


def _fields(kind: Kind) -> list[str]:
    return [info.alias or name for name, info in kind.body.model_fields.items()]

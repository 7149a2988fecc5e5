"""A project: its `langgraph.json`, and the graphs that it names.

The file is the official one (`langgraph-cli`'s schema); a graph may also be a YAML document.
Loading runs the project's code, so everything wrong with it is said before the service opens
anything.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
from langchain_core.runnables import RunnableConfig
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

import graphwright_graphs
from graphwright.environment import apply_environment
from graphwright.errors import ProjectError, Unavailable
from graphwright_graphs import Channels
from graphwright_graphs.errors import DocumentError
from graphwright_graphs.imports import Imports
from graphwright_graphs.imports import using as imports_in_use
from graphwright_graphs.models import Models
from graphwright_graphs.models import using as models_in_use

AnyGraph = Pregel[Any, Any, Any, Any]

DOCUMENTS = {".yaml", ".yml", ".json"}
# Keys that only building an image needs, and keys that later versions will act on.
BUILD_KEYS = {
    "$schema", "api_version", "base_image", "dockerfile_lines", "image_distro", "keep_pkg_tools",
    "node_version", "package", "pip_config_file", "pip_installer", "project_root", "python_version",
    "source",
}  # fmt: skip
UNSERVED_KEYS = {
    "auth", "checkpointer", "encryption", "http", "priority", "store", "ui", "ui_config",
    "webhooks",
}  # fmt: skip


class GraphEntry(BaseModel):
    """One graph of `langgraph.json`."""

    model_config = ConfigDict(extra="forbid")

    path: str
    description: str | None = None


class ProjectFile(BaseModel):
    """The keys of `langgraph.json` that the service reads."""

    model_config = ConfigDict(extra="forbid")

    graphs: dict[str, str | GraphEntry] = Field(min_length=1)
    dependencies: list[str] = []
    env: dict[str, str] | str = {}


class Graph:
    """One graph of a project: compiled once, or made for each run by a factory.

    One that could not be loaded has a `problem`, and cannot be opened.
    """

    def __init__(
        self,
        graph_id: str,
        description: str | None,
        source: Any,
        problem: str | None = None,
        channels: Channels | None = None,
    ) -> None:
        self.graph_id = graph_id
        self.description = description
        self.problem = problem
        self.channels = channels
        """Those of a document; a graph in Python may take what it likes."""
        self._source = source

    def check(self) -> None:
        """Raise `Unavailable` for a graph that could not be loaded."""
        if self.problem is not None:
            raise Unavailable(self.problem)

    @asynccontextmanager
    async def open(self, config: RunnableConfig, **attached: Any) -> AsyncIterator[AnyGraph]:
        """The graph for one run or one look at its state.

        `attached` is what the service lends it: `checkpointer`, `store`.
        """
        self.check()
        async with AsyncExitStack() as stack:
            made: Any = await _make(self._source, config)
            if hasattr(made, "__aenter__"):
                made = await stack.enter_async_context(made)
            elif hasattr(made, "__enter__"):
                made = stack.enter_context(made)
            graph = made.compile() if isinstance(made, StateGraph) else made
            yield graph.copy(update=attached)


class Project:
    """The graphs that a service serves.

    `problems` says of each graph, by its id, why the one on the disk is not served: the last one
    that could be loaded is, or none.
    """

    def __init__(
        self, graphs: Mapping[str, Graph], problems: Mapping[str, str], roots: Sequence[Path]
    ) -> None:
        self.graphs = graphs
        self.problems = problems
        self.roots = roots
        """The folders that hold its code."""

    def become(self, other: "Project") -> None:
        """Serve what `other` does from now on. Runs under way go on with what they began with."""
        self.graphs, self.problems, self.roots = other.graphs, other.problems, other.roots


def load_project(
    file: Path,
    models: Models,
    imports: Sequence[str] = (),
    *,
    instead: Mapping[str, Graph] | None = None,
) -> Project:
    """Read a project's file and load every graph it names.

    Args:
        file: the `langgraph.json`.
        models: the models that its graphs may use.
        imports: modules that its documents may import besides the project's own.
        instead: given, a graph that is broken is no error: the one of this mapping takes its place,
            or else one that can't be opened.
    """
    file = file.absolute()
    read = _read(file)
    apply_environment(file, read.env)
    folders = _folders(file, read)
    put_first(folders)
    graphs, problems = {}, {}
    allowed = Imports(tuple(folders), tuple(imports))
    with models_in_use(models), imports_in_use(allowed):
        for graph_id, entry in read.graphs.items():
            try:
                graphs[graph_id] = _graph(file, graph_id, entry)
            except ProjectError as error:
                if instead is None:
                    raise
                problems[graph_id] = str(error)
                broken = Graph(graph_id, None, None, problems[graph_id])
                graphs[graph_id] = instead.get(graph_id, broken)
    return Project(graphs, problems, folders)


def folders_of(file: Path) -> list[Path]:
    """The folders that hold the code of a project: its root, and the local ones it depends on."""
    return _folders(file.absolute(), _read(file))


def documents_of(file: Path) -> list[Path]:
    """The documents among the graphs of a project."""
    entries = _read(file).graphs.values()
    paths = [Path(entry if isinstance(entry, str) else entry.path) for entry in entries]
    return [file.parent / path for path in paths if path.suffix in DOCUMENTS]


def put_first(folders: Sequence[Path]) -> None:
    """Let a project's own `tools` or `graphs` be found before anybody else's."""
    sys.path[:0] = [path for path in map(str, folders) if path not in sys.path]


def _folders(file: Path, read: ProjectFile) -> list[Path]:
    root = file.parent
    local = [path for path in read.dependencies if path[:1] == "."]
    for path in local:
        if not (root / path).is_dir():
            said = f"no such folder: {path}. Name one of the project's, or leave it out"
            raise ProjectError(file, "dependencies", said)
    return [root, *(root / path for path in local)]


def _graph(file: Path, graph_id: str, entry: str | GraphEntry) -> Graph:
    entry = GraphEntry(path=entry) if isinstance(entry, str) else entry
    source = _load(file, f"graphs.{graph_id}", entry.path)
    if Path(entry.path).suffix not in DOCUMENTS:
        return Graph(graph_id, entry.description, source)
    said = entry.description or graphwright_graphs.description(source)
    return Graph(graph_id, said, source, channels=graphwright_graphs.channels(source))


def _read(file: Path) -> ProjectFile:
    try:
        data = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise ProjectError(
            file,
            "",
            "no such file. Name a project with --config, or make one with graphwright new DIR",
        ) from None
    except OSError as error:
        said = f"cannot be read: {error.strerror}. Name a project's langgraph.json with --config"
        raise ProjectError(file, "", said) from error
    except ValueError as error:
        raise ProjectError(file, "", f"not readable as JSON: {error}") from error
    if not isinstance(data, dict):
        raise ProjectError(
            file, "", f'expected an object with the key "graphs", found {type(data).__name__}'
        )
    for key in UNSERVED_KEYS & data.keys():
        raise ProjectError(file, key, "not served by this version of Graphwright; take the key out")
    try:
        return ProjectFile.model_validate({k: v for k, v in data.items() if k not in BUILD_KEYS})
    except ValidationError as error:
        # Of a graph that is neither a text nor an object with the right keys, the deepest.
        worst = max(error.errors(), key=lambda one: len(one["loc"]))
        key = ".".join(str(part) for part in worst["loc"] if part not in ("str", "GraphEntry"))
        raise ProjectError(file, key, f"{_said(worst)}, found {_shown(worst['input'])}") from None


def _said(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            known = GraphEntry if "graphs" in error["loc"] else ProjectFile
            return f"no key that is known here; expected one of {', '.join(known.model_fields)}"
        case "too_short":
            return 'expected a graph or more, such as "agent": "./graphs/agent.yaml"'
        case _:
            return error["msg"]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _load(file: Path, key: str, path: str) -> Any:
    if Path(path).suffix in DOCUMENTS:
        if not (file.parent / path).is_file():
            raise ProjectError(file, key, f"no such file: {path}")
        with _explained(file, key):
            return graphwright_graphs.load(file.parent / path)
    target, colon, attribute = path.rpartition(":")
    if not colon:
        raise ProjectError(file, key, f'expected "file.yaml" or "file.py:variable", found "{path}"')
    if Path(target).suffix in DOCUMENTS:
        raise ProjectError(file, key, f'expected "{target}" alone, found "{path}"')
    with _explained(file, key):
        module = _import(file.parent, target)
    found = getattr(module, attribute, None)
    if not (isinstance(found, Pregel | StateGraph) or callable(found)):
        raise ProjectError(
            file,
            key,
            f"{target} has no graph named {attribute!r}; "
            "expected a LangGraph graph or a function that makes one",
        )
    return found


def _import(root: Path, target: str) -> ModuleType:
    """Import `pkg.module` or `./folder/file.py`; a file gets the name by which `import` would find
    it from the root.

    The name matters: LangGraph's serializer writes it into checkpoints for a state's own classes.
    """
    if not target.endswith(".py"):
        return importlib.import_module(target)
    path = (root / target).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {target}")
    if path.is_relative_to(root.resolve()):
        parts = path.relative_to(root.resolve()).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            module = importlib.import_module(".".join(parts))
            if module.__file__ and Path(module.__file__).resolve() == path:
                return module
    return _import_file(path)


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"graphwright_project_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _explained(file: Path, key: str) -> Iterator[None]:
    """Say which graph failed, where in the project's code, and why, in place of a traceback."""
    try:
        yield
    except DocumentError as error:  # names files and lines itself
        raise ProjectError(file, key, f"cannot load the graph:\n{error}") from error
    except Exception as error:  # whatever a project's code raises
        last = traceback.format_exception_only(error)[-1].strip()
        place = _place(error, file.parent)
        raise ProjectError(file, key, f"cannot load the graph: {last}{place}") from error


def _place(error: Exception, root: Path) -> str:
    """The last line of the project's own code that an error passed."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and not path.is_relative_to(root / ".venv"):
            return f" ({path.relative_to(root)}:{frame.lineno})"
    return ""


async def _make(source: Any, config: RunnableConfig) -> Any:
    """A graph, or what its factory gives: a graph, or a context manager around one."""
    if isinstance(source, Pregel | StateGraph):
        return source
    made = _call(source, config)
    return await made if inspect.isawaitable(made) else made


def _call(factory: Callable[..., Any], config: RunnableConfig) -> Any:
    parameters = inspect.signature(factory).parameters.values()
    takes_config = any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return factory(config) if takes_config else factory()

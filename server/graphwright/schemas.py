"""What clients send: the bodies of the Agent Server API.

Unknown fields are refused, never dropped. A field that is known to the API but has no effect here
yet is refused as well when it asks for something: `NotServed` marks those.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Json = dict[str, Any]
StreamMode = Literal[
    "values",
    "messages",
    "messages-tuple",
    "updates",
    "events",
    "debug",
    "tasks",
    "checkpoints",
    "custom",
]
MultitaskStrategy = Literal["reject", "enqueue", "interrupt", "rollback"]
IfExists = Literal["raise", "do_nothing"]
ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
SortOrder = Literal["asc", "desc"]

MAX_PAGE = 1000  # rows a client may ask for at once


def _not_served(value: Any) -> Any:
    if value:
        raise ValueError("not served by this version of Graphwright; leave it out")
    return value


NotServed = Annotated[Any, AfterValidator(_not_served)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
Offset = Annotated[int, Field(ge=0)]


class Body(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid")


class Send(Body):
    """A node to run next, with an input of its own."""

    node: str
    input: Any = None


class Command(Body):
    """What to do instead of an input: answer an interrupt, change the state, go to a node."""

    resume: Any = None
    update: Any = None
    goto: Send | str | list[Send | str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_graph(cls, data: Any) -> Any:
        # The SDKs send a Command's every field; `graph` means something inside a graph only.
        return (
            {k: v for k, v in data.items() if k != "graph" or v is not None}
            if isinstance(data, dict)
            else data
        )


OF_CALLER = {
    *("__pregel_resuming", "__pregel_resume_map"),
    *("__pregel_durability", "__pregel_stream_messages_v2"),
}
"""What LangGraph's `RemoteGraph` passes on, and is about the run that calls it: none of ours."""


class Config(Body):
    """LangChain's run config, as far as a remote caller may set it."""

    tags: list[str] = []
    recursion_limit: int | None = Field(default=None, ge=1)
    configurable: Json = {}
    metadata: Json = {}

    @model_validator(mode="after")
    def _refuse_internals(self) -> "Config":
        self.configurable = {k: v for k, v in self.configurable.items() if k not in OF_CALLER}
        internal = sorted(key for key in self.configurable if key.startswith("__"))
        if internal:
            raise ValueError(
                f"configurable keys that begin with __ are LangGraph's own: {internal}"
            )
        return self


class Checkpoint(Body):
    """A place in a thread's history."""

    thread_id: str | None = None
    checkpoint_ns: str = ""
    checkpoint_id: str | None = None
    checkpoint_map: Json | None = None


class RunCreate(Body):
    """A run, on a thread or without one."""

    assistant_id: str
    input: Any = None
    command: Command | None = None
    metadata: Json = {}
    config: Config = Config()
    context: Json | None = None
    checkpoint: Checkpoint | None = None
    checkpoint_id: str | None = None
    interrupt_before: Literal["*"] | list[str] | None = None
    interrupt_after: Literal["*"] | list[str] | None = None
    stream_mode: StreamMode | list[StreamMode] = "values"
    stream_subgraphs: bool = False
    stream_resumable: bool = False
    multitask_strategy: MultitaskStrategy = "enqueue"
    if_not_exists: Literal["create", "reject"] = "reject"
    on_disconnect: Literal["cancel", "continue"] = "continue"
    on_completion: Literal["delete", "keep"] = "delete"
    after_seconds: float = Field(default=0, ge=0)
    durability: Literal["sync", "async", "exit"] | None = None
    checkpoint_during: bool | None = None
    webhook: NotServed = None
    feedback_keys: NotServed = None
    langsmith_tracer: NotServed = None
    strict_resume: bool | None = None

    @property
    def stream_modes(self) -> list[str]:
        """The stream modes as a list."""
        return [self.stream_mode] if isinstance(self.stream_mode, str) else list(self.stream_mode)


class RunPatch(Body):
    """Changes of a run that waits for its turn; what is left out stays."""

    input: Any = None
    command: Command | None = None
    config: Config | None = None
    context: Json | None = None
    metadata: Json | None = None
    after_seconds: float | None = Field(default=None, ge=0)
    before: str | None = Field(default=None, description="The run that it is to come before.")
    position: int | None = Field(default=None, ge=0, description="Its place; 0 is the next turn.")

    @model_validator(mode="after")
    def _refuse_two_places(self) -> "RunPatch":
        if self.before is not None and self.position is not None:
            raise ValueError("give `before` or `position`, not both")
        return self


class AssistantSearch(Body):
    """Which assistants to list."""

    metadata: Json | None = None
    graph_id: str | None = None
    name: str | None = None
    limit: Limit = 10
    offset: Offset = 0
    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] = "created_at"
    sort_order: SortOrder = "desc"
    select: list[str] | None = None


class AssistantCount(Body):
    """Which assistants to count."""

    metadata: Json | None = None
    graph_id: str | None = None
    name: str | None = None


class Superstep(Body):
    """Updates of one superstep, to seed a new thread with."""

    updates: list["SuperstepUpdate"]


class SuperstepUpdate(Body):
    """What one node would have written."""

    values: Any = None
    command: Command | None = None
    as_node: str


class ThreadCreate(Body):
    """A new thread."""

    thread_id: str | None = None
    metadata: Json | None = None
    if_exists: IfExists = "raise"
    supersteps: list[Superstep] | None = None
    graph_id: str | None = None
    ttl: NotServed = None


class ThreadPatch(Body):
    """Metadata to merge into a thread's."""

    metadata: Json | None = None
    ttl: NotServed = None


class ThreadSearch(Body):
    """Which threads to list."""

    ids: list[str] | None = None
    metadata: Json | None = None
    values: Json | None = None
    status: ThreadStatus | None = None
    limit: Limit = 10
    offset: Offset = 0
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] = (
        "updated_at"
    )
    sort_order: SortOrder = "desc"
    select: list[str] | None = None
    extract: NotServed = None


class ThreadCount(Body):
    """Which threads to count."""

    metadata: Json | None = None
    values: Json | None = None
    status: ThreadStatus | None = None


class ThreadPrune(Body):
    """Threads to delete, or to keep only the newest state of."""

    thread_ids: Annotated[list[str], Field(max_length=MAX_PAGE)]
    strategy: Literal["delete", "keep_latest"] = "delete"


class StateUpdate(Body):
    """Values to write into a thread's state, as if a node had returned them."""

    values: Any = None
    as_node: str | None = None
    checkpoint: Checkpoint | None = None
    checkpoint_id: str | None = None


class StateAt(Body):
    """A checkpoint whose state is wanted."""

    checkpoint: Checkpoint
    subgraphs: bool = False
    select: list[str] | None = None


class HistorySearch(Body):
    """Which part of a thread's history."""

    limit: Limit = 1
    before: str | Json | None = None
    metadata: Json | None = None
    checkpoint: Checkpoint | None = None
    select: list[str] | None = None

"""What a caller of a graph sends: the graph's input, or the answer to its interrupt."""

from typing import Any, get_type_hints

from langchain_core.utils.json_schema import dereference_refs
from langgraph.graph.state import CompiledStateGraph
from pydantic import (
    BaseModel,
    GetJsonSchemaHandler,
    PydanticUserError,
    RootModel,
    TypeAdapter,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from graphwright.project import AnyGraph
from graphwright.schemas import Command

COMMAND = "command"
EXPECTED = 'to answer an interrupt, send {"command": {"resume": …}}'


def input_schema(graph: AnyGraph) -> dict[str, Any]:
    """What a graph takes, as far as it can be told: a channel whose type pydantic cannot describe
    is left out.
    """
    try:
        return graph.get_input_jsonschema()
    except PydanticUserError:  # before Python 3.12 by any `typing.TypedDict`, too
        if not isinstance(graph, CompiledStateGraph):
            return {"type": "object", "properties": {}}
        known = get_type_hints(graph.builder.input_schema, include_extras=True)
        described = {name: _described(name, hint) for name, hint in known.items()}
        return {"type": "object", "properties": {k: v for k, v in described.items() if v}}


def input_type(graph_id: str, schema: dict[str, Any]) -> type[RootModel[Any]]:
    """A model that shows the graph's own input schema with `command` added, and refuses what looks
    like an answer to an interrupt and is not; the rest of its input the graph checks itself.
    """
    shown = _shown(graph_id, schema)
    fields = set(shown["properties"])

    class Input(RootModel[Any]):
        @model_validator(mode="after")
        def _check(self) -> "Input":
            if isinstance(self.root, dict):
                _refuse_odd_answers(self.root, fields)
            return self

        @classmethod
        def __get_pydantic_json_schema__(
            cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
        ) -> JsonSchemaValue:
            return shown

    Input.__name__ = f"{graph_id}_input"
    return Input


def run_fields(given: Any) -> dict[str, Any]:
    """A checked input as the fields of a run: its `input`, or its `command`."""
    if isinstance(given, BaseModel):
        given = given.model_dump()
    if not isinstance(given, dict):
        return {"input": given}
    if command := given.get(COMMAND):
        return {"command": Command(resume=command["resume"])}
    return {"input": {key: value for key, value in given.items() if key != COMMAND}}


def _refuse_odd_answers(given: dict[str, Any], fields: set[str]) -> None:
    command = given.get(COMMAND)
    # Nothing but an answer: an update or a goto would let a caller into the middle of a graph.
    if command and not (isinstance(command, dict) and set(command) == {"resume"}):
        raise ValueError(f"command: {EXPECTED} and nothing else with it, found {command}")
    # RemoteRunnable sends a `Command` as its bare fields; as an input, it would start the graph
    # anew and overwrite the state that waits.
    if "resume" in given and "resume" not in fields:
        raise ValueError(f"resume: not an input of this graph; {EXPECTED}")


def _described(name: str, hint: Any) -> dict[str, Any]:
    try:
        found = dereference_refs(TypeAdapter(hint).json_schema())
    except PydanticUserError:
        return {}
    return {"title": name, **{key: value for key, value in found.items() if key != "$defs"}}


def _shown(graph_id: str, schema: dict[str, Any]) -> dict[str, Any]:
    command = {
        "type": "object",  # not nullable: LangServe's playground cannot draw null
        "title": "Command",
        "description": 'To answer an interrupt: {"resume": …}; leave the rest empty.',
        "default": {},
    }
    # Without references: LangServe nests the schema in others, where `#/$defs` would point
    # elsewhere.
    whole = dereference_refs(schema)
    properties = {**whole.get("properties", {}), COMMAND: command}
    # Nothing is required: an answer comes without the graph's input, and the playground's Start
    # is grey while something required is missing.
    left_out = {"$defs", "required"}
    kept = {key: value for key, value in whole.items() if key not in left_out}
    return {**kept, "properties": properties, "title": f"{graph_id}_input"}

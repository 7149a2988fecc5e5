"""What a caller of a graph sends: the graph's input, or the answer to its interrupt."""

from typing import Any

from langchain_core.utils.json_schema import dereference_refs
from pydantic import BaseModel, GetJsonSchemaHandler, RootModel, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from graphwright.schemas import Command

COMMAND = "command"
EXPECTED = 'to answer an interrupt, send {"command": {"resume": …}}'


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

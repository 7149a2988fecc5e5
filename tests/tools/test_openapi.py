import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from langchain_core.tools import BaseTool
from tests.tools.loopback import Handler, Loopback, Received

from graphwright_tools.openapi import DocumentError, openapi_tools
from graphwright_tools.outbound import Outbound

PETS = """
openapi: 3.0.3
info: {title: Pets, version: 2026-01-01}
servers:
  - url: "{scheme}://pets.example/{version}"
    variables: {scheme: {default: https}, version: {default: v1}}
security: [{key: []}]
paths:
  /pets:
    parameters:
      - {name: X-Trace, in: header, schema: {type: string}}
    get:
      operationId: list pets!
      summary: List the pets.
      description: Of every kind.
      tags: [reading]
      security: []
      parameters:
        - {name: kind, in: query, schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: where, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: born, in: query, schema: {type: string, enum: [2020-01-01, 2021-01-01]}}
        - {name: config, in: query, schema: {type: boolean}}
        - {name: session, in: cookie, schema: {type: string}}
    post:
      operationId: addPet
      tags: [writing]
      requestBody: {$ref: "#/components/requestBodies/Pet"}
  /pets/{pet id}:
    get:
      operationId: getPet
      tags: [reading]
      parameters: [{$ref: "#/components/parameters/PetId"}]
    post:
      operationId: renamePet
      security: [{key: [], login: []}, {token: []}]
      parameters: [{$ref: "#/components/parameters/PetId"}]
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {name: {type: string}, tags: {type: array}}}
  /photos:
    post:
      operationId: addPhoto
      requestBody: {required: true, content: {image/png: {}}}
components:
  securitySchemes:
    key: {type: apiKey, in: query, name: api_key}
    token: {type: http, scheme: bearer}
    login: {type: http, scheme: basic}
  parameters:
    PetId: {name: pet id, in: path, required: true, schema: {type: string, maxLength: 20}}
  requestBodies:
    Pet:
      required: true
      content:
        application/xml: {}
        application/json: {schema: {$ref: "#/components/schemas/Pet"}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer, readOnly: true}
        name: {type: string, pattern: "^[A-Z]"}
        age: {type: integer, minimum: 0, exclusiveMinimum: true, nullable: true}
        mother: {$ref: "#/components/schemas/Pet"}
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PETS_KEY", "k-123")
    monkeypatch.setenv("PETS_LOGIN", "ada:hidden")


KEY = {"key": "env:PETS_KEY"}


@pytest.fixture
def tools(tmp_path: Path, loopback: Loopback) -> dict[str, BaseTool]:
    path = tmp_path / "pets.yaml"
    path.write_text(PETS)
    made = openapi_tools(
        path,
        base_url=f"{loopback.url}/v1/",
        secrets={**KEY, "login": "env:PETS_LOGIN"},
        outbound=Outbound(hosts=[loopback.host]),
    )
    return {tool.name: tool for tool in made}


async def called(tool: BaseTool, **args: Any) -> Any:
    return await tool.ainvoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})


def required_of(tool: BaseTool) -> Any:
    assert isinstance(tool.args_schema, dict)
    return tool.args_schema["required"]


def test_an_operation_is_a_tool_with_its_arguments(tools: dict[str, BaseTool]) -> None:
    assert list(tools) == ["list_pets", "addPet", "getPet", "renamePet"]  # no image can be sent
    listing = tools["list_pets"]
    assert listing.description == "List the pets.\n\nOf every kind."
    assert set(listing.args) == {
        *("X-Trace", "kind", "ids", "filter", "where", "born", "config_query", "session")
    }
    assert listing.args["born"] == {"type": "string", "enum": ["2020-01-01", "2021-01-01"]}
    assert required_of(listing) == []
    assert required_of(tools["addPet"]) == ["body"]


def test_a_schema_holds_no_reference_and_ends(tools: dict[str, BaseTool]) -> None:
    pet = tools["addPet"].args["body"]

    assert pet["required"] == ["name"]  # what is read-only is not sent
    assert pet["properties"]["age"] == {"type": ["integer", "null"], "exclusiveMinimum": 0}
    assert pet["properties"]["mother"]["properties"]["mother"] == {}
    assert "$ref" not in json.dumps(pet)


async def test_arguments_are_sent_in_their_places(
    tools: dict[str, BaseTool], loopback: Loopback
) -> None:
    loopback.answers("/v1/pets", [{"name": "Rex"}])

    message = await called(
        tools["list_pets"],
        kind=["cat", "dog"],
        ids=[1, 2],
        filter={"age": 3},
        where={"a": [1]},
        **{"config_query": True, "session": "a b;c", "X-Trace": "t", "born": None},
    )

    assert message.content == '200 OK, application/json\n\n[{"name": "Rex"}]'
    (request,) = loopback.received
    assert request.query == [
        ("kind", "cat"),
        ("kind", "dog"),
        ("ids", "1,2"),
        ("filter[age]", "3"),
        ("where", '{"a": [1]}'),
        ("config", "true"),
    ]
    assert request.headers["x-trace"] == "t"
    assert request.headers["cookie"] == "session=a%20b%3Bc"


async def test_a_path_argument_stays_in_its_place(
    tools: dict[str, BaseTool], loopback: Loopback
) -> None:
    loopback.answers("/v1/pets/a%2Fb%20%3Fc%23", {"name": "Rex"})

    assert "Rex" in (await called(tools["getPet"], pet_id="a/b ?c#")).content
    for climbing in ("..", ".", "", "../admin", "a/../../b", "..\\x", "x/.."):
        message = await called(tools["getPet"], pet_id=climbing)
        assert message.status == "error"
        assert "it is part of a path" in message.content
    assert len(loopback.received) == 1


async def test_a_body_is_sent_as_its_type(tools: dict[str, BaseTool], loopback: Loopback) -> None:
    loopback.answers("/v1/pets", status=201)
    loopback.answers("/v1/pets/7", "renamed")

    await called(tools["addPet"], body={"name": "Rex", "age": None})
    await called(tools["renamePet"], pet_id="7", body={"name": "R & x", "tags": ["a", "b"]})

    added, renamed = loopback.received
    assert (added.json, added.headers["content-type"]) == (
        {"name": "Rex", "age": None},
        "application/json",
    )
    assert renamed.body == b"name=R+%26+x&tags=a&tags=b"
    assert renamed.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_wrong_arguments_are_told_and_not_sent(
    tools: dict[str, BaseTool], loopback: Loopback
) -> None:
    wrong = await called(
        tools["addPet"], body={"name": "rex", "age": 0, "mother": {"name": 5}}, bdoy=1
    )
    missing = await called(tools["getPet"])

    assert wrong.status == missing.status == "error"
    assert wrong.content.startswith("The arguments of addPet are wrong: ")
    assert "'bdoy' was unexpected" in wrong.content
    assert "body.age: 0 is less than or equal to the minimum of 0" in wrong.content
    assert missing.content == (
        "The arguments of getPet are wrong: 'pet_id' is a required property. Correct them."
    )
    assert loopback.received == []


async def test_each_operation_gets_the_credentials_that_it_needs(
    tools: dict[str, BaseTool], loopback: Loopback
) -> None:
    def echo(handler: Handler, received: Received) -> None:
        text = f"{received.target} {dict(received.headers)}"
        handler.reply(200, text.encode(), {"Content-Type": "text/plain"})

    for path in ("/v1/pets", "/v1/pets/7"):
        loopback.scripts[path] = echo

    said = [
        await called(tools["list_pets"]),
        await called(tools["getPet"], pet_id="7"),
        await called(tools["renamePet"], pet_id="7"),
    ]

    free, keyed, both = loopback.received
    assert (free.query, "authorization" in free.headers) == ([], False)
    assert (keyed.query, "authorization" in keyed.headers) == ([("api_key", "k-123")], False)
    assert (both.query, both.headers["authorization"]) == (
        [("api_key", "k-123")],
        "Basic YWRhOmhpZGRlbg==",
    )
    for hidden in ("k-123", "hidden", "YWRhOmhpZGRlbg"):
        assert hidden not in str(said)
        assert hidden not in str(tools)
    assert "[env:PETS_KEY]" in said[1].content
    assert "[env:PETS_LOGIN]" in said[2].content


def test_operations_are_chosen_by_name_or_tag() -> None:
    content = yaml.safe_load(PETS)
    choose = {"source": content, "secrets": KEY}

    assert [tool.name for tool in openapi_tools(**choose, operations=["getPet"])] == ["getPet"]
    assert [tool.name for tool in openapi_tools(**choose, tags=["writing"])] == ["addPet"]
    with pytest.raises(DocumentError, match=r"no operation 'getPets'\. There is: getPet\."):
        openapi_tools(**choose, operations=["getPets"])
    with pytest.raises(DocumentError, match="no operation that was asked for"):
        openapi_tools(**choose, tags=["flying"])


async def test_the_server_is_the_documents(loopback: Loopback) -> None:
    content = yaml.safe_load(PETS)
    content["servers"] = [{"url": f"{loopback.url}/base"}]
    loopback.answers("/base/pets", [])
    (tool,) = openapi_tools(content, operations=["list pets!"])

    assert (await tool.ainvoke({})) == "200 OK, application/json\n\n[]"


async def test_a_document_from_the_web(loopback: Loopback) -> None:
    content = changed("servers 0 url", "/api")
    loopback.answers(
        "/openapi.json",
        json.dumps(content, default=str),
        headers={"Content-Type": "application/json"},
    )
    loopback.answers("/api/pets", "reached")
    url = f"{loopback.url}/openapi.json"

    (tool,) = openapi_tools(url, operations=["list pets!"], secrets=KEY)
    assert "reached" in await tool.ainvoke({})

    content["servers"] = [{"url": "https://elsewhere.example"}]
    loopback.answers("/openapi.json", json.dumps(content, default=str))
    with pytest.raises(DocumentError, match=r"base_url='https://elsewhere\.example'"):
        openapi_tools(url, operations=["getPet"], secrets=KEY)
    with pytest.raises(DocumentError, match=r"can't be fetched.*404 Not Found"):
        openapi_tools(f"{loopback.url}/other.json")


@pytest.mark.parametrize("version", ["3.1.0", "3.2.0"])
async def test_later_versions(version: str, loopback: Loopback) -> None:
    content: dict[str, Any] = {
        "openapi": version,
        "servers": [{"url": loopback.url}],
        "paths": {
            "/n/{n}": {
                "put": {
                    "parameters": [
                        {
                            "name": "n",
                            "in": "path",
                            "required": True,
                            "schema": {"$ref": "#/$defs/n", "maximum": 9},
                        }
                    ],
                    "requestBody": {"content": {"text/plain": {}}},
                }
            }
        },
        "$defs": {"n": {"type": ["integer", "null"], "description": "a number"}},
    }
    loopback.answers("/n/7", "seven")
    (tool,) = openapi_tools(content)

    assert tool.name == "put_n_n"
    assert tool.args["n"] == {"type": ["integer", "null"], "description": "a number", "maximum": 9}
    assert "seven" in await tool.ainvoke({"n": 7, "body": "hello"})
    assert loopback.received[0].body == b"hello"
    assert "greater than the maximum" in await tool.ainvoke({"n": 70})


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document of the pets with another value at a path; None removes it."""
    content: dict[str, Any] = yaml.safe_load(PETS)
    *above, last = path.split(" ")
    place: Any = content
    for key in above:
        place = place[int(key) if isinstance(place, list) else key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("openapi", "2.0", "no OpenAPI document of version 3.0 to 3.2: openapi is '2.0'"),
        ("openapi", None, "it has no field openapi"),
        ("paths", None, "#: has no 'paths'"),
        ("servers", None, "#: has no servers; give base_url="),
        ("servers 0 url", "/v1", "#/servers/0: has the url '/v1' without a host; give base_url="),
        ("servers 0 variables", {}, "#/servers/0/variables: has no 'scheme'"),
        (
            "components schemas Pet properties mother $ref",
            "#/components/schemas/Cat",
            "#/components/schemas/Pet/properties/mother: refers to #/components/schemas/Cat, which",
        ),
        (
            "components schemas Pet properties name",
            "text",
            "#/components/schemas/Pet/properties/name: must be a schema",
        ),
        (
            "components schemas Pet properties name required",
            True,
            "#/components/schemas/Pet/properties/name/required: must be a list",
        ),
        (
            "components schemas Pet properties name type",
            "date",
            "#/components/schemas/Pet/properties/name/type: is 'date'; known are string, number",
        ),
        ("components schemas Pet properties age minimum", "0", "age/minimum: must be a number"),
        (
            "components schemas Pet",
            {"$ref": "#/components/schemas/Pet"},
            "has a $ref that leads back to itself",
        ),
        (
            "components requestBodies Pet content application/json schema $ref",
            "pet.yaml#/Pet",
            "refers to another document, 'pet.yaml#/Pet'; bundle them into one",
        ),
        ("components parameters PetId name", "id", "has no path parameter 'pet id'"),
        ("components parameters PetId name", None, "#/components/parameters/PetId: has no 'name'"),
        ("components parameters PetId in", "body", "is in 'body'; known are path, query"),
        ("components securitySchemes key in", "body", "is an apiKey in 'body'; known are header"),
        ("components securitySchemes key type", "mutualTLS", "is of type 'mutualtls'"),
        ("security", [{"token": []}], "needs the security scheme 'token': give secrets={'token'"),
    ],
)
def test_an_error_names_the_place_in_the_document(path: str, value: Any, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        openapi_tools(changed(path, value), operations=["addPet", "getPet"], secrets=KEY)
    assert said in str(caught.value)


def test_plain_values_are_those_of_json(tmp_path: Path) -> None:
    values = "on, no, 12:30, 2020-01-01, 0x1f, 010, 10, -1, 1.5, 1e3, true, null, ~, a"
    path = tmp_path / "api.yaml"
    path.write_text(PETS.replace("enum: [2020-01-01, 2021-01-01]", f"enum: [{values}]"))

    (tool,) = openapi_tools(path, operations=["list pets!"])

    texts = ["on", "no", "12:30", "2020-01-01", "0x1f", "010"]
    assert tool.args["born"]["enum"] == [*texts, 10, -1, 1.5, 1000.0, True, None, None, "a"]


def test_what_can_not_be_sent_is_told_if_it_was_asked_for() -> None:
    with pytest.raises(DocumentError, match=r"#/paths/~1photos/post/requestBody: takes image/png"):
        openapi_tools(yaml.safe_load(PETS), operations=["addPhoto"], secrets=KEY)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "neither JSON nor YAML"), ("- 1", "it has no field openapi"), (None, "can't be read")],
)
def test_says_what_is_wrong_with_a_file(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(DocumentError, match=said) as caught:
        openapi_tools(path)
    assert str(path) in str(caught.value)


def test_a_schema_that_grows_without_end_is_bounded() -> None:
    wide = {
        f"S{level}": {
            "type": "object",
            "properties": {k: {"$ref": f"#/components/schemas/S{level + 1}"} for k in "abcdefgh"},
        }
        for level in range(30)
    }
    wide["S30"] = {"type": "string"}
    content = changed("components schemas", {**wide, "Pet": {"$ref": "#/components/schemas/S0"}})

    (tool,) = openapi_tools(content, operations=["addPet"], secrets=KEY)

    assert len(json.dumps(tool.args)) < 200_000


def test_a_document_whose_yaml_contains_itself_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    text = PETS.replace(
        'mother: {$ref: "#/components/schemas/Pet"}', "mother: &m {properties: {m: *m}}"
    )
    path.write_text(text)

    (tool,) = openapi_tools(path, operations=["addPet"], secrets=KEY)

    assert tool.args["body"]["properties"]["mother"]["properties"]["m"]

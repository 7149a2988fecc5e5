import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError, UnprocessableEntityError
from tests.conftest import Service

# What the official server gives a graph named "agent", on every machine and at every start.
AGENT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca"


async def test_get(client: LangGraphClient) -> None:
    found = await client.assistants.get(AGENT)
    assert found["graph_id"] == found["name"] == "agent"
    assert found["metadata"] == {"created_by": "system"}
    assert found["version"] == 1


async def test_get_by_graph_name_is_refused_as_by_the_official_server(
    client: LangGraphClient,
) -> None:
    with pytest.raises(UnprocessableEntityError, match="Invalid assistant ID: must be a UUID"):
        await client.assistants.get("agent")


async def test_an_unknown_assistant_is_not_found(client: LangGraphClient) -> None:
    with pytest.raises(NotFoundError):
        await client.assistants.get("00000000-0000-0000-0000-000000000000")


async def test_search_pages_through_every_graph(client: LangGraphClient) -> None:
    seen: list[str] = []
    page = await client.assistants.search(limit=5, sort_by="name", response_format="object")
    while True:
        seen += [found["graph_id"] for found in page["assistants"]]
        if page["next"] is None:
            break
        page = await client.assistants.search(
            limit=5, offset=int(page["next"]), sort_by="name", response_format="object"
        )
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == await client.assistants.count()


async def test_search_by_graph_and_metadata(client: LangGraphClient) -> None:
    found = await client.assistants.search(
        graph_id="echo", metadata={"created_by": "system"}, select=["graph_id", "description"]
    )
    assert found == [{"graph_id": "echo", "description": "Says what it was told."}]
    assert await client.assistants.search(metadata={"created_by": "nobody"}) == []


async def test_count_by_name(client: LangGraphClient) -> None:
    assert await client.assistants.count(name="ECH") == 1


async def test_get_graph(client: LangGraphClient) -> None:
    drawn = await client.assistants.get_graph(AGENT)
    assert {node["id"] for node in drawn["nodes"]} == {"__start__", "agent", "tools", "__end__"}
    assert {"source": "tools", "target": "agent"} in drawn["edges"]
    assert any(edge.get("conditional") for edge in drawn["edges"])


async def test_get_graph_sees_through_subgraphs_when_asked(client: LangGraphClient) -> None:
    (outer,) = await client.assistants.search(graph_id="outer")
    flat = await client.assistants.get_graph(outer["assistant_id"])
    deep = await client.assistants.get_graph(outer["assistant_id"], xray=True)
    assert "inner:tools" not in {node["id"] for node in flat["nodes"]}
    assert "inner:tools" in {node["id"] for node in deep["nodes"]}


async def test_get_schemas(client: LangGraphClient) -> None:
    (narrow,) = await client.assistants.search(graph_id="narrow")
    schemas = await client.assistants.get_schemas(narrow["assistant_id"])
    assert schemas["graph_id"] == "narrow"
    assert set(schemas["input_schema"]["properties"]) == {"question"}
    assert set(schemas["output_schema"]["properties"]) == {"answer"}
    assert set(schemas["state_schema"]["properties"]) == {"question", "answer", "scratch"}


async def test_get_schemas_of_a_context(client: LangGraphClient) -> None:
    (greeter,) = await client.assistants.search(graph_id="greeter")
    schemas = await client.assistants.get_schemas(greeter["assistant_id"])
    assert set(schemas["context_schema"]["properties"]) == {"greeting"}


async def test_get_subgraphs(client: LangGraphClient) -> None:
    (outer,) = await client.assistants.search(graph_id="outer")
    found = await client.assistants.get_subgraphs(outer["assistant_id"])
    assert set(found) == {"inner"}
    assert "messages" in found["inner"]["input_schema"]["properties"]
    named = await client.assistants.get_subgraphs(
        outer["assistant_id"], namespace="inner", recurse=True
    )
    assert named == found
    assert await client.assistants.get_subgraphs(AGENT) == {}


def test_the_sync_client(plain: Service) -> None:
    with get_sync_client(url=plain.url) as client:
        assert client.assistants.get(AGENT)["graph_id"] == "agent"
        thread = client.threads.create()
        parts = list(client.runs.stream(thread["thread_id"], "echo", input={"text": "hi"}))
        assert [part.event for part in parts] == ["metadata", "values", "values"]
        assert client.threads.get_state(thread["thread_id"])["values"]["log"] == ["echo:hi"]
        assert client.runs.wait(None, "echo", input={"text": "yo"})["log"] == ["echo:yo"]

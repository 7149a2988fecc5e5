"""A caller's mistyped channel of a document is refused by name, wherever it is sent."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client
from langgraph_sdk.errors import UnprocessableEntityError
from tests.conftest import Service
from typing_extensions import TypedDict

SAID = 'unknown channel; the graph agent takes messages. Did you mean "messages"?'
MISTYPED: Any = {"message": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def shop(shipped: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shipped.url, timeout=30) as connected:
        yield connected


@pytest.fixture
def thread(shop: httpx.Client) -> str:
    made = shop.post("/threads", json={"graph_id": "agent"})
    return str(made.json()["thread_id"])


@pytest.mark.parametrize("verb", ["", "/wait", "/stream"])
@pytest.mark.parametrize("on_thread", [True, False])
def test_the_input_of_a_run(shop: httpx.Client, thread: str, verb: str, on_thread: bool) -> None:
    path = f"/threads/{thread}/runs{verb}" if on_thread else f"/runs{verb}"
    answer = shop.post(path, json={"assistant_id": "agent", "input": MISTYPED})

    assert (answer.status_code, answer.json()) == (422, {"detail": f"input.message: {SAID}"})
    assert shop.get(f"/threads/{thread}/runs").json() == []


async def test_as_the_sdk_tells_it(shipped: Service) -> None:
    async with get_client(url=shipped.url) as client:
        with pytest.raises(UnprocessableEntityError, match="Did you mean"):
            await client.runs.create(None, "agent", input=MISTYPED)


@pytest.mark.parametrize(
    ("path", "body", "key"),
    [
        ("runs/wait", {"assistant_id": "agent", "command": {"update": MISTYPED}}, "command.update"),
        ("state", {"values": MISTYPED}, "values"),
        ("state", {"values": MISTYPED, "as_node": "assistant"}, "values"),
    ],
)
def test_an_update(shop: httpx.Client, thread: str, path: str, body: Any, key: str) -> None:
    answer = shop.post(f"/threads/{thread}/{path}", json=body)
    assert (answer.status_code, answer.json()) == (422, {"detail": f"{key}.message: {SAID}"})


def test_a_channel_that_is_no_input(shop: httpx.Client) -> None:
    body = {"assistant_id": "extraction", "input": {"contact": {"name": "Ada"}}}
    answer = shop.post("/runs/wait", json=body)

    assert answer.status_code == 422
    assert "input.contact: unknown channel; the graph extraction takes text" in answer.text


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("invoke", {"input": MISTYPED}),
        ("stream", {"input": MISTYPED}),
        ("batch", {"inputs": [{"messages": [{"type": "human", "content": "hi"}]}, MISTYPED]}),
    ],
)
def test_over_langserve(shop: httpx.Client, verb: str, body: dict[str, Any]) -> None:
    answer = shop.post(f"/graphs/agent/{verb}", json=body)
    assert "input.message: unknown channel" in answer.text
    assert answer.status_code == (200 if verb == "stream" else 422)


def test_a_graph_in_python_takes_what_it_likes(shop: httpx.Client) -> None:
    body = {"assistant_id": "subgraphs", "input": {"txt": "a"}}
    assert shop.post("/runs/wait", json=body).status_code == 200


class Around(TypedDict, total=False):
    text: str
    language: str
    translation: str
    budget: int


async def test_a_graph_around_may_send_more_than_is_taken(shipped: Service) -> None:
    async with get_client(url=shipped.url) as client:
        inside = RemoteGraph("translator", client=client)
        around = StateGraph(Around).add_node("inside", inside).add_edge(START, "inside")
        given: Any = {"text": "good morning", "language": "German", "budget": 3}
        state = await around.compile().ainvoke(given, {"configurable": {"thread_id": str(uuid4())}})
    assert "guten morgen" in state["translation"].lower()


def test_an_assistant_has_its_documents_description(shop: httpx.Client) -> None:
    (found,) = shop.post("/assistants/search", json={"graph_id": "translator"}).json()
    assert found["description"] == "Translates a text into the language you name."

"""`graphwright dev`: a change of a file changes what is served, and nothing else is lost."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.conftest import Service

PATIENCE = 20  # seconds

DOCUMENT = """
state: {text: last, wait: last}
nodes: {say: {python: "voice:FUNCTION"}}
edges: {START: say, say: END}
"""
VOICE = """
import time

def hello(state):
    time.sleep(state.get("wait") or 0)
    return {"text": "hello"}

def goodbye(state):
    return {"text": "goodbye"}
"""
PYTHON = """
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict
from voice import hello

class State(TypedDict, total=False):
    text: str
    wait: float

graph = StateGraph(State).add_node("say", hello).add_edge(START, "say").compile()
"""
BROKEN = DOCUMENT.replace("say: END", "say: nowhere").replace("FUNCTION", "hello")


class Dev(Service):
    """A running `graphwright dev`."""

    def write(self, name: str, text: str) -> None:
        path = self.config.parent / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    def list(self, **graphs: str) -> None:
        self.write("langgraph.json", json.dumps({"graphs": graphs}))

    def run(self, graph: str, thread: str = "", **given: Any) -> httpx.Response:
        body = {"assistant_id": graph, "input": {"text": "", **given}}
        path = f"/threads/{thread}/runs/wait" if thread else "/runs/wait"
        return httpx.post(f"{self.url}{path}", json=body, timeout=60)

    def says(self, graph: str, wanted: str) -> None:
        """Wait until the graph answers that."""
        until(lambda: self.run(graph).json().get("text"), wanted)

    def problems(self) -> dict[str, str]:
        told = httpx.get(f"{self.url}/info").json().get("problems", {})
        return dict(told)


def until(look: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"{found!r}, and not {wanted!r}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("dev")
    (folder / "project").mkdir()
    service = Dev(folder, folder / "project" / "langgraph.json", verb="dev")
    service.write("never.yaml", BROKEN)
    restore(service)
    service.start()
    yield service
    assert service.stop() == 0


def restore(service: Dev) -> None:
    service.write("voice.py", VOICE)
    service.write("spoken.yaml", DOCUMENT.replace("FUNCTION", "hello"))
    service.write("python.py", PYTHON)
    service.list(spoken="./spoken.yaml", python="./python.py:graph", never="./never.yaml")


@pytest.fixture(autouse=True)
def restored(dev: Dev) -> Iterator[None]:
    yield
    restore(dev)
    dev.says("spoken", "hello")
    dev.says("python", "hello")


def test_a_document_that_changes_is_what_the_next_run_takes(dev: Dev) -> None:
    thread = httpx.post(f"{dev.url}/threads", json={}).json()["thread_id"]
    assert dev.run("spoken", thread).json()["text"] == "hello"

    dev.write("spoken.yaml", DOCUMENT.replace("FUNCTION", "goodbye"))
    dev.says("spoken", "goodbye")

    assert dev.run("spoken", thread).json()["text"] == "goodbye"
    history = httpx.post(f"{dev.url}/threads/{thread}/history", json={"limit": 9}).json()
    ends = [each["values"]["text"] for each in history if not each["next"]]
    assert ends == ["goodbye", "hello"]


def test_a_module_that_changes_is_imported_anew(dev: Dev) -> None:
    dev.write("voice.py", VOICE.replace('"hello"', '"hello again"'))

    dev.says("spoken", "hello again")
    dev.says("python", "hello again")


def test_a_run_under_way_ends_with_the_graph_that_it_began_with(dev: Dev) -> None:
    with ThreadPoolExecutor() as pool:
        under_way = pool.submit(dev.run, "spoken", wait=2.5)
        time.sleep(0.5)  # it has begun
        dev.write("spoken.yaml", DOCUMENT.replace("FUNCTION", "goodbye"))
        dev.says("spoken", "goodbye")
        assert under_way.result().json()["text"] == "hello"


def test_a_broken_document_leaves_the_last_good_one_and_is_told(dev: Dev) -> None:
    dev.write("spoken.yaml", BROKEN)
    until(lambda: "spoken" in dev.problems(), True)

    assert "spoken.yaml:4:26 edges.say: found" in dev.problems()["spoken"]
    assert "spoken.yaml:4:26 edges.say: found" in dev.output()
    assert dev.run("spoken").json()["text"] == "hello"

    dev.write("spoken.yaml", DOCUMENT.replace("FUNCTION", "goodbye"))
    dev.says("spoken", "goodbye")
    assert "spoken" not in dev.problems()


def test_a_graph_that_never_worked_is_a_clear_error(dev: Dev) -> None:
    refused = dev.run("never")

    assert refused.status_code == 503
    assert "never.yaml:4:26 edges.say: found" in refused.json()["detail"]
    page = httpx.get(f"{dev.url}/graphs/never/playground/")
    assert page.status_code == 503


def test_graphs_come_and_go_with_the_projects_file(dev: Dev) -> None:
    listed = {"spoken": "./spoken.yaml", "python": "./python.py:graph"}
    dev.list(**listed, second="./spoken.yaml")
    dev.says("second", "hello")
    found = httpx.post(f"{dev.url}/assistants/search", json={"graph_id": "second"}).json()
    assert [each["name"] for each in found] == ["second"]
    assert httpx.get(f"{dev.url}/graphs/second/input_schema").status_code == 200

    dev.list(**listed)
    until(lambda: dev.run("second").status_code, 422)
    assert httpx.get(f"{dev.url}/graphs/second/input_schema").status_code == 404


def test_a_broken_projects_file_changes_nothing(dev: Dev) -> None:
    dev.write("langgraph.json", "{")
    until(lambda: any("not readable as JSON" in each for each in dev.problems().values()), True)

    assert dev.run("spoken").json()["text"] == "hello"

"""`graphwright serve --checkpoints URL`: what was said is there after a crash."""

import os
from collections.abc import Callable
from typing import Any

import httpx
from tests.conftest import ROOT, Service

PROJECT = ROOT / "tests" / "projects" / "plain" / "langgraph.json"


def test_a_conversation_survives_the_service(
    shared_url: str, service_at: Callable[..., Service]
) -> None:
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
    service = service_at(PROJECT, {"FIRESTORE_EMULATOR_HOST": emulator} if emulator else {})
    service.start("--checkpoints", shared_url)
    thread = httpx.post(f"{service.url}/threads", json={}).json()["thread_id"]
    _say(service, thread, "hello")
    service.kill()
    service.start("--checkpoints", shared_url)
    messages = _say(service, thread, "again")
    assert [message["content"] for message in messages if message["type"] == "human"] == [
        "hello",
        "again",
    ]


def _say(service: Service, thread: str, text: str) -> Any:
    body = {"assistant_id": "chat", "input": {"messages": [{"role": "user", "content": text}]}}
    url = f"{service.url}/threads/{thread}/runs/wait"
    answer = httpx.post(url, json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["messages"]

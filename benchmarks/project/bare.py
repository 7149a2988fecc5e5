"""The floor: a FastAPI handler around `graph.astream`, without threads, record or checkpoints."""

from collections.abc import AsyncIterator
from typing import Any

import graphs
import orjson
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

FRAMES_PER_WRITE = 32

app = FastAPI()


def plain(value: Any) -> Any:
    return value.model_dump() if isinstance(value, BaseModel) else str(value)


def frame(event: str, data: Any) -> bytes:
    return b"event: %b\r\ndata: %b\r\n\r\n" % (event.encode(), orjson.dumps(data, default=plain))


@app.get("/ok")
async def ok() -> dict[str, bool]:
    return {"ok": True}


@app.post("/runs/wait")
async def wait(request: Request) -> Response:
    body = orjson.loads(await request.body())
    graph = getattr(graphs, body["assistant_id"])
    final = None
    async for values in graph.astream(body["input"], stream_mode="values"):
        final = values
    return Response(orjson.dumps(final, default=plain), media_type="application/json")


@app.post("/runs/stream")
async def stream(request: Request) -> Response:
    body = orjson.loads(await request.body())
    graph = getattr(graphs, body["assistant_id"])
    modes = [{"messages-tuple": "messages"}.get(mode, mode) for mode in body["stream_mode"]]

    async def frames() -> AsyncIterator[bytes]:
        yield frame("metadata", {"run_id": "none", "attempt": 1})
        ready = []
        async for mode, chunk in graph.astream(body["input"], stream_mode=modes):
            ready.append(frame(mode, chunk))
            if len(ready) >= FRAMES_PER_WRITE:
                yield b"".join(ready)
                ready.clear()
        yield b"".join(ready)

    return StreamingResponse(frames(), media_type="text/event-stream")

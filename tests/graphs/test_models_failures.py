"""Which failures are worth another try, told from the errors that the clients really raise."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import httpx
import httpx2
import openai
import pytest
from langchain_openai.chat_models.base import OpenAIContextOverflowError

from graphwright_graphs.models.failures import passing

REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")


def refused(status: int, body: Any = None, **headers: str) -> openai.APIStatusError:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=names, request=REQUEST)
    return openai.APIStatusError("no", response=response, body=body)


class Google(Exception):
    code = 503


class Amazon(Exception):
    """botocore's ClientError keeps the answer as a dict."""

    def __init__(self) -> None:
        self.response = {"ResponseMetadata": {"HTTPStatusCode": 429}, "Error": {}}


class Ollama(Exception):
    status_code = 500


@pytest.mark.parametrize(
    "error",
    [
        refused(408), refused(429), refused(500), refused(503), refused(529),
        openai.APIConnectionError(request=REQUEST), openai.APITimeoutError(REQUEST),
        httpx.ConnectError("gone"), httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("cut"), ConnectionResetError(), TimeoutError(),
        httpx.HTTPStatusError("", request=httpx.Request("GET", "http://x"),
                              response=httpx.Response(502)),
        openai.APIError("mid-stream", REQUEST, body={"code": "server_error"}),
        openai.APIError("mid-stream", REQUEST, body={"type": "overloaded_error"}),
        Google(), Amazon(), Ollama(),
    ],
)  # fmt: skip
def test_what_passes_is_tried_again(error: Exception) -> None:
    failure = passing(error)
    assert failure is not None
    assert failure.again
    assert failure.after is None


@pytest.mark.parametrize(
    "error",
    [refused(400), refused(401), refused(403), refused(404), refused(422), ValueError("ours"),
     openai.APIError("mid-stream", REQUEST, body={"code": "content_filter"}), KeyError("x")],
)  # fmt: skip
def test_what_the_next_model_would_refuse_too_is_not(error: Exception) -> None:
    assert passing(error) is None


def test_a_wrapped_failure_is_told_from_its_cause() -> None:
    try:
        raise RuntimeError("the model could not be asked") from refused(503)
    except RuntimeError as error:
        assert passing(error) is not None


def test_a_conversation_too_long_for_one_model_may_fit_into_the_next() -> None:
    response = httpx2.Response(400, request=REQUEST)
    failure = passing(OpenAIContextOverflowError("too long", response=response, body=None))
    assert failure is not None
    assert not failure.again


def test_an_account_without_money_is_not_asked_again() -> None:
    failure = passing(refused(429, {"code": "insufficient_quota"}))
    assert failure is not None
    assert not failure.again


def test_the_wait_that_a_provider_asks_for_is_read() -> None:
    def after(**headers: str) -> float | None:
        failure = passing(refused(429, **headers))
        assert failure is not None
        return failure.after

    assert after(retry_after="7") == 7
    assert after(retry_after="7", retry_after_ms="250") == 0.25
    assert after(retry_after=formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert after(retry_after=formatdate(time.time() - 30, usegmt=True)) == 0
    assert after(retry_after="soon") is None

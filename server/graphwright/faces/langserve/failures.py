"""A failed run's error, told to those who stream it.

LangServe ends such a stream with `Internal Server Error` whatever happened, and lets the exception
cut the connection, so that a client loses even that.
"""

from collections.abc import Iterator

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphwright.errors import RequestError

ERROR_EVENT = b"event: error\r\n"


class ToldFailures:
    """ASGI middleware: a stream's error event carries the error's own message and is its regular
    end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but hold an error event back until its exception has come."""
        withheld = False

        async def passing(message: Message) -> None:
            nonlocal withheld
            withheld = withheld or message.get("body", b"").startswith(ERROR_EVENT)
            if not withheld:
                await send(message)

        try:
            await self._app(scope, receive, passing)
        except Exception as error:
            failure = next(_failures(error), None)
            if failure is None or not withheld:
                raise
            await send({"type": "http.response.body", "body": _event(failure)})


def _event(failure: RequestError) -> bytes:
    data = orjson.dumps({"status_code": failure.status, "message": str(failure)})
    return b"%bdata: %b\r\n\r\n" % (ERROR_EVENT, data)


def _failures(error: BaseException) -> Iterator[RequestError]:
    """Refusals and failures of ours among an exception's causes; servers wrap what they pass on."""
    if isinstance(error, RequestError):
        yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _failures(inner)
    if error.__cause__ is not None:
        yield from _failures(error.__cause__)

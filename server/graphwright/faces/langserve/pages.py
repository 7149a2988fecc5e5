"""Which conversation a page is about.

The chat page does not say: it sends no config. So loading it begins a conversation, named by a
cookie. A page that is asked for with `?thread_id=…` is found at LangServe's address for a page with
a config of its own, `/c/{config}/playground/`; the chat page's calls tell it as their referer.
"""

import re
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from fastapi import Request
from langserve.lzstring import LZString
from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphwright.faces.langserve.phones import fitting, is_chat_page

COOKIE = "graphwright_thread"
PAGE = "/playground/"
CHAT_PAGE = "/chat/playground/"
PAGE_WITH_CONFIG = re.compile(r"/c/([^/]+)/playground/$")


class Pages:
    """ASGI middleware over LangServe's pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, but send who names a thread to its page, and add the cookie, and a
        style for phones, to a chat page.
        """
        if is_chat_page(scope):
            send = fitting(send)
        thread_id = _asked_for(scope)
        if thread_id:
            await RedirectResponse(_page_of(scope["path"], thread_id))(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].endswith(CHAT_PAGE):
            await self._app(scope, receive, _with_cookie(scope["path"], send))
        else:
            await self._app(scope, receive, send)


def thread_of_page(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """The conversation that a call names, else that of its page's address, else that of the page
    last loaded.
    """
    configurable = config.setdefault("configurable", {})
    configurable["thread_id"] = (
        configurable.get("thread_id")
        or _in_address(request.headers.get("referer", ""))
        or request.cookies.get(COOKIE, "")
    )
    return config


def _asked_for(scope: Scope) -> str | None:
    if scope["type"] != "http" or not scope["path"].endswith(PAGE):
        return None
    return Request(scope).query_params.get("thread_id")


def _page_of(path: str, thread_id: str) -> str:
    config = orjson.dumps({"configurable": {"thread_id": thread_id}}).decode()
    key = LZString.compressToEncodedURIComponent(config)  # type: ignore[no-untyped-call]
    return f"{path.removesuffix(PAGE)}/c/{key}{PAGE}"


def _in_address(url: str) -> str:
    """The thread in the address of a page with a config; none if the address is no such page's."""
    found = PAGE_WITH_CONFIG.search(urlsplit(url).path)
    if found is None:
        return ""
    try:
        text = LZString.decompressFromEncodedURIComponent(found[1])  # type: ignore[no-untyped-call]
        return str(orjson.loads(text or "")["configurable"]["thread_id"])
    except (ValueError, LookupError, TypeError):  # anybody may write an address
        return ""


def _with_cookie(path: str, send: Send) -> Send:
    cookie: SimpleCookie = SimpleCookie({COOKIE: str(uuid4())})
    cookie[COOKIE]["path"] = path.removesuffix(PAGE)
    cookie[COOKIE]["httponly"] = True
    cookie[COOKIE]["samesite"] = "lax"

    async def with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message).append("set-cookie", cookie[COOKIE].OutputString())
        await send(message)

    return with_cookie

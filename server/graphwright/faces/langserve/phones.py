"""The chat page on a phone. LangServe's column of 640 pixels would stand out on both sides.

The page is LangServe's, as it comes; a few lines of style are added at the end of its head.
"""

import re

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

CHAT_PAGE = re.compile(r"/chat/(c/[^/]+/)?playground/$")
HEAD_ENDS = b"</head>"
STYLE = b"""<style>
  @media (max-width: 768px) {
    #root nav { padding: 1rem; }
    #root .flex-col-reverse { box-sizing: border-box; padding: 0 1rem; width: 100%; }
    #root .m-16 { margin: 0 1rem 1rem; }
    #root .h-screen { height: 100dvh; }
  }
</style>
"""


def is_chat_page(scope: Scope) -> bool:
    """Whether a request is for a chat page, be it with a config in its address or without."""
    return scope["type"] == "http" and CHAT_PAGE.search(scope["path"]) is not None


def fitting(send: Send) -> Send:
    """Send a page that fits a phone too."""
    start: Message = {}
    page = bytearray()

    async def send_fitting(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        page.extend(message.get("body", b""))
        if message.get("more_body", False):
            return
        body = bytes(page).replace(HEAD_ENDS, STYLE + HEAD_ENDS, 1)
        MutableHeaders(scope=start)["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return send_fitting

"""Sessions with MCP servers, each kept open for the calls that may share it.

A session lives in a task of its own, because what it opens must be closed by the same task. It ends
when nobody has used it for a while, when it has failed, and with its event loop. So a server that
died is started anew by the next call, and no process is left behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from graphwright_tools.errors import Failed, NotConfigured, TimedOut, Unreachable
from graphwright_tools.mcp.servers import Access

if TYPE_CHECKING:
    from mcp import ClientSession

IDLE: Final = 60.0  # seconds without a call after which a session ends
MOST: Final = 50  # sessions of one event loop; then the longest idle one ends sooner

# What the client says itself, as if it were the server: the connection was closed, the server does
# not know the session any more, and there was no answer in time.
BROKEN: Final = frozenset({-32000, 32600, 408})

Loop = asyncio.AbstractEventLoop


class Session:
    """One session with a server, begun at once.

    Args:
        access: The server, and as whom.
        idle: Seconds without a call after which it ends.
    """

    def __init__(self, access: Access, idle: float) -> None:
        self.users = 0
        self.is_over = False
        self._access = access
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._ready: asyncio.Future[ClientSession] = self._loop.create_future()
        # Whoever waited may be gone; then nobody else asks why it failed.
        self._ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._live())

    @asynccontextmanager
    async def used(self) -> AsyncIterator[ClientSession]:
        """The session, once the server has answered; it does not end while this is entered."""
        self.users += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            yield await asyncio.shield(self._ready)
        finally:
            self.users -= 1
            if self.is_over:
                self.retire()
            elif self.users == 0:
                self._timer = self._loop.call_later(self._idle, self.retire)

    def retire(self) -> None:
        """Take no more calls, and end with the last one."""
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self.users == 0:
            self._ended.set()

    async def closed(self) -> None:
        """Wait until the session and its process have ended."""
        await asyncio.wait([self._task])

    async def _live(self) -> None:
        # Imported here: the package takes a while, and not every graph has such tools.
        from langchain_mcp_adapters.sessions import create_session  # noqa: PLC0415

        connection: Any = self._access.connection()
        try:
            async with asyncio.timeout(self._access.server.start_timeout) as limit:
                async with create_session(connection) as session:
                    await session.initialize()
                    limit.reschedule(None)
                    self._ready.set_result(session)
                    await self._ended.wait()
        except asyncio.CancelledError:
            self._ready.cancel()
            raise
        except Exception as error:
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self.is_over = True


class Sessions:
    """The sessions that are open, by event loop and by what they may be shared for."""

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._open: dict[Loop, dict[Hashable, Session]] = {}

    @asynccontextmanager
    async def used(
        self, name: str, access: Access, owner: Hashable
    ) -> AsyncIterator[ClientSession]:
        """A session for one call.

        Args:
            name: Of the server.
            access: The server, and as whom.
            owner: Who shares a session, such as a thread.

        Raises:
            ToolError: there is none, or it broke while it was used; the next call gets another.
        """
        session = self._session((name, owner, frozenset(access.values.items())), access)
        begun = False
        try:
            async with session.used() as client:
                begun = True
                yield client
        except asyncio.CancelledError:
            # The server goes on with a call that nobody waits for: its process has to end.
            session.retire()
            raise
        except TimeoutError:
            session.retire()
            raise _late(name, access, begun=begun) from None
        except Exception as error:
            if begun and _is_answer(error):
                raise Failed(f"{name}: {access.without_secrets(str(error))}") from None
            session.retire()
            raise _broken(name, error, begun=begun) from None

    async def close(self) -> None:
        """End the sessions of this event loop, and wait for it."""
        sessions = self._open.pop(asyncio.get_running_loop(), {}).values()
        for session in sessions:
            session.retire()
        for session in sessions:
            await session.closed()

    def _session(self, key: Hashable, access: Access) -> Session:
        for loop in [loop for loop in list(self._open) if loop.is_closed()]:
            self._open.pop(loop, None)
        found = self._open.setdefault(asyncio.get_running_loop(), {})
        for old in [old for old, session in found.items() if session.is_over]:
            del found[old]
        session = found.pop(key, None) or Session(access, self._idle)
        found[key] = session  # the last used one is the last
        if len(found) > MOST:
            with suppress(StopIteration):
                next(other for other in found.values() if other.users == 0).retire()
        return session


def _is_answer(error: Exception) -> bool:
    """Whether a server said that it could not, so that its session goes on."""
    from mcp import McpError  # noqa: PLC0415

    return isinstance(error, McpError) and error.error.code not in BROKEN


def _late(name: str, access: Access, *, begun: bool) -> TimedOut:
    server = access.server
    if begun:
        return TimedOut(
            f"The MCP server {name} did not answer in {server.timeout:g} s. What was asked may "
            "have been done all the same. The next call begins a new session."
        )
    return TimedOut(
        f"The MCP server {name} did not begin a session in {server.start_timeout:g} s. Try again "
        "later; if it stays so, an operator must act."
    )


def _broken(name: str, error: Exception, *, begun: bool) -> Unreachable | NotConfigured:
    """What is said of an error of the connection's; its own text may show a header or a path."""
    first = _first(error)
    status = getattr(getattr(first, "response", None), "status_code", None)
    if status in (401, 403):
        return NotConfigured(
            f"The MCP server {name} does not accept the credentials ({status}). The caller or an "
            "operator must correct them; don't try again."
        )
    kind = f"status {status}" if status else type(first).__name__
    if begun:
        return Unreachable(
            f"The MCP server {name} ended, or its connection broke, before it answered ({kind}). "
            "What was asked may have been done. The next call begins a new session."
        )
    return Unreachable(
        f"The MCP server {name} can't be reached or started ({kind}). Try again later; if it "
        "stays so, an operator must act."
    )


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

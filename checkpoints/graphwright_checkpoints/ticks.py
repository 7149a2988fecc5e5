"""The ends of an event loop's ticks, at which what was put off in one is done."""

import asyncio
from collections.abc import Callable

Ending = tuple[Callable[..., object], tuple[object, ...]]


class Ticks:
    """Calls back at the end of a tick, once for all who ask in it: each callback takes its time.

    That is before anybody goes on who waits for a task that ends in this tick: a loop tells them in
    the next one, and calls back in the order in which it was asked.
    """

    def __init__(self) -> None:
        self._endings: dict[asyncio.AbstractEventLoop, list[Ending]] = {}

    def at_end(self, do: Callable[..., object], *arguments: object) -> None:
        """Do something when what is ready on this loop now has been done."""
        loop = asyncio.get_running_loop()
        endings = self._endings.get(loop)
        if endings is None:
            endings = self._endings[loop] = []
            loop.call_soon(self._end, loop)
        endings.append((do, arguments))

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        for do, arguments in self._endings.pop(loop):
            try:
                do(*arguments)
            except Exception as error:
                loop.call_exception_handler({"message": f"{do} failed", "exception": error})

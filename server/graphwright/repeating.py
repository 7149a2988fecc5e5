"""What is done again and again, and outlives its errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from graphwright.errors import Unavailable

log = logging.getLogger(__name__)


async def repeatedly(do: Callable[[], Awaitable[object]], interval: float) -> None:
    """Do it for ever, every so many seconds: an error ends one time and not the next. What the
    database was away for, it says in the log itself.
    """
    while True:
        try:
            await do()
        except Unavailable:
            pass
        except Exception:
            log.exception("%s failed and is tried again in %s s", do.__qualname__, interval)
        await asyncio.sleep(interval)

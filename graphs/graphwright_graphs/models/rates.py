"""A provider's requests per time, as LangChain's models ask for them: before each request."""

from __future__ import annotations

import asyncio
import time

from langchain_core.rate_limiters import BaseRateLimiter

from graphwright_graphs.models.limits import Bucket


class RateLimiter(BaseRateLimiter):
    """Waits for a token of the provider's bucket. A wait that is cancelled gives it back."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def acquire(self, *, blocking: bool = True) -> bool:
        """Wait in a thread; without `blocking`, say whether there is nothing to wait for."""
        pause = self._bucket.take()
        if pause and not blocking:
            self._bucket.give_back()
            return False
        time.sleep(pause)
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Wait on an event loop; without `blocking`, as `acquire`."""
        pause = self._bucket.take()
        if pause and not blocking:
            self._bucket.give_back()
            return False
        try:
            await asyncio.sleep(pause)
        except asyncio.CancelledError:
            self._bucket.give_back()
            raise
        return True

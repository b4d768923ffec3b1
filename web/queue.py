"""One worker thread for all that needs the network; whoever waits receives the number of those before."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from starlette.exceptions import HTTPException

T = TypeVar("T")

LONGEST = 200  # calls that wait


class Queue:
    """Calls in the order they came, one at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self.length = 0  # calls that are not done

    async def run(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function in the thread; raise HTTPException when too many wait already."""
        if self.length >= LONGEST:
            raise HTTPException(503, f"{self.length} are waiting already: try again soon")
        self.length += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(function, *args, **options))
        finally:
            self.length -= 1

    def begin(self, function: Callable[[], object]) -> None:
        """Call a function before all others; what it raises is raised again for who needs it."""
        self._thread.submit(function)

    def close(self) -> None:
        """Drop what waits; let what runs end."""
        self._thread.shutdown(cancel_futures=True)

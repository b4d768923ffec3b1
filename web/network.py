"""The page's single network, and queues of calls, one at a time in one thread: of those to it, and of photos that are read."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.exceptions import HTTPException

from model.options import ColorOptions, RunOptions

if TYPE_CHECKING:
    from gray2color import Colorizer

T = TypeVar("T")

MOST_KEPT = 8  # cached colorizers with other settings
LONGEST = 200  # waiting calls


class Network:
    """A network, loaded on first use and kept; used only in the queue's thread."""

    def __init__(self, color: ColorOptions, run: RunOptions) -> None:
        self._color, self._run = color, run
        self._others: dict[ColorOptions, Colorizer] = {}

    @cached_property
    def released(self) -> "Colorizer":
        """Load the network with the command's settings."""
        from gray2color import colorizer_factory

        return colorizer_factory(self._color, self._run, threads=self._run.threads)()

    def load(self) -> None:
        """Load the network before the first call needs it."""
        _ = self.released

    def colorizer(self, color: ColorOptions) -> "Colorizer":
        """Return a colorizer with other settings and the same network; the latest ones are cached with their tables."""
        if color == self._color:
            return self.released
        if color not in self._others:
            if len(self._others) == MOST_KEPT:
                del self._others[next(iter(self._others))]
            self._others[color] = self.released.with_options(color)
        return self._others[color]


class Queue:
    """Runs calls in order, one at a time."""

    def __init__(self, name: str = "network") -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self.length = 0  # unfinished calls

    async def run(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function in the thread; raise HTTPException if too many calls are waiting."""
        if self.length >= LONGEST:
            raise HTTPException(503, f"{self.length} calls are waiting already: try again soon")
        self.length += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, partial(function, *args, **options))
        finally:
            self.length -= 1

    def begin(self, function: Callable[[], object]) -> None:
        """Call a function before all others; an error in it is raised again by the calls that need its result."""
        self._thread.submit(function)

    def close(self) -> None:
        """Drop the waiting calls; let the running one end."""
        self._thread.shutdown(cancel_futures=True)

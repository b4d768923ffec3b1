"""How far a film's work has come, as the page asks for it; and the way to stop it cleanly, between two frames."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TypedDict

from runtime.progress import Silent

log = logging.getLogger(__name__)


class ProgressJson(TypedDict):
    """Progress as the page has it.

    fps, left_s : None while nothing is known of them
    """

    state: str
    error: str
    work: str
    note: str
    done: int
    total: int
    fps: float | None
    left_s: float | None


class StopRequested(KeyboardInterrupt):
    """A person wants the work stopped: what Ctrl-C is to a command."""


class FilmProgress(Silent):
    """A `runtime.progress.Progress`, read by other threads.

    state : "", "waiting", "running", "stopped", "failed" or "done"
    """

    def __init__(self) -> None:
        self.state, self.error, self.work, self.text = "", "", "", ""
        self.done = self.total = self._new = 0
        self._began_s = 0.0
        self._stop = threading.Event()

    def wait(self) -> None:
        """Note that the work waits for its turn."""
        self.state, self.error = "waiting", ""
        self.done = self.total = 0
        self._stop.clear()

    def stop(self) -> None:
        """Stop the work at its next frame, or before it begins."""
        self._stop.set()

    @property
    def at_work(self) -> bool:
        """Tell whether it waits or runs."""
        return self.state in {"waiting", "running"}

    @contextmanager
    def running(self, work: str) -> Iterator[Self]:
        """Keep how the work inside ends, from its `start` on; only unforeseen errors leave the block."""
        self.work, self.state, self.error = work, "running", ""
        outcome, error = "failed", "see the terminal"
        try:
            yield self
            outcome, error = "done", ""
        except StopRequested:
            outcome, error = "stopped", ""
        except (OSError, ValueError, RuntimeError, MemoryError) as failure:
            log.debug("%s", work, exc_info=True)
            error = " ".join(str(failure).split()) or type(failure).__name__
        finally:
            self.state, self.error = outcome, error

    def start(self, work: str, total: int, *, unit: str) -> None:
        """Begin some work."""
        self.work, self.total, self.text = work, total, ""
        self.done = self._new = 0
        self._began_s = time.monotonic()
        self._check()

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Add frames; raise StopRequested when the work is to be stopped."""
        self.done += count
        self._new += 0 if earlier else count
        self._check()

    def note(self, text: str) -> None:
        """Keep what is at work now."""
        self.text = text

    def _check(self) -> None:
        if self._stop.is_set():
            raise StopRequested

    def as_json(self) -> ProgressJson:
        """Return all of it as plain JSON values."""
        seconds = time.monotonic() - self._began_s
        running = self.state == "running" and self._new > 0
        fps = self._new / max(seconds, 1e-3) if running else None
        left_s = max(self.total - self.done, 0) / fps if fps else None
        return {
            "state": self.state, "error": self.error, "work": self.work, "note": self.text,
            "done": self.done, "total": self.total, "fps": fps, "left_s": left_s,
        }  # fmt: skip

"""The progress of work on a film, polled by the page, and its clean interruption between two frames."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TypedDict

from runtime.progress import Silent

log = logging.getLogger(__name__)


class ProgressJson(TypedDict):
    """Progress in JSON.

    fps, left_s : None while unknown
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
    """The user has requested a stop; corresponds to Ctrl-C in a command."""


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
        """Mark the work as waiting in the queue."""
        self.state, self.error = "waiting", ""
        self.done = self.total = 0
        self._stop.clear()

    def stop(self) -> None:
        """Stop the work at its next frame, or before it starts."""
        self._stop.set()

    @property
    def at_work(self) -> bool:
        """Return whether the work is waiting or running."""
        return self.state in {"waiting", "running"}

    @contextmanager
    def running(self, work: str) -> Iterator[Self]:
        """Record how the work in the block ends; only unexpected errors leave the block."""
        self.work, self.state, self.error = work, "running", ""
        outcome, error = "failed", "unexpected error: see the log in the terminal"
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
        """Start some work."""
        self.work, self.total, self.text = work, total, ""
        self.done = self._new = 0
        self._began_s = time.monotonic()
        self._check()

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        """Count frames; raise StopRequested if a stop was requested."""
        self.done += count
        self._new += 0 if earlier else count
        self._check()

    def note(self, text: str) -> None:
        """Record the current step."""
        self.text = text

    def _check(self) -> None:
        if self._stop.is_set():
            raise StopRequested

    def as_json(self) -> ProgressJson:
        """Return the progress as plain JSON values."""
        seconds = time.monotonic() - self._began_s
        running = self.state == "running" and self._new > 0
        fps = self._new / max(seconds, 1e-3) if running else None
        left_s = max(self.total - self.done, 0) / fps if fps else None
        return {
            "state": self.state, "error": self.error, "work": self.work, "note": self.text,
            "done": self.done, "total": self.total, "fps": fps, "left_s": left_s,
        }  # fmt: skip

"""Frames of a film that comes through a pipe: files in a folder, from when they are decoded until they are encoded.

The process that reads the pipe writes them; workers read them by number. The number of files is bounded: the writer
waits, and so the program before the pipe waits, too.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.files import UNFINISHED

# Two blocks of segments to be linked, each of at most 80 frames, and the segment that is being found: see
# film.schedule.BLOCK. With fewer, a long shot could never be finished.
LIMIT = 1200  # frames
ENDLESS = 1 << 40  # number of frames of a film whose end is not known
POLL_S = 0.005
END = "end"  # written after the last frame
Planes = Sequence[NDArray[Any]]


class Spool:
    """The writer's side of a spool; `closed` makes it stop waiting."""

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self.written = self.released = 0  # frames
        self.closed = threading.Event()

    @property
    def full(self) -> bool:
        """Return whether the writer waits."""
        return self.written - self.released >= self.limit

    def add(self, planes: Planes) -> bool:
        """Write the next frame once there is room; return False if the spool has been closed."""
        while self.full:
            if self.closed.wait(POLL_S):
                return False
        part = self.folder / f"{self.written}{UNFINISHED}"
        with part.open("wb") as file:
            for plane in planes:
                np.save(file, plane)
        part.rename(self.folder / str(self.written))
        self.written += 1
        return not self.closed.is_set()

    def end(self) -> None:
        """Note that no frame follows."""
        (self.folder / END).touch()

    def release(self, count: int) -> None:
        """Delete the next `count` frames, which are encoded."""
        for number in range(self.released, self.released + count):
            (self.folder / str(number)).unlink()
        self.released += count


def spooled(folder: Path, first: int, last: int, *, count: int) -> Iterator[tuple[int, Planes]]:
    """Yield frames [first, last), each `count` planes, waiting for those that are still to come, up to the end."""
    pause = threading.Event()  # never set
    for number in range(first, last):
        path = folder / str(number)
        while not path.exists():
            # The end is written after the last frame: look again.
            if (folder / END).exists() and not path.exists():
                return
            pause.wait(POLL_S)
        with path.open("rb") as file:
            yield number, [np.load(file) for _ in range(count)]

"""How far a film is, also inside the pieces in work: a worker's file grows by a byte for each frame it rendered.

The files lie in the job's folder, so that workers on other machines are seen too.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

SUFFIX = ".frames.part"  # a leftover is swept away like everything unfinished
EVERY_S = 0.5


@contextmanager
def counting(shot: Path) -> Iterator[Callable[[], object]]:
    """Lend a function to be called for each frame of a shot's file; what it counted goes with the shot's end."""
    path = shot.with_suffix(SUFFIX)
    try:
        with path.open("wb", buffering=0) as file:
            yield partial(file.write, b".")
    finally:
        path.unlink(missing_ok=True)


def frames_in_work(shots: Path) -> int:
    """Return the frames rendered of pieces that are not finished yet."""
    total = 0
    for path in shots.glob(f"*{SUFFIX}"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # just finished
    return total


@contextmanager
def moving(bar: "tqdm[Any]", shots: Path, finished: Callable[[], int]) -> Iterator[None]:
    """Move a bar to the frames ``finished`` and in work, again and again until the block ends."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            bar.update(max(0, finished() + frames_in_work(shots) - bar.n))

    watcher = threading.Thread(target=watch, daemon=True)
    if not bar.disable:
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if watcher.is_alive():
            watcher.join()
        bar.update(max(0, finished() - bar.n))


def earlier(bar: "tqdm[Any]", frames: int) -> None:
    """Take frames of an earlier run out of a bar's speed and of the time it expects."""
    if not bar.disable:
        bar.initial += frames

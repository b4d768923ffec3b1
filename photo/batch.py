"""Many photos, colorized side by side; one that fails stops no other.

Knows no network: what colorizes comes in as a factory, so everything is checked before it is loaded.
"""

import functools
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from photo.inputs import Kind, Task
from photo.read import Photo, mark_in, mark_of, read_photo
from photo.write import SUFFIXES, write_photo

log = logging.getLogger(__name__)

FEW = 6  # photos for which starting more processes takes longer than it saves
PHOTOS = Kind("picture", tuple(SUFFIXES), tuple(SUFFIXES), ".png", mark_of, mark_in)
LARGE_BYTES = 40_000_000  # of the file: one process at a time works on such a photo

Colorize: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class PhotoOptions:
    """How results are written."""

    compare: bool = False  # gray and color side by side
    quality: int = 95  # of JPEG and WebP


@dataclass(frozen=True)
class PhotoResult:
    """What became of a task; error is one line, None for a photo that was colorized.

    dropped : what of the metadata the result could not keep, in words
    """

    task: Task
    error: str | None = None
    dropped: tuple[str, ...] = ()


def colorize_photos(
    tasks: Sequence[Task],
    factory: Callable[[], Colorize],
    *,
    options: PhotoOptions = PhotoOptions(),
    processes: int = 1,
) -> Iterator[PhotoResult]:
    """Colorize every photo; yield results as they come. A failure stops no other photo.

    factory : makes the function gray (H, W) -> rgb (H, W, 3); called once in every process.
    """
    if processes == 1 or len(tasks) <= FEW:
        load = functools.cache(factory)  # only when a photo could be read
        yield from (_colorize_photo(task, load, options) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked Paddle hangs
    with ProcessPoolExecutor(
        processes, context, initializer=_start_worker, initargs=(factory, options, context.Lock())
    ) as pool:
        waiting = {pool.submit(_colorize_in_worker, task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield PhotoResult(
                        waiting[future], f"{waiting[future].source}: its process died"
                    )
        finally:
            pool.shutdown(cancel_futures=True)


def side_by_side(gray: NDArray[Any], rgb: NDArray[Any]) -> NDArray[Any]:
    """Put gray (H, W) to the left of rgb (H, W, 3)."""
    return np.concatenate([np.repeat(gray[..., None], 3, axis=-1), rgb], axis=1)


def _colorize_photo(
    task: Task, factory: Callable[[], Colorize], options: PhotoOptions
) -> PhotoResult:
    """Read, colorize and write one photo; a network that cannot be had is no photo's failure."""
    failures: list[str] = []
    dropped: list[str] = []
    with _failures_of(task, failures):
        photo = read_photo(task.source)
    if not failures:
        colorize = factory()
        with _failures_of(task, failures):
            dropped = _write(task.target, photo, colorize(photo.gray), options)
    return PhotoResult(task, next(iter(failures), None), tuple(dropped))


@contextmanager
def _failures_of(task: Task, failures: list[str]) -> Iterator[None]:
    """Turn whatever a photo brings about into its one line: no photo of many may stop the others."""
    try:
        yield
    except Exception as error:
        log.debug("%s", task.source, exc_info=True)
        failures.append(_in_one_line(task, error))


def _write(target: Path, photo: Photo, rgb: NDArray[Any], options: PhotoOptions) -> list[str]:
    if options.compare:
        rgb = side_by_side(photo.gray, rgb)
    return write_photo(target, rgb, like=photo, quality=options.quality, alpha=not options.compare)


def _in_one_line(task: Task, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or task.target}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"{task.source}: not enough memory"
    if isinstance(error, OSError | ValueError) and str(task.source) in str(error):
        return str(error)
    message = " ".join(str(error).split())
    if isinstance(error, OSError | ValueError):
        return f"{task.source}: {message}"
    return f"{task.source}: {type(error).__name__} ({message})"


# What a worker process keeps between photos.
_colorize: Colorize | None = None
_options = PhotoOptions()
_large_lock: Any = None


def _start_worker(factory: Callable[[], Colorize], options: PhotoOptions, large_lock: Any) -> None:
    global _colorize, _options, _large_lock
    # Ctrl-C is for the parent: photos in progress finish.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _colorize, _options, _large_lock = factory(), options, large_lock


def _colorize_in_worker(task: Task) -> PhotoResult:
    colorize = _colorize
    assert colorize is not None
    large = task.source.is_file() and task.source.stat().st_size >= LARGE_BYTES
    with _large_lock if large else nullcontext():
        return _colorize_photo(task, lambda: colorize, _options)

"""Colorizes many photos in parallel; a failure does not stop the others.

Independent of the network: the colorizer comes from a factory, so that everything is checked before it is loaded.
"""

import functools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from photo.candidates import write_candidates
from photo.colored import own_colors
from photo.compose import Composition
from photo.inputs import Kind, Result, Task
from photo.options import PhotoOptions
from photo.read import Photo, Pixels, mark_in, mark_of, read_photo
from photo.write import SUFFIXES, Picture, whole, write_photo
from runtime.files import lock
from runtime.outcomes import FailureOf
from runtime.pool import workers
from runtime.progress import Progress, Silent
from runtime.workers import once

FEW = 6  # photos for which starting more processes takes longer than it saves
PHOTOS = Kind("picture", tuple(SUFFIXES), tuple(SUFFIXES), ".png", mark_of, mark_in)
LEFT = "has color and was left unchanged: -recolor colorizes it"
LARGE_BYTES = 40_000_000  # file size from which only one process at a time works on a photo

Colorize: TypeAlias = Callable[[NDArray[Any]], Picture | Sequence[Composition]]


def colorize_photos(
    tasks: Sequence[Task],
    factory: Callable[[], Colorize],
    *,
    options: PhotoOptions = PhotoOptions(),
    processes: int = 1,
    progress: Progress = Silent(),
) -> Iterator[Result]:
    """Colorize photos and yield each result when it is ready; a failure does not stop the others.

    factory : makes the function gray (H, W) -> rgb (H, W, 3), a Composition or candidates; called once per process; picklable if there are several
    """
    processes = 1 if len(tasks) <= FEW else processes
    # Worker processes keep the network until they exit; this process must release it itself.
    load = functools.partial(once, factory) if processes > 1 else functools.cache(factory)
    with (
        tempfile.TemporaryDirectory() as folder,
        workers(processes, start=_use_one_thread, prepare=load) as run,
    ):
        work = functools.partial(
            _colorize_photo, load=load, options=options, large=Path(folder) / "large.lock"
        )
        progress.start("colorizing", len(tasks), unit="photos")
        try:
            for _, result in run(work, tasks, lost=_lost):
                progress.advance()
                yield result
        finally:
            progress.close()


def side_by_side(gray: NDArray[Any], rgb: NDArray[Any]) -> NDArray[Any]:
    """Put gray (H, W) to the left of rgb (H, W, 3)."""
    return np.concatenate([np.repeat(gray[..., None], 3, axis=-1), rgb], axis=1)


def _colorize_photo(
    task: Task, *, load: Callable[[], Colorize], options: PhotoOptions, large: Path
) -> Result:
    """Read, colorize and write one photo; errors of loading the network propagate.

    large : lock file for large photos, so that only one at a time is in memory
    """
    written: list[Path] = []
    dropped: list[str] = []
    note = ""
    is_large = task.source.is_file() and task.source.stat().st_size >= LARGE_BYTES
    with lock(large, wait=True) if is_large else nullcontext():
        with FailureOf(task.source) as failure:
            photo, own = _split_colors(read_photo(task.source), options)
        if not failure.line:
            colorize = load() if own is None else _always(own)
            with failure:
                colored = colorize(photo.gray)
                note = _note(colored) if own is None else LEFT
                written, dropped = _write(task.target, photo, colored, options)
    if failure.line:
        return Result(task, error=failure.line)
    notes = [f"{task.target}: {note}"] if note else []
    notes += [f"{task.target} lacks {what}" for what in dropped]
    return Result(task, output=tuple(map(str, written)), notes=tuple(notes))


def _split_colors(photo: Photo, options: PhotoOptions) -> tuple[Photo, Pixels | None]:
    """Return a photo without its colors, and its colors if it is left as it is."""
    asked = options.recolor or options.candidates
    own = None if asked or photo.rgb is None else own_colors(photo.rgb, photo.profile)
    return replace(photo, rgb=None), own


def _always(rgb: Pixels) -> Colorize:
    return lambda _: rgb


def _note(colored: Picture | Sequence[Composition]) -> str:
    first = colored[0] if isinstance(colored, Sequence) else colored
    return first.note if isinstance(first, Composition) else ""


def _lost(task: Task) -> Result:
    return Result(task, error=f"{task.source}: its process died")


def _use_one_thread() -> None:
    """Limit OpenCV to one thread, because the other cores run the other processes."""
    cv2.setNumThreads(1)


def _write(
    target: Path, photo: Photo, colored: Picture | Sequence[Composition], options: PhotoOptions
) -> tuple[list[Path], list[str]]:
    """Write one picture or its candidates; return the files and the metadata they lack."""
    if isinstance(colored, Sequence):
        return write_candidates(target, colored, like=photo, options=options)
    if options.compare:
        colored = side_by_side(photo.gray, whole(colored))
    return [target], write_photo(
        target, colored, like=photo, quality=options.quality, alpha=not options.compare
    )

"""Colorizes many photos in parallel; a failure does not stop the others.

Independent of the network: the colorizer comes from a factory, so that everything is checked before it is loaded.
"""

import functools
import tempfile
import time
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
from photo.decoder import Pixels
from photo.formats import note_of_format, result_suffix
from photo.inputs import Facts, Kind, Result, Task
from photo.options import PhotoOptions
from photo.read import Photo, mark_in, mark_of, read_photo
from photo.write import BARE, OPAQUE, SUFFIXES, Picture, whole, write_photo
from runtime.files import lock
from runtime.outcomes import FailureOf
from runtime.pool import workers
from runtime.progress import Progress, Silent
from runtime.workers import once

FEW = 6  # photos for which starting more processes takes longer than it saves
PHOTOS = Kind(
    "picture", "photo", tuple(SUFFIXES), ".png", mark_of, mark_in, fallback_of=result_suffix
)
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
    began = time.perf_counter()
    written: list[Path] = []
    dropped: list[str] = []
    note, confidence = "", None
    is_large = task.source.is_file() and task.source.stat().st_size >= LARGE_BYTES
    with lock(large, wait=True) if is_large else nullcontext():
        with FailureOf(task.source) as failure:
            photo, own = _split_colors(read_photo(task.source), options)
            photo = replace(photo, mark=f"{photo.mark}{options.made_with}")
        if not failure.line:
            opening = time.perf_counter()
            colorize = load() if own is None else _always(own)
            # Opening the network, for the first photo, is not the photo's time.
            began += time.perf_counter() - opening
            with failure:
                colored = colorize(photo.gray)
                note, confidence = _remarks(colored) if own is None else (LEFT, None)
                if photo.lost and isinstance(colored, Composition):
                    colored = _with_gray(colored, photo.gray, photo.lost)
                written, dropped = _write(task.target, photo, colored, options)
    if failure.line:
        return Result(task, error=failure.line)
    said = [*photo.notes, note]
    if task.target.suffix.lower() != task.source.suffix.lower():
        said.append(note_of_format(task.source, task.target))
    notes = [f"{task.target}: {what}" for what in said if what]
    notes += [f"{task.target} lacks {what}" for what in dropped]
    height, width = photo.gray.shape
    facts = Facts(
        width, height, 8 * photo.gray.itemsize,
        kept=tuple(_kept(photo, task.target, dropped, options)), left_out=tuple(dropped),
        confidence=confidence, seconds=time.perf_counter() - began, in_color=own is not None,
    )  # fmt: skip
    return Result(task, output=tuple(map(str, written)), notes=tuple(notes), facts=facts)


def _with_gray(colored: Composition, gray: NDArray[Any], part: tuple[slice, slice]) -> NDArray[Any]:
    """Compose a picture without color in a part of it."""
    rgb = colored.whole()
    rgb[part] = gray[part][..., None]
    return rgb


def _split_colors(photo: Photo, options: PhotoOptions) -> tuple[Photo, Pixels | None]:
    """Return a photo without its colors, and its colors if it is left as it is."""
    asked = options.recolor or options.candidates
    own = None if asked or photo.rgb is None else own_colors(photo.rgb, photo.profile)
    return replace(photo, rgb=None), own


def _always(rgb: Pixels) -> Colorize:
    return lambda _: rgb


def _remarks(colored: Picture | Sequence[Composition]) -> tuple[str, float | None]:
    """Return the note on how a photo was colorized, and the network's confidence."""
    first = colored[0] if isinstance(colored, Sequence) else colored
    return (first.note, first.confidence) if isinstance(first, Composition) else ("", None)


def _kept(
    photo: Photo, target: Path, dropped: Sequence[str], options: PhotoOptions
) -> Iterator[str]:
    """Name what a result has of its photo besides the picture."""
    form = SUFFIXES[target.suffix.lower()]
    if len(photo.exif) and form not in BARE:
        yield "EXIF"
    if photo.xmp and form not in BARE and not any(line.startswith("XMP") for line in dropped):
        yield "XMP"
    if photo.dpi:
        yield "resolution"
    if photo.captions.iptc or photo.captions.texts:
        lost = " ".join(dropped)
        names = photo.captions.named() if form not in BARE else ()
        yield from (name for name in names if name not in lost)
    if photo.alpha is not None and form not in OPAQUE and not options.compare:
        yield "transparency"


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

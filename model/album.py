"""Many photos: which files are meant, where each result goes, and all of them done side by side.

Knows no network: a painter comes in as a factory, so everything is checked before one is loaded.
"""

import functools
import glob
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from model.photo import Photo, read_photo
from model.photo_writer import SUFFIXES, write_photo

log = logging.getLogger(__name__)

SUFFIX = ".color"  # name.color.jpg: a result beside its input
FEW = 6  # photos for which starting more processes takes longer than it saves
GIANT_BYTES = 40_000_000  # of the file: one process at a time works on such a photo

Painter: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Task:
    """One photo: where it is, where its result goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Look:
    """How results are written."""

    compare: bool = False  # gray and color side by side
    quality: int = 95  # of JPEG and WebP


@dataclass(frozen=True)
class Outcome:
    """What became of a task; error is one line, None when it was done."""

    task: Task
    error: str | None = None


def plan(
    inputs: Sequence[str], *, save: str | None = None, recursive: bool = False
) -> tuple[list[Task], list[str]]:
    """Turn the command's words into tasks, and one line for every input that gives none.

    Raises ValueError for a target that cannot be meant: this is about the command, not a photo.
    """
    found: list[tuple[Path, Path]] = []  # photo, its place below the target folder
    lost: list[str] = []
    for text in inputs:
        photos = list(_photos_of(text, recursive=recursive, skip=save))
        found += photos
        if not photos:
            lost.append(_why_none(text))
    several = len(found) + len(lost) > 1 or any(Path(text).is_dir() for text in inputs)
    tasks = [Task(photo, _target(photo, place, save, several)) for photo, place in found]
    _check_targets(tasks)
    return tasks, lost


def paint_all(
    tasks: Sequence[Task],
    factory: Callable[[], Painter],
    *,
    look: Look = Look(),
    processes: int = 1,
) -> Iterator[Outcome]:
    """Color every photo; yield outcomes as they come. A failure stops no other photo.

    factory : makes the painter, gray (H, W) -> rgb (H, W, 3); called once in every process.
    """
    if processes == 1 or len(tasks) <= FEW:
        paint = _once(factory)  # only when a photo could be read
        yield from (_paint(task, paint, look) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked Paddle hangs
    with ProcessPoolExecutor(
        processes, context, initializer=_start, initargs=(factory, look, context.Lock())
    ) as pool:
        waiting = {pool.submit(_paint_here, task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    yield Outcome(waiting[future], f"{waiting[future].source}: its process died")
        finally:
            pool.shutdown(cancel_futures=True)


def side_by_side(gray: NDArray[Any], rgb: NDArray[Any]) -> NDArray[Any]:
    """Put gray (H, W) to the left of rgb (H, W, 3)."""
    return np.concatenate([np.repeat(gray[..., None], 3, axis=-1), rgb], axis=1)


def _once(factory: Callable[[], Painter]) -> Painter:
    """Put off making the painter until it is needed."""
    made = functools.cache(factory)
    return lambda gray: made()(gray)


def _paint(task: Task, painter: Painter, look: Look) -> Outcome:
    """Read, color and write one photo."""
    try:
        photo = read_photo(task.source)
        _write(task.target, photo, painter(photo.gray), look)
    except (OSError, ValueError) as error:
        return Outcome(task, _in_one_line(task, error))
    except MemoryError:
        return Outcome(task, f"{task.source}: not enough memory")
    return Outcome(task)


def _write(target: Path, photo: Photo, rgb: NDArray[Any], look: Look) -> None:
    if look.compare:
        rgb = side_by_side(photo.gray, rgb)
    write_photo(target, rgb, like=photo, quality=look.quality, alpha=not look.compare)


def _in_one_line(task: Task, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or task.target}: {error.strerror}"
    return " ".join(str(error).split())


# What a worker process keeps between photos.
_painter: Painter | None = None
_look = Look()
_giant: Any = None


def _start(factory: Callable[[], Painter], look: Look, giant: Any) -> None:
    global _painter, _look, _giant
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent: photos in work finish
    cv2.setNumThreads(1)
    _painter, _look, _giant = factory(), look, giant


def _paint_here(task: Task) -> Outcome:
    assert _painter is not None
    if task.source.stat().st_size < GIANT_BYTES:
        return _paint(task, _painter, _look)
    with _giant:
        return _paint(task, _painter, _look)


def _photos_of(text: str, *, recursive: bool, skip: str | None) -> Iterator[tuple[Path, Path]]:
    """Yield (photo, place below the target folder) for a file, a folder or a glob."""
    path = Path(text)
    if path.is_dir():
        below = sorted(path.rglob("*") if recursive else path.iterdir())
        for photo in below:
            if _is_photo(photo) and not (skip and photo.is_relative_to(skip)):
                yield photo, photo.relative_to(path)
    elif path.exists():
        yield path, Path(path.name)
    elif glob.has_magic(text):
        for match in sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))):
            if _is_photo(match):
                yield match, Path(match.name)


def _is_photo(path: Path) -> bool:
    """Tell a photo by its name; hidden files and our own results are none."""
    ours = path.stem.endswith(SUFFIX)
    known = path.suffix.lower() in SUFFIXES
    return known and not ours and not path.name.startswith(".") and path.is_file()


def _why_none(text: str) -> str:
    if Path(text).is_dir():
        return f"{text}: no pictures in this folder ({', '.join(SUFFIXES)}); see -recursive"
    if glob.has_magic(text):
        return f"{text}: nothing matches"
    return f"{text}: no such file"


def _target(photo: Path, place: Path, save: str | None, several: bool) -> Path:
    """Decide where a result goes."""
    suffix = photo.suffix if photo.suffix.lower() in SUFFIXES else ".png"
    if save is None:
        return photo.with_name(f"{photo.stem}{SUFFIX}{suffix}")
    out = Path(save)
    if several or out.is_dir() or save.endswith("/"):
        if out.is_file() or (out.suffix.lower() in SUFFIXES and not out.is_dir()):
            raise ValueError(f"-save {save} is a file, but several inputs need a folder")
        return out / place.with_suffix(suffix)
    if out.suffix.lower() not in SUFFIXES:
        end = f"ends in {out.suffix}" if out.suffix else "has no extension"
        known = ", ".join(SUFFIXES)
        raise ValueError(f"-save {save} {end}: name a file with {known}, or a folder/")
    return out


def _check_targets(tasks: Sequence[Task]) -> None:
    """Refuse results that would replace an input, or each other."""
    sources = {task.source.resolve() for task in tasks}
    taken: dict[Path, Path] = {}
    for task in tasks:
        target = task.target.resolve()
        if target in sources:
            raise ValueError(f"{task.target} is an input: name another place with -save")
        if target in taken:
            raise ValueError(f"{taken[target]} and {task.source} would both become {task.target}")
        taken[target] = task.source
    for folder in {task.target.parent for task in tasks}:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise ValueError(f"{folder} cannot be written to: name another place with -save")

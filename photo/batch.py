"""Colorizes many photos in parallel; a failure does not stop the others.

Independent of the network: the colorizer comes from a factory, so that everything is checked before it is loaded.
"""

import functools
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import cv2
from numpy.typing import NDArray

from color.guidance import Guidance
from photo.candidates import write_candidates
from photo.colored import LEFT, own_colors
from photo.compose import Composition, side_by_side
from photo.decoder import Pixels, Several
from photo.formats import note_of_format, result_suffix
from photo.inputs import Facts, Kind, Result, Task
from photo.marks import mark_in
from photo.options import PhotoOptions
from photo.pages import Colored, Written, check_animated
from photo.read import Photo, mark_of, read_photo
from photo.write import BARE, OPAQUE, SUFFIXES, Picture, whole, write_photo
from runtime.files import lock, on_disk
from runtime.outcomes import FailureOf
from runtime.pool import workers
from runtime.progress import Progress, Silent
from runtime.workers import once

FEW = 6  # photos for which starting more processes takes longer than it saves
PHOTOS = Kind(
    "picture", "photo", tuple(SUFFIXES), ".png", mark_of, mark_in, fallback_of=result_suffix
)
LARGE_BYTES = 40_000_000  # file size from which only one process at a time works on a photo
ON_DISK_BYTES = 400_000_000  # of gray, from which it is not kept in memory

Colorize: TypeAlias = Callable[[NDArray[Any]], Picture | Sequence[Composition]]


class Colorizer(Protocol):
    """Colorizes gray pictures (H, W) with guidance, and the frames of a shot: `gray2color.Colorizer`."""

    def composition(self, gray: NDArray[Any], guidance: Guidance) -> Composition: ...

    def candidate_compositions(
        self, gray: NDArray[Any], n: int, guidance: Guidance
    ) -> Sequence[Composition]: ...

    def frames(
        self, grays: Iterable[NDArray[Any]], *, reference: NDArray[Any] | None
    ) -> Iterator[NDArray[Any]]: ...


@dataclass(frozen=True)
class Guided:
    """Colorizes pictures and animations with the same guidance, optionally with several candidates."""

    colorizer: Colorizer
    guidance: Guidance
    candidates: int | None = None

    def __call__(self, gray: NDArray[Any]) -> Composition | Sequence[Composition]:
        """Colorize gray (H, W)."""
        if self.candidates:
            return self.colorizer.candidate_compositions(
                gray, n=self.candidates, guidance=self.guidance
            )
        return self.colorizer.composition(gray, guidance=self.guidance)

    def frames(self, grays: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Colorize the frames of an animation. Raises ValueError for a way of using a reference that is for pictures."""
        check_animated(self.guidance)
        return self.colorizer.frames(grays, reference=self.guidance.reference)


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


def _colorize_photo(
    task: Task, *, load: Callable[[], Colorize], options: PhotoOptions, large: Path
) -> Result:
    """Read, colorize and write one photo; errors of loading the network propagate.

    large : lock file for large photos, so that only one at a time is in memory
    """
    began = time.perf_counter()
    done: Written | None = None
    with lock(large, wait=True) if _is_large(task.source) else nullcontext():
        with FailureOf(task.source) as failure:
            photo, own = _split_colors(_read(task, options, large.parent), options)
            several = photo.several
        if not failure.line:
            opening = time.perf_counter()
            colorize = load() if own is None or several.total > 1 else _always(own)
            # Opening the network, for the first photo, is not the photo's time.
            began += time.perf_counter() - opening
            with failure, warnings.catch_warnings():
                # Values of damaged metadata are remarked on when they are written, too; what is left out is named.
                warnings.simplefilter("ignore")
                if several.total > 1:
                    mark, photo, own = photo.mark, replace(photo, gray=photo.gray[:0]), None
                    done = _colorize_several(task, several, mark, colorize, options)
                else:
                    done = _write(task.target, _colored(photo, own, colorize, options), options)
    if done is None:
        return Result(task, error=failure.line)
    return _result(task, done, time.perf_counter() - began, options)


def _is_large(path: Path) -> bool:
    """Return whether a file is large, or each picture in it if it has several."""
    size = path.stat().st_size if path.is_file() else 0
    if size < LARGE_BYTES:
        return False
    from photo.pages import several_in

    with suppress(OSError, ValueError):  # which are said when the photo is read
        size //= several_in(path).total
    return size >= LARGE_BYTES


def _read(task: Task, options: PhotoOptions, temporary: Path) -> Photo:
    """Read a photo, the first one that is chosen of several in its file; keep the gray of a huge one on disk.

    temporary : a folder for it, if the result's does not exist yet
    """
    if options.pages:
        from photo.pages import read_chosen

        photo = read_chosen(task.source, options.pages)
    else:
        photo = read_photo(task.source)
    beside = task.target.parent
    if photo.gray.nbytes >= ON_DISK_BYTES:
        photo = replace(photo, gray=on_disk(photo.gray, beside if beside.is_dir() else temporary))
    return replace(photo, mark=f"{photo.mark}{options.made_with}")


def _colored(
    photo: Photo, own: Pixels | None, colorize: Colorize, options: PhotoOptions
) -> Colored:
    """Colorize a photo, unless it has colors of its own."""
    picture = colorize(photo.gray) if own is None else own
    note, confidence = _remarks(picture) if own is None else (LEFT, None)
    if photo.lost and isinstance(picture, Composition):
        picture = _with_gray(picture, photo.gray, photo.lost)
    if options.compare:
        assert not isinstance(picture, Sequence), "refused by the options"
        picture = side_by_side(photo.gray, whole(picture))
    return Colored(photo, picture, note, confidence, own is not None)


def _colorize_several(
    task: Task, several: Several, mark: str, colorize: Colorize, options: PhotoOptions
) -> Written:
    """Colorize the pages of a file, or the frames of an animation."""
    kept = functools.partial(_kept, target=task.target, options=options)
    if several.what == "frame":
        from photo.animation import colorize_animation

        return colorize_animation(
            task, several, mark=mark, colorize=colorize, kept=kept, options=options
        )
    from photo.multipage import colorize_pages

    def color(page: Photo) -> Colored:
        return _colored(*_split_colors(page, options), colorize, options)

    return colorize_pages(task, several, mark=mark, color=color, kept=kept, options=options)


def _result(task: Task, done: Written, seconds: float, options: PhotoOptions) -> Result:
    said = [*done.notes]
    if task.target.suffix.lower() != task.source.suffix.lower():
        said.append(note_of_format(task.source, task.target, pages=done.pages))
    notes = [f"{task.target}: {what}" for what in said if what]
    notes += [f"{task.target} lacks {what}" for what in done.dropped]
    height, width = done.size
    facts = Facts(
        width, height, done.depth, kept=tuple(done.kept), left_out=tuple(done.dropped),
        confidence=done.confidence, seconds=seconds, in_color=done.in_color, pages=done.pages,
    )  # fmt: skip
    return Result(task, output=tuple(map(str, done.files)), notes=tuple(notes), facts=facts)


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
    photo: Photo, dropped: Sequence[str], *, target: Path, options: PhotoOptions
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


def _write(target: Path, colored: Colored, options: PhotoOptions) -> Written:
    """Write one picture or its candidates."""
    photo, picture = colored.photo, colored.picture
    if isinstance(picture, Sequence):
        files, dropped = write_candidates(target, picture, like=photo, options=options)
    else:
        files, alpha = [target], not options.compare
        dropped = write_photo(target, picture, like=photo, quality=options.quality, alpha=alpha)
    return Written(
        files, photo.gray.shape, 8 * photo.gray.itemsize, [*photo.notes, colored.note], dropped,
        [*_kept(photo, dropped, target=target, options=options)],
        colored.confidence, colored.in_color,
    )  # fmt: skip

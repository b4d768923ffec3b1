"""Colorizes an animation: all of its frames as one shot, so that their colors are steady, into an animation."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from photo.colored import LEFT, as_srgb
from photo.compose import Composition, side_by_side
from photo.decoder import Pixels, Several
from photo.frames import WITHOUT_END, Survey, read_frames, survey
from photo.inputs import Task
from photo.multipage import Kept, checked_pages
from photo.options import PhotoOptions
from photo.pages import Written
from photo.read import Photo, read_photo
from photo.write import SUFFIXES, Picture, fitting, whole
from photo.write_animation import WriteFrame, animation
from photo.write_pages import tiff_pages

TIMES, PLAYS = "the times of its frames", "how often it is played"

Colorize: TypeAlias = Callable[[NDArray[Any]], Picture | Sequence[Composition]]


@runtime_checkable
class ShotColorize(Protocol):
    """Colorizes the frames of a shot steadily: `gray2color.Colorizer`."""

    def frames(self, grays: Iterable[NDArray[Any]]) -> Iterator[Picture]:
        """Yield rgb (H, W, 3), composed on demand or not, for each gray frame (H, W), in order."""
        ...


def colorize_animation(
    task: Task,
    several: Several,
    *,
    mark: str,
    colorize: Colorize,
    kept: Kept,
    options: PhotoOptions,
) -> Written:
    """Colorize the chosen frames of an animation, a few at a time, and write them as an animation.

    mark : of the result, see `photo.read.mark_of`
    colorize : colorizes frames steadily if it is a `ShotColorize`, and otherwise each by itself
    kept : (metadata, what was dropped of them) -> what the result has of them
    Raises OSError or ValueError; then nothing is written.
    """
    choice = checked_pages(task, several, options)
    found = survey(task.source, choice.numbers)
    like = replace(read_photo(task.source), mark=mark)
    total, left = len(found.durations_ms), found.in_color and not options.recolor
    frames = read_frames(task.source, choice.numbers[:total])
    pictures = _own(frames) if left else _steady(colorize, frames)
    with _writer(task.target, like, found, options) as (write, dropped):
        for photo, picture, duration in pictures:
            rgb = side_by_side(photo.gray, picture) if options.compare else picture
            write(_with_alpha(rgb, photo.alpha, found, options), duration)
    notes = [*like.notes, LEFT if left else ""]
    if total < len(choice.numbers):
        lost = choice.numbers[total] + 1
        notes.append(
            f"frame {lost} of {several.total} cannot be read: it and all after it are left out"
        )
    return Written(
        [task.target], like.gray.shape, 8 * like.gray.itemsize, notes, dropped, [*kept(like, dropped)],
        in_color=left, pages=total,
    )  # fmt: skip


def _own(frames: Iterable[tuple[Photo, float]]) -> Iterator[tuple[Photo, Pixels, float]]:
    """Yield frames with their own colors."""
    for photo, duration in frames:
        gray = np.repeat(photo.gray[..., None], 3, axis=-1)
        yield photo, gray if photo.rgb is None else as_srgb(photo.rgb, photo.profile), duration


def _steady(
    colorize: Colorize, frames: Iterable[tuple[Photo, float]]
) -> Iterator[tuple[Photo, Pixels, float]]:
    """Yield colorized frames; the colorizer reads some ahead."""
    ahead: deque[tuple[Photo, float]] = deque()

    def grays() -> Iterator[NDArray[Any]]:
        for photo, duration in frames:
            ahead.append((replace(photo, rgb=None), duration))
            yield photo.gray

    colored = (
        colorize.frames(grays()) if isinstance(colorize, ShotColorize) else map(colorize, grays())
    )
    for picture in colored:
        assert not isinstance(picture, Sequence), "candidates are refused"
        photo, duration = ahead.popleft()
        yield photo, whole(picture), duration


def _with_alpha(rgb: Pixels, alpha: Pixels | None, found: Survey, options: PhotoOptions) -> Pixels:
    """Add a frame's alpha if a frame of the animation is transparent."""
    if not found.transparent or options.compare:
        return rgb
    if alpha is None:
        alpha = np.full(rgb.shape[:2], np.iinfo(rgb.dtype).max, rgb.dtype)
    return np.dstack([rgb, alpha])


@contextmanager
def _writer(
    target: Path, like: Photo, found: Survey, options: PhotoOptions
) -> Iterator[tuple[WriteFrame, list[str]]]:
    """Yield what writes the frames, and what the result lacks of them."""
    form = SUFFIXES[target.suffix.lower()]
    height, width = like.gray.shape
    size = (height, width * (2 if options.compare else 1))
    alpha, total = found.transparent and not options.compare, len(found.durations_ms)
    fitted, dropped = fitting(like, form)
    if form == "TIFF":
        samples = size[0] * size[1] * (3 + alpha) * (1 + found.deep) * total
        with tiff_pages(target, total=total, size=samples, packed=True, alpha=alpha) as page:

            def write(frame: Pixels, duration_ms: float) -> None:
                page(frame[..., :3], replace(like, alpha=frame[..., 3] if alpha else None))

            yield write, [*dropped, TIMES]
        return
    if form == "AVIF" and found.plays != WITHOUT_END:
        dropped.append(PLAYS)
    with animation(
        target, fitted, size=size, deep=found.deep, alpha=alpha, total=total, plays=found.plays,
        quality=options.quality,
    ) as write_frame:  # fmt: skip
        yield write_frame, dropped

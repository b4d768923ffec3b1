"""Reads animations: each frame as viewers show it, its time, and how often all are played."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from image.toning import photo_color_evidence
from photo.apng import shown_frames
from photo.decoder import FORMATS, ORIENTATION, Raster, check_memory, decoding, exif_of
from photo.read import Photo, from_pillow, photo_of

COLORED = 0.5  # mean evidence from which an animation has color, as for a film's shot
JUDGED = 24  # frames at most, whose colors tell whether an animation has color
ONCE, WITHOUT_END = 1, 0


@dataclass(frozen=True)
class Survey:
    """What is known of an animation before it is colorized.

    durations_ms : of each frame that can be read
    plays : how often it is played, 0 for without end
    transparent : whether a frame is
    deep : whether frames have 16 bits
    in_color : whether it has color, judged as a whole
    """

    durations_ms: Sequence[float]
    plays: int
    transparent: bool
    deep: bool
    in_color: bool


def survey(path: Path, numbers: Sequence[int]) -> Survey:
    """Read the chosen frames of an animation once. Raises ValueError if the first one cannot be read."""
    with _opened(path) as image:
        plays = _plays(image)
    durations: list[float] = []
    evidence: list[float] = []
    transparent = deep = False
    step = max(-(-len(numbers) // JUDGED), 1)
    for photo, duration in read_frames(path, numbers):
        if photo.rgb is not None and len(durations) % step == 0:
            evidence.append(photo_color_evidence(photo.rgb))
        durations.append(duration)
        deep |= photo.gray.dtype != np.uint8
        if photo.alpha is not None:
            transparent |= bool(photo.alpha.min() < np.iinfo(photo.alpha.dtype).max)
    in_color = bool(evidence) and float(np.mean(evidence)) >= COLORED
    return Survey(durations, plays, transparent, deep, in_color)


def read_frames(path: Path, numbers: Sequence[int]) -> Iterator[tuple[Photo, float]]:
    """Yield the chosen frames of an animation, each with its time in ms, up to the first that cannot be read.

    Raises ValueError if that is the first of them.
    """
    with _opened(path) as image:
        frames = (_of_png if image.format == "PNG" else _by_pillow)(path, image, numbers)
        for count in range(len(numbers)):
            try:
                with decoding(path):
                    found = next(frames)
            except (ValueError, StopIteration):
                if not count:
                    raise ValueError(_unread(path, numbers[0])) from None
                return
            yield found


def _unread(path: Path, number: int) -> str:
    if not number:
        return f"{path}: its first frame is damaged: -pages 1 colorizes what is left of it"
    return f"{path}: frame {number + 1} cannot be read: choose others with -pages"


def _by_pillow(
    path: Path, image: Image.Image, numbers: Sequence[int]
) -> Iterator[tuple[Photo, float]]:
    for number in numbers:
        image.seek(number)
        photo = photo_of(from_pillow(path, image))
        yield photo, float(image.info.get("duration", 0) or 0)


def _of_png(
    path: Path, image: Image.Image, numbers: Sequence[int]
) -> Iterator[tuple[Photo, float]]:
    # What the codes mean; transparency is alpha already.
    info = {key: value for key, value in image.info.items() if key != "transparency"}
    turn = exif_of(image)[0].get(ORIENTATION, 1)
    for number, (pixels, duration) in enumerate(shown_frames(path)):
        if number in numbers:
            yield photo_of(Raster(pixels, Image.Exif(), info, turn)), duration


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an animation; each use of it is to be inside `decoding`, which is not held from frame to frame."""
    with path.open("rb") as file:
        with decoding(path):
            image = Image.open(file, formats=FORMATS)
            check_memory(path, *image.size)
        with image:
            yield image


def _plays(image: Image.Image) -> int:
    """Return how often an animation is played; a GIF says how often it is repeated."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return ONCE if loop is None else WITHOUT_END if loop == 0 else int(loop) + 1
    return WITHOUT_END if loop is None else int(loop)

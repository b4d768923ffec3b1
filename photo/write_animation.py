"""Writes animations with their metadata: WebP, APNG and AVIF, a frame at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

import numpy as np
from PIL import Image

from photo.apng import ApngWriter
from photo.decoder import Pixels
from photo.exif import placed
from photo.icc import srgb_profile
from photo.read import Photo
from photo.webp import WebpWriter
from photo.write import SUFFIXES, as_bytes, png_texts, save_settings
from photo.write_deep import png_chunks
from runtime.files import folder_of, whole_file

EVEN = {"WEBP": 2}  # px, of which the places of parts are multiples
MOST_PX = {"WEBP": 16383, "AVIF": 65536}

WriteFrame: TypeAlias = Callable[[Pixels, float], None]  # rgb (H, W, 3 or 4), and its time in ms


class _Writer(Protocol):
    def write(self, part: Pixels, at: tuple[int, int], duration_ms: float) -> None: ...

    def close(self) -> None: ...


@contextmanager
def animation(
    path: Path,
    like: Photo,
    *,
    size: tuple[int, int],
    deep: bool,
    alpha: bool,
    total: int,
    plays: int,
    quality: int,
) -> Iterator[WriteFrame]:
    """Yield a function that adds a frame to an animation, which gets its name when it is complete.

    like : its metadata, as `photo.write.fitting` returns them
    size : (H, W) of every frame; deep : whether they have 16 bits, which APNG keeps
    alpha : whether frames have four channels
    plays : how often it is played, 0 for without end; AVIF does not say
    """
    form = SUFFIXES[path.suffix.lower()]
    if max(size) > MOST_PX.get(form, 1 << 31):
        raise ValueError(f"{path}: {form} holds at most {MOST_PX[form]} pixels a side: use .png")
    with folder_of(path), whole_file(path) as part, part.open("wb") as file:
        writer: _Writer
        if form == "PNG":
            writer = ApngWriter(
                file, size=size, depth=16 if deep else 8, alpha=alpha, total=total, plays=plays,
                chunks=png_chunks(like, png_texts(like)),
            )  # fmt: skip
        elif form == "WEBP":
            exif = placed(like.exif, like.note_at) if like.note_at else like.exif.tobytes()
            writer = WebpWriter(
                file, size=size, alpha=alpha, plays=plays, quality=quality, icc=srgb_profile(),
                exif=exif.removeprefix(b"Exif\0\0"), xmp=like.xmp,
            )  # fmt: skip
        else:
            writer = _Collected(file, save_settings(like, form=form, quality=quality))
        before: Pixels | None = None

        def write(frame: Pixels, duration_ms: float) -> None:
            nonlocal before
            frame = frame if deep and form == "PNG" else as_bytes(frame)
            rows, columns = changed(frame, before, step=EVEN.get(form, 1))
            whole = form == "AVIF"
            shown = frame if whole else np.ascontiguousarray(frame[rows, columns])
            writer.write(shown, (rows.start, columns.start), duration_ms)
            before = frame

        yield write
        writer.close()


def changed(frame: Pixels, before: Pixels | None, *, step: int) -> tuple[slice, slice]:
    """Return the rows and columns of the part of a frame that differs from the one before, at least a pixel.

    step : of which the first row and column are multiples
    """
    height, width = frame.shape[:2]
    if before is None:
        return slice(0, height), slice(0, width)
    differs = (frame != before).any(axis=-1)
    if not differs.any():
        return slice(0, 1), slice(0, 1)
    sides = []
    for axis in (1, 0):
        (found,) = np.nonzero(differs.any(axis=axis))
        sides.append(slice(int(found[0]) // step * step, int(found[-1]) + 1))
    return sides[0], sides[1]


class _Collected:
    """Writes all frames at the end, as Pillow's encoder of AVIF wants it."""

    def __init__(self, file: BinaryIO, settings: dict[str, Any]) -> None:
        self._file, self._settings = file, settings
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def write(self, part: Pixels, at: tuple[int, int], duration_ms: float) -> None:
        self._frames.append(Image.fromarray(part))
        self._durations.append(round(duration_ms))

    def close(self) -> None:
        first, *others = self._frames
        first.save(
            self._file, "AVIF", save_all=True, append_images=others, duration=self._durations,
            **self._settings,
        )  # fmt: skip

"""Reads color guidance: references, and hints from the command line, JSON or painted pictures, checked against the photo."""

import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageChops, ImageOps

from color.arrays import Bytes, Floats
from color.guidance import Guidance, Hint, read_hint, read_length
from color.options import GuidanceOptions
from photo.candidate_file import KEYS, read_written
from photo.decoder import check_file
from photo.icc import to_srgb
from photo.opened import opened_photo, size_of
from photo.options import Span
from photo.pages import choose, several_in
from prior.lab import color2ab, rgb2lab
from runtime.console import counted

# Long side at which a reference's colors are counted and its content is compared.
REFERENCE_PX = 512
OPAQUE = 255
REGISTERED_PX = 1024  # short side at which a colored copy is registered, and which its colors keep
REGISTERED_LONG_PX = 4096  # its long side at most
STROKES_PX = 2048  # long side at which strokes are kept
PAINTED = 32  # least difference of a painted place, in 8-bit codes; JPEG at low quality stays below nearly everywhere
# A picture has color, too, if so many pixels of its reduced form have at least this chroma: a stroke is small.
LEAST_STROKE_PX, STROKE_CHROMA = 4, 20.0
# A reference counts as colored if this share of it has at least this chroma; JPEG noise has less.
COLORED_PERCENT, LEAST_CHROMA = 1, 6.0
LARGEST = 1e9  # limit for each number of a point, because Python's integers are unbounded
FORM = '[[x, y, "#rrggbb"], ...] in pixels of the photo or as "40%", optionally with a radius at the end'


def read_guidance(
    options: GuidanceOptions, photo: Path | None = None, *, pages: Sequence[Span] = ()
) -> Guidance:
    """Read the color guidance for photos.

    photo : the photo that the hints belong to; pages : those chosen, of a file of several
    Raises FileNotFoundError or ValueError, also for a point outside the photo, strokes of another size, and hints for
    several pages.
    """
    if options.reference_by and not options.reference:
        raise ValueError("-reference_by applies to -reference only: add -reference")
    hints: list[Hint] = []
    strokes, candidate, look = None, None, Guidance()
    if photo and (options.hint or options.hints):
        page = _hinted_page(photo, pages)
        size = size_of(photo, page)
        hints = [_of_photo(hint) for hint in options.hint]
        if options.hints and _is_picture(options.hints):
            strokes = read_strokes(options.hints, photo, page)
        elif options.hints:
            found = read_hints(options.hints)
            if isinstance(found, Guidance):
                strokes, candidate, look = found.strokes, found.candidate, found
            hints += found.hints if isinstance(found, Guidance) else found
        _check_inside([*hints, *(candidate.hints if candidate else ())], size, photo)
    reference, by = options.reference, options.reference_by or "auto"
    registers = reference and by in {"auto", "registered"}
    return Guidance(
        tuple(hints), strokes, candidate, palette=look.palette, mood=look.mood, strength=look.strength,
        reference=read_reference(reference) if reference else None,
        reference_by=by,
        reference_large=_read_large(reference) if reference and registers else None,
    )  # fmt: skip


def _hinted_page(photo: Path, pages: Sequence[Span]) -> int:
    """Return the page that hints belong to, from 0. Raises ValueError for several."""
    choice = choose(photo, several_in(photo), pages)
    if len(choice.numbers) > 1:
        has = counted(choice.several.total, choice.several.what)
        raise ValueError(
            f"hints are for one picture, but {photo} has {has}: choose one with -pages 1"
        )
    return choice.numbers[0]


def _of_photo(hint: Hint) -> Hint:
    if hint.at:
        raise ValueError(f"a hint at {hint.at} is for a film: for a photo write X,Y,COLOR")
    return hint


def _check_inside(hints: Sequence[Hint], size: tuple[int, int], photo: Path) -> None:
    height, width = size
    for hint in hints:
        x, y = hint.place(size)
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"a hint at {hint.written} is outside {photo}, which has {width} x {height} pixels"
            )


def _is_picture(path: Path) -> bool:
    check_file(path, "hints file")
    try:
        with opened_photo(path):
            return True
    except ValueError:
        return False


def read_strokes(path: Path, photo: Path, page: int = 0) -> Bytes:
    """Read colors painted on a photo: rgba (h, w, 4) uint8, at most `STROKES_PX` a side.

    The picture has the photo's size, and is either transparent except for the strokes, or a painted copy of the
    photo, whose differences from it are the strokes. Raises FileNotFoundError or ValueError.
    page : the photo's page that they belong to, from 0
    """
    height, width = size_of(photo, page)
    with opened_photo(path) as image:
        strokes = to_srgb(ImageOps.exif_transpose(image))
    if strokes.size != (width, height):
        raise ValueError(
            f"{path} has {strokes.width} x {strokes.height} pixels, but {photo} {width} x {height}: "
            "paint on a copy of the photo"
        )
    if strokes.mode == "RGB":
        strokes.putalpha(_painted(strokes, photo, page))
    if not strokes.getextrema()[-1][1]:  # type: ignore[index]
        raise ValueError(f"{path} has no strokes: paint on a copy of the photo")
    strokes.thumbnail((STROKES_PX, STROKES_PX))
    return np.asarray(strokes)


def _painted(copy: Image.Image, photo: Path, page: int) -> Image.Image:
    """Return a mask, mode L, of where a copy of a photo differs from it by more than compression noise."""
    with opened_photo(photo, page) as image:
        original = to_srgb(ImageOps.exif_transpose(image)).convert("RGB")
    difference = np.asarray(ImageChops.difference(copy, original)).max(axis=-1)
    differs = np.asarray(difference > PAINTED, np.uint8) * np.uint8(255)
    return Image.fromarray(cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))


def read_hints(path: Path) -> list[Hint] | Guidance:
    """Read color points: [[x, y, "#rrggbb"], ...], or a, b in place of the color; a radius may follow. Or a candidate.

    A point may also be written as for `-hint`, "40%,30%,navy". Only the hue and chroma of a color are used. Raises
    FileNotFoundError, or ValueError for a file of another form.
    """
    check_file(path, "hints file")
    try:
        points = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}): write {FORM}") from None
    if isinstance(points, dict) and KEYS & points.keys():
        try:
            return read_written(points, partial(_point, path))
        except (TypeError, ValueError) as error:
            line = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise ValueError(f"{line}: take a file that -candidates or the page wrote") from None
    if not isinstance(points, list) or not points:
        raise ValueError(f"{path} is not a list of points: write {FORM}")
    return [_point(path, point) for point in points]


def read_reference(path: Path) -> Bytes:
    """Read a color picture, reduced: rgb (h, w, 3) uint8. Formats and limits are those of photos.

    Raises FileNotFoundError or ValueError, also for a picture without color.
    """
    check_file(path, "reference picture")
    with opened_photo(path) as image:
        image.thumbnail((REFERENCE_PX, REFERENCE_PX))
        reference = np.asarray(to_srgb(image).convert("RGB"))
    if not _is_colored(reference):
        raise ValueError(f"reference picture {path} has no color: name a picture in color")
    return reference


def has_color(path: Path) -> bool:
    """Tell whether a picture has color, be it a stroke, where it is not transparent. Raises as `read_reference`."""
    check_file(path, "picture")
    with opened_photo(path) as image:
        image.thumbnail((REFERENCE_PX, REFERENCE_PX))
        rgba = np.asarray(to_srgb(image).convert("RGBA"))
    shown = rgba[rgba[..., 3] > OPAQUE // 2][None, :, :3]
    return bool(shown.size) and (_is_colored(shown) or _has_stroke(shown))


def read_colored(path: Path) -> Bytes:
    """Read a colored copy, upright and reduced: rgba (h, w, 4) uint8. Raises as `read_reference`."""
    check_file(path, "picture")
    picture = _read_large(path)
    if picture.shape[2] == 4:
        return picture
    return np.dstack([picture, np.full(picture.shape[:2], OPAQUE, np.uint8)])


def _is_colored(rgb: Bytes) -> bool:
    return bool(np.percentile(_chroma_of(rgb), 100 - COLORED_PERCENT) >= LEAST_CHROMA)


def _has_stroke(rgb: Bytes) -> bool:
    return int((_chroma_of(rgb) >= STROKE_CHROMA).sum()) >= LEAST_STROKE_PX


def _chroma_of(rgb: Bytes) -> Floats:
    return np.asarray(np.hypot(*np.moveaxis(rgb2lab(rgb)[..., 1:], -1, 0)), np.float32)


def _read_large(path: Path) -> Bytes:
    """Read a reference upright, with the detail that registration keeps: rgb (h, w, 3) or rgba (h, w, 4) uint8."""
    with opened_photo(path) as image:
        width, height = image.size
        scale = min(REGISTERED_PX / min(width, height), REGISTERED_LONG_PX / max(width, height))
        if scale < 1:
            image.thumbnail((math.ceil(width * scale), math.ceil(height * scale)))
        return np.asarray(to_srgb(ImageOps.exif_transpose(image)))


def _point(path: Path, point: Any) -> Hint:
    shown = json.dumps(point, ensure_ascii=False)[:80]
    try:
        if isinstance(point, str):
            return _of_photo(read_hint(point))
        if not isinstance(point, list) or len(point) < 3:
            raise ValueError("expected a list")
        if isinstance(point[2], str):
            point = [*point[:2], *color2ab(point[2]), *point[3:]]
        (x, x_percent), (y, y_percent) = map(_length, point[:2])
        a, b, *radius = map(_finite, point[2:])
        if len(radius) > 1:
            raise ValueError("expected one radius")
    except ValueError as error:
        raise ValueError(f"{path}: invalid point {shown}: {error}; write {FORM}") from None
    return Hint(x, y, (a, b), x_percent, y_percent, radius=int(radius[0]) if radius else None)


def _length(value: Any) -> tuple[float, bool]:
    return read_length(value) if isinstance(value, str) else (_finite(value), False)


def _finite(value: Any) -> float:
    if type(value) not in {int, float} or not abs(value) < LARGEST:
        raise ValueError(f"expected a number, got {json.dumps(value, ensure_ascii=False)[:40]}")
    return float(value)

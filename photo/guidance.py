"""Color guidance read from files: hints in JSON, a reference picture."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from photo.decoder import check_file, opened
from photo.options import PhotoOptions
from prior.lab import rgb2lab

REFERENCE_PX = 256  # long side at which a reference's colors are counted
LARGEST = 1e9  # of any number of a point; Python's integers have no end
FORM = '[[x, y, "#rrggbb"], ...] in pixels of the photo, perhaps with a radius at the end'

Point = tuple[float, ...]


def read_guidance(options: PhotoOptions) -> dict[str, Any]:
    """Read the files that guide the colors; return what a colorizer takes by name, nothing without any.

    Raises FileNotFoundError or ValueError.
    """
    guidance: dict[str, Any] = {}
    if options.hints:
        guidance["hints"] = read_hints(options.hints)
    if options.reference:
        guidance["palette"] = read_reference(options.reference)
    return guidance


def read_hints(path: Path) -> list[Point]:
    """Read color points: [[x, y, "#rrggbb"], ...], or a, b in place of the color; a radius may follow.

    Returns (x, y, a, b) or (x, y, a, b, radius) each; only the hue and chroma of a color count.
    Raises FileNotFoundError, or ValueError for a file of another form.
    """
    check_file(path, "hints file")
    try:
        points = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON ({error}): write {FORM}") from None
    if not isinstance(points, list) or not points:
        raise ValueError(f"{path} holds no list of points: write {FORM}")
    return [_point(path, point) for point in points]


def read_reference(path: Path) -> NDArray[np.uint8]:
    """Read a color picture small: rgb (h, w, 3) uint8. Same formats and limits as photos.

    Raises FileNotFoundError or ValueError.
    """
    check_file(path, "reference picture")
    with opened(path) as image:
        image.thumbnail((REFERENCE_PX, REFERENCE_PX))
        return np.asarray(image.convert("RGB"))


def _point(path: Path, point: Any) -> Point:
    if isinstance(point, list) and len(point) >= 3 and isinstance(point[2], str):
        point = [*point[:2], *_ab(path, point[2]), *point[3:]]
    numbers = isinstance(point, list) and all(type(value) in {int, float} for value in point)
    if not numbers or len(point) not in {4, 5} or not all(abs(value) < LARGEST for value in point):
        raise ValueError(f"{path}: {json.dumps(point)[:80]} is no point: write {FORM}")
    return tuple(float(value) for value in point)


def _ab(path: Path, color: str) -> list[float]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        raise ValueError(f"{path}: {color!r} is no color: write it as #rrggbb")
    return [float(value) for value in rgb2lab(np.frombuffer(bytes.fromhex(color[1:]), "u1"))[1:]]

"""Color hints: points and strokes become planes for the network.

The network receives the planes beside lightness: a/110, b/110 and a mask, all zero where there is no hint. A reference
picture becomes a palette vector: the share of each color bin. `model.spread` spreads the hints over their objects.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Mask
from color.guidance import Hint
from image.resize import fitted
from model.contract import AB_SCALE
from prior.lab import ab2hex, color2ab, gray2lightness, rgb2lab
from prior.qspace import QSpace

MEAN_POINTS = 8.0  # mean number of points per picture in training (geometric, from 1)
LEAST_COVERAGE = 0.25  # least painted share of an input pixel that counts as a hint
POINT_RADIUS_PX = 2  # of a user's point: a square of 5 x 5 pixels
# Difference of L from the square's center above which a pixel is taken to belong to another object.
ALIKE = 15.0
KEPT_CHROMA = 0.6  # a hint with less of its chroma than this share is noted
SEEN_CHROMA = 1.0  # what less of it, in ab units, is seen at all: gray is not exactly 0, 0
SHOWN_HINTS = 3  # in a note


def stroke_planes(rgba: Bytes, *, size: tuple[int, int]) -> Floats:
    """Convert painted colors, rgba (h, w, 4) of any size, to planes (3, H, W) for the network."""
    coverage = np.asarray(rgba[..., 3] / np.float32(255), np.float32)
    ab = rgb2lab(rgba[..., :3])[..., 1:] * coverage[..., None]
    a, b, covered = (
        fitted(np.ascontiguousarray(plane), size[::-1]) for plane in (*cv2.split(ab), coverage)
    )
    planes = np.stack([a / AB_SCALE, b / AB_SCALE, covered]) / np.maximum(covered, LEAST_COVERAGE)
    return np.asarray(planes * (covered >= LEAST_COVERAGE), np.float32)


def random_hints(
    ab: Floats,
    rng: np.random.Generator,
    *,
    points: int | None = None,
    sides_px: tuple[int, int] = (1, 9),
) -> Floats:
    """Draw random squares of a picture's true color as hints; return planes (3, H, W).

    ab : (H, W, 2), ground truth
    points : number of squares; default: 1 + Geometric(1/8), as in real-time user-guided colorization
        (Zhang et al. 2017). Later squares cover earlier ones.
    sides_px : smallest and largest side of a square. Squares are cropped at the picture's border and
        have the mean color of the rest.
    """
    height, width = ab.shape[:2]
    # NumPy counts trials, not failures: its Geometric starts at 1.
    count = int(rng.geometric(1.0 / MEAN_POINTS)) if points is None else points
    planes = np.zeros((3, height, width), np.float32)
    sides = rng.integers(sides_px[0], sides_px[1] + 1, count)
    tops = rng.integers(0, height, count) - sides // 2
    lefts = rng.integers(0, width, count) - sides // 2
    for top, left, side in zip(tops.tolist(), lefts.tolist(), sides.tolist(), strict=True):
        rows, columns = slice(max(top, 0), top + side), slice(max(left, 0), left + side)
        _fill(planes, rows, columns, ab[rows, columns].reshape(-1, 2).mean(axis=0))
    return planes


def point_planes(
    points: Sequence[Sequence[float]],
    *,
    size: tuple[int, int],
    picture: tuple[int, int] | None = None,
    onto: Floats | None = None,
    lightness: Floats | None = None,
) -> Floats:
    """Draw a user's color points; return planes (3, H, W) for the network.

    points : each (x, y, a, b) or (x, y, a, b, radius); x to the right and y down from the upper
        left corner; radius in pixels of the planes, for a square of side 2 radius + 1
    size : (H, W) of the planes
    picture : (height, width) of the picture in which x and y are measured; default: `size`
    onto : (3, H, W), planes with hints, which the points cover; default: none
    lightness : (H, W), L 0..100; if given, squares exclude pixels much darker or lighter than their center

    Raises ValueError for a point that is malformed or outside the picture.
    """
    planes = np.zeros((3, *size), np.float32) if onto is None else onto.copy()
    for point in points:
        x, y, a, b, radius = _checked(point, picture or size)
        row = int(y * size[0] / (picture or size)[0])
        column = int(x * size[1] / (picture or size)[1])
        rows = slice(max(row - radius, 0), row + radius + 1)
        columns = slice(max(column - radius, 0), column + radius + 1)
        alike = None
        if lightness is not None:
            difference = np.abs(lightness[rows, columns] - lightness[row, column])
            alike = difference < ALIKE
        _fill(planes, rows, columns, np.array([a, b], np.float32), where=alike)
    return planes


def palette_vector(ab: Floats | None, qspace: QSpace) -> Floats:
    """Compute a reference's histogram: the share of each bin, then 1; all zeros without a reference.

    ab : (..., 2) float32, or None
    Returns (Q + 1,) float32.
    """
    vector = np.zeros(len(qspace.bins) + 1, np.float32)
    if ab is not None:
        counts = np.bincount(qspace.nearest(ab).ravel(), minlength=len(qspace.bins))
        vector[:-1] = counts / max(counts.sum(), 1)
        vector[-1] = 1.0
    return vector


def _fill(
    planes: Floats,
    rows: slice,
    columns: slice,
    color: Floats,
    *,
    where: Mask | None = None,
) -> None:
    square = planes[:, rows, columns]
    filled = np.append(color / AB_SCALE, np.float32(1))[:, None, None]
    np.copyto(square, filled, where=True if where is None else where)


def _checked(
    point: Sequence[float], size: tuple[int, int]
) -> tuple[float, float, float, float, int]:
    if len(point) not in {4, 5} or not np.isfinite(point).all():
        raise ValueError(f"expected a color point x, y, a, b[, radius], got {tuple(point)}")
    x, y, a, b = (float(value) for value in point[:4])
    radius = int(point[4]) if len(point) == 5 else POINT_RADIUS_PX
    if not (0 <= x < size[1] and 0 <= y < size[0]):
        raise ValueError(
            f"color point at x={x:g}, y={y:g} is outside the picture: "
            f"give x in 0..{size[1] - 1}, y in 0..{size[0] - 1}"
        )
    if radius < 0 or max(abs(a), abs(b)) > 128:
        raise ValueError(
            f"color point a={a:g}, b={b:g}, radius={radius}: give a and b within -128..128, "
            "and a radius of 0 or more"
        )
    return x, y, a, b, radius


def weakened_hints(gray: NDArray[Any], hints: Sequence[Hint], *, saturation: float) -> str:
    """Say which hints lose much of their chroma, as the lightness of gray (H, W) there has none so strong; else "".

    The lightness is that of the photo, never of the color: a dark place cannot become as colorful as a light one.
    """
    found = []
    for hint in hints:
        x, y = map(int, hint.place((gray.shape[0], gray.shape[1])))
        if not (0 <= x < gray.shape[1] and 0 <= y < gray.shape[0]):
            continue  # refused where it is used
        lightness = float(gray2lightness(gray[y, x]))
        a, b = (saturation * value for value in color2ab(hint.color))
        given = ab2hex((a, b), lightness)
        asked, kept = np.hypot(a, b), np.hypot(*color2ab(given))
        if kept < min(KEPT_CHROMA * asked, asked - SEEN_CHROMA):
            found.append(f"{hint.color} at {hint.written} becomes {given}")
    if not found:
        return ""
    more = f" and {len(found) - SHOWN_HINTS} more" if len(found) > SHOWN_HINTS else ""
    return f"hints: less color than asked at this lightness: {', '.join(found[:SHOWN_HINTS])}{more}"

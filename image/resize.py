"""Resizing of pictures, and of colors: upsampling of small ab is guided by the gray picture, so that colors stop at edges.

In a small neighborhood, ab is nearly a linear function of L (guided filter, He et al. 2010), so detail of L that the
small picture lacks is added to ab, multiplied by the slope.

`to_lightness` converts gray levels to L 0..100; for sRGB it is `prior.lab.gray2lightness`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats
from runtime.files import release

Rgb: TypeAlias = Bytes
ToLightness: TypeAlias = Callable[[NDArray[Any]], Floats]

STEP = 4  # scale factor per level
FINEST_PX = 600  # short side beyond which slopes are only interpolated
SMOOTHNESS = 3e-3  # variance of L/100 below which ab does not follow L; best on held-out photos
# The same for true ab, which has fewer faults that lightness could mend: 1 dB better on eight pictures at scales 2 and 4.
TRUE_SMOOTHNESS = 3e-2
# Approximate pixels per block of rows: stays in the cache, and two threads seldom wait for the GIL.
BLOCK_PX = 1 << 16
HUGE_BYTES, BAND_ROWS = 1 << 28, 512  # of a plane that is halved in bands, as it may be on disk
MOST_ROWS = 12  # per product: BLAS's own threads, if it has any, would compete with ours


def center_square(rgb: Rgb, *, side_px: int) -> Rgb:
    """Resize the short side of rgb (H, W, 3) to `side_px` and crop the center: (side_px, side_px, 3).

    Downscales by area averaging, upscales by cubic interpolation.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    size = [max(side_px, round(length * side_px / short)) for length in (width, height)]
    how = cv2.INTER_AREA if side_px < short else cv2.INTER_CUBIC
    resized = cv2.resize(rgb, size, interpolation=how)
    left, top = ((length - side_px) // 2 for length in size)
    return np.ascontiguousarray(resized[top : top + side_px, left : left + side_px], np.uint8)


def fitted(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Resize a plane to (width, height), with antialiasing."""
    width, height = size
    plane = nearly_fitted(plane, size)
    smaller = width <= plane.shape[1] and height <= plane.shape[0]
    mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=mode))


def nearly_fitted(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Halve a plane as long as it is at least twice as large as (width, height).

    OpenCV averages 2x2 samples many times faster than windows of any other size.
    """
    while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1]:
        plane = _halved(plane)
    return plane


def _halved(plane: NDArray[Any]) -> NDArray[Any]:
    """Average 2x2 samples; those of a huge plane in bands, without an odd last row and column."""
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    if plane.nbytes < HUGE_BYTES:
        return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA))
    half = np.empty((height, width, *plane.shape[2:]), plane.dtype)
    for band in bands(height, BAND_ROWS):
        rows = plane[2 * band.start : 2 * band.stop, : 2 * width]
        size = (width, band.stop - band.start)
        half[band] = cv2.resize(rows, size, interpolation=cv2.INTER_AREA)
        release(plane)
    return half


@dataclass(frozen=True)
class Field:
    """Color as a function of position and lightness: ab = slope * L / 100 + base, both (2, h, w)."""

    slope: Floats
    base: Floats

    def planes(self) -> Floats:
        """Return planes (4, h, w): slope of a and b, base of a and b."""
        return np.concatenate([self.slope, self.base])


def color_field(
    ab: Floats, gray: NDArray[Any], *, to_lightness: ToLightness, smoothness: float = SMOOTHNESS
) -> Field:
    """Fit ab (h, w, 2) to the lightness of gray (H, W), level by level up to the finest.

    smoothness : `SMOOTHNESS` for predicted colors, `TRUE_SMOOTHNESS` for those of a colored copy
    """
    sizes = _level_sizes(ab.shape, gray.shape)
    levels = [to_lightness(fitted(gray, sizes[-1])) / np.float32(100)]
    for width, height in reversed(sizes[:-1]):
        smaller = cv2.resize(levels[-1], (width, height), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, np.float32))
    small = levels.pop()
    colors = [np.asarray(plane, np.float32) for plane in cv2.split(ab)]
    while levels:
        larger = levels.pop()
        detail = larger - cv2.resize(small, larger.shape[::-1], interpolation=cv2.INTER_CUBIC)
        slope_of = _Regression(small, smoothness)
        colors = [_grown(color, slope_of, detail) for color in colors]
        small = larger
    slopes = [*map(_Regression(small, smoothness), colors)]
    bases = [color - slope * small for color, slope in zip(colors, slopes, strict=True)]
    return Field(np.stack(slopes), np.stack(bases))


def _grown(color: Floats, slope_of: "_Regression", detail: Floats) -> Floats:
    """Upsample a plane of color (h, w), with its regression, to the size of the lightness's detail (H, W)."""
    size = detail.shape[::-1]
    grown = cv2.resize(slope_of(color), size) * detail
    grown += cv2.resize(color, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown, np.float32)


def upsample(ab: Floats, gray: NDArray[Any], *, to_lightness: ToLightness) -> Floats:
    """Upsample ab (h, w, 2) to the size of gray (H, W), guided by its lightness."""
    planes = color_field(ab, gray, to_lightness=to_lightness).planes()
    full = np.empty((*gray.shape, 2), np.float32)
    for rows, block in interpolated_blocks(planes, slice(0, gray.shape[0]), gray.shape):
        level = to_lightness(gray[rows]) / np.float32(100)
        full[rows] = (block[:2] * level + block[2:]).transpose(1, 2, 0)
    return full


def upsample_planes(ab: Floats, guide: Bytes, *, between: tuple[int, int]) -> tuple[Floats, Floats]:
    """Upsample ab (h, w, 2) to the size of a guide (H, W), full-range luma, as two planes: `upsample` for films.

    It has two levels, the first at `between` (width, height), and uses OpenCV's loops only: it takes a fifth to a
    seventh of the time, and the error of ab is 1 to 2 % larger (three clips, measured once by hand).
    """
    size = (guide.shape[1], guide.shape[0])
    small, middle = (
        np.multiply(fitted(guide, shape), 1 / 255, dtype=np.float32)
        for shape in ((ab.shape[1], ab.shape[0]), between)
    )
    detail = middle - cv2.resize(small, between, interpolation=cv2.INTER_CUBIC)
    light = guide.astype(np.float32)
    slope_of, grown_slope_of = _Regression(small), _Regression(middle)
    planes = []
    for plane in cv2.split(ab):
        grown = _grown(np.asarray(plane, np.float32), slope_of, detail)
        slope = grown_slope_of(grown)
        full = np.asarray(cv2.resize(slope * np.float32(1 / 255), size), np.float32)
        slope *= middle
        grown -= slope
        cv2.multiply(full, light, dst=full)
        planes.append(np.asarray(cv2.add(full, cv2.resize(grown, size), dst=full), np.float32))
    return planes[0], planes[1]


def upsample_fine(ab: Floats, guide: Bytes) -> tuple[Floats, Floats]:
    """Upsample ab (h, w, 2), not much smaller than a guide (H, W) of full-range luma, in one level, as two planes."""
    width, height = guide.shape[1], guide.shape[0]
    planes = [np.asarray(plane, np.float32) for plane in cv2.split(ab)]
    if ab.shape[0] < height or ab.shape[1] < width:
        light = np.multiply(guide, 1 / 255, dtype=np.float32)
        small = np.asarray(fitted(light, (ab.shape[1], ab.shape[0])), np.float32)
        cubic = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        detail = np.asarray(light - cubic, np.float32)
        slope_of = _Regression(small)
        planes = [_grown(plane, slope_of, detail) for plane in planes]
    elif ab.shape[:2] != (height, width):
        planes = [np.asarray(fitted(plane, (width, height)), np.float32) for plane in planes]
    return planes[0], planes[1]


def interpolated_blocks(
    planes: Floats, rows: slice, shape: tuple[int, ...]
) -> Iterator[tuple[slice, Floats]]:
    """Interpolate planes (c, h, w) linearly to a picture's rows; yield blocks (c, rows, W).

    The few source rows of the band are interpolated horizontally once; a small matrix mixes them for each block.
    """
    height = planes.shape[1]
    places = (np.arange(rows.start, rows.stop) + 0.5) * (height / shape[0]) - 0.5
    places = np.clip(places, 0, height - 1)
    upper = places.astype(np.intp)
    first, last = int(upper[0]), min(int(upper[-1]) + 2, height)
    wide = np.stack([cv2.resize(p[first:last], (shape[1], last - first)) for p in planes])
    nodes = np.arange(first, last)
    mix = np.maximum(1 - np.abs(places[:, None] - nodes), 0).astype(np.float32)  # hat functions
    for block in bands(len(places), max(BLOCK_PX // shape[1], 1)):
        mixed = np.empty((len(planes), block.stop - block.start, shape[1]), np.float32)
        for part in bands(mixed.shape[1], MOST_ROWS):
            mix_of = mix[block][part]
            near = np.flatnonzero(mix_of.any(axis=0))
            used = slice(near[0], near[-1] + 1)
            np.matmul(mix_of[:, used], wide[:, used], out=mixed[:, part])
        yield slice(rows.start + block.start, rows.start + block.stop), mixed


def bands(height: int, rows: int) -> Iterator[slice]:
    """Split a height into slices of at most `rows` rows."""
    return (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def _level_sizes(small: tuple[int, ...], full: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the sizes (width, height) of all levels, from the network's output to the finest."""
    sizes = [(small[1], small[0])]
    while min(sizes[-1]) < FINEST_PX and 2 * min(sizes[-1]) <= min(full):
        growth = min(STEP, min(full) / min(sizes[-1]))
        sizes.append((round(sizes[-1][0] * growth), round(sizes[-1][1] * growth)))
    return sizes


class _Regression:
    """Regresses planes of color (h, w) on one lightness (h, w) 0..1 around each pixel; returns smoothed slopes (h, w)."""

    def __init__(self, lightness: Floats, smoothness: float = SMOOTHNESS) -> None:
        self._lightness, self._mean = lightness, _box(lightness)
        self._spread = _box(lightness * lightness) - self._mean * self._mean + smoothness

    def __call__(self, color: Floats) -> Floats:
        covariance = _box(color * self._lightness)
        covariance -= _box(color) * self._mean
        covariance /= self._spread
        return _box(covariance)


def _box(planes: Floats) -> Floats:
    return np.asarray(cv2.blur(planes, (3, 3), borderType=cv2.BORDER_REFLECT), np.float32)

"""Composes gray and small ab into the full-size picture with the lightness of the gray, in bands."""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from color.arrays import Bytes, Floats
from color.guidance import Candidate
from image.resize import Field, bands, fitted, interpolated_blocks
from prior.lab import KNEE, SLOPE, XYZ_FROM_RGB, gray2lightness, linear2srgb
from runtime.files import release

BAND_ROWS = 64  # rows of a thread's task
CODES_8, CODES_16 = 1 << 16, 1 << 20  # entries of the sRGB curve: finer than half an output code


def luminance_codes(luminance: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Encode luminance (...) float32 0..1 as sRGB gray codes of a dtype, uint8 or uint16."""
    codes = _codes(np.dtype(dtype).str)
    scaled = luminance * np.float32(len(codes) - 1) + np.float32(0.5)
    return np.take(codes, scaled.astype(np.int32), mode="clip")


def side_by_side(gray: NDArray[Any], rgb: NDArray[Any]) -> NDArray[Any]:
    """Put gray (H, W) to the left of rgb (H, W, 3)."""
    return np.concatenate([np.repeat(gray[..., None], 3, axis=-1), rgb], axis=1)


@dataclass(frozen=True, eq=False)
class Composition:
    """A color photo, composed on demand, so that 100 megapixels never have to be in memory as a whole.

    gray : (H, W) uint8 or uint16
    field : its colors
    threads : threads that compose it
    note : a remark for the user on how it was colorized
    confidence : 0..1, the network's, on average; None if it is not known
    candidate : makes its colors again
    """

    gray: NDArray[Any]
    field: Field
    threads: int = 1
    note: str = ""
    confidence: float | None = None
    candidate: Candidate | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the shape (H, W, 3)."""
        return (*self.gray.shape, 3)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of the gray."""
        return self.gray.dtype

    def whole(self) -> NDArray[Any]:
        """Compose the whole picture: rgb (H, W, 3)."""
        return compose(self.gray, self.field, threads=self.threads)

    def small(self, scale: float) -> Bytes:
        """Compose the whole picture at a scale of at most 1: rgb (h, w, 3) uint8."""
        height, width = (max(round(side * min(1.0, scale)), 1) for side in self.gray.shape)
        rgb = compose(fitted(self.gray, (width, height)), self.field, threads=self.threads)
        return np.asarray(rgb if rgb.dtype == np.uint8 else rgb >> 8, np.uint8)

    def window(self, gray: Bytes, edges: tuple[float, float, float, float]) -> Bytes:
        """Compose a part of the picture, at any scale: rgb (h, w, 3).

        gray : (h, w), the part at that scale
        edges : its left, top, right and bottom, as shares of the picture's sides
        """
        planes = _window(self.field, edges, gray.shape)
        rgb = np.empty((*gray.shape, 3), gray.dtype)
        _compose_rows(gray, planes, rgb)
        return rgb

    def bands(self, rows: int) -> Iterator[NDArray[Any]]:
        """Compose the picture in bands: rgb (rows, W, 3), fewer rows in the last one."""
        planes = _scaled_planes(self.field)
        with ThreadPoolExecutor(self.threads) as pool:
            for band in bands(self.gray.shape[0], rows):
                yield _composed(self.gray, planes, band, pool)
                release(self.gray)


def compose(gray: NDArray[Any], field: Field, *, threads: int = 1) -> NDArray[Any]:
    """Colorize gray (H, W) uint8 or uint16: rgb (H, W, 3) of its dtype and its lightness.

    A color outside sRGB is mixed with the gray of its own luminance just enough to be inside.
    Works in bands: memory beyond the result does not grow with the picture.
    """
    with ThreadPoolExecutor(threads) as pool:
        return _composed(gray, _scaled_planes(field), slice(0, gray.shape[0]), pool)


def _window(
    field: Field, edges: tuple[float, float, float, float], shape: tuple[int, ...]
) -> Floats:
    """Interpolate slope and base (4, h, w), scaled, to the pixels of a part of the picture."""
    planes = _scaled_planes(field)
    height, width = planes.shape[1:]
    left, top, right, bottom = edges
    step_x, step_y = (right - left) * width / shape[1], (bottom - top) * height / shape[0]
    place = np.array(
        [
            [step_x, 0, left * width + step_x / 2 - 0.5],
            [0, step_y, top * height + step_y / 2 - 0.5],
        ]
    )
    size, how = (shape[1], shape[0]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = [
        cv2.warpAffine(plane, place, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
        for plane in planes
    ]
    return np.asarray(np.stack(found), np.float32)


def _scaled_planes(field: Field) -> Floats:
    """Return slope and base (4, h, w) of the CIE cube roots of X and of Z: each is slope * L / 100 + base."""
    planes = field.planes()
    planes *= _ROOTS_FROM_AB
    planes += _ROOT_OF_Y
    return planes


def _composed(
    gray: NDArray[Any], planes: Floats, rows: slice, pool: ThreadPoolExecutor
) -> NDArray[Any]:
    """Compose some rows of a picture: rgb (rows, W, 3)."""
    rgb = np.empty((rows.stop - rows.start, gray.shape[1], 3), gray.dtype)
    work = functools.partial(_compose_band, gray, planes, first=rows.start, rgb=rgb)
    tasks = [
        slice(rows.start + band.start, rows.start + band.stop)
        for band in bands(len(rgb), BAND_ROWS)
    ]
    for _ in pool.map(work, tasks):
        pass
    return rgb


def _compose_band(
    gray: NDArray[Any], planes: Floats, band: slice, *, first: int, rgb: NDArray[Any]
) -> None:
    """Fill a band of rgb (rows from `first` on, W, 3) from gray (H, W) and slope and base (4, h, w), scaled."""
    for rows, full in interpolated_blocks(planes, band, gray.shape):
        _compose_rows(gray[rows], full, rgb[rows.start - first : rows.stop - first])


def _compose_rows(gray: NDArray[Any], full: Floats, rgb: NDArray[Any]) -> None:
    """Fill rows of rgb (H, W, 3) from gray (H, W) and slope and base (4, H, W), which are overwritten."""
    # In place and in few passes, because memory access takes most of the time.
    light = _light_of(gray.dtype.str)
    roots, base = full.reshape(2, 2, -1)
    roots *= _looked_up(light.level, gray)
    roots += base
    luminance = _looked_up(light.luminance, gray)
    away_xz = _from_f(roots)
    away_xz -= luminance
    away = np.matmul(_away_from_gray(), away_xz)  # in linear light
    # Factor by which the color exceeds the gamut, below black or above white.
    excess = np.maximum(-away.min(axis=0) * _looked_up(light.per_luminance, gray), np.float32(1))
    np.maximum(excess, away.max(axis=0) * _looked_up(light.per_room, gray), out=excess)
    codes = _codes(gray.dtype.str)
    top = np.float32(len(codes) - 1)
    away *= top / excess
    luminance *= top
    luminance += np.float32(0.5)
    away += luminance
    if gray.dtype == np.uint8:
        coded = cv2.LUT(away.astype(np.uint16), codes)
    else:
        coded = np.take(codes, away.astype(np.int32), mode="clip")
    cv2.merge([plane.reshape(gray.shape) for plane in coded], rgb)


def _looked_up(table: Floats, codes: NDArray[Any]) -> Floats:
    """Look up codes (H, W), uint8 or uint16, in a table: (H * W,)."""
    found = cv2.LUT(codes, table) if codes.dtype == np.uint8 else np.take(table, codes)
    return np.asarray(found, np.float32).ravel()


def _from_f(f: Floats) -> Floats:
    """Invert the CIE cube root of (n, m), which is overwritten: the cube above the knee, the tangent below."""
    above = np.maximum(f, np.float32(KNEE))
    f -= above
    linear = cv2.pow(above, 3, above)
    return np.asarray(cv2.scaleAdd(f, 1 / SLOPE, linear, linear), np.float32)


@dataclass(frozen=True)
class _Light:
    """Lookup tables over all gray codes.

    level : L / 100
    luminance : 0..1
    per_luminance, per_room : 1 / luminance and 1 / (1 - luminance)
    """

    level: Floats
    luminance: Floats
    per_luminance: Floats
    per_room: Floats


@functools.lru_cache
def _light_of(dtype: str) -> _Light:
    level = gray2lightness(np.arange(np.iinfo(dtype).max + 1, dtype=dtype)) / np.float32(100)
    luminance = _from_f(level[None] * _ROOT_OF_Y[0, 0] + _ROOT_OF_Y[2, 0])[0]
    least = np.float32(1e-9)
    per = (1 / np.maximum(part, least) for part in (luminance, 1 - luminance))
    return _Light(level, luminance, *per)


@functools.lru_cache
def _codes(dtype: str) -> NDArray[Any]:
    """Tabulate the sRGB curve: linear 0..1 -> code."""
    linear = np.linspace(0, 1, CODES_8 if np.dtype(dtype) == np.uint8 else CODES_16)
    return np.asarray(np.rint(linear2srgb(linear) * np.iinfo(dtype).max), dtype)


@functools.lru_cache
def _away_from_gray() -> Floats:
    """Return the derivatives of R, G, B (rows) with respect to X and Z, relative to white, at constant Y: (3, 2)."""
    matrix = np.array(XYZ_FROM_RGB)
    inverse = np.linalg.inv(matrix / matrix.sum(axis=1, keepdims=True))
    return np.ascontiguousarray(inverse[:, [0, 2]], np.float32)


# Factors from a and b to the offsets of the CIE cube roots of X and Z from that of Y, for slope and base.
_ROOTS_FROM_AB = np.array([1 / 500, -1 / 200] * 2, np.float32)[:, None, None]
# The cube root of Y itself, (L + 16) / 116, as slope and base.
_ROOT_OF_Y = np.array([100 / 116] * 2 + [16 / 116] * 2, np.float32)[:, None, None]

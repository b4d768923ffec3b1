"""Gray + small ab -> the full-size picture, with the lightness of the gray, in bands."""

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from image.upsample import Field, bands, interpolated_blocks
from prior.lab import KNEE, SLOPE, XYZ_FROM_RGB, gray2lightness, linear2srgb

Floats: TypeAlias = NDArray[np.float32]

BAND_ROWS = 64  # a thread's task
CODES_8, CODES_16 = 1 << 16, 1 << 20  # entries of the sRGB curve: finer than half a step of output


def luminance_codes(luminance: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Encode luminance (...) float32 0..1 as sRGB gray codes of a dtype, uint8 or uint16."""
    codes = _codes(np.dtype(dtype).str)
    scaled = luminance * np.float32(len(codes) - 1) + np.float32(0.5)
    return np.take(codes, scaled.astype(np.int32), mode="clip")


def compose(gray: NDArray[Any], field: Field, *, threads: int = 1) -> NDArray[Any]:
    """Color gray (H, W) uint8 or uint16; rgb (H, W, 3) of its dtype and its lightness.

    Where a color lies outside sRGB, it is mixed with the gray of its own luminance just until it
    is inside. Works in bands: memory beyond the result does not grow with the picture.
    """
    rgb = np.empty((*gray.shape, 3), gray.dtype)
    planes = field.planes()
    with ThreadPoolExecutor(threads) as pool:
        work = functools.partial(_compose_band, gray, planes, rgb=rgb)
        for _ in pool.map(work, bands(gray.shape[0], BAND_ROWS)):
            pass
    return rgb


def _compose_band(gray: NDArray[Any], planes: Floats, band: slice, rgb: NDArray[Any]) -> None:
    """Fill a band of rgb (H, W, 3) from gray (H, W) and slope and base (4, h, w)."""
    for rows, full in interpolated_blocks(planes, band, gray.shape):
        _compose_rows(gray[rows], full, rgb[rows])


def _compose_rows(gray: NDArray[Any], full: Floats, rgb: NDArray[Any]) -> None:
    lightness, luminance = _tables(gray.dtype.str)
    level = np.take(lightness, gray, mode="clip")
    y = np.take(luminance, gray, mode="clip")
    f = level * np.float32(100 / 116) + np.float32(16 / 116)
    x = _from_f(f + (full[0] * level + full[2]) * np.float32(1 / 500)) - y
    z = _from_f(f - (full[1] * level + full[3]) * np.float32(1 / 200)) - y
    # Away from the gray of the same luminance, in linear light: (x - y, z - y) times the matrix.
    away = [x * by_x + z * by_z for by_x, by_z in _away_from_gray()]
    high = np.maximum(np.maximum(away[0], away[1]), away[2])
    low = np.minimum(np.minimum(away[0], away[1]), away[2])
    tiny = np.float32(1e-9)
    share = np.minimum((1 - y) / np.maximum(high, tiny), y / np.maximum(-low, tiny))
    codes = _codes(gray.dtype.str)
    top = np.float32(len(codes) - 1)
    share = np.minimum(share, np.float32(1)) * top
    y = y * top + np.float32(0.5)
    for channel, shift in enumerate(away):
        linear = (y + share * shift).astype(np.int32)
        rgb[..., channel] = np.take(codes, linear, mode="clip")


def _from_f(f: Floats) -> Floats:
    """Undo the CIE cube root: the cube above the knee, the tangent below."""
    top, bottom = np.maximum(f, np.float32(KNEE)), np.minimum(f, np.float32(KNEE))
    return np.asarray(top * top * top + (bottom - np.float32(KNEE)) / np.float32(SLOPE), np.float32)


@functools.lru_cache
def _tables(dtype: str) -> tuple[Floats, Floats]:
    """L / 100 and luminance 0..1 of every gray code."""
    codes = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    lightness = gray2lightness(codes)
    luminance = _from_f((lightness + 16) / np.float32(116))
    return lightness / np.float32(100), luminance


@functools.lru_cache
def _codes(dtype: str) -> NDArray[Any]:
    """Tabulate the sRGB curve: linear 0..1 -> code."""
    linear = np.linspace(0, 1, CODES_8 if np.dtype(dtype) == np.uint8 else CODES_16)
    return np.asarray(np.rint(linear2srgb(linear) * np.iinfo(dtype).max), dtype)


@functools.lru_cache
def _away_from_gray() -> list[tuple[np.float32, np.float32]]:
    """How much each of R, G, B moves with X and with Z, relative to the white, at constant Y."""
    matrix = np.array(XYZ_FROM_RGB)
    inverse = np.linalg.inv(matrix / matrix.sum(axis=1, keepdims=True))
    return [(np.float32(row[0]), np.float32(row[2])) for row in inverse]

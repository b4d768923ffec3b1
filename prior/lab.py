"""sRGB <-> CIE Lab (D65, 2 degree observer), float32, channels last.

Grays are exactly neutral: the matrix is scaled so that equal channels give a = b = 0.
"""

from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats: TypeAlias = NDArray[np.float32]

# Linear sRGB -> XYZ, ITU-R BT.709 primaries with D65 (IEC 61966-2-1), six digits as in common use.
XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
KNEE = 6 / 29  # CIE 15: below it the cube root is replaced by its tangent
SLOPE = 1 / (3 * KNEE**2)
BLOCK_PX = 1 << 14  # a block's temporaries stay in the processor's cache
CHROMA_STEPS = 14  # halvings of the chroma: leaves less than 0.02 units


def rgb2lab(rgb: NDArray[Any]) -> Floats:
    """Convert sRGB to Lab.

    rgb : (..., 3) uint8, uint16 or float 0..1
    Returns (..., 3) float32: L 0..100, a and b about -110..110.
    """
    _check_channels(rgb)
    flat = np.ascontiguousarray(rgb).reshape(1, -1, 3)
    lab = np.empty(flat.shape, np.float32)
    for start in range(0, flat.shape[1], BLOCK_PX):
        block = slice(start, start + BLOCK_PX)
        relative = cv2.transform(_linear(flat[:, block]), _relative_from_rgb())
        lab[:, block] = cv2.transform(_companded(relative), _LAB_FROM_F)
    return lab.reshape(rgb.shape)


def lab2rgb(lab: NDArray[Any], *, dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """Convert Lab to sRGB, clipping each channel: call `fit_gamut` first to keep the lightness.

    lab : (..., 3) float
    dtype : uint8, uint16 (rounded) or a float type (0..1)
    """
    _check_channels(lab)
    flat = np.ascontiguousarray(lab, np.float32).reshape(1, -1, 3)
    rgb = np.empty(flat.shape, dtype)
    for start in range(0, flat.shape[1], BLOCK_PX):
        block = slice(start, start + BLOCK_PX)
        rgb[:, block] = _encoded(_linear_rgb(flat[:, block]), rgb.dtype)
    return np.asarray(rgb.reshape(lab.shape))


def gray2lightness(gray: NDArray[Any]) -> Floats:
    """Convert sRGB-encoded gray (...) uint8, uint16 or float 0..1 to L (...) float32 0..100."""
    if gray.dtype in (np.uint8, np.uint16):
        return np.take(_lightness_table(int(np.iinfo(gray.dtype).max)), gray)
    return _lightness(_expanded(_as_float(gray))).astype(np.float32)


def fit_gamut(lab: NDArray[Any]) -> Floats:
    """Bring colors outside sRGB in by reducing chroma at constant lightness and hue.

    lab : (..., 3) float; L is clipped to 0..100, colors already inside come back unchanged.
    """
    _check_channels(lab)
    fitted = np.array(lab, np.float32).reshape(-1, 3)
    np.clip(fitted[:, 0], 0, 100, out=fitted[:, 0])
    for start in range(0, len(fitted), BLOCK_PX):
        block = fitted[start : start + BLOCK_PX]
        outside = ~_in_gamut(block)
        if outside.any():
            block[outside] = _reduced(block[outside])
    return fitted.reshape(lab.shape)


def _reduced(lab: Floats) -> Floats:
    """Bisect the share of the chroma that stays inside; the axis of grays always is."""
    low, high = np.zeros(len(lab), np.float32), np.ones(len(lab), np.float32)
    trial = lab.copy()
    for _ in range(CHROMA_STEPS):
        middle = (low + high) / 2
        trial[:, 1:] = lab[:, 1:] * middle[:, None]
        inside = _in_gamut(trial)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    trial[:, 1:] = lab[:, 1:] * low[:, None]
    return trial


def _in_gamut(lab: Floats) -> NDArray[np.bool_]:
    """Tell which (n, 3) colors have all channels in 0..1 (half a 16-bit step of slack)."""
    slack = 1e-6
    rgb = _linear_rgb(lab[None])[0]
    return np.asarray((rgb.min(axis=1) >= -slack) & (rgb.max(axis=1) <= 1 + slack))


def _check_channels(array: NDArray[Any]) -> None:
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"expected (..., 3) with the channels last, got {array.shape}")


def _as_float(values: NDArray[Any]) -> Floats:
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"expected uint8, uint16 or float 0..1, got {values.dtype}")
    return np.asarray(values, np.float32)


def _linear(rgb: NDArray[Any]) -> Floats:
    """Undo the sRGB curve."""
    if rgb.dtype in (np.uint8, np.uint16):
        return np.take(_linear_table(int(np.iinfo(rgb.dtype).max)), rgb)
    return _expanded(_as_float(rgb)).astype(np.float32)


def _expanded(encoded: NDArray[Any]) -> NDArray[Any]:
    """sRGB-encoded -> linear, both 0..1 (IEC 61966-2-1)."""
    curve = ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(encoded > 0.04045, curve, encoded / 12.92)


def _encoded(linear: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Linear -> sRGB-encoded in `dtype`, clipped to its range."""
    linear = np.clip(linear, 0, 1)
    curve = 1.055 * np.maximum(linear, 0.0031308) ** np.float32(1 / 2.4) - 0.055
    encoded = np.where(linear > 0.0031308, curve, linear * 12.92)
    if np.issubdtype(dtype, np.floating):
        return encoded.astype(dtype)
    if dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected uint8, uint16 or a float type, got {dtype}")
    return np.asarray(np.rint(encoded * np.iinfo(dtype).max), dtype)


def _companded(relative: NDArray[Any]) -> Floats:
    """The CIE cube root: above the knee the root, below its tangent, in one expression."""
    foot = np.float32(KNEE**3)
    return np.asarray(
        np.cbrt(np.maximum(relative, foot)) + SLOPE * (np.minimum(relative, foot) - foot),
        np.float32,
    )


def _linear_rgb(lab: Floats) -> Floats:
    """(1, n, 3) Lab -> linear RGB, not clipped."""
    f = cv2.transform(lab, _F_FROM_LAB)
    top, bottom = np.maximum(f, KNEE), np.minimum(f, KNEE)
    relative = top * top * top + (bottom - KNEE) / SLOPE
    return np.asarray(cv2.transform(relative, _rgb_from_relative()), np.float32)


def _lightness(linear: NDArray[Any]) -> NDArray[Any]:
    foot = KNEE**3
    return (
        116 * (np.cbrt(np.maximum(linear, foot)) + SLOPE * (np.minimum(linear, foot) - foot)) - 16
    )


@lru_cache
def _linear_table(top: int) -> Floats:
    return _expanded(np.arange(top + 1) / top).astype(np.float32)


@lru_cache
def _lightness_table(top: int) -> Floats:
    return _lightness(_expanded(np.arange(top + 1) / top)).astype(np.float32)


@lru_cache
def _relative_from_rgb() -> NDArray[np.float64]:
    """Linear RGB -> XYZ relative to the white: each row sums to 1."""
    matrix = np.array(XYZ_FROM_RGB)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


@lru_cache
def _rgb_from_relative() -> NDArray[np.float64]:
    return np.asarray(np.linalg.inv(_relative_from_rgb()))


_LAB_FROM_F = np.array([(0, 116, 0, -16), (500, -500, 0, 0), (0, 200, -200, 0)], np.float64)
_F_FROM_LAB = np.array(
    [
        (1 / 116, 1 / 500, 0, 16 / 116),
        (1 / 116, 0, 0, 16 / 116),
        (1 / 116, 0, -1 / 200, 16 / 116),
    ]
)

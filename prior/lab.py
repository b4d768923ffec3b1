"""sRGB <-> CIE Lab (D65, 2 degree observer), float32, channels last.

Grays are exactly neutral: the matrix is scaled so that equal channels give a = b = 0.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from color.arrays import Doubles, Floats, Mask
from color.names import read_tint

# Linear sRGB -> XYZ, ITU-R BT.709 primaries with D65 (IEC 61966-2-1), with the usual six digits.
XYZ_FROM_RGB = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
KNEE = 6 / 29  # CIE 15: below it the cube root is replaced by its tangent
SLOPE = 1 / (3 * KNEE**2)
ROOTED_OFFSET, UNROOTED_OFFSET = KNEE**3 * SLOPE, KNEE / SLOPE
BLOCK_PX = 1 << 14  # a block's temporaries stay in the processor's cache
CHROMA_STEPS = 14  # bisection steps of the chroma; the error is below 0.02 units
SLACK = 1e-6  # tolerance of the range 0..1 of a linear channel, below a 16-bit step everywhere
# The sRGB curve is tabulated over the root of the linear value, where it is nearly straight: the
# error of the tables is at most 0.01 of an 8-bit step and 0.2 of a 16-bit step.
ROOT_STEPS = {np.dtype(np.uint8): 1 << 14, np.dtype(np.uint16): 1 << 18}


def rgb2lab(rgb: NDArray[Any]) -> Floats:
    """Convert sRGB to Lab.

    rgb : (..., 3) uint8, uint16 or float 0..1
    Returns (..., 3) float32: L 0..100, a and b about -110..110.
    """
    _check_channels(rgb)
    flat = np.ascontiguousarray(rgb).reshape(1, -1, 3)
    lab = np.empty(flat.shape, np.float32)
    for block in _blocks(flat.shape[1]):
        relative = cv2.transform(_linear(flat[:, block]), _relative_from_rgb())
        cv2.transform(_rooted(relative), _LAB_FROM_ROOTS, dst=lab[:, block])
    return lab.reshape(rgb.shape)


def hex2ab(colors: Sequence[str]) -> Floats:
    """Convert colors #rrggbb to their a and b: (n, 2) float32."""
    rgb = np.array([list(bytes.fromhex(color[1:])) for color in colors], np.uint8)
    return rgb2lab(rgb)[..., 1:]


def color2ab(color: str | tuple[float, float]) -> tuple[float, float]:
    """Return a and b of a color given as #rrggbb, by name, each with @ and its strength if wanted, or as (a, b)."""
    if not isinstance(color, str):
        return color
    code, strength = read_tint(color)
    a, b = (hex2ab([code])[0] * np.float32(strength)).tolist()
    return a, b


def ab2hex(ab: tuple[float, float], lightness: float) -> str:
    """Return the color #rrggbb that a and b give at a lightness 0..100, with less chroma if they leave the gamut there."""
    rgb = lab2rgb(fit_gamut(np.array([[lightness, *ab]], np.float32)))[0]
    return f"#{bytes(rgb.tolist()).hex()}"


def lab2rgb(lab: NDArray[Any], *, dtype: DTypeLike = np.uint8) -> NDArray[Any]:
    """Convert Lab to sRGB, clipping each channel; call `fit_gamut` first to preserve the lightness.

    lab : (..., 3) float
    dtype : uint8, uint16 (rounded) or a float type (0..1)
    """
    _check_channels(lab)
    flat = np.ascontiguousarray(lab, np.float32).reshape(1, -1, 3)
    rgb = np.empty(flat.shape, dtype)
    for block in _blocks(flat.shape[1]):
        rgb[:, block] = _encoded(flat[:, block], rgb.dtype)
    return np.asarray(rgb.reshape(lab.shape))


def gray2lightness(gray: NDArray[Any]) -> Floats:
    """Convert sRGB-encoded gray (...) uint8, uint16 or float 0..1 to L (...) float32 0..100."""
    if gray.dtype in ROOT_STEPS:
        return np.take(_lightness_table(int(np.iinfo(gray.dtype).max)), gray)
    return np.asarray(_lightness(srgb2linear(_as_float(gray))), np.float32)


def srgb2linear(encoded: NDArray[Any]) -> NDArray[Any]:
    """Invert the sRGB curve (IEC 61966-2-1): encoded (...) 0..1 -> linear 0..1."""
    curve = ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(encoded > 0.04045, curve, encoded / 12.92))


def linear2srgb(linear: NDArray[Any]) -> NDArray[Any]:
    """Apply the sRGB curve: linear (...) 0..1 -> encoded 0..1."""
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear > 0.0031308, curve, linear * 12.92))


def fit_gamut(lab: NDArray[Any]) -> Floats:
    """Map colors into the sRGB gamut by reducing chroma at constant lightness and hue.

    lab : (..., 3) float; L is clipped to 0..100, in-gamut colors are returned unchanged
    """
    _check_channels(lab)
    fitted = np.array(lab, np.float32).reshape(1, -1, 3)
    np.clip(fitted[..., 0], 0, 100, out=fitted[..., 0])
    inside = np.empty(fitted.shape[:2], np.uint8)
    for block in _blocks(inside.size):
        rgb = _linear_rgb(fitted[:, block])
        inside[:, block] = cv2.inRange(rgb, (-SLACK,) * 3, (1 + SLACK,) * 3)
    outside = np.flatnonzero(inside == 0)
    for block in _blocks(outside.size):
        share = _share_inside(fitted[0, outside[block]])
        fitted[0, outside[block], 1:] *= share[:, None]
    return fitted.reshape(lab.shape)


def _share_inside(lab: Floats) -> Floats:
    """Find by bisection the share (n,) of the chroma that is in gamut; grays always are."""
    lightness, a, b = lab.T[:, None]
    fy = (lightness + 16) / np.float32(116)
    y = _unrooted(fy)
    slope_x, slope_z = a / np.float32(500), b / np.float32(-200)
    share, step = np.zeros_like(fy), np.float32(0.5)
    for _ in range(CHROMA_STEPS):
        trial = share + step
        inside = _all_inside(_unrooted(fy + trial * slope_x), y, _unrooted(fy + trial * slope_z))
        share = np.where(inside, trial, share)
        step /= 2
    return np.asarray(share[0], np.float32)


def _all_inside(x: Floats, y: Floats, z: Floats) -> Mask:
    """Return which colors (1, n), with the offset of `_unrooted`, have all channels in 0..1."""
    inside = np.ones(x.shape, bool)
    low = np.float32(UNROOTED_OFFSET - SLACK)  # each row of the matrix sums to 1
    high = np.float32(UNROOTED_OFFSET + 1 + SLACK)
    for from_x, from_y, from_z in _rgb_from_relative().astype(np.float32):
        channel = from_x * x
        channel += from_y * y
        channel += from_z * z
        inside &= (channel >= low) & (channel <= high)
    return inside


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK_PX) for start in range(0, count, BLOCK_PX))


def _check_channels(array: NDArray[Any]) -> None:
    if array.ndim == 0 or array.shape[-1] != 3:
        raise ValueError(f"expected (..., 3) with the channels last, got {array.shape}")


def _as_float(values: NDArray[Any]) -> Floats:
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"expected uint8, uint16 or float 0..1, got {values.dtype}")
    return np.asarray(values, np.float32)


def _linear(rgb: NDArray[Any]) -> Floats:
    """Invert the sRGB curve for (1, n, 3)."""
    if rgb.dtype == np.uint8:
        return np.asarray(cv2.LUT(rgb, _linear_table(255)[None]), np.float32)
    if rgb.dtype == np.uint16:
        return np.take(_linear_table(65535), rgb)
    return np.asarray(srgb2linear(_as_float(rgb)), np.float32)


def _encoded(lab: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert Lab (1, n, 3) to sRGB in `dtype`, clipped to its range."""
    if np.issubdtype(dtype, np.floating):
        return np.asarray(linear2srgb(np.clip(_linear_rgb(lab), 0, 1)))
    if dtype not in ROOT_STEPS:
        raise ValueError(f"expected uint8, uint16 or a float type, got {dtype}")
    top = ROOT_STEPS[dtype] - 1
    root = _linear_rgb(lab, scale=top**2)
    np.clip(root, 0, top**2, out=root)
    encoded: NDArray[Any] = np.take(_encoding_table(dtype), np.sqrt(root, out=root).astype(np.intp))
    return encoded


def _rooted(relative: NDArray[Any]) -> NDArray[Any]:
    """Return the CIE cube root of XYZ / white, plus ROOTED_OFFSET; overwrites `relative`.

    Cube root above the knee and its tangent below are summed, which is cheaper than a selection.
    """
    foot = np.minimum(relative, KNEE**3)
    foot *= SLOPE
    root: NDArray[Any] = np.maximum(relative, KNEE**3, out=relative)
    np.cbrt(root, out=root)
    root += foot
    return root


def _unrooted(f: NDArray[Any]) -> Floats:
    """Invert the CIE cube root of (1, n) or (1, n, 3); the result is offset by UNROOTED_OFFSET."""
    top, foot = np.maximum(f, KNEE), np.minimum(f, KNEE)
    return np.asarray(cv2.scaleAdd(foot, 1 / SLOPE, cv2.pow(top, 3)), np.float32)


def _linear_rgb(lab: Floats, *, scale: float = 1) -> Floats:
    """Convert Lab (1, n, 3) to linear RGB 0..scale, not clipped."""
    matrix = _rgb_from_relative()
    offset = np.full((3, 1), -UNROOTED_OFFSET)  # each row of the matrix sums to 1
    rgb = cv2.transform(
        _unrooted(cv2.transform(lab, _F_FROM_LAB)), np.hstack([matrix, offset]) * scale
    )
    return np.asarray(rgb, np.float32)


def _lightness(linear: NDArray[Any]) -> NDArray[Any]:
    return 116 * (_rooted(linear) - ROOTED_OFFSET) - 16


@lru_cache
def _linear_table(top: int) -> Floats:
    return srgb2linear(np.arange(top + 1) / top).astype(np.float32)


@lru_cache
def _encoding_table(dtype: np.dtype[Any]) -> NDArray[Any]:
    steps = ROOT_STEPS[dtype]
    root = np.minimum((np.arange(steps) + 0.5) / (steps - 1), 1)
    table: NDArray[Any] = np.rint(linear2srgb(root**2) * np.iinfo(dtype).max).astype(dtype)
    return table


@lru_cache
def _lightness_table(top: int) -> Floats:
    return np.asarray(_lightness(srgb2linear(np.arange(top + 1) / top)), np.float32)


@lru_cache
def _relative_from_rgb() -> Doubles:
    """Return the matrix from linear RGB to XYZ relative to the white; each row sums to 1."""
    matrix = np.array(XYZ_FROM_RGB)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


@lru_cache
def _rgb_from_relative() -> Doubles:
    return np.asarray(np.linalg.inv(_relative_from_rgb()))


# L = 116 fy - 16, a = 500 (fx - fy), b = 200 (fy - fz), and back; the offset cancels in a, b.
_LAB_FROM_ROOTS = np.array(
    [(0, 116, 0, -16 - 116 * ROOTED_OFFSET), (500, -500, 0, 0), (0, 200, -200, 0)]
)
_F_FROM_LAB = np.array(
    [
        (1 / 116, 1 / 500, 0, 16 / 116),
        (1 / 116, 0, 0, 16 / 116),
        (1 / 116, 0, -1 / 200, 16 / 116),
    ]
)

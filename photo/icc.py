"""ICC profiles, and the gamma of PNGs: convert a scan's codes to luminance, and tag our own results.

Gray profiles and RGB profiles of a matrix and curves are read exactly, in any bit depth;
profiles of color tables (printers, some scanners) are not: `luminance_of` returns None.
Sources: ICC.1:2010 (profile version 4.3), sections 7.2, 7.3, 10.5, 10.15 and 10.27; PNG, third edition, 11.3.2.
"""

import functools
import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image, ImageCms

from color.arrays import Doubles, Floats
from prior.lab import srgb2linear

SRGB_WEIGHTS = (0.212671, 0.715160, 0.072169)  # luminance weights of linear R, G, B under D65
SRGB_WEIGHTS_D50 = (0.2225, 0.7169, 0.0606)  # the same as stored in profiles, adapted to D50
GAMMA, GAMMA_TOLERANCE = 1 / 2.2, 0.05  # of sRGB in a PNG, and libpng's relative tolerance for it
SAME = 2  # largest difference of a code between profiles of one meaning, by rounding
CURVES = {b"GRAY": ("kTRC",), b"RGB ": ("rTRC", "gTRC", "bTRC")}
COLORANTS = ("rXYZ", "gXYZ", "bXYZ")


@dataclass(frozen=True)
class Luminance:
    """Luminance 0..1 as a weighted sum of one curve per channel, each sampled evenly over 0..1."""

    weights: tuple[float, ...]
    curves: tuple[Floats, ...]

    def tables(self, dtype: DTypeLike) -> list[Floats]:
        """Return, for each channel, the luminance that each code contributes."""
        codes = np.linspace(0, 1, int(np.iinfo(np.dtype(dtype).str).max) + 1)
        pairs = zip(self.weights, self.curves, strict=True)
        return [
            (weight * np.interp(codes, np.linspace(0, 1, len(curve)), curve)).astype(np.float32)
            for weight, curve in pairs
        ]


def luminance_of(profile: bytes | None, *, channels: int) -> Luminance | None:
    """Return how 1 or 3 channels combine to luminance; without a profile, they are sRGB.

    Returns None for a profile of color tables or of other channels. Raises ValueError for a damaged one.
    """
    if profile is None:
        plain: tuple[float, ...] = SRGB_WEIGHTS if channels == 3 else (1.0,)
        return Luminance(plain, (_srgb_curve(),) * channels)
    try:
        names, tags = CURVES.get(profile[16:20], ()), _tags(profile)
        if len(names) != channels or not all(name in tags for name in names):
            return None
        curves = tuple(_curve(tags[name]) for name in names)
        weights = (1.0,) if channels == 1 else _weights(tags)
    except (struct.error, LookupError, ArithmeticError) as error:
        raise ValueError(f"damaged ICC profile ({error})") from None
    return Luminance(weights, curves)


def luminance_of_gamma(
    gamma: float, chromaticity: Sequence[float] | None, *, channels: int
) -> Luminance | None:
    """Return how 1 or 3 channels combine to luminance in a PNG without a profile; None if they are sRGB.

    gamma : codes are light ** gamma
    chromaticity : x and y of white, red, green and blue
    """
    weights = _weights_of(chromaticity) if chromaticity and channels == 3 else None
    if not 0.01 < gamma < 100 or (weights is None and abs(gamma / GAMMA - 1) < GAMMA_TOLERANCE):
        return None
    curve = (np.linspace(0, 1, 1 << 16) ** (1 / gamma)).astype(np.float32)
    plain = SRGB_WEIGHTS if channels == 3 else (1.0,)
    return Luminance(weights or plain, (curve,) * channels)


def _weights_of(chromaticity: Sequence[float]) -> tuple[float, ...] | None:
    """Return the luminance weights of primaries and white; None if they are those of sRGB, or impossible."""
    white, *primaries = np.reshape(chromaticity, (4, 2)).tolist()
    if min(y for _, y in (white, *primaries)) <= 0:
        return None
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in (*primaries, white)]
    try:
        weights = np.linalg.solve(np.transpose(columns[:3]), columns[3])
    except np.linalg.LinAlgError:
        return None
    if weights.min() < 0 or np.abs(weights - SRGB_WEIGHTS).max() < 0.002:
        return None
    return tuple(float(weight) for weight in weights)


@functools.cache
def srgb_profile() -> bytes:
    """Make the profile that tags our results, without its date, so that equal runs give equal files."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)
    return bytes(profile)


def to_srgb(image: Image.Image) -> Image.Image:
    """Return a picture as RGB, or RGBA if it has transparency, its colors converted to sRGB if its profile can be used."""
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    source = image if image.mode == "CMYK" else plain.convert("RGB")
    transform = _transform_to_srgb(image.info.get("icc_profile") or b"", source.mode)
    if transform is None:
        return plain
    converted = ImageCms.applyTransform(source, transform)
    assert converted is not None
    if plain.mode == "RGBA":
        converted.putalpha(plain.getchannel("A"))
    return converted


def _transform_to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what converts colors of a mode to sRGB; None if they are sRGB, and for a profile of another mode or a damaged one."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if given.profile.xcolor_space.strip() != mode:
            return None
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, ImageCms.PyCMSError):
        return None
    codes = np.stack(np.meshgrid(*[np.arange(0, 256, 15, np.uint8)] * len(mode)), -1)
    grid = Image.frombytes(mode, (codes.size // len(mode), 1), codes.tobytes())
    converted = np.asarray(ImageCms.applyTransform(grid, transform), int)
    same = mode == "RGB" and np.abs(converted - codes.reshape(1, -1, 3)).max() <= SAME
    return None if same else transform


@functools.cache
def _srgb_curve() -> Floats:
    return srgb2linear(np.linspace(0, 1, 1 << 16)).astype(np.float32)


def _tags(profile: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for entry in range(min(count, 200)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        tags[name.decode("latin-1")] = profile[start : start + size]
    return tags


def _weights(tags: dict[str, bytes]) -> tuple[float, ...]:
    """Return the Y of each colorant relative to their sum (the white)."""
    y = np.array([struct.unpack_from(">3i", tags[name], 8)[1] / 65536 for name in COLORANTS])
    weights = y / y.sum()
    if np.abs(weights - SRGB_WEIGHTS_D50).max() < 0.002:
        return SRGB_WEIGHTS
    return tuple(float(weight) for weight in weights)


def _curve(tag: bytes) -> Floats:
    """Sample a tone curve: a table, one gamma, or a parametric function."""
    codes = np.linspace(0, 1, 1 << 16)
    if tag[:4] == b"para":
        return _parametric(tag, codes).astype(np.float32)
    if tag[:4] != b"curv":
        raise KeyError(f"curve of type {tag[:4]!r}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return codes.astype(np.float32)
    if count == 1:
        return np.asarray(codes ** (struct.unpack_from(">H", tag, 12)[0] / 256), np.float32)
    table = np.array(struct.unpack_from(f">{count}H", tag, 12), np.float64) / 65535
    return np.asarray(np.interp(codes, np.linspace(0, 1, count), table), np.float32)


def _parametric(tag: bytes, x: Doubles) -> Doubles:
    """Evaluate (a x + b)^gamma + e from d on and c x + f below; fewer parameters give simpler forms."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    numbers = struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)
    g, a, b, c, d, e, f = [n / 65536 for n in numbers] + [0.0] * (7 - len(numbers))
    if kind == 0:
        a, d = 1.0, -1.0
    elif kind in {1, 2}:
        # Below -b/a these are constant: 0, or c for kind 2.
        d, e, f, c = -b / a, c, c, 0.0
    y = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    return np.asarray(np.clip(y, 0, 1))

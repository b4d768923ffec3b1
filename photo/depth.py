"""Scales samples of any depth to 8 or 16 bits, and reduces deep printing colors and Lab to gray of 16 bits."""

import io

import numpy as np
from PIL import Image, ImageCms

from photo.compose import luminance_codes
from photo.decoder import DAMAGED_PROFILE, Pixels
from photo.icc import luminance_of, srgb_profile

TOP = 65535
GRID = 17  # points of each ink at which a printing profile is evaluated
BAND_PX = 1 << 18
L_TOPS = {"CIELAB": 65535, "ICCLAB": 65280}  # the codes of L = 100 in 16 bits


def scaled(pixels: Pixels, bits: int) -> tuple[Pixels, str]:
    """Scale samples to the full range of uint8, if they have at most 8 bits, or of uint16; a note says how, if not plainly.

    Floating-point samples within 0..1 have black at 0 and white at 1. Others, integers of 32 bits and signed ones
    have their own darkest and lightest values there. NaN is black. Raises ValueError for complex samples.
    """
    kind = pixels.dtype.kind
    if kind == "b":
        return pixels.astype(np.uint8) * np.uint8(255), ""
    if kind == "u" and bits <= 16:
        return _full(pixels, bits), ""
    if kind not in "uif":
        raise ValueError(
            f"samples of type {pixels.dtype} are not supported: save the picture with 8 or 16 bits"
        )
    low, high = _range(pixels)
    if kind == "f" and low >= 0 and high <= 1:
        low, high, how = 0.0, 1.0, ""
    else:
        how = f": black is {low:g} and white {high:g}, the darkest and the lightest in the file"
    name = {"f": "floating-point", "i": "signed", "u": "integer"}[kind]
    return _between(pixels, low, high), f"its {bits}-bit {name} samples became 16 bits{how}"


def _full(pixels: Pixels, bits: int) -> Pixels:
    """Scale codes of 1 to 16 bits to all codes of 8 or 16."""
    if bits in {8, 16} and pixels.dtype.itemsize * 8 == bits:
        return pixels
    return stretched(pixels, (1 << bits) - 1)


def stretched(pixels: Pixels, most: int) -> Pixels:
    """Scale codes 0..most to all codes of uint8, if they fit into it, or of uint16."""
    top, dtype = (255, np.uint8) if most <= 255 else (TOP, np.uint16)
    table = (np.arange(most + 1, dtype=np.uint64) * top + most // 2) // most
    return np.asarray(np.take(table.astype(dtype), pixels, mode="clip"))


def _range(pixels: Pixels) -> tuple[float, float]:
    """Return the least and the greatest finite sample; 0 and 1 if there is none."""
    if pixels.dtype.kind == "f":
        finite = np.isfinite(pixels)
        if not finite.any():
            return 0.0, 1.0
        return (
            float(pixels.min(where=finite, initial=np.inf)),
            float(pixels.max(where=finite, initial=-np.inf)),
        )
    return float(pixels.min()), float(pixels.max())


def _between(pixels: Pixels, low: float, high: float) -> Pixels:
    """Scale samples (H, ...) between two values to uint16, row by row, as doubles take much memory."""
    codes = np.empty(pixels.shape, np.uint16)
    width = high - low or 1.0
    for row, values in zip(codes, pixels, strict=True):
        shares = (values.astype(np.float64) - low) / width
        row[...] = np.rint(np.clip(np.nan_to_num(shares), 0, 1) * TOP)
    return codes


def straight(color: Pixels, alpha: Pixels) -> Pixels:
    """Divide colors (H, W, C) by the alpha (H, W) that they were multiplied with; uint8 or uint16."""
    top = np.uint32(np.iinfo(color.dtype).max)
    divisor = np.maximum(alpha, 1).astype(np.uint32)[..., None]
    return np.asarray(np.minimum((color * top + divisor // 2) // divisor, top), color.dtype)


def gray_of_lab(lightness: Pixels, kind: str) -> Pixels:
    """Convert codes of L (H, W) uint16 in "CIELAB" or "ICCLAB" to gray of the same lightness (H, W) uint16."""
    shares = np.arange(TOP + 1) / L_TOPS[kind]
    levels = (shares * 100 + 16) / 116
    luminance = np.where(shares > 0.08, levels**3, shares * 100 * 27 / 24389)
    codes = luminance_codes(np.clip(luminance, 0, 1).astype(np.float32), np.uint16)
    return np.take(codes, lightness)


def gray_of_inks(inks: Pixels, profile: bytes | None) -> Pixels:
    """Convert inks (H, W, 4) uint16, cyan, magenta, yellow and black, to gray (H, W) uint16.

    A printing profile is evaluated by LittleCMS at 17 values of each ink and interpolated linearly between them.
    Without one, inks mix as filters do.
    """
    from scipy.ndimage import map_coordinates  # slow to import, and rarely needed

    grid = _gray_grid(profile)
    gray = np.empty(inks.shape[:2], np.uint16)
    rows = max(BAND_PX // inks.shape[1], 1)
    for start in range(0, len(inks), rows):
        places = np.moveaxis(inks[start : start + rows], -1, 0) * ((GRID - 1) / TOP)
        gray[start : start + rows] = np.rint(map_coordinates(grid, places, order=1, mode="nearest"))
    return gray


def _gray_grid(profile: bytes | None) -> Pixels:
    """Return gray codes (17, 17, 17, 17) 0..65535 of every mixture of inks."""
    steps = np.rint(np.linspace(0, 255, GRID)).astype(np.uint8)
    inks = np.stack(np.meshgrid(*[steps] * 4, indexing="ij"), axis=-1)
    image = Image.frombytes("CMYK", (GRID, GRID**3), inks.tobytes())
    rgb = np.asarray(separated(image, profile)[0], np.float32).reshape(*inks.shape[:4], 3)
    luminance = luminance_of(None, channels=3)
    assert luminance is not None
    tables = luminance.tables(np.uint8)
    linear = sum(table[rgb[..., c].astype(np.uint8)] for c, table in enumerate(tables))
    return np.asarray(luminance_codes(np.asarray(linear), np.uint16), np.float32)


def separated(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Convert printing colors to sRGB, through their profile if there is one; name a damaged one, which is left out."""
    if not profile:
        return image.convert("RGB"), ()
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # OSError: it is no profile at all
        return image.convert("RGB"), (DAMAGED_PROFILE,)
    assert converted is not None
    return converted, ()

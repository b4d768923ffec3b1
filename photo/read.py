"""Reads a photo's lightness and the metadata that its result must keep.

Only the lightness of the picture is kept, as gray (H, W), upright, uint8 or uint16, sRGB-encoded. Alpha, EXIF, XMP
and resolution are kept for `photo.write`.
"""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from photo.bmp import decoded_runs
from photo.compose import luminance_codes
from photo.damage import SIDEWAYS, read_rest
from photo.decoder import (
    DAMAGED_PROFILE,
    EXIF_IFD,
    ICC_TAG,
    ONE,
    ORIENTATION,
    PNG,
    XMP_TAG,
    Pixels,
    Raster,
    Several,
    check_file,
    decoding,
    frames_of,
    opened,
    raster_of,
)
from photo.deep import read_deep_png
from photo.exif import MAKER_NOTE, note_place
from photo.icc import Luminance, luminance_of, luminance_of_gamma
from photo.metadata import IPTC_TAG, PHOTOSHOP_TAG, Captions, iptc_of_tiff
from photo.modes import BMP_MASKED, converted
from prior.dataset import PictureError
from runtime.places import VERSION

Resolution: TypeAlias = tuple[float, float]  # dots per inch, across and down

SOFTWARE = 305
# Tags that describe how a TIFF is stored: they would be wrong in any other file.
STRUCTURE = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320}
STRUCTURE |= {322, 323, 324, 325, 330, 338, 339, 347, 530, 531, 532}
STRUCTURE |= {XMP_TAG, ICC_TAG, IPTC_TAG, PHOTOSHOP_TAG}  # kept otherwise
RLE = (1, 2)  # BMP run-length compressions
BAND_PX = 1 << 20
HEAD_BYTES = 32
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
USUAL = (JPEG_START, b"RIFF", b"BM", b"GIF8")  # JPEG, WebP, BMP, GIF: read by Pillow


@dataclass(frozen=True)
class Photo:
    """A photo: gray (H, W) and alpha (H, W) of one dtype, upright, and the metadata.

    dropped : its invalid metadata, as text
    notes : what a user must know of how it was read
    mark : the mark of its results, see `mark_of`
    note_at : the offset of the maker note in the block of EXIF, for which its own offsets are right; 0 if unknown
    lost : its rows and columns that are missing in the file, and gray
    rgb : its colors (H, W, 3) as decoded, if it has three channels; profile : what they mean, None for sRGB
    several : how many pictures its file has, of which this is one
    """

    gray: Pixels
    alpha: Pixels | None = None
    exif: Image.Exif = field(default_factory=Image.Exif)
    xmp: bytes = b""
    dpi: Resolution | None = None
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mark: str = ""
    captions: Captions = field(default_factory=Captions)
    note_at: int = 0
    lost: tuple[slice, slice] | None = None
    rgb: Pixels | None = None
    profile: bytes | None = None
    several: Several = ONE


def mark_of(path: Path) -> str:
    """Return the mark that identifies a result of this photo, stored in its EXIF tag Software."""
    with path.open("rb") as file:
        return f"colorizer {VERSION}: of {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def read_photo(path: Path) -> Photo:
    """Read a picture file; of a truncated one, what is left, which its remarks tell.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged, too large or not a picture.
    """
    check_file(path)
    raster = _read_or_rest(path)
    try:
        photo = photo_of(raster)
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return replace(photo, mark=mark_of(path))


def _read_or_rest(path: Path) -> Raster:
    try:
        raster = _read(path)
    except PictureError:
        raise
    except ValueError:
        with suppress(ValueError):
            if rest := read_rest(path, _read):
                return rest
        raise
    if _lacks_end(path):
        with suppress(ValueError):
            return read_rest(path, _read) or raster
    return raster


def _read(path: Path) -> Raster:
    with decoding(path):
        reader = reader_of_photo(path)
        raster = reader(path) if reader else None
    return _with_iptc(raster or _read_with_pillow(path), path)


def _with_iptc(raster: Raster, path: Path) -> Raster:
    if IPTC_TAG in raster.exif or PHOTOSHOP_TAG in raster.exif:
        with suppress(ValueError), decoding(path):
            iptc = iptc_of_tiff(path)
            return replace(raster, captions=Captions(iptc, raster.captions.texts))
    return raster


def _read_with_pillow(path: Path) -> Raster:
    try:
        with opened(path) as image:
            return replace(from_pillow(path, image), several=several_of(path, image))
    except ValueError:
        from photo.foreign import unusual_reader

        if not (reader := unusual_reader(path)):
            raise
    with decoding(path):
        return reader(path)


def _lacks_end(path: Path) -> bool:
    """Return whether a JPEG ends otherwise than it should, which decoders do not tell if the rest is zeros."""
    with path.open("rb") as file:
        if file.read(2) != JPEG_START:
            return False
        file.seek(-2, os.SEEK_END)
        return file.read() != JPEG_END


def reader_of_photo(path: Path) -> Callable[[Path], Raster] | None:
    """Choose, by a file's first bytes, the reader of what Pillow cannot read with all its bits.

    The readers of rarer formats are imported when they are needed, as some take longer to import than a photo to read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PNG):
        return read_deep_png if head[24:25] == b"\x10" else None
    if head.startswith(TIFF):
        from photo.tiff import reader_of_tiff

        return reader_of_tiff(path)
    if head.startswith(USUAL):
        return None
    from photo.foreign import reader_of

    return reader_of(path, head)


def from_pillow(path: Path, image: Image.Image) -> Raster:
    """Decode a picture that Pillow has opened."""
    raster = raster_of(image)
    info, turn = raster.info, raster.turn
    if image.format == "BMP" and info.get("compression") in RLE:
        image = decoded_runs(path, image)
    image.load()
    info = {**image.info, **info}  # adds chunks behind the pixels; keeps the XMP before rotation
    if turn != 1:  # no effect for TIFFs with Pillow 13, which rotates them while loading
        image = ImageOps.exif_transpose(image)
    dropped = raster.dropped
    plain = image.mode in {"L", "RGB"} and "transparency" not in info
    if not plain or info.get("compression") in BMP_MASKED:
        image, info, lost = converted(path, image, info)
        dropped += lost
    return replace(raster, pixels=np.asarray(image), info=info, turned=True, dropped=dropped)


def several_of(path: Path, image: Image.Image) -> Several:
    """Return how many pictures a file has that Pillow has opened."""
    if image.format == "TIFF":
        from photo.tiff import pages_of_tiff

        return pages_of_tiff(path)
    if image.format == "MPO":
        from photo.mpo import pictures_of

        return Several(len(pictures_of(path)))
    return frames_of(image)


def photo_of(raster: Raster) -> Photo:
    """Split decoded pixels into lightness and alpha, upright. Raises ValueError."""
    pixels, turn, exif, info = raster.pixels, raster.turn, raster.exif, raster.info
    if not pixels.size:
        raise ValueError("it has no pixels")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"samples of type {pixels.dtype} are not supported: save the picture with 8 or 16 bits"
        )
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] > 4:
        raise ValueError(
            f"pixels of shape {pixels.shape} are not supported: save one gray or RGB picture"
        )
    channels = 1 if pixels.shape[-1] < 3 else 3
    alpha = _alpha(pixels, channels, info.get("transparency"))
    luminance, damaged = _luminance(info, channels)
    gray = _lightness_codes(pixels[..., :channels], luminance)
    note_at = 0
    if MAKER_NOTE in exif.get_ifd(EXIF_IFD) and isinstance(info.get("exif"), bytes):
        note_at = note_place(info["exif"])
    for tag in (*STRUCTURE, ORIENTATION):
        if tag in exif:
            del exif[tag]
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    xmp = re.sub(rb'(tiff:Orientation(?:>|="))\d', rb"\g<1>1", xmp)
    dpi, invalid = _dpi(info.get("dpi"), turn)
    left, notes = 1 if raster.turned else turn, raster.notes
    if raster.several.cut and raster.several.total == 1:
        notes = (*notes, *raster.several.remarks)
    return Photo(
        np.ascontiguousarray(upright(gray, left)),
        None if alpha is None else np.ascontiguousarray(upright(alpha, left)),
        exif, xmp, dpi, (*raster.dropped, *damaged, *invalid),
        captions=raster.captions, note_at=note_at, lost=raster.lost, notes=notes,
        rgb=upright(pixels[..., :3], left) if channels == 3 else None,
        profile=info.get("icc_profile") or None, several=raster.several,
    )  # fmt: skip


def _alpha(pixels: Pixels, channels: int, transparent: object) -> Pixels | None:
    """Return alpha (H, W): the last channel, or where deep pixels have the transparent value, if any."""
    if pixels.shape[-1] > channels:
        return pixels[..., channels]
    if pixels.dtype == np.uint8 or not isinstance(transparent, int | tuple):
        return None
    opaque = (pixels != np.array(transparent, np.uint16)).any(axis=-1)
    return np.asarray(opaque * np.uint16(65535))


def _dpi(dpi: Resolution | None, turn: int) -> tuple[Resolution | None, tuple[str, ...]]:
    """Return the resolution of the upright picture, and its name if it is none."""
    if not dpi or all(1 <= value < 1 << 16 for value in dpi):
        return dpi[::-1] if dpi and turn in SIDEWAYS else dpi, ()
    return None, (f"the resolution of {float(dpi[0]):g} x {float(dpi[1]):g} dpi",)


def _luminance(info: dict[Any, Any], channels: int) -> tuple[Luminance | None, tuple[str, ...]]:
    """Return how codes become luminance, by a profile or a PNG's gamma; None if as in sRGB. Name a damaged profile."""
    if profile := info.get("icc_profile"):
        try:
            return luminance_of(profile, channels=channels), ()
        except ValueError:
            return None, (DAMAGED_PROFILE,)
    if "gamma" in info and "srgb" not in info:
        primaries = info.get("chromaticity")
        return luminance_of_gamma(info["gamma"], primaries, channels=channels), ()
    return None, ()


def upright(pixels: Pixels, turn: int) -> Pixels:
    """Undo an EXIF orientation, 1 to 8."""
    if turn in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if turn in {3, 4, 7, 8} else pixels


def _lightness_codes(pixels: Pixels, luminance: Luminance | None) -> Pixels:
    """Return the luminance of (H, W, 1 or 3), by default of sRGB, as sRGB-encoded gray (H, W) of the same dtype."""
    height, width, channels = pixels.shape
    if luminance is None and channels == 1:
        return pixels[..., 0]
    luminance = luminance or luminance_of(None, channels=channels)
    assert luminance is not None
    tables = luminance.tables(pixels.dtype)
    gray = np.empty((height, width), pixels.dtype)
    rows = max(BAND_PX // width, 1)
    for start in range(0, height, rows):
        band = pixels[start : start + rows]
        linear = sum(np.take(table, band[..., c], mode="clip") for c, table in enumerate(tables))
        gray[start : start + rows] = luminance_codes(np.asarray(linear), pixels.dtype)
    return gray

"""Reads a photo's lightness and the metadata that its result must keep.

Only the lightness of the picture is kept, as gray (H, W), upright, uint8 or uint16, sRGB-encoded. Alpha, EXIF, XMP
and resolution are kept for `photo.write`.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from photo.bmp import decoded_runs
from photo.compose import luminance_codes
from photo.decoder import (
    FORMATS,
    ICC_TAG,
    ORIENTATION,
    XMP_TAG,
    Pixels,
    Raster,
    check_file,
    decoding,
    exif_of,
    opened,
)
from photo.deep import read_deep_png
from photo.depth import separated
from photo.icc import luminance_of

SOFTWARE = 305
MARK = re.compile("colorizer: of [0-9a-f]{16}")  # in every result
# Formats in which Pillow reads no EXIF data: the mark is in the first 60 bytes, the last 40 or an EXIF box at the end.
WITHOUT_EXIF = ("BMP", "JPEG2000", "PPM", "TGA")
MARK_BYTES, EXIF_BYTES = 60, 1 << 16
# Tags that describe how a TIFF is stored: they would be wrong in any other file.
STRUCTURE = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320}
STRUCTURE |= {322, 323, 324, 325, 330, 338, 339, 347, 530, 531, 532, XMP_TAG, 34377, ICC_TAG}
RLE = (1, 2)  # BMP run-length compressions
BAND_PX = 1 << 20
HEAD_BYTES = 32
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
USUAL = (b"\xff\xd8", b"RIFF", b"BM", b"GIF8")  # JPEG, WebP, BMP, GIF: read by Pillow
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


@dataclass(frozen=True)
class Photo:
    """A photo: gray (H, W) and alpha (H, W) of one dtype, upright, and the metadata.

    dropped : its invalid metadata, as text
    notes : what a user must know of how it was read
    mark : the mark of its results, see `mark_of`
    """

    gray: Pixels
    alpha: Pixels | None = None
    exif: Image.Exif = field(default_factory=Image.Exif)
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mark: str = ""


def mark_of(path: Path) -> str:
    """Return the mark that identifies a result of this photo, stored in its EXIF tag Software."""
    with path.open("rb") as file:
        return f"colorizer: of {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def mark_in(path: Path) -> str:
    """Return the mark in a picture file, "" if it is not a result of this program."""
    try:
        with opened(path) as image:
            text = str(image.getexif().get(SOFTWARE, ""))
            if image.format in WITHOUT_EXIF:
                data = path.read_bytes()
                text = (data[:MARK_BYTES] + data[-EXIF_BYTES:]).decode("latin-1")
    except (OSError, ValueError):
        return ""
    found = MARK.search(text)
    return found[0] if found else ""


def read_photo(path: Path) -> Photo:
    """Read a picture file.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged, too large or not a picture.
    """
    check_file(path)
    with decoding(path):
        reader = _reader(path)
        photo = _photo(reader(path)) if reader else None
    if photo is None:
        photo = _read_with_pillow(path)
    return replace(photo, mark=mark_of(path))


def _read_with_pillow(path: Path) -> Photo:
    try:
        with opened(path) as image:
            return _photo(_from_pillow(path, image))
    except ValueError:
        from photo.foreign import unusual_reader

        if not (reader := unusual_reader(path)):
            raise
    with decoding(path):
        return _photo(reader(path))


@contextmanager
def opened_photo(path: Path) -> Iterator[Image.Image]:
    """Open a picture of any format that photos may have, with 8 bits per sample, as its file declares it."""
    check_file(path)
    with decoding(path):
        reader = _reader(path)
        image = _shallow(reader(path)) if reader else None
    if image:
        yield image
    else:
        with opened(path) as image:
            yield image


def _shallow(raster: Raster) -> Image.Image:
    pixels = (
        raster.pixels if raster.pixels.dtype == np.uint8 else (raster.pixels >> 8).astype(np.uint8)
    )
    upright = np.ascontiguousarray(_upright(pixels, 1 if raster.turned else raster.turn))
    return Image.fromarray(upright[..., 0] if upright.shape[2:] == (1,) else upright)


def size_of(path: Path) -> tuple[int, int]:
    """Return the size (H, W) of a photo, upright, without decoding it.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged or not a picture.
    """
    check_file(path)
    with decoding(path):
        if reader := _reader(path):
            return _size_by(reader, path)
    with opened(path) as image:
        return _turned(image.size[::-1], image.getexif().get(ORIENTATION, 1))


def _size_by(reader: Callable[[Path], Raster], path: Path) -> tuple[int, int]:
    """Return the size (H, W) of a photo that Pillow does not read: without decoding for TIFF and PNG."""
    if reader is read_deep_png:
        with Image.open(path, formats=FORMATS) as image:
            return _turned(image.size[::-1], image.getexif().get(ORIENTATION, 1))
    if reader.__name__ == "read_tiff":
        from photo.tiff import size_of_tiff

        return _turned(*size_of_tiff(path))
    height, width = _photo(reader(path)).gray.shape
    return height, width


def _reader(path: Path) -> Callable[[Path], Raster] | None:
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


def _turned(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return size[::-1] if turn in SIDEWAYS else size


def _from_pillow(path: Path, image: Image.Image) -> Raster:
    exif, info = exif_of(image), dict(image.info)
    turn = exif.get(ORIENTATION, 1)
    if image.format == "BMP" and info.get("compression") in RLE:
        image = decoded_runs(path, image)
    image.load()
    info = {**image.info, **info}  # adds chunks behind the pixels; keeps the XMP before rotation
    if turn != 1:  # no effect for TIFFs with Pillow 13, which rotates them while loading
        image = ImageOps.exif_transpose(image)
    if "transparency" in info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        image = image.convert("LA" if image.mode in {"L", "1", "LA", "La"} else "RGBA")
    elif image.mode in {"P", "YCbCr", "HSV"}:
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in {"CMYK", "LAB"}:
        image, info["icc_profile"] = separated(image, info.get("icc_profile")), None
    if image.mode not in {"L", "LA", "RGB", "RGBA"}:
        raise ValueError(
            f"pixels of mode {image.mode} are not supported: save the picture as gray or RGB with 8 or 16 bits"
        )
    return Raster(np.asarray(image), exif, info, turn, turned=True)


def _photo(raster: Raster) -> Photo:
    """Split pixels into lightness and alpha, upright."""
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
    alpha = pixels[..., channels] if pixels.shape[-1] > channels else None
    gray = _lightness_codes(pixels[..., :channels], info.get("icc_profile") or None)
    for tag in (*STRUCTURE, ORIENTATION):
        if tag in exif:
            del exif[tag]
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    xmp = re.sub(rb'(tiff:Orientation(?:>|="))\d', rb"\g<1>1", xmp)
    dpi, dropped = info.get("dpi"), []
    if dpi and turn in SIDEWAYS:
        dpi = dpi[::-1]
    if dpi and not all(1 <= value < 1 << 16 for value in dpi):
        dropped = [f"the resolution of {float(dpi[0]):g} x {float(dpi[1]):g} dpi"]
        dpi = None
    left = 1 if raster.turned else turn
    alpha = None if alpha is None else np.ascontiguousarray(_upright(alpha, left))
    gray = np.ascontiguousarray(_upright(gray, left))
    return Photo(gray, alpha, exif, xmp, dpi, tuple(dropped), raster.notes)


def _upright(pixels: Pixels, turn: int) -> Pixels:
    """Undo an EXIF orientation, 1 to 8."""
    if turn in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if turn in {3, 4, 7, 8} else pixels


def _lightness_codes(pixels: Pixels, profile: bytes | None) -> Pixels:
    """Return the luminance of (H, W, 1 or 3) as sRGB-encoded gray (H, W) of the same dtype."""
    height, width, channels = pixels.shape
    if profile is None and channels == 1:
        return pixels[..., 0]
    luminance = luminance_of(profile, channels=channels) or luminance_of(None, channels=channels)
    assert luminance is not None
    tables = luminance.tables(pixels.dtype)
    gray = np.empty((height, width), pixels.dtype)
    rows = max(BAND_PX // width, 1)
    for start in range(0, height, rows):
        band = pixels[start : start + rows]
        linear = sum(np.take(table, band[..., c], mode="clip") for c, table in enumerate(tables))
        gray[start : start + rows] = luminance_codes(np.asarray(linear), pixels.dtype)
    return gray

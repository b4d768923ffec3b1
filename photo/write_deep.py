"""Writes what Pillow cannot: PNGs and TIFFs of 16 bits, and BMPs that declare their alpha."""

import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import cv2
from numpy.typing import DTypeLike
from PIL.PngImagePlugin import PngInfo

from photo.decoder import XMP_TAG, Pixels
from photo.exif import add_groups, placed, tiff_tags
from photo.icc import srgb_profile
from photo.metadata import IPTC_TAG
from photo.read import SOFTWARE, Photo
from runtime.files import open_for_library

TIFF_ROWS = 128  # of a strip
PNG_LEVEL = 2  # of 9: takes half the time of 4 for the same size on grainy photos
BMP_RESOLUTION = 38  # its place in a header
OWN_TAGS = (SOFTWARE, 282, 283, 296)  # which tifffile writes: resolution and its unit


def write_deep_tiff(
    path: Path, bands: Iterator[Pixels], like: Photo, *, shape: tuple[int, ...], dtype: DTypeLike
) -> None:
    """Write a TIFF of 16 bits from bands of `TIFF_ROWS` rows, with all EXIF, XMP and IPTC."""
    import tifffile  # slow to import, with imagecodecs behind it

    with open_for_library(path) as file:
        tifffile.imwrite(file, bands, **tiff_settings(like, shape=shape, dtype=dtype))
    add_groups(path, {0: like.exif})


def tiff_settings(
    like: Photo, *, shape: tuple[int, ...], dtype: DTypeLike, without: Collection[int] = ()
) -> dict[str, Any]:
    """Return tifffile's settings for writing bands of `TIFF_ROWS` rows, with all EXIF, XMP and IPTC.

    without : EXIF tags to be left out
    """
    blocks = ((XMP_TAG, 1, like.xmp), (IPTC_TAG, 7, like.captions.iptc))
    extra = [(tag, kind, len(block), block, True) for tag, kind, block in blocks if block]
    extra += tiff_tags(like.exif, without={*OWN_TAGS, *without})
    return {
        "shape": shape,
        "dtype": dtype,
        "rowsperstrip": TIFF_ROWS,
        "photometric": "rgb",
        "extrasamples": ["unassalpha"] if shape[-1] == 4 else None,
        "resolution": like.dpi or (72.0, 72.0),
        "resolutionunit": "INCH",
        "software": like.mark or False,
        "metadata": None,
        "iccprofile": srgb_profile(),
        "extratags": extra,
    }


def write_deep_png(path: Path, rgb: Pixels, like: Photo, *, texts: PngInfo) -> None:
    """Write a PNG of 16 bits with all metadata; texts : XMP among them."""
    order = [2, 1, 0, *range(3, rgb.shape[-1])]
    done, data = cv2.imencode(".png", rgb[..., order], [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    assert done, rgb.shape
    png = data.tobytes()
    chunks = png_chunks(like, texts)
    head = 8 + 25  # signature and IHDR
    path.write_bytes(png[:head] + chunks + png[head:])


def png_chunks(like: Photo, texts: PngInfo) -> bytes:
    """Return all metadata as chunks of a PNG; texts : XMP among them."""
    chunks = png_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if like.dpi:
        per_meter = [round(value / 0.0254) for value in like.dpi]
        chunks += png_chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1))
    if len(like.exif):
        block = placed(like.exif, like.note_at) if like.note_at else like.exif.tobytes()
        chunks += png_chunk(b"eXIf", block.removeprefix(b"Exif\0\0"))
    for name, body, *_ in texts.chunks:
        chunks += png_chunk(name, body)
    return chunks


def write_alpha_bmp(path: Path, rgba: Pixels, like: Photo) -> None:
    """Write a BMP that declares its alpha, which Pillow does not."""
    done, data = cv2.imencode(".bmp", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    assert done, rgba.shape
    bmp = bytearray(data.tobytes())
    if like.dpi:
        per_meter = [round(value / 0.0254) for value in like.dpi]
        struct.pack_into("<II", bmp, BMP_RESOLUTION, *per_meter)
    path.write_bytes(bmp)


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Make a chunk of a PNG."""
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

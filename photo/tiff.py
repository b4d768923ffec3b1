"""Reads TIFFs of more than 8 bits per sample, which Pillow would lose."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from photo.decoder import ICC_TAG, ORIENTATION, XMP_TAG, Raster, check_memory, loaded
from photo.deep import decoded

HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GRAY_OR_RGB = (
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
)


def is_deep_tiff(path: Path) -> bool:
    """Return whether a TIFF has more than 8 bits per sample."""
    with tifffile.TiffFile(path) as tiff:
        return bool(tiff.pages.first.bitspersample > 8)


def size_of_tiff(path: Path) -> tuple[tuple[int, int], int]:
    """Return the size (H, W) of a TIFF as it is stored, and its orientation."""
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages.first
        turn = int(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else 1
        return (page.imagelength, page.imagewidth), turn


def read_deep_tiff(path: Path) -> Raster:
    """Read the first page of a TIFF with all its bits."""
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages.first
        if page.photometric not in GRAY_OR_RGB or page.bitspersample < 16:
            kind = getattr(page.photometric, "name", page.photometric)
            raise ValueError(
                f"{kind} of {page.bitspersample} bits is not supported: save the picture as gray or RGB with 8 or 16 bits"
            )
        check_memory(path, page.imagewidth, page.imagelength, sample_bytes=2)
        check_memory(path, page.tilewidth, page.tilelength, sample_bytes=2)
        (exif, dropped), turned = _exif_of_tiff(path, tiff), False
        try:
            pixels = page.asarray()
        except ValueError:  # a compression for which tifffile needs another package
            pixels, turned = decoded(path), True  # OpenCV rotates TIFFs regardless of its flags
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            pixels = np.invert(pixels)
        tags = {tag.code: tag.value for tag in page.tags}
    info = {"icc_profile": tags.get(ICC_TAG), "xmp": tags.get(XMP_TAG), "dpi": _dpi(tags)}
    return Raster(pixels, exif, info, tags.get(ORIENTATION, 1), turned, dropped=dropped)


def _exif_of_tiff(path: Path, tiff: tifffile.TiffFile) -> tuple[Image.Exif, tuple[str, ...]]:
    exif = Image.Exif()
    if tiff.is_bigtiff:  # which Pillow cannot read here
        return exif, ()
    with path.open("rb") as file:
        exif.load_from_fp(file)
        return exif, loaded(exif)


def _dpi(tags: dict[int, Any]) -> tuple[float, float] | None:
    if 282 not in tags or 283 not in tags:
        return None
    unit = 2.54 if tags.get(296, 2) == 3 else 1.0
    x, y = (top / bottom * unit if bottom else 0.0 for top, bottom in (tags[282], tags[283]))
    return x, y

"""Reads the TIFFs that Pillow cannot read, or not with all their bits, and finds the picture among reduced copies."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from PIL.TiffImagePlugin import COMPRESSION_INFO, OPEN_INFO

from photo.decoder import (
    ICC_TAG,
    ORIENTATION,
    XMP_TAG,
    Pixels,
    Raster,
    Several,
    check_memory,
    damaged_tags,
)
from photo.deep import decoded
from photo.depth import gray_of_inks, gray_of_lab, scaled, straight
from photo.formats import RAW_SUFFIXES
from photo.raw import read_raw
from photo.suffixes import INSTALL
from prior.dataset import PictureError

Kind = tifffile.PHOTOMETRIC
RAW = (Kind.CFA, Kind.LINEAR_RAW)
OTHER_RAW = {*RAW_SUFFIXES} - {".dng"}  # whose tags do not tell sensor data from a preview
GRAY_OR_RGB = (Kind.MINISWHITE, Kind.MINISBLACK, Kind.RGB)
CHANNELS = {Kind.MINISWHITE: 1, Kind.MINISBLACK: 1, Kind.SEPARATED: 4}  # others: 3
JPEG = (7, 33007, 34892)  # compressions whose decoder converts YCbCr to RGB
REDUCED, MASK = 1, 4  # bits of NewSubfileType
ASSOCIATED, UNASSOCIATED = 1, 2  # ExtraSamples: alpha that the colors were multiplied with, or not
# Tags of the first directory that are valid for the picture in another: color profile, XMP, orientation, resolution.
SHARED = (ICC_TAG, XMP_TAG, ORIENTATION, 282, 283, 296)


def reader_of_tiff(path: Path) -> Callable[[Path], Raster] | None:
    """Choose the reader of a TIFF, None for one that Pillow reads with all its bits."""
    with tifffile.TiffFile(path) as tiff:
        page = picture_of(tiff)
        if page.photometric in RAW or path.suffix.lower() in OTHER_RAW:
            return read_raw
        return None if page is tiff.pages.first and is_for_pillow(tiff, page) else read_tiff


def picture_of(tiff: tifffile.TiffFile) -> Any:
    """Return the first page that is no reduced copy or mask; if there is none in the file's list, the largest one in its
    subdirectories.
    """
    first = tiff.pages.first
    if not _is_copy(first):
        return first
    if len(pages := own_pages(tiff)) > 1:
        return pages[0]
    return max(_pages(tiff), key=lambda page: (not _is_copy(page), page.imagewidth, -page.index))


def _pages(tiff: tifffile.TiffFile) -> Iterator[Any]:
    """Yield the pages of a file and of its subdirectories."""
    for page in tiff.pages:
        yield page.aspage()
        yield from page.pages or ()


def own_pages(tiff: tifffile.TiffFile) -> list[Any]:
    """Return the pages in a file's list that are no reduced copies or masks."""
    return [page for page in (one.aspage() for one in tiff.pages) if not _is_copy(page)]


def pages_of_tiff(path: Path) -> Several:
    """Return how many pages a file has, reduced copies and masks aside."""
    with tifffile.TiffFile(path) as tiff:
        return _several(tiff)


def _several(tiff: tifffile.TiffFile) -> Several:
    return Several(max(len(own_pages(tiff)), 1), "page", cut=_is_cut(tiff))


def _is_cut(tiff: tifffile.TiffFile) -> bool:
    """Return whether the last page names a next one, which cannot be read."""
    form, last = tiff.tiff, tiff.pages[-1].aspage()
    file = tiff.filehandle
    file.seek(last.offset)
    (count,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    file.seek(last.offset + form.tagnosize + count * form.tagsize)
    following = file.read(form.offsetsize)
    if len(following) < form.offsetsize:
        return True
    (at,) = struct.unpack(form.offsetformat, following)
    return bool(at) and all(at != page.offset for page in tiff.pages)


def _is_copy(page: Any) -> bool:
    return bool(page.subfiletype & (REDUCED | MASK)) or page.photometric == Kind.MASK


def is_for_pillow(tiff: tifffile.TiffFile, page: Any) -> bool:
    """Return whether Pillow reads a page with all its bits: at most 8, in a combination of tags that it knows."""
    bits = page.bitspersample
    each = bits if isinstance(bits, tuple) else (bits,) * page.samplesperpixel
    order = b"II" if tiff.byteorder == "<" else b"MM"
    key = (order, int(page.photometric), (page.sampleformat,), page.fillorder, each, page.extrasamples)  # fmt: skip
    big = tiff.is_bigtiff and order == b"MM"  # which Pillow 13 does not recognize
    unsigned = page.sampleformat == tifffile.SAMPLEFORMAT.UINT
    return max(each) <= 8 and unsigned and not big and key in OPEN_INFO and page.compression in COMPRESSION_INFO  # fmt: skip


def size_of_tiff(path: Path) -> tuple[tuple[int, int], int]:
    """Return the size (H, W) of a TIFF's picture as it is stored, and its orientation."""
    with tifffile.TiffFile(path) as tiff:
        page = picture_of(tiff)
        return (page.imagelength, page.imagewidth), _tags(tiff, page).get(ORIENTATION, 1)


def read_tiff(path: Path) -> Raster:
    """Read the picture of a TIFF with all its bits."""
    with tifffile.TiffFile(path) as tiff:
        page = picture_of(tiff)
        raster = raster_of_page(path, page, _tags(tiff, page), exif_of_page(path, tiff.pages.first))
        return replace(raster, several=_several(tiff))


def raster_of_page(
    path: Path, page: Any, tags: dict[int, Any], exif: tuple[Image.Exif, tuple[str, ...]]
) -> Raster:
    """Decode a page with all its bits; exif : see `exif_of_page`."""
    _check(path, page)
    pixels, turned = _stored(path, page)
    profile = tags.get(ICC_TAG)
    pixels, notes = _as_picture(pixels, page, profile)
    kept = profile if page.photometric in GRAY_OR_RGB else None
    info = {"icc_profile": kept, "xmp": tags.get(XMP_TAG), "dpi": _dpi(tags)}
    turn = tags.get(ORIENTATION, 1)
    return Raster(pixels, exif[0], info, turn, turned, tuple(notes), dropped=exif[1])


def _check(path: Path, page: Any) -> None:
    """Reject, before decoding, what needs too much memory or is not a picture of gray, RGB, CMYK or Lab."""
    depth = page.dtype.itemsize if page.dtype else 2
    check_memory(path, page.imagewidth, page.imagelength, sample_bytes=depth)
    check_memory(path, page.tilewidth, page.tilelength, sample_bytes=depth)
    named = getattr(page.photometric, "name", page.photometric)
    known = page.photometric in {*GRAY_OR_RGB, Kind.SEPARATED, Kind.CIELAB, Kind.ICCLAB}
    if not known and not (page.photometric == Kind.YCBCR and page.compression in JPEG):
        raise PictureError(
            f"{path}: {named} of {page.bitspersample} bits is not supported: save the picture as gray or RGB with 8 or 16 bits"
        )
    mixed = isinstance(page.bitspersample, tuple)
    if mixed or page.dtype is None or page.samplesperpixel < _channels(page) or page.imagedepth > 1:
        raise PictureError(
            f"{path}: {named} with {page.samplesperpixel} samples of {page.bitspersample} bits is not supported: "
            "save the picture as gray or RGB with 8 or 16 bits"
        )


def _channels(page: Any) -> int:
    return CHANNELS.get(page.photometric, 3)


def _stored(path: Path, page: Any) -> tuple[Pixels, bool]:
    """Decode a page's samples (H, W, n) as they are stored, and tell whether they were rotated upright."""
    try:
        pixels, turned = page.asarray(), False
    except (ValueError, RuntimeError, ImportError) as error:  # imagecodecs raises RuntimeError
        # OpenCV decodes LZW and packed bits without imagecodecs, and rotates TIFFs regardless of its flags.
        if find_spec("imagecodecs") or page.index or page.planarconfig != 1:
            raise _refusal(path, error, page) from None
        try:
            pixels, turned = decoded(path), True
        except ValueError:
            raise _refusal(path, error, page) from None
        if page.bitspersample in {10, 12, 14}:  # which OpenCV moves up to 16 bits
            pixels >>= 16 - page.bitspersample
    if page.axes.startswith("S") and not turned:
        pixels = np.moveaxis(pixels, 0, -1)
    return (pixels[..., None] if pixels.ndim == 2 else pixels), turned


def _refusal(path: Path, error: Exception, page: Any) -> ValueError:
    """Name the package that a compression needs, if it is missing; other errors stay as they are."""
    if find_spec("imagecodecs"):
        return ValueError(error)
    named = getattr(page.compression, "name", page.compression)
    return PictureError(f"{path} has compression {named} of {page.bitspersample} bits: {INSTALL}")


def _as_picture(pixels: Pixels, page: Any, profile: bytes | None) -> tuple[Pixels, list[str]]:
    """Convert stored samples (H, W, n) to gray or RGB, with alpha if there is any, and notes."""
    channels, bits = _channels(page), page.bitspersample
    color, note = scaled(pixels[..., :channels], bits)
    notes = [note] if note else []
    if page.photometric == Kind.MINISWHITE:
        color = np.invert(color)
    kinds = page.extrasamples or (UNASSOCIATED,) * (pixels.shape[-1] > channels)
    alpha = next((i for i, kind in enumerate(kinds) if kind in {ASSOCIATED, UNASSOCIATED}), None)
    left = pixels.shape[-1] - channels - (alpha is not None)
    if left > 0:
        notes.append(f"{left} further channel{'s'[: left > 1]} of the file left out")
    mask = None if alpha is None else scaled(pixels[..., channels + alpha], bits)[0]
    if mask is not None and kinds[alpha] == ASSOCIATED:
        color = straight(color, mask)
    color = _gray_or_rgb(color, page, profile)
    return (color if mask is None else np.dstack([color, mask])), notes


def _gray_or_rgb(color: Pixels, page: Any, profile: bytes | None) -> Pixels:
    """Convert inks and Lab (H, W, n) to gray (H, W, 1); gray and RGB stay as they are."""
    if page.photometric == Kind.SEPARATED:
        return gray_of_inks(color.astype(np.uint16), profile)[..., None]
    if page.photometric in {Kind.CIELAB, Kind.ICCLAB}:
        return gray_of_lab(color[..., 0], page.photometric.name)[..., None]
    return color


def _tags(tiff: tifffile.TiffFile, page: Any) -> dict[int, Any]:
    first = {tag.code: tag.value for tag in tiff.pages.first.tags if tag.code in SHARED}
    return {**first, **tags_of(page)}


def tags_of(page: Any) -> dict[int, Any]:
    """Return the tags of a page."""
    return {tag.code: tag.value for tag in page.tags}


def exif_of_page(path: Path, page: Any) -> tuple[Image.Exif, tuple[str, ...]]:
    """Return a page's EXIF, all of them read, and what is left out because it is damaged."""
    exif = Image.Exif()
    exif.endian, exif.bigtiff = page.parent.byteorder, page.parent.is_bigtiff
    if exif.bigtiff and exif.endian == ">":  # which Pillow does not recognize
        return exif, ()
    with path.open("rb") as file:
        exif.load_from_fp(file, page.offset)
        return exif, damaged_tags(exif)


def _dpi(tags: dict[int, Any]) -> tuple[float, float] | None:
    if 282 not in tags or 283 not in tags:
        return None
    unit = 2.54 if tags.get(296, 2) == 3 else 1.0
    x, y = (top / bottom * unit if bottom else 0.0 for top, bottom in (tags[282], tags[283]))
    return x, y

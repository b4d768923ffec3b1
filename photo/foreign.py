"""Chooses the reader of a file by its content, where Pillow alone does not read it, or not with all its bits."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from photo.decoder import FORMATS, ORIENTATION, Raster, exif_of
from photo.deep import (
    jpeg_frame,
    pnm_top,
    read_deep_avif,
    read_deep_jpeg,
    read_deep_png,
    read_deep_pnm,
)
from photo.dpx import DPX, read_dpx
from photo.formats import avif_bits
from photo.jpeg2000 import JPEG2000, read_jpeg2000
from photo.optional import JXL, PDF, read_heic, read_jxl, read_pdf
from photo.raw import RAW, read_raw
from prior.dataset import PictureError

PHOTOSHOP = b"8BPS"
# Brands of the ISO base media format.
HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
AVIF, CR3 = {b"avif", b"avis"}, b"crx "

Reader: TypeAlias = Callable[[Path], Raster]


def reader_of(path: Path, head: bytes) -> Reader | None:
    """Choose the reader of a file by its first 32 bytes, None for one that Pillow reads with all its bits.

    Raises PictureError for a kind of file that is known, but not read.
    """
    starts: tuple[tuple[tuple[bytes, ...], Reader], ...] = (
        (JPEG2000, read_jpeg2000), (JXL, read_jxl), (RAW, read_raw), (DPX, read_dpx), (PDF, read_pdf),
    )  # fmt: skip
    for heads, reader in starts:
        if head.startswith(heads):
            return reader
    if head[4:8] == b"ftyp":
        return _reader_of_brands(path, head)
    if head.startswith(PHOTOSHOP) and head[22:24] > b"\0\x08":
        bits = int.from_bytes(head[22:24], "big")
        raise PictureError(f"{path} is a Photoshop document of {bits} bits: save it as TIFF")
    return read_deep_pnm if head[:1] == b"P" and pnm_top(path) > 255 else None


def _reader_of_brands(path: Path, head: bytes) -> Reader | None:
    length = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, length, 4))}
    if CR3 in brands:
        return read_raw
    if brands & AVIF:
        return read_deep_avif if avif_bits(path) > 8 else None
    return read_heic if brands & HEIC else None


def size_by(reader: Reader, path: Path) -> tuple[tuple[int, int], int]:
    """Return the size (H, W) of a photo that a reader reads, and how it is still turned; PNG and TIFF are not decoded."""
    if reader is read_deep_png:
        with Image.open(path, formats=FORMATS) as image:
            return image.size[::-1], exif_of(image)[0].get(ORIENTATION, 1)
    if reader.__name__ == "read_tiff":
        from photo.tiff import size_of_tiff

        return size_of_tiff(path)
    raster = reader(path)
    height, width = raster.pixels.shape[:2]
    return (height, width), 1 if raster.turned else raster.turn


def unusual_reader(path: Path) -> Reader | None:
    """Choose the reader of a JPEG of more than 8 bits, which Pillow rejects; None for any other file."""
    with path.open("rb") as file:
        if file.read(2) != b"\xff\xd8":
            return None
    bits, *_ = jpeg_frame(path.read_bytes())
    return read_deep_jpeg if bits > 8 else None

"""Reads HEIC, JPEG XL and PDF, each with an optional package."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from photo.boxes import boxes
from photo.decoder import Pixels, Raster, Several, check_memory, exif_of, loaded
from photo.depth import scaled
from photo.formats import optional
from prior.dataset import PictureError

JXL_CODESTREAM = b"\xff\x0a"
JXL = (JXL_CODESTREAM, b"\0\0\0\x0cJXL \r\n\x87\n")
# Widths per height that a JPEG XL header has short codes for (ISO/IEC 18181-1, section D.2).
RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
SIDE_BITS = (9, 13, 18, 30)
FRAMES_LEFT = "frame 1 of several: the others left out, as their times cannot be read"
PDF = (b"%PDF-",)
PAGE_DPI, INCH_PT = 300, 72


def read_heic(path: Path, number: int = 0) -> Raster:
    """Read a picture of a HEIC file with all its bits: the main one first."""
    pillow_heif = optional("pillow_heif", path, "HEIC")
    pictures = pillow_heif.open_heif(path, convert_hdr_to_8bit=False)
    image = pictures[heic_order(pictures)[number]]
    check_memory(path, *image.size, sample_bytes=2)
    pixels, bits = np.asarray(image), image.info.get("bit_depth", 8)
    if pixels.dtype == np.uint16:  # whose codes libheif moves up to 16 bits
        pixels = scaled(pixels >> (16 - bits), bits)[0]
    exif = Image.Exif()
    if image.info.get("exif"):
        exif.load(image.info["exif"])
    several = Several(len(pictures))
    return Raster(pixels, loaded(exif), dict(image.info), turned=True, several=several)


def heic_order(pictures: Any) -> list[int]:
    """Return the pictures of an open HEIC file in their order, but the main one first."""
    main = pictures.primary_index
    return [main, *(i for i in range(len(pictures)) if i != main)]


def read_jxl(path: Path) -> Raster:
    """Read a JPEG XL file; more than 8 bits need imagecodecs besides pillow-jxl-plugin."""
    optional("pillow_jxl", path, "JPEG XL")
    check_memory(path, *_jxl_header(path)[:2], sample_bytes=2)
    try:
        with Image.open(path, formats=("JXL",)) as image:
            exif, info = exif_of(image)[0], dict(image.info)
            pixels = np.asarray(image)
            imagecodecs = optional("imagecodecs", path, "JPEG XL")
            deep = imagecodecs.jpegxl_decode(path.read_bytes(), index=0)
    except RuntimeError as error:
        raise ValueError(str(error).partition("\n")[0]) from None
    if deep.dtype != np.uint8:
        pixels = scaled(deep, deep.dtype.itemsize * 8)[0]
    for name, body in boxes(path) if not _is_codestream(path) else ():
        if name == b"xml ":
            info["xmp"] = body
    notes = (FRAMES_LEFT,) if _jxl_header(path).animated else ()
    return Raster(pixels, exif, info, turned=True, notes=notes)


def _is_codestream(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == JXL_CODESTREAM


class _JxlHeader(NamedTuple):
    """Width and height of a JPEG XL picture, and whether it is an animation."""

    width: int
    height: int
    animated: bool


def _jxl_header(path: Path) -> _JxlHeader:
    """Read the header of a JPEG XL picture (ISO/IEC 18181-1, sections D.2 and D.3)."""
    if _is_codestream(path):
        with path.open("rb") as file:
            stream = file.read(64)
    else:
        parts = boxes(path, codestream=(b"jxlc", b"jxlp"))
        found = (
            body[4 * (name == b"jxlp") :] for name, body in parts if name in {b"jxlc", b"jxlp"}
        )
        stream = next(found, b"")  # a part starts with its number
    if stream[:2] != JXL_CODESTREAM:
        raise ValueError("it has no JPEG XL codestream")
    bits = _Bits(int.from_bytes(stream[2:64], "little"))
    width, height = _jxl_size(bits)
    extra = not bits.take(1) and bits.take(1)  # not all defaults, and further fields
    if not extra:
        return _JxlHeader(width, height, animated=False)
    bits.take(3)  # the orientation
    if bits.take(1):
        _jxl_size(bits)  # intended size
    previewed = bits.take(1)
    return _JxlHeader(width, height, animated=bool(not previewed and bits.take(1)))


def _jxl_size(bits: "_Bits") -> tuple[int, int]:
    small = bits.take(1)
    height = _jxl_side(bits, small)
    ratio = bits.take(3)
    if not ratio:
        return _jxl_side(bits, small), height
    across, down = RATIOS[ratio - 1]
    return height * across // down, height


class _Bits:
    """Bits of a number, taken from the lowest on."""

    def __init__(self, number: int) -> None:
        self.number = number

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        found = self.number & ((1 << count) - 1)
        self.number >>= count
        return found


def _jxl_side(bits: _Bits, small: int) -> int:
    return (bits.take(5) + 1) * 8 if small else bits.take(SIDE_BITS[bits.take(2)]) + 1


def read_pdf(path: Path, number: int = 0) -> Raster:
    """Render a page of a PDF at the resolution of the scan in it, at 300 dpi if it has none."""
    pdfium = optional("pypdfium2", path, "PDF")
    try:
        with pdfium.PdfDocument(path) as document:
            pages = len(document)
            page = document[number]
            dpi = _resolution(page, pdfium)
            width, height = (round(side * dpi / INCH_PT) for side in page.get_size())
            check_memory(path, width, height, sample_bytes=4)
            bitmap = page.render(scale=dpi / INCH_PT, rev_byteorder=True)
            pixels: Pixels = bitmap.to_numpy().copy()
    except pdfium.PdfiumError as error:
        raise PictureError(f"{path} is a PDF that cannot be read: {error}") from None
    info, several = {"dpi": (dpi, dpi)}, Several(pages, "page")
    return Raster(pixels[..., :3], Image.Exif(), info, turned=True, several=several)


def pages_of_pdf(path: Path) -> Several:
    """Return how many pages a PDF has."""
    pdfium = optional("pypdfium2", path, "PDF")
    try:
        with pdfium.PdfDocument(path) as document:
            return Several(len(document), "page")
    except pdfium.PdfiumError as error:
        raise PictureError(f"{path} is a PDF that cannot be read: {error}") from None


def _resolution(page: Any, pdfium: Any) -> float:
    """Return the resolution in dpi of the picture that covers most of a page, 300 if none covers half of it."""
    width, height = page.get_size()
    best, dpi = width * height / 2, float(PAGE_DPI)
    for picture in page.get_objects(filter=[pdfium.raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = picture.get_bounds()
        area = (right - left) * (top - bottom)
        if area >= best:
            best, dpi = area, INCH_PT * math.sqrt(math.prod(picture.get_px_size()) / area)
    return max(dpi, INCH_PT)

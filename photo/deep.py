"""Reads PNG, AVIF, PNM and JPEG of more than 8 bits per sample, which Pillow would lose or reject."""

import re
import struct
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from photo.decoder import FORMATS, ORIENTATION, Pixels, Raster, check_memory, loaded, raster_of
from photo.depth import scaled, stretched
from photo.formats import avif_bits, optional

# A PNM header: the kind, width, height and greatest value, between blanks and comments.
BLANKS = rb"(?:\s|#[^\n\r]*[\n\r])+"
PNM = re.compile(rb"P([2356])" + BLANKS + rb"(\d+)" + BLANKS + rb"(\d+)" + BLANKS + rb"(\d+)\s")
PNM_HEAD_BYTES = 1 << 14
COLOR = (b"3", b"6")  # kinds of PNM
TEXT = (b"2", b"3")
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG markers that start a frame
SCAN, APP1, EXIF = 0xDA, 0xE1, b"Exif\0\0"


def read_deep_png(path: Path) -> Raster:
    """Read a PNG with all its bits."""
    with Image.open(path, formats=FORMATS) as image:
        check_memory(path, *image.size, sample_bytes=2)
        raster = raster_of(image)
    return replace(raster, pixels=decoded(path))


def read_deep_avif(path: Path) -> Raster:
    """Read an AVIF of 10 or 12 bits."""
    with Image.open(path, formats=FORMATS) as image:
        check_memory(path, *image.size, sample_bytes=2)
        raster = raster_of(image)
    return replace(raster, pixels=scaled(decoded(path), avif_bits(path))[0])


def decoded(path: Path) -> Pixels:
    """Read pixels with OpenCV, as deep as they are stored; channels in RGB order. Raises ValueError."""
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("its compression is not supported: save the picture uncompressed")
    if pixels.ndim == 3 and pixels.shape[-1] >= 3:
        pixels[..., :3] = pixels[..., 2::-1].copy()
    return np.asarray(pixels)


def pnm_top(path: Path) -> int:
    """Return the greatest value of a sample in a PNM file, 0 for one of single bits and any other file."""
    with path.open("rb") as file:
        head = PNM.match(file.read(PNM_HEAD_BYTES))
    return int(head[4]) if head else 0


def read_deep_pnm(path: Path) -> Raster:
    """Read a PGM or PPM of more than 8 bits."""
    data = path.read_bytes()
    head = PNM.match(data)
    assert head, path
    width, height, top = int(head[2]), int(head[3]), int(head[4])
    check_memory(path, width, height, sample_bytes=2)
    channels = 3 if head[1] in COLOR else 1
    count = width * height * channels
    if head[1] in TEXT:
        codes = np.array(data[head.end() :].split()[:count], np.uint16)
    else:
        codes = np.frombuffer(data, ">u2", min(count, (len(data) - head.end()) // 2), head.end())
    if len(codes) < count:
        raise ValueError("its last rows are missing")
    pixels = stretched(codes.astype(np.uint16).reshape(height, width, channels), top)
    return Raster(pixels, Image.Exif(), {})


def jpeg_frame(data: bytes) -> tuple[int, int, int, bytes]:
    """Return the bits per sample, width and height of a JPEG and its EXIF block; 0 bits for one without a frame."""
    exif, at = b"", 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in FRAMES:
            bits, height, width = struct.unpack_from(">BHH", data, at + 4)
            return bits, width, height, exif
        if marker == APP1 and data[at + 4 : at + 10] == EXIF:
            exif = data[at + 4 : at + 2 + size]
        at += 2 + size
    return 0, 0, 0, exif


def read_deep_jpeg(path: Path) -> Raster:
    """Read a JPEG of 12 bits, which medical devices and some scanners write, with imagecodecs."""
    data = path.read_bytes()
    bits, width, height, block = jpeg_frame(data)
    imagecodecs = optional("imagecodecs", path, f"JPEG of {bits} bits")
    check_memory(path, width, height, sample_bytes=2)
    pixels = scaled(imagecodecs.jpeg_decode(data), bits)[0]
    exif = Image.Exif()
    exif.load(block)
    return Raster(pixels, loaded(exif), {}, exif.get(ORIENTATION, 1))


def write_ppm(path: Path, rgb: Pixels, *, comment: str) -> None:
    """Write rgb (H, W, 3) uint8 or uint16 as binary PPM; its only metadata is a comment."""
    height, width = rgb.shape[:2]
    head = f"P6\n# {comment}\n{width} {height}\n{np.iinfo(rgb.dtype).max}\n"
    path.write_bytes(head.encode() + rgb.astype(rgb.dtype.newbyteorder(">")).tobytes())

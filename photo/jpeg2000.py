"""JPEG 2000: reads it with all its bits, color profile, EXIF and XMP, and writes it with them.

Source: ISO/IEC 15444-1, Annexes A.5.1 and I; the identifiers of EXIF and XMP are those that ExifTool and Adobe use.
"""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from photo.boxes import box, boxes, inner
from photo.decoder import ORIENTATION, Pixels, Raster, check_memory, loaded
from photo.deep import decoded
from photo.depth import scaled

CODESTREAM = b"\xff\x4f\xff\x51"
JPEG2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", CODESTREAM)
DEPTH_AT = 42  # bytes from the codestream's start to the first component's depth
EXIF_HEAD = b"Exif\0\0"  # in JPEG, not here
EXIF_BOX = b"JpgTiffExif->JP2"
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
ICC_METHODS = (2, 3)  # of a color specification: restricted, any
LEAST_PX = 32  # for OpenJPEG's 6 resolutions, which OpenCV does not change
LOSSLESS = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]


def read_jpeg2000(path: Path) -> Raster:
    """Read a JPEG 2000 file or codestream."""
    bits = _bits(path)
    with Image.open(path, formats=("JPEG2000",)) as image:
        check_memory(path, *image.size, sample_bytes=1 if bits <= 8 else 2)
        pixels = _pixels(image) if bits <= 8 else scaled(decoded(path), bits)[0]
        info = dict(image.info)
    exif = Image.Exif()
    for name, body in _metadata(path):
        if name == "exif":
            exif.load(body)
        else:
            info[name] = body
    return Raster(pixels, loaded(exif), info, exif.get(ORIENTATION, 1))


def _bits(path: Path) -> int:
    """Return the bits per sample of the first component, from the codestream's header."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    at = head.find(CODESTREAM) + DEPTH_AT
    if at < DEPTH_AT or at >= len(head):
        raise ValueError("it has no JPEG 2000 codestream")
    return (head[at] & 0x7F) + 1


def _pixels(image: Image.Image) -> Pixels:
    """Return the pixels of 8 bits as gray, gray and alpha, RGB or RGBA."""
    plain = "L" if image.mode in {"L", "LA"} else "RGB"
    alpha = image.mode in {"LA", "PA"} or image.has_transparency_data
    return np.asarray(image.convert(plain + "A" * alpha))


def _metadata(path: Path) -> list[tuple[str, bytes]]:
    """Read the EXIF data, the XMP and the color profile of a file; a codestream alone has none."""
    with path.open("rb") as file:
        if file.read(4) == CODESTREAM:
            return []
    found = []
    for name, body in boxes(path, codestream=(b"jp2c",)):
        if name == b"uuid" and body[:16] in {EXIF_BOX, XMP_BOX}:
            found.append(("exif" if body[:16] == EXIF_BOX else "xmp", body[16:]))
        if name == b"jp2h":
            found += [
                ("icc_profile", color[3:])
                for kind, color in inner(body)
                if kind == b"colr" and color[:1] and color[0] in ICC_METHODS
            ]
    return found


def write_jpeg2000(path: Path, rgb: Pixels, *, exif: bytes, xmp: bytes) -> None:
    """Write rgb (H, W, 3 or 4) uint8 or uint16 without loss, as sRGB, with its metadata in the end."""
    blocks = [box(b"uuid", XMP_BOX + xmp)] if xmp else []
    blocks.append(box(b"uuid", EXIF_BOX + exif.removeprefix(EXIF_HEAD)))
    path.write_bytes(_encoded(rgb) + b"".join(blocks))


def _encoded(rgb: Pixels) -> bytes:
    if rgb.dtype == np.uint8:  # Pillow, as OpenCV needs 32 pixels a side
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "JPEG2000")
        return file.getvalue()
    if min(rgb.shape[:2]) < LEAST_PX:
        raise ValueError(f"JPEG 2000 of 16 bits needs {LEAST_PX} pixels a side: use .tif")
    order = [2, 1, 0, *range(3, rgb.shape[-1])]
    done, data = cv2.imencode(".jp2", rgb[..., order], LOSSLESS)
    if not done:  # OpenCV encodes through a temporary file
        raise OSError("JPEG 2000 cannot be encoded: make room for temporary files, or use .tif")
    return data.tobytes()

"""Decodes BMPs of run-length codes: OpenCV 5 garbles padded rows, and Pillow 13 fills short rows byte by byte.

Source: Microsoft, "Bitmap Compression": codes never cross the end of a row, and rows start at the bottom.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile

from photo.decoder import Pixels

END_OF_ROW, END, MOVE = 0, 1, 2


def decoded_runs(path: Path, image: Image.Image) -> Image.Image:
    """Decode a BMP of 4 or 8 bits that Pillow has opened. Raises ValueError if rows are missing."""
    assert isinstance(image, BmpImageFile), image.format
    arguments = image.tile[0].args
    assert isinstance(arguments, tuple), arguments
    _, packed, direction = arguments
    width, height = image.size
    indexes = _indexes(path.read_bytes()[image.tile[0].offset :], width, height, packed=packed)
    if direction < 0:
        indexes = indexes[::-1]
    if image.mode == "P":
        picture = Image.fromarray(np.ascontiguousarray(indexes), "L")
        picture.putpalette(image.getpalette("RGB") or b"")
        return picture
    return Image.fromarray(indexes * np.uint8(255) if image.mode == "1" else indexes)


def _indexes(data: bytes, width: int, height: int, *, packed: bool) -> Pixels:
    """Decode runs to palette indexes (H, W) uint8, in the order of the file; packed: two in a byte."""
    rows = bytearray(
        width * height
    )  # not an array, into which short runs are written ten times slower
    x = y = at = 0
    while at + 1 < len(data) and y < height:
        count, code = data[at], data[at + 1]
        at += 2
        pixels = b""
        if count:
            pixels = (
                bytes((code >> 4, code & 15)) * (count // 2 + 1)
                if packed
                else bytes((code,)) * count
            )
        elif code == END_OF_ROW:
            x, y = 0, y + 1
        elif code == END:
            break
        elif code == MOVE and at + 1 < len(data):
            x, y, at = x + data[at], y + data[at + 1], at + 2
        elif code > MOVE:
            count, size = code, (code + 1) // 2 if packed else code
            pixels = _unpacked(data[at : at + size]) if packed else data[at : at + size]
            at += size + size % 2  # whole words
        if fit := min(count, len(pixels), width - x) if x < width else 0:
            rows[y * width + x : y * width + x + fit] = pixels[:fit]
        x += count
    if y < height - 1:
        raise ValueError(f"it ends in row {y + 1} of {height}")
    return np.frombuffer(rows, np.uint8).reshape(height, width)


def _unpacked(data: bytes) -> bytes:
    return bytes(code for byte in data for code in (byte >> 4, byte & 15))

"""Writes animated WebP: frames that Pillow has encoded as pictures of their own, in one container (RFC 9649)."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from photo.decoder import Pixels

RIFF_BYTES = 8  # of the head that the file's length does not count
ICC, ALPHA, EXIF, XMP, ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02
REPLACES = 2  # a frame's flag: not blended with the one before
PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
LONGEST_MS = (1 << 24) - 1
MOST_PLAYS = (1 << 16) - 1


class WebpWriter:
    """Writes frames into an open file; each after the first has only the part that differs.

    size : (H, W)
    plays : how often it is played, 0 for without end
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        size: tuple[int, int],
        alpha: bool,
        plays: int,
        quality: int,
        icc: bytes,
        exif: bytes,
        xmp: bytes,
    ) -> None:
        self._file, self._quality = file, quality
        self._last = [(b"EXIF", exif), (b"XMP ", xmp)]
        height, width = size
        flags = ANIMATED | ICC | ALPHA * alpha | EXIF * bool(exif) | XMP * bool(xmp)
        file.write(b"RIFF\0\0\0\0WEBP")
        file.write(
            _chunk(b"VP8X", bytes((flags, 0, 0, 0)) + _three(width - 1) + _three(height - 1))
        )
        file.write(_chunk(b"ICCP", icc))
        file.write(_chunk(b"ANIM", struct.pack("<IH", 0, min(plays, MOST_PLAYS))))

    def write(self, part: Pixels, at: tuple[int, int], duration_ms: float) -> None:
        """Write a part (h, w, 3 or 4) of a frame, whose top left is at an even (row, column)."""
        height, width = part.shape[:2]
        picture = io.BytesIO()
        Image.fromarray(part).save(picture, "WEBP", quality=self._quality)
        pixels = b"".join(_chunk(*one) for one in _chunks(picture.getvalue()) if one[0] in PIXELS)
        places = (
            at[1] // 2,
            at[0] // 2,
            width - 1,
            height - 1,
            min(round(duration_ms), LONGEST_MS),
        )
        head = b"".join(map(_three, places)) + bytes((REPLACES,))
        self._file.write(_chunk(b"ANMF", head + pixels))

    def close(self) -> None:
        """Write the end, and the length at the start."""
        for name, body in self._last:
            if body:
                self._file.write(_chunk(name, body))
        size = self._file.tell()
        self._file.seek(4)
        self._file.write(struct.pack("<I", size - RIFF_BYTES))


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")

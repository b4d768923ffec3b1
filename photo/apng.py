"""Animated PNG: reads frames, of which Pillow composites neither deep nor half transparent ones, and writes them.

Source: PNG, third edition, 11.3.6 and 4.8.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np

from photo.decoder import PNG, Pixels
from photo.modes import FEW_BITS
from photo.write_deep import PNG_LEVEL, png_chunk

CONTROL = struct.Struct(
    ">IIIIIHHBB"
)  # number, width, height, left, top, time as a fraction, dispose, blend
TO_BACKGROUND, TO_PREVIOUS, OVER = 1, 2, 1
MOST = 65535  # of a time's numerator and denominator
GRAY, TRUE_COLOR, PALETTE, WITH_ALPHA = 0, 2, 3, 6
HUNDREDTHS = 100  # of a second, where a time has no denominator


class _Control(NamedTuple):
    """How a frame is shown: where, and what becomes of its place afterwards."""

    number: int
    width: int
    height: int
    left: int
    top: int
    over: int
    under: int
    dispose: int
    blend: int

    @property
    def place(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def shown_frames(path: Path) -> Iterator[tuple[Pixels, float]]:
    """Yield each frame of an animation as viewers show it, (H, W) or (H, W, C) uint8 or uint16, and its time in ms.

    Raises ValueError, LookupError or struct.error for a damaged file.
    """
    data = path.read_bytes()
    width, height = struct.unpack_from(">II", data, 16)
    head = {name: body for name, body in _chunks(data) if name in {b"PLTE", b"tRNS"}}
    canvas: Pixels | None = None
    for control, stored in _stored(data):
        pixels = _decoded(data, control, stored, head)
        if canvas is None:
            canvas = np.zeros((height, width, *pixels.shape[2:]), pixels.dtype)
        before = canvas.copy()
        place = canvas[control.place]
        place[:] = _over(pixels, place) if control.blend == OVER else pixels
        yield canvas.copy(), 1000 * control.over / (control.under or HUNDREDTHS)
        if control.dispose == TO_BACKGROUND:
            canvas[control.place] = 0
        elif control.dispose == TO_PREVIOUS:
            canvas = before


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG)
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + size]
        at += 12 + size


def _stored(data: bytes) -> Iterator[tuple[_Control, bytes]]:
    """Yield how each frame is shown, and its compressed pixels."""
    control: _Control | None = None
    stored = b""
    for name, body in _chunks(data):
        if name == b"fcTL":
            if control:
                yield control, stored
            control, stored = _Control(*CONTROL.unpack(body)), b""
        elif name in {b"IDAT", b"fdAT"} and control:
            stored += body if name == b"IDAT" else body[4:]
    if control:
        yield control, stored


def _decoded(data: bytes, control: _Control, stored: bytes, head: dict[bytes, bytes]) -> Pixels:
    """Decode a frame as a picture of its own, with a transparent color as alpha; head : chunks before the pixels."""
    bits, kind = data[24], data[25]
    png = PNG + png_chunk(b"IHDR", struct.pack(">II", control.width, control.height) + data[24:29])
    if kind == PALETTE:
        png += b"".join(png_chunk(*chunk) for chunk in sorted(head.items()))
    png += png_chunk(b"IDAT", stored) + png_chunk(b"IEND", b"")
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (control.height, control.width):
        raise ValueError("a frame is damaged")
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]
    if b"tRNS" in head and kind in {GRAY, TRUE_COLOR}:
        key = np.frombuffer(head[b"tRNS"], ">u2") * FEW_BITS.get(bits, 1)
        alpha = (np.atleast_3d(pixels) != key).any(axis=-1) * pixels.dtype.type(_top(pixels))
        pixels = np.dstack([pixels, alpha])
    return np.asarray(pixels)


def _over(pixels: Pixels, below: Pixels) -> Pixels:
    """Lay pixels with alpha, if they have any, over others."""
    if pixels.ndim == 2 or pixels.shape[-1] in {1, 3}:
        return pixels
    top, ground = (one.astype(np.float64) / _top(pixels) for one in (pixels, below))
    share, under = top[..., -1:], ground[..., -1:] * (1 - top[..., -1:])
    alpha = share + under
    color = (top[..., :-1] * share + ground[..., :-1] * under) / np.maximum(alpha, 1e-9)
    return np.asarray(np.rint(np.dstack([color, alpha]) * _top(pixels)), pixels.dtype)


def _top(pixels: Pixels) -> int:
    return int(np.iinfo(pixels.dtype).max)


class ApngWriter:
    """Writes frames into an open file, in true color; each after the first has only the part that differs.

    size : (H, W); depth : bits per sample
    chunks : metadata
    plays : how often it is played, 0 for without end
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        size: tuple[int, int],
        depth: int,
        alpha: bool,
        total: int,
        plays: int,
        chunks: bytes,
    ) -> None:
        self._file, self._number = file, 0
        height, width = size
        kind = WITH_ALPHA if alpha else TRUE_COLOR
        file.write(PNG)
        file.write(png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)))
        file.write(chunks + png_chunk(b"acTL", struct.pack(">II", total, plays)))

    def write(self, part: Pixels, at: tuple[int, int], duration_ms: float) -> None:
        """Write a part (h, w, 3 or 4) of a frame, whose top left is at (row, column)."""
        height, width = part.shape[:2]
        over, under = _fraction(duration_ms)
        control = CONTROL.pack(self._next(), width, height, at[1], at[0], over, under, 0, 0)
        self._file.write(png_chunk(b"fcTL", control))
        order = [2, 1, 0, *range(3, part.shape[-1])]
        done, png = cv2.imencode(".png", part[..., order], [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
        assert done, part.shape
        pixels = b"".join(body for name, body in _chunks(png.tobytes()) if name == b"IDAT")
        if self._number == 1:
            self._file.write(png_chunk(b"IDAT", pixels))
        else:
            number = struct.pack(">I", self._next())
            self._file.write(png_chunk(b"fdAT", number + pixels))

    def close(self) -> None:
        """Write the end."""
        self._file.write(png_chunk(b"IEND", b""))

    def _next(self) -> int:
        self._number += 1
        return self._number - 1


def _fraction(duration_ms: float) -> tuple[int, int]:
    """Return a time as a fraction of seconds, as near as the format allows."""
    seconds = min(max(duration_ms, 0) / 1000, MOST)
    time = Fraction(seconds).limit_denominator(int(MOST / max(seconds, 1)))
    return time.numerator, time.denominator

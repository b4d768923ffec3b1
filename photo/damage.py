"""Completes truncated picture files, so that decoders show what is left of them.

What is missing is filled with anything that decodes, and the rows that come of it become gray. Where a format does not
tell which rows these are (JPEG, WebP), the file is completed in two ways: what differs between the pictures is not in it.
"""

import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from photo.completed import NOTHING, Rest, check_gain, completions
from photo.decoder import PNG, Pixels, Raster, decoding

LEAST_ROWS = 0.01  # share of the rows that is still a picture
JPEG_START, RIFF = b"\xff\xd8", b"RIFF"
HEADS = (JPEG_START, RIFF, PNG, b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MARKER_ONLY = "the file lacks its end marker only: nothing of the picture is missing"
SCANS_END = "the file lacks its end: the picture may lack detail"
JPEG_ENDS = re.compile(
    rb"\xff[^\0\xff\xd0-\xd7]"
)  # markers that end a scan's data (ITU-T T.81, B.1.1)
JPEG_END, JPEG_SCAN, JPEG_ALONE = 0xD9, 0xDA, frozenset((0x01, *range(0xD0, 0xD8)))
JPEG_FILLING = b"\x92\x49\x24" * 1000  # more than a block takes, of codes of all kinds
WEBP_PIXELS, WEBP_LOSSY = (b"VP8L", b"VP8 ", b"ALPH", b"ANMF"), b"VP8 "
WEBP_CUTS = (0, 8, 16, 32, 64, 128, 256, 512)  # bytes before the end
WEBP_BLOCK, WEBP_FILTERED = (
    16,
    8,
)  # rows of a block, and rows of the one above that its filter changes
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


def read_rest(path: Path, read: Callable[[Path], Raster]) -> Raster | None:
    """Read what is left of a truncated picture, the rest gray; a note of the raster says from which row.

    read : reads a whole picture
    Returns None for a file that has its end. Raises ValueError if nothing of the picture is left.
    """
    with path.open("rb") as file:
        if not file.read(len(PNG)).startswith(HEADS):
            raise ValueError("it is no picture")
    data = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder, decoding(path):
        reader = _Reader(read, Path(folder, path.name))
        if data[:2] == JPEG_START:
            return _jpeg(data, reader)
        if data[:4] == RIFF:
            return _webp(data, reader)
        for rest in completions(path, data):
            with suppress(ValueError):
                return _shown(reader(rest.data), rest)
    raise ValueError(NOTHING)


class _Reader(NamedTuple):
    """Reads a file that is in memory."""

    read: Callable[[Path], Raster]
    place: Path

    def __call__(self, data: bytes) -> Raster:
        self.place.write_bytes(data)
        return self.read(self.place)


def _jpeg(data: bytes, read: _Reader) -> Raster | None:
    """Complete a JPEG by its end marker: the blocks that are missing are gray in every decoder."""
    end, scans = _jpeg_end(data.rstrip(b"\0"))
    if end is None:
        return None
    data, mark = data[:end].rstrip(b"\xff"), bytes((0xFF, JPEG_END))
    raster = read(data + mark)
    row = _first_difference(raster, read(data + JPEG_FILLING + mark))
    if row is None:
        remark = SCANS_END if scans > 1 else MARKER_ONLY
        return replace(raster, notes=(*raster.notes, remark))
    return _shown(raster, Rest(data, row, coarse=scans > 1), filled=True)


def _jpeg_end(data: bytes) -> tuple[int | None, int]:
    """Return where the readable part of a JPEG ends, None if with its end marker, and the number of its scans."""
    at, scans = 2, 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        size = 2 + int.from_bytes(data[at + 2 : at + 4])
        if marker == JPEG_END:
            return None, scans
        if marker == 0xFF or marker in JPEG_ALONE:
            at += 1 if marker == 0xFF else 2
        elif at + size > len(data):
            return at, scans
        elif marker == JPEG_SCAN:
            scans += 1
            found = JPEG_ENDS.search(data, at + size)
            if found is None:
                return len(data), scans
            at = found.start()
        else:
            at += size
    return (None if data[at : at + 2] == bytes((0xFF, JPEG_END)) else at), scans


def _webp(data: bytes, read: _Reader) -> Raster:
    """Complete a WebP by zeros, and cut it shorter where they do not decode."""
    at, end = _webp_chunk(data)
    name = data[at : at + 4]
    if name not in WEBP_PIXELS:  # metadata, which come last
        lost = f"the {name.decode('latin-1').strip()} data, which are truncated"
        raster = read(_riff(data[:at]))
        return replace(raster, dropped=(*raster.dropped, lost))
    check_gain(end, len(data))
    if (
        name == WEBP_LOSSY
    ):  # its first part, on how each block is predicted, has to be whole (RFC 6386, 9.1)
        first = int.from_bytes(data[at + 8 : at + 11], "little") >> 5
        at += 10 + first
    rasters: list[Raster] = []
    for cut in WEBP_CUTS:
        if len(data) - cut < at + 8:
            break
        try:
            rasters.append(read(_riff(data[: len(data) - cut].ljust(end, b"\0"))))
        except ValueError:
            continue
        row = _first_difference(*rasters) if len(rasters) == 2 else None
        if row is not None:
            if name == WEBP_LOSSY:
                row = max(row // WEBP_BLOCK * WEBP_BLOCK - WEBP_FILTERED, 0)
            return _shown(rasters[0], Rest(data, row))
        del rasters[1:]
    raise ValueError(NOTHING)


def _webp_chunk(data: bytes) -> tuple[int, int]:
    """Return where the incomplete chunk of a WebP starts and ends."""
    at = 12
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        end += end % 2
        if end > len(data):
            return at, end
        at = end
    return at, at


def _riff(data: bytes) -> bytes:
    return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]


def _first_difference(one: Raster, other: Raster) -> int | None:
    """Return the first stored row in which two pictures differ."""
    differs = _stored(one.pixels, _turn(one)) != _stored(other.pixels, _turn(other))
    rows = np.flatnonzero(differs.any(axis=tuple(range(1, differs.ndim))))
    return int(rows[0]) if len(rows) else None


def _turn(raster: Raster) -> int:
    """Return how the pixels are turned against the file."""
    return raster.turn if raster.turned else 1


def _stored(pixels: Pixels, turn: int, *, upside: bool = False) -> Pixels:
    """View pixels that are upright in the order of their file."""
    if upside != (turn in {3, 4, 7, 8}):
        pixels = pixels[::-1]
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels.swapaxes(0, 1) if turn in SIDEWAYS else pixels


def _shown(raster: Raster, rest: Rest, *, filled: bool = False) -> Raster:
    """Fill what was missing with gray, and say so; filled : whether its decoder has done that."""
    pixels = raster.pixels.copy()
    view = _stored(pixels, _turn(raster), upside=rest.upside)
    height = len(view)
    row = min(height if rest.row is None else rest.row, height)
    if not rest.coarse and (row < LEAST_ROWS * height or row == 0):
        raise ValueError(NOTHING)
    down, across = rest.grid
    if not filled:
        known = view[::down, ::across].repeat(down, axis=0).repeat(across, axis=1)
        view[:] = known[:height, : view.shape[1]]
        _fill(view[row:])
    missing = row < height and not rest.coarse
    lost = _upright_part(row, height, rest, raster.turn) if missing else None
    return replace(
        raster, pixels=pixels, lost=lost, dropped=(*raster.dropped, *rest.dropped),
        notes=(*raster.notes, *_remarks(rest, raster.turn, row, height)),
    )  # fmt: skip


def _fill(rows: Pixels) -> None:
    """Fill rows with an opaque mid-gray."""
    rows[:] = np.iinfo(rows.dtype).max // 255 * 128
    if rows.ndim == 3 and rows.shape[-1] in {2, 4}:
        rows[..., -1] = np.iinfo(rows.dtype).max


def _upright_part(row: int, height: int, rest: Rest, turn: int) -> tuple[slice, slice]:
    """Return where the rows from one on are in the upright picture."""
    backward = (turn in {3, 4, 6, 7}) != rest.upside
    part = slice(0, height - row) if backward else slice(row, height)
    return (slice(None), part) if turn in SIDEWAYS else (part, slice(None))


def _remarks(rest: Rest, turn: int, row: int, height: int) -> tuple[str, ...]:
    """Say what of the upright picture is missing."""
    if rest.coarse or rest.grid != (1, 1):
        return (f"the file is {rest.cause}: the picture lacks detail",)
    state = "it is gray"
    if rest.doubt is not None:
        row, state = rest.doubt, "it may be wrong"
    if row == height:
        whole = f"the file is {rest.cause}, but nothing of the picture is missing"
        return () if rest.dropped else (whole,)
    down, across = _upright_part(row, height, rest, turn)
    unit, part = ("column", across) if turn in SIDEWAYS else ("row", down)
    where = f"up to {unit} {part.stop}" if part.start == 0 else f"from {unit} {part.start + 1}"
    on = " on" if part.start else ""
    return (f"the file is {rest.cause}: {where} of {height}{on}, {state}",)

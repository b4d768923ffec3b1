"""Completes truncated files of formats that tell which rows are missing: PNG, BMP, TIFF."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from photo.decoder import PNG, check_memory

NOTHING = "nothing of the picture is left"
LARGEST_GAIN = 100  # a file is completed to at most so many times its size
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
# Adam7: first column and row, and steps, of each pass of an interlaced PNG; what is known after it.
PNG_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
PNG_KNOWN = ((8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1), (1, 1))  # row and column steps
TILES, STRIPS = ("TileOffsets", "TileByteCounts"), ("StripOffsets", "StripByteCounts")
INTEGERS = {3: "H", 4: "I", 16: "Q"}  # types of TIFF


class Rest(NamedTuple):
    """A completed file.

    row : the first row that was missing, in the order of the file; None if none is known to be
    cause : what is wrong with the file
    upside : whether it starts with the last row
    grid : row and column steps of the pixels that are known, in an interlaced file
    coarse : whether all of the picture is there, in less detail
    doubt : the first row that may be wrong, though it could be decoded
    dropped : damaged metadata that are left out, as text
    """

    data: bytes
    row: int | None = None
    cause: str = "truncated"
    upside: bool = False
    grid: tuple[int, int] = (1, 1)
    coarse: bool = False
    doubt: int | None = None
    dropped: tuple[str, ...] = ()


def completions(path: Path, data: bytes) -> Iterator[Rest]:
    """Complete a file in the ways that may be decoded, the best one first. Raises ValueError."""
    if data.startswith(PNG):
        check_memory(path, *struct.unpack_from(">II", data, 16), sample_bytes=2)
        yield _png(data)
        yield _png(data, texts=False)
    elif data.startswith(b"BM"):
        yield _bmp(data)
    else:
        yield from _tiff(data)


def _png(data: bytes, *, texts: bool = True) -> Rest:
    """Complete a PNG by rows of zeros, without the metadata that are damaged; texts : whether texts are kept."""
    width, height, bits, color, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    pixel_bits = bits * PNG_CHANNELS[color]
    passes = PNG_PASSES if interlaced else ((0, 0, 1, 1),)
    # A row takes a byte more, its filter; zero is a valid one.
    sizes = [
        (-(-(height - y) // down), 1 + (-(-(width - x) // across) * pixel_bits + 7) // 8)
        for x, y, across, down in passes
    ]
    totals = np.cumsum([rows * size if size > 1 else 0 for rows, size in sizes]).tolist()
    head, body, sound, dropped = _png_parts(data, texts=texts)
    raw = _inflated(body, totals[-1])
    row, grid = len(raw) // sizes[0][1], (1, 1)
    if interlaced:
        done = sum(len(raw) >= total for total in totals)
        if not done:
            raise ValueError(NOTHING)
        row, grid = height, PNG_KNOWN[done - 1]
    elif row * LARGEST_GAIN < height:
        raise ValueError(NOTHING)
    # Rows that are not complete are not used, because the pixels of a pass or row would have to be told apart.
    packed = zlib.compress(raw[: totals[-1]].ljust(totals[-1], b"\0"), 1)
    whole = head + _png_chunk(b"IDAT", packed) + _png_chunk(b"IEND", b"")
    cause = "damaged" if data.endswith(_png_chunk(b"IEND", b"")) else "truncated"
    doubt = None if sound is None else len(_inflated(body[:sound], totals[-1])) // sizes[0][1]
    return Rest(whole, row, cause, grid=grid, doubt=doubt, dropped=dropped)


def _png_parts(data: bytes, *, texts: bool) -> tuple[bytes, bytes, int | None, tuple[str, ...]]:
    """Return a PNG's chunks before its pixels; its compressed pixels as far as they go; how many of their bytes are sound,
    None if all; and which chunks are left out.
    """
    at, head, body, dropped = 8, bytearray(PNG), bytearray(), []
    sound = None
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        whole, content = data[at : at + 12 + size], data[at + 8 : at + 8 + size]
        at += 12 + size
        damaged = at <= len(data) and whole != _png_chunk(name, content)
        if name == b"IDAT":
            if damaged and sound is None:
                sound = len(body)
            body += content
        elif body:
            break
        elif name[:1].islower() and (damaged or (not texts and name in PNG_TEXTS)):
            dropped.append(f"the PNG's chunk {name.decode('latin-1')}, which is damaged")
        else:
            head += whole
    return bytes(head), bytes(body), sound, tuple(dropped)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _inflated(body: bytes, longest: int, *, piece: int = 64) -> bytes:
    """Decompress as much as there is; of damaged data, all but the last piece before the damage."""
    inflater, found = zlib.decompressobj(), bytearray()
    try:
        for start in range(0, len(body), piece):
            found += inflater.decompress(body[start : start + piece], longest + 1)
            if len(found) > longest:
                break
    except zlib.error:
        pass
    return bytes(found)


def _bmp(data: bytes) -> Rest:
    """Complete an uncompressed BMP by zeros."""
    start, size = struct.unpack_from("<II", data, 10)
    form, at = ("<HHxxH", 18) if size == 12 else ("<iixxHI", 18)
    width, height, bits, *packing = struct.unpack_from(form, data, at)
    if packing and packing[0] in {1, 2}:
        raise ValueError("it is compressed")
    stride = (width * bits + 31) // 32 * 4
    check_gain(start + stride * abs(height), len(data))
    row = max(len(data) - start, 0) // stride
    return Rest(data.ljust(start + stride * abs(height), b"\0"), row, upside=height > 0)


def _tiff(data: bytes) -> Iterator[Rest]:
    """Complete a TIFF's first page: by zeros; or by its first strip, or none, in place of each that is missing."""
    import tifffile  # slow to import, with imagecodecs behind it

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page: Any = tiff.pages.first
        starts, sizes = page.dataoffsets, page.databytecounts
        missing = [i for i, start in enumerate(starts) if start + sizes[i] > len(data)]
        across = -(-page.imagewidth // page.tilewidth) if page.is_tiled else 1
        depth = page.tilelength if page.is_tiled else page.rowsperstrip
        row = missing[0] // across * depth
        if page.compression == tifffile.COMPRESSION.NONE:
            end = max(start + size for start, size in zip(starts, sizes, strict=True))
            check_gain(end, len(data))
            if not page.is_tiled:
                stride = sizes[0] // min(depth, page.imagelength)
                row += max(len(data) - starts[missing[0]], 0) // stride
            yield Rest(data.ljust(end, b"\0"), row)
            return
        names = TILES if page.is_tiled else STRIPS
        tags = [(page.tags[name], tiff.byteorder) for name in names]
    for values in ((starts[0], sizes[0]), (0, 0)):
        patched = bytearray(data)
        for (tag, order), value in zip(tags, values, strict=True):
            form = order + INTEGERS[tag.dtype]
            for i in missing:
                struct.pack_into(form, patched, tag.valueoffset + i * struct.calcsize(form), value)
        yield Rest(bytes(patched), row)


def check_gain(size: int, given: int) -> None:
    """Raise ValueError for a file that would be completed to many times the size it has."""
    if size > given * LARGEST_GAIN:
        raise ValueError(NOTHING)

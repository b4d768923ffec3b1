"""Boxes, of which JPEG 2000, JPEG XL and HEIC files consist: read and made. Source: ISO/IEC 15444-1, Annex I.4."""

import struct
from collections.abc import Iterator
from pathlib import Path

LONGEST = 1 << 28  # bytes of a box that is read; codestreams may be longer


def boxes(
    path: Path, *, codestream: tuple[bytes, ...] = (), start: int = 0
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each box of a file; of a codestream, its first KB.

    codestream : names of the boxes that are not read whole
    """
    end = path.stat().st_size
    with path.open("rb") as file:
        at = start
        while at + 8 <= end:
            file.seek(at)
            size, name = struct.unpack(">I4s", file.read(8))
            head = 8
            if size == 1:
                (size,), head = struct.unpack(">Q", file.read(8).ljust(8, b"\0")), 16
            size = size or end - at
            if size < head:
                return
            yield name, file.read(1024 if name in codestream else min(size - head, LONGEST))
            at += size


def inner(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each box within a box."""
    at = 0
    while at + 8 <= len(body):
        size, name = struct.unpack_from(">I4s", body, at)
        if size < 8:
            return
        yield name, body[at + 8 : at + size]
        at += size


def box(name: bytes, body: bytes) -> bytes:
    """Make a box."""
    return struct.pack(">I4s", 8 + len(body), name) + body

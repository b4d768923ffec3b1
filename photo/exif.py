"""EXIF as bytes: maker notes at the offsets that are written in them, and the groups of a TIFF that tifffile writes.

Sources: TIFF 6.0, section 2; CIPA DC-008 (Exif 2.32), 4.6.
"""

import io
import struct
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, TiffImagePlugin

from photo.decoder import EXIF_IFD, GPS_IFD

MAKER_NOTE = 37500
PREFIX = b"Exif\0\0"
HEADER_BYTES, ENTRY_BYTES, INLINE_BYTES = 8, 12, 4
STUB = bytes(HEADER_BYTES)  # in place of a maker note, too long to be inline
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
# Makers whose offsets are relative to the note.
RELATIVE = (b"Nikon\0\x02", b"OLYMPUS\0", b"OM SYSTEM\0", b"FUJIFILM", b"Apple iOS\0", b"PENTAX \0")
HEADINGS = (0, 6, 8, 10, 12)  # bytes of the maker's name before the entries
MOST_ENTRIES = 250
# tifffile writes no tags of groups, so each gets a neighboring number first.
STAND_INS = {EXIF_IFD - 1: EXIF_IFD, GPS_IFD - 1: GPS_IFD}


class Entry(NamedTuple):
    """An entry of a directory: where it is, and whether its value is elsewhere."""

    at: int
    tag: int
    kind: int
    number: int
    place: int

    @property
    def size(self) -> int:
        """Return the size of the value in bytes."""
        return self.number * SIZES.get(self.kind, 1)


def note_place(block: bytes) -> int:
    """Return the offset of the maker note in a block of EXIF, 0 if there is none."""
    block = block.removeprefix(PREFIX)
    try:
        order = _order(block)
        note = _entry(block, MAKER_NOTE, order)
    except (struct.error, LookupError):
        return 0
    return note.place if note.size > INLINE_BYTES else 0


def moves(note: bytes) -> bool:
    """Return whether a maker note can be read at any place: it has no offsets, or such as are relative to it."""
    if note.startswith(RELATIVE):
        return True
    return not any(_has_offsets(note, start, order) for start in HEADINGS for order in ("<", ">"))


def placed(exif: Image.Exif, at: int) -> bytes:
    """Encode EXIF with its maker note at an offset, and all else behind it."""
    group = exif.get_ifd(EXIF_IFD)
    note = group[MAKER_NOTE]
    start = at + len(note) + len(note) % 2
    group[MAKER_NOTE] = STUB
    try:
        body = exif.tobytes(start).removeprefix(PREFIX)
    finally:
        group[MAKER_NOTE] = note
    order = _order(body)
    head = body[: HEADER_BYTES - 4] + struct.pack(f"{order}I", start)
    block = bytearray(head.ljust(at, b"\0") + note)
    block = block.ljust(start, b"\0") + body[HEADER_BYTES:]
    entry = _entry(block, MAKER_NOTE, order)
    struct.pack_into(f"{order}II", block, entry.at + 4, len(note), at)
    return PREFIX + bytes(block)


def tiff_tags(
    exif: Image.Exif, *, without: Container[int]
) -> list[tuple[int, int, int, Any, bool]]:
    """Return the main tags as tifffile's extra tags, with a place for each group; see `add_groups`."""
    copy = Image.Exif()
    copy.endian = "<"
    for tag in exif:
        if tag not in without and tag not in {EXIF_IFD, GPS_IFD}:
            copy[tag] = exif[tag]
    block = copy.tobytes().removeprefix(PREFIX)
    tags: list[tuple[int, int, int, Any, bool]] = []
    for entry in _entries(block, HEADER_BYTES, "<"):
        at = entry.place if entry.size > INLINE_BYTES else entry.at + ENTRY_BYTES - INLINE_BYTES
        tags.append((entry.tag, entry.kind, entry.number, block[at : at + entry.size], True))
    return tags + [(tag, 4, 1, 0, True) for tag, group in STAND_INS.items() if exif.get_ifd(group)]


def add_groups(path: Path, pages: Mapping[int, Image.Exif]) -> None:
    """Append the groups of EXIF to the pages of a TIFF that have a place for each; pages : by number."""
    import tifffile  # slow to import, with imagecodecs behind it

    with tifffile.TiffFile(path, mode="r+") as tiff:
        for number, exif in pages.items():
            _add_groups(tiff, tiff.pages[number].aspage(), exif)


def _add_groups(tiff: Any, page: Any, exif: Image.Exif) -> None:
    tags, file = page.tags, tiff.filehandle
    for stand_in, group in STAND_INS.items():
        if stand_in not in tags:
            continue
        file.seek(0)
        head = file.read(16 if tiff.is_bigtiff else HEADER_BYTES)
        directory = TiffImagePlugin.ImageFileDirectory_v2(head, group=group)
        for tag, value in exif.get_ifd(group).items():
            directory[tag] = value
        at = file.seek(0, io.SEEK_END)
        at += file.write(bytes(at % 2))
        file.write(directory.tobytes(at))
        tags[stand_in].overwrite(at)
        file.seek(tags[stand_in].offset)
        file.write(struct.pack(f"{tiff.byteorder}H", group))


def _order(block: bytes | bytearray) -> str:
    return "<" if block[:2] == b"II" else ">"


def _entries(block: bytes | bytearray, at: int, order: str) -> list[Entry]:
    """Return the entries of the directory at an offset. Raises struct.error."""
    (count,) = struct.unpack_from(f"{order}H", block, at)
    places = range(at + 2, at + 2 + count * ENTRY_BYTES, ENTRY_BYTES)
    return [Entry(place, *struct.unpack_from(f"{order}HHII", block, place)) for place in places]


def _entry(block: bytes | bytearray, wanted: int, order: str) -> Entry:
    """Find an entry of the EXIF group. Raises struct.error or LookupError."""
    (main,) = struct.unpack_from(f"{order}I", block, 4)
    group = {entry.tag: entry for entry in _entries(block, main, order)}[EXIF_IFD]
    return {entry.tag: entry for entry in _entries(block, group.place, order)}[wanted]


def _has_offsets(note: bytes, start: int, order: str) -> bool:
    """Return whether a directory with values that are elsewhere starts there."""
    try:
        (count,) = struct.unpack_from(f"{order}H", note, start)
        if not 0 < count <= MOST_ENTRIES:
            return False
        entries = _entries(note, start, order)
    except struct.error:
        return False
    valid = all(entry.kind in SIZES and entry.tag for entry in entries[1:])
    return valid and any(entry.size > INLINE_BYTES for entry in entries)

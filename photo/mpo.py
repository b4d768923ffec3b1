"""Multi-picture JPEG files (MPO): finds the pictures among previews and gain maps, and writes several pictures.

Source: CIPA DC-007 (Multi-Picture Format), 5.2.
"""

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

INDEX, PREVIEW, UNDECLARED = 0xB002, "Thumbnail", ("Undefined", "Unknown")  # as Pillow names kinds
LEAST_SHARE = 0.5  # of the first picture's pixels; previews and gain maps have a quarter at most
# What programs call gain maps, depth maps and other auxiliary pictures in the XMP of these.
AUXILIARY = re.compile(rb"hdrgm:|gainmap|auxiliary|depth|disparity|matte", re.IGNORECASE)
REPRESENTATIVE = 1 << 29  # flag of the first picture
MAIN = "Baseline MP Primary Image"
KINDS = {
    MAIN: 0x030000, "Multi-Frame Image (Panorama)": 0x020001, "Multi-Frame Image: (Disparity)": 0x020002,
    "Multi-Frame Image: (Multi-Angle)": 0x020003,
}  # fmt: skip
SEGMENT = b"MPF\0"
COUNT_TAGS, ENTRY = 3, struct.Struct("<IIIHH")


def pictures_of(path: Path) -> list[int]:
    """Return the places of a file's pictures in its index, the first one among them.

    Previews are no pictures; nor, of those whose kind is not declared, are small ones and those that their XMP calls
    auxiliary, such as gain maps, and entries that point to nothing, which editors leave behind.
    """
    with Image.open(path, formats=("JPEG",)) as image:
        kinds = _kinds(image)
        least = image.width * image.height * LEAST_SHARE
        found = [0]
        for place, kind in enumerate(kinds[1:], 1):
            declared = kind not in UNDECLARED and PREVIEW not in kind
            if declared or (kind in UNDECLARED and _is_picture(image, place, least)):
                found.append(place)
    return found


def kinds_of(path: Path, numbers: Sequence[int]) -> list[str]:
    """Return the kinds of some of a file's pictures, as Pillow names them: stereo pictures are to stay such."""
    places = pictures_of(path)
    with Image.open(path, formats=("JPEG",)) as image:
        kinds = _kinds(image)
        return [kinds[places[number]] for number in numbers]


def _kinds(image: Image.Image) -> list[str]:
    index: Any = getattr(image, "mpinfo", None) or {}
    return [entry["Attribute"]["MPType"] for entry in index.get(INDEX, ())]


def _is_picture(image: Image.Image, place: int, least: float) -> bool:
    image.info.clear()  # or the XMP of the one before would stay
    with suppress(OSError, ValueError, SyntaxError, EOFError, struct.error):
        image.seek(place)
        xmp = image.info.get("xmp", b"")
        return image.width * image.height >= least and not AUXILIARY.search(xmp)
    return False


def index_segment(count: int) -> bytes:
    """Return a segment with room for the index of so many pictures, to be filled by `fill_index`."""
    body = SEGMENT + bytes(8 + 2 + 12 * COUNT_TAGS + 4 + ENTRY.size * count)
    return struct.pack(">BBH", 0xFF, 0xE2, len(body) + 2) + body


def fill_index(path: Path, sizes: Sequence[int], kinds: Sequence[str]) -> None:
    """Write the index of a file of pictures of so many bytes and of these kinds, in place of the first one's segment."""
    with path.open("r+b") as file:
        blank = index_segment(len(sizes))
        start = file.read(sizes[0]).index(blank) + blank.index(SEGMENT) + len(SEGMENT)
        entries, at = b"", 0
        for number, size in enumerate(sizes):
            kind = KINDS.get(kinds[number], 0) | (0 if number else REPRESENTATIVE)
            # Offsets count from the index's own header; the first picture's is zero.
            entries += ENTRY.pack(kind, size, at - start if number else 0, 0, 0)
            at += size
        tags = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
        tags += struct.pack("<HHII", 0xB001, 4, 1, len(sizes))
        tags += struct.pack("<HHII", INDEX, 7, len(entries), 8 + 2 + 12 * COUNT_TAGS + 4)
        file.seek(start)
        file.write(struct.pack("<2sHIH", b"II", 42, 8, COUNT_TAGS) + tags + bytes(4) + entries)

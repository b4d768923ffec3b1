"""Finds the mark in a picture file, which says that it is a result, of which photo, and with which settings."""

import re
from pathlib import Path

from photo.decoder import opened
from photo.read import SOFTWARE

# In every result: the version, and hashes of the input and of the settings; in every confidence map, too.
MARK = re.compile(
    r"colorizer(?: [\w.+]{1,20})?: (?:confidence )?of [0-9a-f]{16}(?:, with [0-9a-f]{8})?"
)
# Formats in which Pillow reads no EXIF data: the mark is among the first bytes or the last.
WITHOUT_EXIF = ("BMP", "JPEG2000", "PPM", "TGA")
MARK_BYTES, EXIF_BYTES = 120, 1 << 16


def mark_in(path: Path) -> str:
    """Return the mark in a picture file, "" if it is not a result of this program."""
    try:
        with opened(path) as image:
            text = str(image.getexif().get(SOFTWARE, ""))
            if image.format in WITHOUT_EXIF:
                data = path.read_bytes()
                text = (data[:MARK_BYTES] + data[-EXIF_BYTES:]).decode("latin-1")
    except (OSError, ValueError):
        return ""
    found = MARK.search(text)
    return found[0] if found else ""

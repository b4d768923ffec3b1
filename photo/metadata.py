"""Captions: IPTC, comments and texts are read from where one format keeps them and written where another does.

IPTC (IIM records) is in a Photoshop resource of a JPEG, in tag 33723 of a TIFF, and in a text of a PNG whose name
ImageMagick coined and ExifTool reads. Comments are of JPEGs and GIFs, texts with keywords of PNGs.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

IPTC_TAG, PHOTOSHOP_TAG, IPTC_RESOURCE = 33723, 34377, 0x0404
IPTC_TEXT, XMP_TEXT = "Raw profile type iptc", "XML:com.adobe.xmp"
IPTC_RECORD = b"\x1c"
COMMENT = "Comment"
PHOTOSHOP = b"Photoshop 3.0\0"
HEX_BYTES = 36  # on a line of a raw profile
MARKER_BYTES = 65533  # limit for a segment of a JPEG
# PNG keywords (PNG, third edition, 11.3.3.2) with the tags of EXIF and TIFF that mean the same.
TEXT_TAGS = {"Description": 270, "Author": 315, "Copyright": 33432}


@dataclass(frozen=True)
class Captions:
    """What a picture says in words: IPTC records, and texts, each with its keyword.

    Bytes that are not UTF-8 are surrogates in a text.
    """

    iptc: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()

    def named(self) -> list[str]:
        """Name all of it, for users."""
        return [*(["IPTC"] if self.iptc else []), *(_name(keyword) for keyword, _ in self.texts)]


def captions_of(image: Image.Image) -> Captions:
    """Return what a loaded picture says in words, other than by tags of a TIFF."""
    resources = image.info.get("photoshop")
    iptc = resources.get(IPTC_RESOURCE) if isinstance(resources, Mapping) else b""
    texts = [(COMMENT, comment) for comment in _comments(image)]
    if isinstance(image, PngImageFile):
        found = {keyword: str(text) for keyword, text in image.text.items()}
        iptc = _iptc_in(_raw_profile(found.get(IPTC_TEXT, "")))
        texts = [
            item for item in found.items() if not item[0].startswith(("Raw profile", XMP_TEXT))
        ]
    return Captions(iptc if isinstance(iptc, bytes) else b"", tuple(texts))


def iptc_of_tiff(path: Path) -> bytes:
    """Return the IPTC records in the tags of a TIFF's first page. Raises TiffFileError for other files."""
    import tifffile  # slow to import, with imagecodecs behind it

    with tifffile.TiffFile(path) as tiff:
        return iptc_in_tags(tiff.pages.first.tags, tiff.byteorder)


def iptc_in_tags(tags: Any, order: str) -> bytes:
    """Return the IPTC records in tifffile's tags of a page; order : of bytes, "<" or ">"."""
    for value in (tags[tag].value for tag in (IPTC_TAG, PHOTOSHOP_TAG) if tag in tags):
        if isinstance(value, tuple):  # many programs write the bytes as numbers of four
            value = struct.pack(f"{order}{len(value)}I", *value)
        if isinstance(value, bytes) and (iptc := _iptc_in(value)):
            return iptc
    return b""


def as_tags(captions: Captions, exif: Image.Exif, form: str) -> tuple[dict[int, bytes], Captions]:
    """Return the texts that EXIF has a free tag for, by tag, and the other captions.

    A comment is a description where the format has no comments.
    """
    known = TEXT_TAGS if form == "JPEG" else {**TEXT_TAGS, COMMENT: TEXT_TAGS["Description"]}
    tags: dict[int, bytes] = {}
    left = []
    for keyword, text in captions.texts:
        tag = known.get(keyword)
        if tag and tag not in tags and not exif.get(tag):
            tags[tag] = _encoded(text)
        else:
            left.append((keyword, text))
    return tags, Captions(captions.iptc, tuple(left))


def held(captions: Captions, form: str) -> tuple[Captions, list[str]]:
    """Return the captions that a format other than PNG holds, and the names of the others."""
    if form == "JPEG":
        long = [(name, body) for name, _, body in _parts(captions) if len(body) > MARKER_BYTES]
        return captions, [f"{name} of {len(body)} bytes" for name, body in long]
    kept = Captions(captions.iptc) if form == "TIFF" else Captions()
    return kept, [name for name in captions.named() if name not in kept.named()]


def jpeg_segments(captions: Captions) -> bytes:
    """Return captions as segments of a JPEG, without what is too long for one."""
    return b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for _, marker, body in _parts(captions)
        if len(body) <= MARKER_BYTES
    )


def _parts(captions: Captions) -> list[tuple[str, int, bytes]]:
    """Return the name, marker and content of each segment of a JPEG."""
    parts = [("IPTC", 0xED, PHOTOSHOP + _resource(captions.iptc))] if captions.iptc else []
    for keyword, text in captions.texts:
        comment = text if keyword == COMMENT else f"{keyword}: {text}"
        parts.append((_name(keyword), 0xFE, _encoded(comment)))
    return parts


def add_texts(info: PngInfo, captions: Captions) -> None:
    """Add captions to the texts of a PNG."""
    for keyword, text in captions.texts:
        text = _readable(text)
        try:
            text.encode("latin-1")
        except UnicodeError:
            info.add_itxt(keyword, text)
        else:
            info.add_text(keyword, text)
    if captions.iptc:
        body = _resource(captions.iptc)
        lines = [body[at : at + HEX_BYTES].hex() for at in range(0, len(body), HEX_BYTES)]
        info.add_text(IPTC_TEXT, "\n".join(["", "iptc", f"{len(body):8d}", *lines, ""]), zip=True)


def _name(keyword: str) -> str:
    return "the comment" if keyword == COMMENT else f'the text "{keyword}"'


def _comments(image: Image.Image) -> list[str]:
    """Return all comments, where Pillow's `info` has the last one."""
    found = [body for name, body in getattr(image, "applist", []) if name == "COM"]
    found = found or [image.info.get("comment")]
    texts = [body.rstrip(b"\0") for body in found if isinstance(body, bytes)]
    return [text.decode("utf-8", "surrogateescape") for text in texts if text]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _readable(text: str) -> str:
    """Read bytes that are not UTF-8 as Latin-1."""
    return "".join(chr(ord(c) - 0xDC00) if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


def _raw_profile(text: str) -> bytes:
    """Decode ImageMagick's form of binary data: a line break, its kind, its length, and lines of hexadecimal digits."""
    *_, digits = text.split("\n", 3)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _resource(iptc: bytes) -> bytes:
    """Wrap IPTC records as a Photoshop resource without a name."""
    return b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _iptc_in(data: bytes) -> bytes:
    """Find IPTC records, which may be wrapped as one of several Photoshop resources."""
    if data.startswith(IPTC_RECORD):
        return data
    at = len(PHOTOSHOP) if data.startswith(PHOTOSHOP) else 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        (kind,) = struct.unpack_from(">H", data, at + 4)
        at += (
            6 + (data[at + 6] + 2) // 2 * 2
        )  # the name, its length included, takes an even number of bytes
        size = int.from_bytes(data[at : at + 4])
        if kind == IPTC_RESOURCE:
            return data[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
    return b""

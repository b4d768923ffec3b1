"""Writes a colorized photo as a file tagged as sRGB, with the metadata of its source."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from photo.compose import Composition
from photo.decoder import EXIF_IFD, GPS_IFD, XMP_TAG, Pixels
from photo.exif import MAKER_NOTE, moves, placed
from photo.icc import srgb_profile
from photo.metadata import IPTC_TAG, Captions, add_texts, as_tags, held, jpeg_segments
from photo.read import SOFTWARE, Photo
from photo.write_deep import PNG_LEVEL, TIFF_ROWS, write_alpha_bmp, write_deep_png, write_deep_tiff
from runtime.files import open_for_library, whole_file

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".jp2": "JPEG2000",
    ".ppm": "PPM",
    ".tga": "TGA",
}
Picture: TypeAlias = Pixels | Composition  # rgb (H, W, 3 or 4), or composed on demand
Tag: TypeAlias = tuple[tuple[int, ...], int, Any]  # group, number, value
DEEP = ("PNG", "TIFF", "JPEG2000", "PPM")  # formats that hold 16 bits
OPAQUE = ("JPEG", "PPM")  # formats without transparency
DPI_IN_EXIF = ("WEBP", "AVIF", "JPEG2000")  # formats without a resolution of their own
BARE = ("BMP", "PPM", "TGA")  # formats without metadata
GROUPS = (EXIF_IFD, GPS_IFD)  # groups of EXIF tags besides the main one
POINTERS = (*GROUPS, 0xA005)  # tags that only hold the offsets of groups
MARKER_BYTES = 65533  # limit for EXIF and for XMP in a JPEG
LONGEST_BYTES = (1 << 31) - 1  # limit for a PNG chunk
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
ROOM_FOR_MARK = 128
BAND_ROWS = 128  # rows of a picture in memory at a time
LONGEST_PX = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65536, "TGA": 65535}


def write_photo(
    path: Path, picture: Picture, *, like: Photo, quality: int = 95, alpha: bool = True
) -> list[str]:
    """Write a picture in the format of its suffix, with the metadata of its source.

    EXIF Software is set to our mark, which names the program and identifies the source.
    The file gets its name when it is complete. PNG, TIFF, JPEG 2000 and PPM keep 16 bits; other formats get 8.
    Returns the metadata that does not fit and was dropped, as text.
    """
    form = SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"{path}: unknown suffix: name the result with {', '.join(SUFFIXES)}")
    check_longest(path, picture, form)
    added = like.alpha if alpha and form not in OPAQUE else None
    like, dropped = fitting(like, form)
    if alpha and added is None and like.alpha is not None:
        dropped.append("the transparency")
    if like.gray.dtype != np.uint8 and form not in DEEP:
        dropped.append("the depth beyond 8 bits")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        if form in {"JPEG2000", "PPM"}:
            (rgb,) = bands_of(picture, added, picture.shape[0])
            _write_whole(part, rgb, like, form=form)
        elif form == "BMP" and added is not None:
            (rgba,) = bands_of(picture, added, picture.shape[0])
            write_alpha_bmp(part, as_bytes(rgba), like)
            _mark_bmp(part, like)
        elif picture.dtype == np.uint8 or form not in DEEP:
            _write_pillow(part, picture, added, like, form=form, quality=quality)
        elif form == "TIFF":
            channels = 3 if added is None else 4
            bands = bands_of(picture, added, TIFF_ROWS)
            shape = (*picture.shape[:2], channels)
            write_deep_tiff(part, bands, like, shape=shape, dtype=picture.dtype)
        else:
            (rgb,) = bands_of(picture, added, picture.shape[0])
            write_deep_png(part, rgb, like, texts=png_texts(like))
    return dropped


def check_longest(path: Path, picture: Picture, form: str) -> None:
    """Raise ValueError for a picture that is too large for a format."""
    if max(picture.shape) > LONGEST_PX.get(form, 1 << 31):
        raise ValueError(f"{path}: {form} holds at most {LONGEST_PX[form]} pixels a side: use .tif")


def whole(picture: Picture) -> Pixels:
    """Return a whole picture: rgb (H, W, 3)."""
    return picture.whole() if isinstance(picture, Composition) else picture


def bands_of(picture: Picture, alpha: Pixels | None, rows: int) -> Iterator[Pixels]:
    """Yield a picture with its alpha (H, W) in bands of `rows` rows."""
    cut = (
        (picture[i : i + rows] for i in range(0, len(picture), rows))
        if isinstance(picture, np.ndarray)
        else picture.bands(rows)
    )
    start = 0
    for band in cut:
        stop = start + len(band)
        yield band if alpha is None else np.dstack([band, alpha[start:stop]])
        start = stop


def fitting(like: Photo, form: str) -> tuple[Photo, list[str]]:
    """Add our mark to the metadata, and drop what a format cannot hold."""
    longest = MARKER_BYTES if form in {"JPEG", "JPEG2000"} else LONGEST_BYTES
    tags: dict[int, bytes] = {}
    captions = like.captions
    lost: list[str] = []
    if captions != Captions() and form != "PNG":
        tags, captions = as_tags(captions, like.exif, form)
        captions, lost = held(captions, form)
    exif, dropped = _fitting_exif(like.exif, longest, tags)
    note_at = like.note_at
    if MAKER_NOTE in like.exif.get_ifd(EXIF_IFD):
        room = 0 if form == "TIFF" else longest - ROOM_FOR_MARK
        note_at, lost_note = _note_at(exif, note_at, room)
        dropped += lost_note
    if like.mark:
        exif[SOFTWARE] = like.mark
    xmp = like.xmp
    if len(xmp) > longest - len(XMP_HEAD):
        xmp, dropped = b"", [*dropped, f"XMP of {len(like.xmp)} bytes"]
    if like.dpi and form in DPI_IN_EXIF:
        exif[282], exif[283], exif[296] = *like.dpi, 2  # in inches
    if form in BARE:
        dropped = ["the resolution"] if like.dpi and form != "BMP" else []
        dropped += [*(["the EXIF data"] if like.exif else []), *(["XMP"] if like.xmp else [])]
        lost = like.captions.named()
    like = replace(like, exif=exif, xmp=xmp, captions=captions, note_at=note_at)
    return like, [*like.dropped, *dropped, *lost]


def _note_at(exif: Image.Exif, at: int, room: int) -> tuple[int, list[str]]:
    """Return where a maker note is to be, 0 if anywhere; delete and name one that would not be readable."""
    group = exif.get_ifd(EXIF_IFD)
    if MAKER_NOTE not in group:  # it did not fit
        return 0, []
    if at and len(placed(exif, at)) <= room:
        return at, []
    if moves(group[MAKER_NOTE]):
        return 0, []
    del group[MAKER_NOTE]
    return 0, ["EXIF MakerNote"]


def _fitting_exif(
    exif: Image.Exif, longest: int, texts: Mapping[int, bytes]
) -> tuple[Image.Exif, list[str]]:
    """Copy the EXIF tags that can be written, dropping the largest while the block is too long.

    texts : more tags
    """
    tags: list[Tag] = [((), tag, exif[tag]) for tag in exif if tag not in texts]
    tags += [((), tag, text) for tag, text in texts.items()]
    tags += [
        ((group,), tag, value) for group in GROUPS for tag, value in exif.get_ifd(group).items()
    ]
    tags = [(group, tag, _as_read(value)) for group, tag, value in tags if tag not in POINTERS]
    sizes = {(group, tag): _exif_bytes([(group, tag, value)]) for group, tag, value in tags}
    kept = [(group, tag, value) for group, tag, value in tags if sizes[group, tag]]
    kept.sort(key=lambda item: sizes[item[:2]])
    while _exif_bytes(kept) > longest - ROOM_FOR_MARK:
        kept.pop()
    names = [_name_of(tag, group) for group, tag, value in tags if (group, tag, value) not in kept]
    fitting = _exif_with(kept)
    fitting.endian = exif.endian
    return fitting, [f"EXIF {name}" for name in names]


def _as_read(value: Any) -> Any:
    """Return the bytes of a text that is not ASCII: Pillow reads any text as Latin-1, but writes ASCII only."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeError:
        return value.encode()


def _exif_with(tags: Sequence[Tag]) -> Image.Exif:
    exif = Image.Exif()
    for group, tag, value in tags:
        (exif.get_ifd(*group) if group else exif)[tag] = value
    return exif


def _exif_bytes(tags: Sequence[Tag]) -> int:
    """Return the encoded size of tags in bytes, 0 if they cannot be written: files hold values of any type."""
    try:
        return len(_exif_with(tags).tobytes())
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error):
        return 0


def _name_of(tag: int, group: tuple[int, ...]) -> str:
    return (ExifTags.GPSTAGS if GPS_IFD in group else ExifTags.TAGS).get(tag, str(tag))


def as_bytes(rgb: Pixels) -> Pixels:
    return rgb if rgb.dtype == np.uint8 else cv2.convertScaleAbs(rgb, alpha=255 / 65535)


def _write_pillow(
    path: Path, picture: Picture, alpha: Pixels | None, like: Photo, *, form: str, quality: int
) -> None:
    settings = save_settings(like, form=form, quality=quality)
    with open_for_library(path) as file:
        image_of(picture, alpha).save(file, form, **settings)
    if form == "BMP":
        _mark_bmp(path, like)


def save_settings(like: Photo, *, form: str, quality: int) -> dict[str, Any]:
    """Return Pillow's settings for writing a picture with its metadata."""
    settings: dict[str, Any] = {
        "icc_profile": srgb_profile(),
        "exif": placed(like.exif, like.note_at) if like.note_at else like.exif,
    }
    if like.dpi:
        settings["dpi"] = like.dpi
    if form == "JPEG":
        settings |= {"quality": quality, "subsampling": 0, "xmp": like.xmp}
        if like.captions != Captions():
            settings["extra"] = jpeg_segments(like.captions)
    elif form in {"WEBP", "AVIF"}:
        settings |= {"quality": quality, "xmp": like.xmp}
    elif form == "PNG":
        settings |= {"pnginfo": png_texts(like), "compress_level": PNG_LEVEL}
    elif form == "TIFF":
        settings["exif"] = _tiff_tags(like)
    elif form == "TGA":
        settings = {"id_section": like.mark.encode()}
    else:
        settings = {"dpi": like.dpi} if like.dpi else {}
    return settings


def _mark_bmp(path: Path, like: Photo) -> None:
    """Add our mark to a BMP, which has no EXIF; readers ignore bytes after the last pixel."""
    with path.open("ab") as file:
        file.write(like.mark.encode())


def _write_whole(path: Path, rgb: Pixels, like: Photo, *, form: str) -> None:
    if form == "JPEG2000":
        from photo.jpeg2000 import write_jpeg2000

        write_jpeg2000(path, rgb, exif=like.exif.tobytes(), xmp=like.xmp)
    else:
        from photo.deep import write_ppm

        write_ppm(path, rgb, comment=like.mark)


def image_of(picture: Picture, alpha: Pixels | None) -> Image.Image:
    """Copy a picture to Pillow band by band, so that only Pillow's copy is in memory."""
    height, width = picture.shape[:2]
    image = Image.new("RGB" if alpha is None else "RGBA", (width, height), None)  # not filled
    top = 0
    for band in bands_of(picture, alpha, BAND_ROWS):
        image.paste(Image.fromarray(as_bytes(band)), (0, top))
        top += len(band)
    return image


def _tiff_tags(like: Photo) -> Image.Exif:
    """Copy the EXIF data for a TIFF, which stores them, XMP and IPTC as ordinary tags."""
    tags = Image.Exif()
    tags.load(like.exif.tobytes())
    for tag in tags:
        tags[tag] = _as_read(tags[tag])
    if like.xmp:
        tags[XMP_TAG] = like.xmp
    if like.captions.iptc:
        tags[IPTC_TAG] = like.captions.iptc
    return tags


def png_texts(like: Photo) -> PngImagePlugin.PngInfo:
    """Return XMP and captions as texts of a PNG."""
    texts = PngImagePlugin.PngInfo()
    if like.xmp:
        texts.add_itxt("XML:com.adobe.xmp", like.xmp.decode("utf-8", "replace"))
    if like.captions != Captions():
        add_texts(texts, like.captions)
    return texts

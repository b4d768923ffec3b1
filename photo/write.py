"""Writes a colorized photo as a file tagged as sRGB, with the metadata of its source."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from photo.compose import Composition
from photo.decoder import EXIF_IFD, GPS_IFD, XMP_TAG, Pixels
from photo.icc import srgb_profile
from photo.read import SOFTWARE, Photo
from runtime.files import whole_file

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
OPAQUE = ("JPEG", "BMP", "PPM")  # formats without transparency
GROUPS = (EXIF_IFD, GPS_IFD)  # groups of EXIF tags besides the main one
POINTERS = (*GROUPS, 0xA005)  # tags that only hold the offsets of groups
MARKER_BYTES = 65533  # limit for EXIF and for XMP in a JPEG
LONGEST_BYTES = (1 << 31) - 1  # limit for a PNG chunk
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
ROOM_FOR_MARK = 128
BAND_ROWS = 128  # rows of a picture in memory at a time
LONGEST_PX = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65536, "TGA": 65535}
PNG_LEVEL = 2  # of 9: takes half the time of 4 for the same size on grainy photos
TEXT_TAGS = (270, 271, 272, 306, 315, 33432)  # description, maker, model, ..., copyright


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
    if max(picture.shape) > LONGEST_PX.get(form, 1 << 31):
        raise ValueError(f"{path}: {form} holds at most {LONGEST_PX[form]} pixels a side: use .tif")
    added = like.alpha if alpha and form not in OPAQUE else None
    like, dropped = _fitting(like, MARKER_BYTES if form in {"JPEG", "JPEG2000"} else LONGEST_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        if form in {"JPEG2000", "PPM"}:
            (rgb,) = _bands(picture, added, picture.shape[0])
            _write_whole(part, rgb, like, form=form)
        elif picture.dtype == np.uint8 or form not in DEEP:
            _write_pillow(part, picture, added, like, form=form, quality=quality)
        elif form == "TIFF":
            _write_deep_tiff(part, picture, added, like)
        else:
            (rgb,) = _bands(picture, added, picture.shape[0])
            _write_deep_png(part, rgb, like)
    return dropped


def whole(picture: Picture) -> Pixels:
    """Return a whole picture: rgb (H, W, 3)."""
    return picture.whole() if isinstance(picture, Composition) else picture


def _bands(picture: Picture, alpha: Pixels | None, rows: int) -> Iterator[Pixels]:
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


def _fitting(like: Photo, longest: int) -> tuple[Photo, list[str]]:
    """Add our mark to the metadata, and drop what does not fit into blocks of `longest` bytes."""
    exif, dropped = _fitting_exif(like.exif, longest)
    if like.mark:
        exif[SOFTWARE] = like.mark
    xmp = like.xmp
    if len(xmp) > longest - len(XMP_HEAD):
        xmp, dropped = b"", [*dropped, f"XMP of {len(like.xmp)} bytes"]
    return replace(like, exif=exif, xmp=xmp), [*like.dropped, *dropped]


def _fitting_exif(exif: Image.Exif, longest: int) -> tuple[Image.Exif, list[str]]:
    """Copy the EXIF tags that can be written, dropping the largest while the block is too long."""
    tags: list[Tag] = [((), tag, exif[tag]) for tag in exif]
    tags += [
        ((group,), tag, value) for group in GROUPS for tag, value in exif.get_ifd(group).items()
    ]
    tags = [(group, tag, value) for group, tag, value in tags if tag not in POINTERS]
    sizes = {(group, tag): _exif_bytes([(group, tag, value)]) for group, tag, value in tags}
    kept = [(group, tag, value) for group, tag, value in tags if sizes[group, tag]]
    kept.sort(key=lambda item: sizes[item[:2]])
    while _exif_bytes(kept) > longest - ROOM_FOR_MARK:
        kept.pop()
    names = [_name_of(tag, group) for group, tag, value in tags if (group, tag, value) not in kept]
    return _exif_with(kept), [f"EXIF {name}" for name in names]


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


def _as_bytes(rgb: Pixels) -> Pixels:
    return rgb if rgb.dtype == np.uint8 else cv2.convertScaleAbs(rgb, alpha=255 / 65535)


def _write_pillow(
    path: Path, picture: Picture, alpha: Pixels | None, like: Photo, *, form: str, quality: int
) -> None:
    settings: dict[str, Any] = {"icc_profile": srgb_profile(), "exif": like.exif}
    if like.dpi:
        settings["dpi"] = like.dpi
    if form == "JPEG":
        settings |= {"quality": quality, "subsampling": 0, "xmp": like.xmp}
    elif form in {"WEBP", "AVIF"}:
        settings |= {"quality": quality, "xmp": like.xmp}
    elif form == "PNG":
        settings |= {"pnginfo": _png_texts(like), "compress_level": PNG_LEVEL}
    elif form == "TIFF":
        settings["exif"] = _tiff_tags(like)
    elif form == "TGA":
        settings = {"id_section": like.mark.encode()}
    else:
        settings = {"dpi": like.dpi} if like.dpi else {}
    _image(picture, alpha).save(path, form, **settings)
    if form == "BMP":  # has no EXIF; readers ignore bytes after the last pixel
        with path.open("ab") as file:
            file.write(like.mark.encode())


def _write_whole(path: Path, rgb: Pixels, like: Photo, *, form: str) -> None:
    if form == "JPEG2000":
        from photo.jpeg2000 import write_jpeg2000

        write_jpeg2000(path, rgb, exif=like.exif.tobytes(), xmp=like.xmp)
    else:
        from photo.deep import write_ppm

        write_ppm(path, rgb, comment=like.mark)


def _image(picture: Picture, alpha: Pixels | None) -> Image.Image:
    """Copy a picture to Pillow band by band, so that only Pillow's copy is in memory."""
    height, width = picture.shape[:2]
    image = Image.new("RGB" if alpha is None else "RGBA", (width, height), None)  # not filled
    top = 0
    for band in _bands(picture, alpha, BAND_ROWS):
        image.paste(Image.fromarray(_as_bytes(band)), (0, top))
        top += len(band)
    return image


def _tiff_tags(like: Photo) -> Image.Exif:
    """Copy the EXIF data for a TIFF, which stores them and XMP as ordinary tags."""
    tags = Image.Exif()
    tags.load(like.exif.tobytes())
    if like.xmp:
        tags[XMP_TAG] = like.xmp
    return tags


def _png_texts(like: Photo) -> PngImagePlugin.PngInfo:
    texts = PngImagePlugin.PngInfo()
    if like.xmp:
        texts.add_itxt("XML:com.adobe.xmp", like.xmp.decode("utf-8", "replace"))
    return texts


def _write_deep_tiff(path: Path, picture: Picture, alpha: Pixels | None, like: Photo) -> None:
    import tifffile  # slow to import, with imagecodecs behind it

    channels = 3 if alpha is None else 4
    profile = srgb_profile()
    texts = [
        (tag, 2, 0, str(like.exif[tag]).encode(), True) for tag in TEXT_TAGS if tag in like.exif
    ]
    extra = [*texts, *([(XMP_TAG, 1, len(like.xmp), like.xmp, True)] if like.xmp else [])]
    tifffile.imwrite(
        path,
        _bands(picture, alpha, BAND_ROWS),
        shape=(*picture.shape[:2], channels),
        dtype=picture.dtype,
        rowsperstrip=BAND_ROWS,
        photometric="rgb",
        extrasamples=["unassalpha"] if channels == 4 else None,
        resolution=like.dpi or (72.0, 72.0),
        resolutionunit="INCH",
        software=like.mark or False,
        metadata=None,
        iccprofile=profile,
        extratags=extra,
    )


def _write_deep_png(path: Path, rgb: Pixels, like: Photo) -> None:
    order = [2, 1, 0, *range(3, rgb.shape[-1])]
    done, data = cv2.imencode(".png", rgb[..., order], [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    assert done, rgb.shape
    png = data.tobytes()
    chunks = _chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if like.dpi:
        per_meter = [round(value / 0.0254) for value in like.dpi]
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *per_meter, 1))
    if len(like.exif):
        chunks += _chunk(b"eXIf", like.exif.tobytes().removeprefix(b"Exif\0\0"))
    if like.xmp:
        chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + like.xmp)
    head = 8 + 25  # signature and IHDR
    path.write_bytes(png[:head] + chunks + png[head:])


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

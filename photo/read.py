"""Reads a photo's lightness and the metadata that its result must keep.

Only the lightness of the picture is kept, as gray (H, W), upright, uint8 or uint16, sRGB-encoded. Alpha, EXIF, XMP
and resolution are kept for `photo.write`.
"""

import hashlib
import io
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from photo.compose import luminance_codes
from photo.decoder import FORMATS, check_file, check_memory, decoding, opened
from photo.icc import luminance_of, srgb_profile

Pixels: TypeAlias = NDArray[Any]

ORIENTATION, SOFTWARE, XMP_TAG, ICC_TAG, EXIF_IFD, GPS_IFD = 274, 305, 700, 34675, 0x8769, 0x8825
MARK = re.compile("colorizer: of [0-9a-f]{16}")  # in every result
MARK_BYTES = 40  # at the end of a BMP, which has no metadata field for the mark
# Tags that describe how a TIFF is stored: they would be wrong in any other file.
STRUCTURE = {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320}
STRUCTURE |= {322, 323, 324, 325, 330, 338, 339, 347, 530, 531, 532, XMP_TAG, 34377, ICC_TAG}
RLE = (1, 2)  # BMP run-length compressions, which Pillow decodes byte by byte in Python
GRAY_OR_RGB = (
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.RGB,
)
PNG = b"\x89PNG\r\n\x1a\n"
BAND_PX = 1 << 20
SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height


@dataclass(frozen=True)
class Photo:
    """A photo: gray (H, W) and alpha (H, W) of one dtype, upright, and the metadata.

    dropped : its invalid metadata, as text
    mark : the mark of its results, see `mark_of`
    rgb : its colors (H, W, 3) as decoded, if it has three channels; profile : what they mean, None for sRGB
    """

    gray: Pixels
    alpha: Pixels | None = None
    exif: Image.Exif = field(default_factory=Image.Exif)
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    dropped: tuple[str, ...] = ()
    mark: str = ""
    rgb: Pixels | None = None
    profile: bytes | None = None


def mark_of(path: Path) -> str:
    """Return the mark that identifies a result of this photo, stored in its EXIF tag Software."""
    with path.open("rb") as file:
        return f"colorizer: of {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"


def mark_in(path: Path) -> str:
    """Return the mark in a picture file, "" if it is not a result of this program."""
    try:
        with opened(path) as image:
            text = str(image.getexif().get(SOFTWARE, ""))
            if image.format == "BMP":
                text = path.read_bytes()[-MARK_BYTES:].decode("latin-1")
    except (OSError, ValueError):
        return ""
    found = MARK.search(text)
    return found[0] if found else ""


def read_photo(path: Path) -> Photo:
    """Read a picture file.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged, too large or not a picture.
    """
    check_file(path)
    with decoding(path):
        deep = _read_deep(path) if is_deep(path) else None
    if deep is None:
        with opened(path) as image:
            deep = _from_pillow(path, image)
    return replace(deep, mark=mark_of(path))


def size_of(path: Path) -> tuple[int, int]:
    """Return the size (H, W) of a photo, upright, without decoding it.

    Raises FileNotFoundError, or ValueError for a file that is empty, damaged or not a picture.
    """
    check_file(path)
    with decoding(path):
        if is_deep(path) and not _is_png(path):
            with tifffile.TiffFile(path) as tiff:
                page: Any = tiff.pages.first
                return _turned((page.imagelength, page.imagewidth), _orientation(page))
    with opened(path) as image:
        return _turned(image.size[::-1], image.getexif().get(ORIENTATION, 1))


def _orientation(page: Any) -> int:
    return int(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else 1


def _turned(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return size[::-1] if turn in SIDEWAYS else size


def _is_png(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == PNG[:1]


def is_deep(path: Path) -> bool:
    """Return whether a PNG or TIFF has more than 8 bits per sample, which Pillow would lose."""
    with path.open("rb") as file:
        head = file.read(26)
    if head[:8] == PNG:
        return len(head) > 24 and head[24] == 16
    if head[:4] not in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return False
    with tifffile.TiffFile(path) as tiff:
        return bool(tiff.pages.first.bitspersample > 8)


def _read_deep(path: Path) -> Photo:
    return _read_deep_png(path) if _is_png(path) else _read_deep_tiff(path)


def _read_deep_png(path: Path) -> Photo:
    with Image.open(path, formats=FORMATS) as image:
        check_memory(path, *image.size, sample_bytes=2)
        exif, info = _exif_of(image), dict(image.info)
    return _photo(_decoded(path), exif.get(ORIENTATION, 1), exif, info)


def _read_deep_tiff(path: Path) -> Photo:
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages.first
        if page.photometric not in GRAY_OR_RGB or page.bitspersample < 16:
            kind = getattr(page.photometric, "name", page.photometric)
            raise ValueError(
                f"{kind} of {page.bitspersample} bits is not supported: save the picture as gray or RGB with 8 or 16 bits"
            )
        check_memory(path, page.imagewidth, page.imagelength, sample_bytes=2)
        check_memory(path, page.tilewidth, page.tilelength, sample_bytes=2)
        exif, turned = _exif_of_tiff(path, tiff), False
        try:
            pixels = page.asarray()
        except ValueError:  # a compression for which tifffile needs another package
            pixels, turned = _decoded(path), True  # OpenCV rotates TIFFs regardless of its flags
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            pixels = np.invert(pixels)
        tags = {tag.code: tag.value for tag in page.tags}
    info = {"icc_profile": tags.get(ICC_TAG), "xmp": tags.get(XMP_TAG), "dpi": _dpi(tags)}
    return _photo(pixels, tags.get(ORIENTATION, 1), exif, info, turned=turned)


def _exif_of_tiff(path: Path, tiff: tifffile.TiffFile) -> Image.Exif:
    exif = Image.Exif()
    if not tiff.is_bigtiff:  # which Pillow cannot read here
        with path.open("rb") as file:
            exif.load_from_fp(file)
            _loaded(exif)
    return exif


def _decoded(path: Path) -> Pixels:
    """Read 16-bit pixels with OpenCV, which supports more compressions; channels in RGB order."""
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("its compression is not supported: save the picture uncompressed")
    if pixels.ndim == 3 and pixels.shape[-1] >= 3:
        pixels[..., :3] = pixels[..., 2::-1].copy()
    return np.asarray(pixels)


def _dpi(tags: dict[int, Any]) -> tuple[float, float] | None:
    if 282 not in tags or 283 not in tags:
        return None
    unit = 2.54 if tags.get(296, 2) == 3 else 1.0
    x, y = (top / bottom * unit if bottom else 0.0 for top, bottom in (tags[282], tags[283]))
    return x, y


def _from_pillow(path: Path, image: Image.Image) -> Photo:
    exif, info = _exif_of(image), dict(image.info)
    turn = exif.get(ORIENTATION, 1)
    if image.format == "BMP" and info.get("compression") in RLE:
        return _photo(_decoded(path), turn, exif, info)
    image.load()
    info = {**image.info, **info}  # adds chunks behind the pixels; keeps the XMP before rotation
    if turn != 1:  # no effect for TIFFs with Pillow 13, which rotates them while loading
        image = ImageOps.exif_transpose(image)
    if "transparency" in info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        image = image.convert("LA" if image.mode in {"L", "1", "LA", "La"} else "RGBA")
    elif image.mode in {"P", "YCbCr", "HSV"}:
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    if image.mode in {"CMYK", "LAB"}:
        image, info["icc_profile"] = _separated(image, info.get("icc_profile")), None
    if image.mode not in {"L", "LA", "RGB", "RGBA"}:
        raise ValueError(
            f"pixels of mode {image.mode} are not supported: save the picture as gray or RGB with 8 or 16 bits"
        )
    return _photo(np.asarray(image), turn, exif, info, turned=True)


def _separated(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert printing colors to sRGB, through their profile if there is one."""
    if not profile:
        return image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except ImageCms.PyCMSError:
        return image.convert("RGB")
    assert converted is not None
    return converted


def _exif_of(image: Image.Image) -> Image.Exif:
    exif = image.getexif()
    return _loaded(exif) if "exif" in image.info or exif else exif


def _loaded(exif: Image.Exif) -> Image.Exif:
    """Read every tag now, because the file is closed, and errors are unexpected, when the tags are written."""
    for group in (EXIF_IFD, GPS_IFD):
        exif.get_ifd(group)
    dict(exif)
    return exif


def _photo(
    pixels: Pixels, turn: int, exif: Image.Exif, info: dict[Any, Any], *, turned: bool = False
) -> Photo:
    """Split pixels (H, W) or (H, W, 1..4) into lightness and alpha, upright.

    turn : the orientation declared in the file; turned : whether its decoder has applied it
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"samples of type {pixels.dtype} are not supported: save the picture with 8 or 16 bits"
        )
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3 or pixels.shape[-1] > 4:
        raise ValueError(
            f"pixels of shape {pixels.shape} are not supported: save one gray or RGB picture"
        )
    channels = 1 if pixels.shape[-1] < 3 else 3
    alpha = pixels[..., channels] if pixels.shape[-1] > channels else None
    gray = _lightness_codes(pixels[..., :channels], info.get("icc_profile") or None)
    for tag in (*STRUCTURE, ORIENTATION):
        if tag in exif:
            del exif[tag]
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    xmp = re.sub(rb'(tiff:Orientation(?:>|="))\d', rb"\g<1>1", xmp)
    dpi, dropped = info.get("dpi"), []
    if dpi and turn in SIDEWAYS:
        dpi = dpi[::-1]
    if dpi and not all(1 <= value < 1 << 16 for value in dpi):
        dropped = [f"the resolution of {float(dpi[0]):g} x {float(dpi[1]):g} dpi"]
        dpi = None
    left = 1 if turned else turn
    alpha = None if alpha is None else np.ascontiguousarray(_upright(alpha, left))
    upright = np.ascontiguousarray(_upright(gray, left))
    rgb = _upright(pixels[..., :3], left) if channels == 3 else None
    profile = info.get("icc_profile") or None
    return Photo(upright, alpha, exif, xmp, dpi, tuple(dropped), rgb=rgb, profile=profile)


def _upright(pixels: Pixels, turn: int) -> Pixels:
    """Undo an EXIF orientation, 1 to 8."""
    if turn in SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if turn in {3, 4, 7, 8} else pixels


def _lightness_codes(pixels: Pixels, profile: bytes | None) -> Pixels:
    """Return the luminance of (H, W, 1 or 3) as sRGB-encoded gray (H, W) of the same dtype."""
    height, width, channels = pixels.shape
    if profile is None and channels == 1:
        return pixels[..., 0]
    luminance = luminance_of(profile, channels=channels) or luminance_of(None, channels=channels)
    assert luminance is not None
    tables = luminance.tables(pixels.dtype)
    gray = np.empty((height, width), pixels.dtype)
    rows = max(BAND_PX // width, 1)
    for start in range(0, height, rows):
        band = pixels[start : start + rows]
        linear = sum(np.take(table, band[..., c], mode="clip") for c, table in enumerate(tables))
        gray[start : start + rows] = luminance_codes(np.asarray(linear), pixels.dtype)
    return gray

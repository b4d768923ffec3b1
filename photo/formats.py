"""Which files are photos: their suffixes, the suffixes of their results, and the optional packages of some formats."""

import importlib
from pathlib import Path
from typing import Any

from photo.suffixes import INSTALL, PHOTOS
from prior.dataset import PictureError

# Camera raw files. Their results are TIFFs, which hold 16 bits and are what archives and raw converters exchange.
RAW_SUFFIXES = tuple(PHOTOS["camera raw"].split())
# Formats that are read but not written, and the suffix of their results, which hold as many bits.
AS_PNG = (
    ".heic", ".heif", ".hif", ".heics", ".heifs", ".avifs", ".jxl", ".gif", ".ico", ".cur", ".icns", ".pcx", ".psd",
    ".psb", ".apng", ".pam", ".pfm",
)  # fmt: skip
AS_PPM = (".pgm", ".pbm", ".pnm")
AS_JP2 = (".j2k", ".j2c", ".jpc", ".jpf", ".jpx")
AS_TIFF = (*RAW_SUFFIXES, ".pdf", ".dpx")
RESULTS = ((AS_PNG, ".png"), (AS_PPM, ".ppm"), (AS_JP2, ".jp2"), (AS_TIFF, ".tif"))
# Other suffixes of formats that are written, and the usual one.
USUAL = {".jif": ".jpg", ".mpo": ".jpg", ".dib": ".bmp", ".vda": ".tga", ".icb": ".tga", ".vst": ".tga"}  # fmt: skip
NAMES = {".tif": "TIFF", ".png": "PNG", ".ppm": "PPM", ".jp2": "JP2"}
# Suffixes of the results that hold several pages, pictures, or the frames of an animation; the first is advised.
HOLDING = {
    "page": (".tif", ".tiff"), "picture": (".tif", ".tiff"), "frame": (".webp", ".png", ".avif", ".tif", ".tiff"),
}  # fmt: skip
MPO = (".jpg", ".jpeg", ".jpe", ".jfif")  # hold several pictures as their photo did
HEIC = tuple(PHOTOS["HEIC"].split())
JPEG_START = b"\xff\xd8"


def result_suffix(path: Path, *, alone: bool = False) -> str | None:
    """Return the suffix of a photo's result, None if it is the photo's own.

    An AVIF of more than 8 bits becomes a PNG, because AVIF is written with 8, and a HEIC of several pictures a TIFF.
    alone : only one picture of the file is wanted
    """
    suffix = path.suffix.lower()
    if suffix in HEIC and not alone and pictures_of_heic(path) > 1:
        return ".tif"
    if suffix == ".avif" and avif_bits(path) > 8:
        return ".png"
    if suffix in USUAL:
        return USUAL[suffix]
    return next((result for suffixes, result in RESULTS if suffix in suffixes), None)


def pictures_of_heic(path: Path) -> int:
    """Return how many pictures a HEIC file has, previews and depth maps aside; 1 for one that cannot be read."""
    try:
        return len(importlib.import_module("pillow_heif").open_heif(path))
    except (ImportError, OSError, ValueError, SyntaxError, EOFError, RuntimeError):
        return 1


def check_held(source: Path, target: Path, count: int, what: str) -> None:
    """Raise ValueError for a result whose format does not hold several pictures; what : "page", "picture" or "frame"."""
    suffix, holding = target.suffix.lower(), HOLDING[what]
    if (
        count == 1
        or suffix in holding
        or (suffix in MPO and what == "picture" and _is_jpeg(source))
    ):
        return
    raise ValueError(
        f"{target}: {suffix} holds one picture, but {source} has {count} {what}s: name the result {holding[0]}, "
        "or choose one of them with -pages 1"
    )


def _is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == JPEG_START


def avif_bits(path: Path) -> int:
    """Return the bits per sample of an AVIF, 8, 10 or 12; 8 for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(1 << 14)
    except OSError:
        return 8
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def note_of_format(source: Path, target: Path, *, pages: int = 1) -> str:
    """Say that a result has another format than its photo, "" if that is not so or was asked for.

    pages : number of pictures in the result
    """
    suffix = result_suffix(source, alone=pages == 1)
    usual = source.suffix.lower() in USUAL
    if suffix is None or usual or suffix != target.suffix.lower():
        return ""
    if source.suffix.lower() == ".gif" and pages > 1:
        return "written as an animated PNG, since a GIF has 256 colors only"
    bits = " with more than 8 bits" if source.suffix.lower() == ".avif" else ""
    return f"written as {NAMES[suffix]}, since {source.suffix.lower()} is not written{bits}"


def optional(module: str, path: Path, what: str) -> Any:
    """Import a package of requirements-formats.txt, which a file of a rarer format needs. Raises PictureError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise PictureError(f"{path} is {what}: {INSTALL}") from None

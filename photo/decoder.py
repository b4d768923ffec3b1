"""Opens untrusted picture files: checks the header first and reports each decoder error in one line."""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import psutil
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from prior.dataset import PictureError
from runtime.standard_error import captured_stderr

log = logging.getLogger(__name__)

Pixels: TypeAlias = NDArray[Any]

ORIENTATION, XMP_TAG, ICC_TAG, EXIF_IFD, GPS_IFD = 274, 700, 34675, 0x8769, 0x8825
FORMATS = (
    "JPEG",
    "PNG",
    "TIFF",
    "WEBP",
    "BMP",
    "GIF",
    "AVIF",
    "PPM",
    "ICO",
    "PCX",
    "PSD",
    "JPEG2000",
)
TGA_SUFFIXES = (
    ".tga",
    ".icb",
    ".vda",
    ".vst",
)  # by suffix, as most of these files have no signature
COPIES = 8  # samples per pixel in memory: decoded, lightness, color, and a copy while writing


@dataclass(frozen=True)
class Raster:
    """Decoded pixels (H, W) or (H, W, 1..4), uint8 or uint16, as stored, and what their file says of them.

    info : as Pillow's: icc_profile, xmp, dpi
    turn : the orientation declared in the file; turned : whether its decoder has applied it
    notes : what of the file is not, or not plainly, in the pixels
    """

    pixels: Pixels
    exif: Image.Exif
    info: dict[Any, Any]
    turn: int = 1
    turned: bool = False
    notes: tuple[str, ...] = ()


def check_file(path: Path, what: str = "file") -> None:
    """Reject missing and empty files, folders, pipes and devices.

    Raises FileNotFoundError or ValueError.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such {what}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a file")
    if not path.is_file():
        raise ValueError(f"{path} is a pipe or device: name a file")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty")


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Convert decoders' errors for damaged files to one ValueError, and log what decoders print."""
    try:
        with (
            # First, because it holds a lock: those below change settings of the whole process.
            captured_stderr(partial(log.debug, "%s: %s", path)),
            _any_size(),
            _remarks(path),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    except PictureError:
        raise
    except UnidentifiedImageError:
        kinds = "JPEG, PNG, TIFF, WebP, BMP, AVIF, JPEG 2000, GIF, HEIC, raw, PDF ...; films need -movie_in"
        raise ValueError(f"{path} is not a picture ({kinds})") from None
    except cv2.error as error:
        raise ValueError(f"{path} cannot be read (damaged?): {error.err}") from None
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError,
            struct.error, zlib.error) as error:  # fmt: skip
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{path} cannot be read (damaged?): {error}") from None


@contextmanager
def _remarks(path: Path) -> Iterator[None]:
    """Log at debug level what tifffile and Pillow remark on a damaged TIFF by Python's logging."""

    def note(record: logging.LogRecord) -> bool:
        log.debug("%s: %s", path, record.getMessage())
        return False

    loggers = [logging.getLogger(name) for name in ("tifffile", "PIL.TiffImagePlugin")]
    for logger in loggers:
        logger.addFilter(note)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(note)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture with Pillow if memory suffices for its declared size."""
    check_file(path)
    formats = ("TGA",) if path.suffix.lower() in TGA_SUFFIXES else FORMATS
    # Pillow 13 maps a named file into memory, and then swaps the sides of rotated TIFFs: pass an open file.
    with decoding(path), path.open("rb") as file, Image.open(file, formats=formats) as image:
        check_memory(path, *image.size)
        yield image


def check_memory(path: Path, width: int, height: int, *, sample_bytes: int = 1) -> None:
    """Reject, before decoding, a picture that needs more memory than this machine has free."""
    need, free = width * height * sample_bytes * COPIES, free_bytes()
    if need > free:
        raise PictureError(
            f"{path} declares {width} x {height} pixels, which take {need / 1e9:.1f} GB of memory, "
            f"but {free / 1e9:.1f} GB are free: reduce its size"
        )


def free_bytes() -> int:
    """Return this machine's available memory in bytes."""
    return int(psutil.virtual_memory().available)


@contextmanager
def _any_size() -> Iterator[None]:
    """Let Pillow open pictures of any size, because this program is meant for large scans."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def exif_of(image: Image.Image) -> Image.Exif:
    """Return a picture's EXIF tags, all of them read."""
    exif = image.getexif()
    return loaded(exif) if "exif" in image.info or exif else exif


def loaded(exif: Image.Exif) -> Image.Exif:
    """Read every tag now, because the file is closed, and errors are unexpected, when the tags are written."""
    for group in (EXIF_IFD, GPS_IFD):
        exif.get_ifd(group)
    dict(exif)
    return exif

"""Opens untrusted picture files: checks the header first and reports each decoder error in one line."""

import logging
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from photo.metadata import Captions, captions_of
from photo.suffixes import not_a_picture
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
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
# By suffix, as most of these files have no signature.
TGA_SUFFIXES = (".tga", ".icb", ".vda", ".vst")
# What decoders say of files that are in order.
NOT_DAMAGED = re.compile("not supported|unsupported|not available|not implemented", re.IGNORECASE)
EXIF_ERRORS = (ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, struct.error)
PART_DAMAGED = re.compile("orrupt|Truncated|larger than file|too large")  # in Pillow's warnings
DAMAGED_EXIF = "the EXIF data, which are damaged"
DAMAGED_PART = "a part of the EXIF data, which is damaged"
DAMAGED_PROFILE = "the ICC profile, which is damaged (read as sRGB)"
PNG = b"\x89PNG\r\n\x1a\n"
NO_PIXELS = np.empty((0, 0), np.uint8)
COPIES = 8  # samples per pixel in memory: decoded, lightness, color, and a copy while writing


class Several(NamedTuple):
    """How many pictures a file has, reduced copies and masks aside, and what they are: page, picture or frame.

    cut : whether the file's list of them breaks off
    """

    total: int = 1
    what: str = "picture"
    cut: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return a note if pictures of the file cannot be reached."""
        broken = f"the file's list of {self.what}s breaks off after {self.what} {self.total}"
        return (broken,) if self.cut else ()


ONE = Several()


@dataclass(frozen=True)
class Raster:
    """Decoded pixels (H, W) or (H, W, 1..4), uint8 or uint16, as stored, and what their file says of them.

    info : as Pillow's: icc_profile, xmp, dpi
    turn : the orientation declared in the file; turned : whether its decoder has applied it
    lost : rows and columns of the upright picture that are missing in the file, and gray
    dropped : what was invalid and is left out, as text
    notes : what of the file is not, or not plainly, in the pixels
    several : how many pictures the file has, of which this is one
    """

    pixels: Pixels
    exif: Image.Exif
    info: dict[Any, Any]
    turn: int = 1
    turned: bool = False
    notes: tuple[str, ...] = ()
    captions: Captions = field(default_factory=Captions)
    lost: tuple[slice, slice] | None = None
    dropped: tuple[str, ...] = ()
    several: Several = ONE


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
        raise ValueError(not_a_picture(path)) from None
    except cv2.error as error:
        raise ValueError(f"{path} cannot be read (damaged?): {error.err}") from None
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError,
            struct.error, zlib.error) as error:  # fmt: skip
        if isinstance(error, OSError) and error.errno:
            raise
        said = " ".join(str(error).split())  # some decoders end in a line break
        if NOT_DAMAGED.search(said):
            raise ValueError(f"{path} cannot be read: {said}") from None
        detail = said if " " in said else "its structure is invalid"
        raise ValueError(f"{path} cannot be read (damaged?): {detail}") from None


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
    import psutil

    return int(psutil.virtual_memory().available)


@contextmanager
def _any_size() -> Iterator[None]:
    """Let Pillow open pictures of any size, because this program is meant for large scans."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def raster_of(image: Image.Image) -> Raster:
    """Return what a file says of its picture, without pixels; what is damaged in it is left out and named."""
    if image.format == "BMP" and image.info.get("dpi") == (0, 0):  # unknown; Pillow 13 omits it
        del image.info["dpi"]
    exif, dropped = exif_of(image)
    captions = Captions()  # made only where there are some, as this is in the way of every photo
    if image.format == "PNG" or {"photoshop", "comment"} & image.info.keys():
        captions = captions_of(image)
    info = dict(image.info)
    if "icc_profile" in info and not info["icc_profile"]:  # so Pillow marks one that is incomplete
        dropped += (DAMAGED_PROFILE,)
    turn = exif.get(ORIENTATION, 1)
    return Raster(
        NO_PIXELS, exif, info, turn, captions=captions, dropped=dropped, several=frames_of(image)
    )


def frames_of(image: Image.Image) -> Several:
    """Return how many frames an animation has; the first picture of an APNG need not be one of them."""
    if image.format not in ANIMATED:
        return ONE
    now = image.tell()
    try:
        frames = getattr(image, "n_frames", 1)
    except (
        *EXIF_ERRORS,
        OSError,
        EOFError,
    ):  # of a truncated one, those that are there, and one that fails
        frames = _reached(image, now) + 1
    return Several(max(frames - bool(image.info.get("default_image")), 1), "frame")


def _reached(image: Image.Image, now: int) -> int:
    """Return how many frames of a truncated animation can be reached; it stays at the frame `now`."""
    count = 0
    with suppress(*EXIF_ERRORS, OSError, EOFError):
        while True:
            image.seek(count)
            count += 1
    image.seek(0)
    image.seek(now)
    return count


def exif_of(image: Image.Image) -> tuple[Image.Exif, tuple[str, ...]]:
    """Return a picture's EXIF tags, all of them read, and what is left out because it is damaged."""
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            exif, block = image.getexif(), image.info.get("exif")
            if isinstance(block, bytes):  # again, because Pillow may have passed over errors
                Image.Exif().load(block)
            dropped = damaged_tags(exif) if "exif" in image.info or exif else ()
        except EXIF_ERRORS:
            return Image.Exif(), (DAMAGED_EXIF,)
    if any(PART_DAMAGED.search(str(remark.message)) for remark in remarks):
        dropped += (DAMAGED_PART,)
    return exif, dropped


def damaged_tags(exif: Image.Exif) -> tuple[str, ...]:
    """Read every tag now, because the file is closed, and errors are unexpected, when the tags are written.

    Deletes those that are damaged, and returns their names.
    """
    dropped = []
    for tag in list(exif):
        try:
            _ = exif.get_ifd(tag) if tag in {EXIF_IFD, GPS_IFD} else exif[tag]
        except EXIF_ERRORS:
            dropped.append(f"EXIF {ExifTags.TAGS.get(tag, tag)} (damaged)")
            del exif[tag]
    return tuple(dropped)


def loaded(exif: Image.Exif) -> Image.Exif:
    """Read every tag, as `damaged_tags` does."""
    damaged_tags(exif)
    return exif

"""Pictures in folder trees and tar shards: listed in a reproducible order, read as RGB, or rejected with the reason."""

import io
import os
import re
import tarfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from color.arrays import Bytes

Rgb: TypeAlias = Bytes

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
)
LARGEST_PX = 1 << 28  # 0.8 GB as RGB; larger pictures are rejected before decoding
JPEG_START, JPEG_END, JPEG_SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
# Start-of-frame markers contain the size; C4, C8 and CC in their range have other meanings (ITU-T T.81).
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureError(ValueError):
    """An unusable picture, folder or shard; the message is one line for the user."""


class Picture(NamedTuple):
    """A reference to one picture; small, since ImageNet has 1.28 million.

    file : path of the picture, or of the tar shard that contains it
    name : path below the listed folder, unique there, with forward slashes
    offset, size : position of its bytes in the shard, or -1 and 0
    """

    file: str
    name: str
    offset: int = -1
    size: int = 0


class Problem(NamedTuple):
    """A picture that could not be used."""

    name: str
    reason: str


@dataclass(frozen=True)
class Shard:
    """Every `count`-th picture of a list, starting with the `number`-th."""

    number: int = 1
    count: int = 1

    @classmethod
    def read(cls, text: str) -> "Shard":
        """Parse K/N, 1 <= K <= N."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(
                f"invalid shard {text!r}: expected K/N with K from 1 to N, such as 1/2"
            )
        return cls(int(found[1]), int(found[2]))

    def of(self, pictures: Sequence[Picture]) -> Sequence[Picture]:
        """Select the shard's pictures."""
        return pictures[self.number - 1 :: self.count]


def list_pictures(root: Path) -> list[Picture]:
    """List the pictures below a folder or inside a .tar, in the same order on every machine.

    Tar shards below the folder are opened, too; hidden names are skipped; links are followed, each
    folder once. Raises PictureError if there is nothing to list.
    """
    if root.is_dir():
        pictures = list(_walk(root, "", set()))
    elif root.suffix.lower() == ".tar" and root.is_file():
        pictures = _members(root, "")
    elif root.exists():
        raise PictureError(f"{root} is a file: expected a folder or .tar of pictures")
    else:
        raise PictureError(f"{root} does not exist: expected a folder or .tar of pictures")
    if not pictures:
        raise PictureError(
            f"{root} has no pictures: expected {' '.join(sorted(SUFFIXES))}, or .tar"
        )
    return pictures


def list_all(roots: Sequence[Path], *, named: bool | None = None) -> list[Picture]:
    """List several folders or shards.

    named : whether to prefix each name with that of its root; default: only if there are several roots
    """
    named = len(roots) > 1 if named is None else named
    if not named:
        return [picture for root in roots for picture in list_pictures(root)]
    names = [_name_of(root) for root in roots]
    if len(set(names)) < len(names):
        raise PictureError(
            f"two sources have the same name: {' '.join(map(str, roots))}: rename one"
        )
    return [
        picture._replace(name=f"{name}/{picture.name}")
        for name, root in zip(names, roots, strict=True)
        for picture in list_pictures(root)
    ]


def read_bytes(picture: Picture) -> bytes:
    """Read the bytes of the stored file. Raises PictureError."""
    try:
        with Path(picture.file).open("rb") as file:
            if picture.offset < 0:
                return file.read()
            file.seek(picture.offset)
            return file.read(picture.size)
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror})") from error


def read_rgb(picture: Picture, *, at_least_px: int = 0) -> Rgb:
    """Read a picture as displayed: rgb (H, W, 3) uint8, with the EXIF orientation applied.

    CMYK, 16-bit, palette and gray pictures become RGB, transparency becomes white.
    at_least_px : if given, a JPEG may be reduced 2, 4 or 8 times, to a short side of at least this

    Raises PictureError.
    """
    return decode_rgb(read_bytes(picture), at_least_px=at_least_px)


def decode_rgb(data: bytes, *, at_least_px: int = 0) -> Rgb:
    """Decode a file's bytes as `read_rgb` does."""
    if not data:
        raise PictureError("empty file")
    if data.startswith(JPEG_START):
        return _decode_jpeg(data, at_least_px)
    return _decode_other(data)


def is_jpeg(data: bytes) -> bool:
    """Return whether the content is a JPEG, regardless of the file's name."""
    return data.startswith(JPEG_START)


def format_of(data: bytes) -> str:
    """Return the format of a readable picture, such as PNG."""
    with Image.open(io.BytesIO(data)) as image:
        return image.format or "unknown"


def _name_of(root: Path) -> str:
    """Return the name of a folder or shard; a link's own name; the resolved name of `.` and `..`."""
    name = root.name if root.name not in {"", ".."} else root.resolve().name
    if not name:
        raise PictureError(
            f"{root} cannot be used, because pictures are named after their folder: give the folders in it instead"
        )
    return name


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[Picture]:
    """Yield a folder's pictures sorted by name; `seen` prevents loops of links."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        name = prefix + entry.name
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), f"{name}/", seen)
        elif _suffix(entry.name) == ".tar":
            yield from _members(Path(entry.path), f"{name}/")
        elif _suffix(entry.name) in SUFFIXES and (entry.is_symlink() or entry.is_file()):
            yield Picture(entry.path, name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # For a link to itself, entry.is_dir() raises; Path.is_dir() returns False.
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir()


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path takes 10 times as long


def _members(shard: Path, prefix: str) -> list[Picture]:
    """List a tar's pictures; of two members with the same name, the later one wins, as in extraction."""
    found: dict[str, Picture] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                if member.isreg() and _suffix(member.name) in SUFFIXES:
                    name = prefix + _inside(member.name)
                    found[name] = Picture(str(shard), name, member.offset_data, member.size)
    except (tarfile.TarError, OSError) as error:
        raise PictureError(f"{shard} is not a complete, uncompressed tar: {error}") from error
    return list(found.values())


def _inside(name: str) -> str:
    """Strip parts of a member's name that lead outside the output folder."""
    parts = PurePosixPath(name).parts
    return "/".join(part for part in parts if part not in {"/", "//", ".."})


def _decode_jpeg(data: bytes, at_least_px: int) -> Rgb:
    height, width = _jpeg_size(data)
    _check_size(height, width)
    # Inside a scan, FF is always stuffed, so a complete file has an end marker after its last scan;
    # that of an embedded preview comes before. OpenCV would fill missing data with gray.
    if data.rfind(JPEG_END) < data.rfind(JPEG_SCAN):
        raise PictureError("truncated JPEG")
    flags = _reduction(min(height, width), at_least_px)
    try:
        rgb = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise PictureError(f"corrupt JPEG ({error.err})") from error
    if rgb is None:
        raise PictureError("corrupt JPEG")
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_BGR2RGB, dst=rgb), np.uint8)


def _reduction(short_px: int, at_least_px: int) -> int:
    """Choose the decoder's strongest reduction that keeps the short side large enough."""
    if at_least_px:
        for factor, flag in (
            (8, cv2.IMREAD_REDUCED_COLOR_8),
            (4, cv2.IMREAD_REDUCED_COLOR_4),
            (2, cv2.IMREAD_REDUCED_COLOR_2),
        ):
            if short_px // factor >= at_least_px:
                return flag
    return cv2.IMREAD_COLOR


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Read (height, width) from the first frame header."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in JPEG_FRAMES:
            return int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise PictureError("truncated JPEG" if at + 9 >= len(data) else "corrupt JPEG")


def _check_size(height: int, width: int) -> None:
    if not 0 < height * width <= LARGEST_PX:
        raise PictureError(f"{width}x{height} exceeds the limit of {LARGEST_PX >> 20} megapixels")


def _decode_other(data: bytes) -> Rgb:
    with warnings.catch_warnings():
        # Pillow warns about sizes that are allowed here, and about damaged metadata.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as image:
                _check_size(image.height, image.width)
                return _flat_rgb(ImageOps.exif_transpose(image))
        except Image.DecompressionBombError as error:
            raise PictureError("too many pixels") from error
        except UnidentifiedImageError as error:
            raise PictureError("not a picture") from error
        except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
            if isinstance(error, PictureError):
                raise
            raise PictureError(f"corrupt or truncated ({str(error).splitlines()[0]})") from error


def _flat_rgb(image: Image.Image) -> Rgb:
    """Convert a Pillow image of any mode to 8-bit RGB, transparency to white."""
    if image.mode.startswith("I"):  # 16-bit gray, as I;16 or widened to 32 bits
        gray = np.clip(np.asarray(image, np.int64), 0, 65535)
        return np.repeat(((gray + 128) // 257).astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode == "F":
        raise ValueError("floating-point samples have no defined white")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("RGB"), np.uint8)

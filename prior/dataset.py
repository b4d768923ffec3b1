"""Pictures in folder trees and tar shards: listed the same way everywhere, read as RGB or refused with the reason."""

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
LARGEST_PX = 1 << 28  # 0.8 GB as RGB; anything larger is refused before it is decoded
JPEG_START, JPEG_END, JPEG_SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
# Start-of-frame markers carry the size; C4, C8 and CC in their range mean other things (ITU-T T.81).
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class PictureError(ValueError):
    """A picture, folder or shard that cannot be used; the message is one line for the user."""


class Picture(NamedTuple):
    """A reference to one picture; small, since ImageNet has 1.28 million.

    file : the picture itself, or the tar shard it lies in
    name : its path below the folder that was listed, unique there, with forward slashes
    offset, size : its bytes in the shard, or -1 and 0
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
    """Every `count`-th picture of a list, from the `number`-th on."""

    number: int = 1
    count: int = 1

    @classmethod
    def read(cls, text: str) -> "Shard":
        """Read K/N, 1 <= K <= N, as an option gives it."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(f"{text!r}: give K/N with K from 1 to N, such as 1/2")
        return cls(int(found[1]), int(found[2]))

    def of(self, pictures: Sequence[Picture]) -> Sequence[Picture]:
        """Choose the shard's pictures."""
        return pictures[self.number - 1 :: self.count]


def list_pictures(root: Path) -> list[Picture]:
    """List the pictures below a folder or inside a .tar, the same way on every machine.

    Tar shards below the folder are opened too; hidden names are left out; links are followed, each
    folder once. Raises PictureError when there is nothing to list.
    """
    if root.is_dir():
        pictures = list(_walk(root, "", set()))
    elif root.suffix.lower() == ".tar" and root.is_file():
        pictures = _members(root, "")
    elif root.exists():
        raise PictureError(f"{root} is a file: give a folder of pictures or a .tar of them")
    else:
        raise PictureError(f"{root} does not exist: give a folder of pictures or a .tar of them")
    if not pictures:
        raise PictureError(f"{root} holds no pictures ({' '.join(sorted(SUFFIXES))}, or in .tar)")
    return pictures


def list_all(roots: Sequence[Path], *, named: bool | None = None) -> list[Picture]:
    """List several folders or shards.

    named : begin each name with its root's own, as is done by default when there are several
    """
    named = len(roots) > 1 if named is None else named
    if not named:
        return [picture for root in roots for picture in list_pictures(root)]
    names = [_name_of(root) for root in roots]
    if len(set(names)) < len(names):
        raise PictureError(f"two sources have the same name: {' '.join(map(str, roots))}")
    return [
        picture._replace(name=f"{name}/{picture.name}")
        for name, root in zip(names, roots, strict=True)
        for picture in list_pictures(root)
    ]


def read_bytes(picture: Picture) -> bytes:
    """Read the file as it is stored. Raises PictureError."""
    try:
        with Path(picture.file).open("rb") as file:
            if picture.offset < 0:
                return file.read()
            file.seek(picture.offset)
            return file.read(picture.size)
    except OSError as error:
        raise PictureError(f"cannot be read ({error.strerror})") from error


def read_rgb(picture: Picture, *, at_least_px: int = 0) -> Rgb:
    """Read a picture as it is meant to be seen: (H, W, 3) uint8, upright.

    CMYK, 16-bit, palette and gray become RGB, transparency lies on white. With `at_least_px` a JPEG
    may come 2, 4 or 8 times smaller, its short side still that long. Raises PictureError.
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
    """Return whether the content, whatever the name, is a JPEG's."""
    return data.startswith(JPEG_START)


def format_of(data: bytes) -> str:
    """Name the format of a readable picture's bytes, such as PNG."""
    with Image.open(io.BytesIO(data)) as image:
        return image.format or "unknown"


def _name_of(root: Path) -> str:
    """Name a folder or shard as it is called, a link by its own name; `.` and `..` as what they are."""
    name = root.name if root.name not in {"", ".."} else root.resolve().name
    if not name:
        raise PictureError(f"{root} has no name to tell its pictures by: give the folders in it")
    return name


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[Picture]:
    """Yield a folder's pictures in the order of their names; `seen` ends loops of links."""
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
    # A link that leads to itself makes entry.is_dir() raise; Path.is_dir() says no.
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir()


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path costs 10 times as much


def _members(shard: Path, prefix: str) -> list[Picture]:
    """List a tar's pictures; of two members with one name the later counts, as on unpacking."""
    found: dict[str, Picture] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                if member.isreg() and _suffix(member.name) in SUFFIXES:
                    name = prefix + _inside(member.name)
                    found[name] = Picture(str(shard), name, member.offset_data, member.size)
    except (tarfile.TarError, OSError) as error:
        raise PictureError(f"{shard} is not a whole, uncompressed tar: {error}") from error
    return list(found.values())


def _inside(name: str) -> str:
    """Keep a member's name from leading outside the folder it is written to."""
    parts = PurePosixPath(name).parts
    return "/".join(part for part in parts if part not in {"/", "//", ".."})


def _decode_jpeg(data: bytes, at_least_px: int) -> Rgb:
    height, width = _jpeg_size(data)
    _check_size(height, width)
    # Inside a scan FF is always stuffed, so a whole file has an end marker after its last scan;
    # an embedded preview's lies before. OpenCV would fill what is missing with gray.
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
    """Choose the decoder's smallest size that is large enough."""
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
        raise PictureError(f"{width}x{height} is beyond {LARGEST_PX >> 20} megapixels")


def _decode_other(data: bytes) -> Rgb:
    with warnings.catch_warnings():
        # Pillow warns of sizes that are fine here and of damaged metadata.
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
    """Bring any mode of Pillow's to 8-bit RGB, transparency onto white."""
    if image.mode.startswith("I"):  # 16-bit gray, as I;16 or widened to 32
        gray = np.clip(np.asarray(image, np.int64), 0, 65535)
        return np.repeat(((gray + 128) // 257).astype(np.uint8)[..., None], 3, axis=-1)
    if image.mode == "F":
        raise ValueError("floating point samples have no agreed white")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(image.convert("RGB"), np.uint8)

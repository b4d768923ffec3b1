"""Uploaded photos: stored in the server's own folder, shown at screen size, and written as the command does.

Ids are random and reveal no paths; no visitor's name becomes part of a path.
"""

import json
import logging
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes
from color.names import read_tint, tint
from gray2color import guided
from image.resize import fitted
from model.chosen_network import photo_settings
from photo.batch import PHOTOS, colorize_photos
from photo.command import marked
from photo.guidance import read_reference
from photo.inputs import plan
from photo.options import FIRST
from photo.read import read_photo
from prior.lab import ab2hex, color2ab, gray2lightness
from runtime.console import one_line
from runtime.files import whole_file, write_bytes, write_json
from web.edits import Edits
from web.network import Network
from web.options import Settings

# Beside a photo.
SHOWN, FULL, ABOUT, THUMBNAIL = "gray.npy", "full.npy", "about.json", "thumbnail.jpg"
THUMBNAIL_PX = 160  # long side
STEM = "photo"  # of its file
SHOWN_PX = 1600  # long side of the shown picture
MOST_PHOTOS = 500  # in a project, and of all visitors where none are kept: beyond this, the oldest are deleted
LONGEST_NAME = 200
AROUND_PX = 2  # of a place, whose mean lightness counts
MOST_SHOWN = 64  # colors in one request

log = logging.getLogger(__name__)


class ShownColor(TypedDict):
    """A color as a hint asks for it, #rrggbb and its strength, and what it becomes at a place; or an error, in JSON."""

    color: str
    shown: str
    error: str


@dataclass(frozen=True)
class UploadedPhoto:
    """An uploaded photo in its own folder.

    name : the name of the visitor's file
    size : (H, W)
    pages : how many pages, pictures or frames its file has, of which the first is colorized
    """

    id: str
    name: str
    source: Path
    size: tuple[int, int]
    pages: int = 1

    @property
    def shown(self) -> Bytes:
        """Read the shown gray picture (h, w)."""
        return np.asarray(np.load(self._made(SHOWN)))

    @property
    def gray(self) -> NDArray[Any]:
        """Return the whole gray picture (H, W) uint8 or uint16, on disk."""
        return np.asarray(np.load(self._made(FULL), mmap_mode="r"))

    @property
    def thumbnail(self) -> bytes:
        """Return a small picture: JPEG, with the colors that were shown last, in gray if none were."""
        try:
            return self.source.with_name(THUMBNAIL).read_bytes()
        except FileNotFoundError:
            size = shown_size(self.size, THUMBNAIL_PX)
            return jpeg(fitted(self.shown, size[::-1]))

    def keep_thumbnail(self, rgb: Bytes) -> None:
        """Keep a small picture in color, (h, w, 3)."""
        with suppress(FileNotFoundError):  # the photo was closed meanwhile
            write_bytes(self.source.with_name(THUMBNAIL), jpeg(rgb), durable=False)

    def _made(self, name: str) -> Path:
        """Return a file that is made of the photo, which an earlier server may have deleted."""
        path = self.source.with_name(name)
        if not path.exists():
            save_grays(self.source, read_photo(self.source).gray)
        return path

    @property
    def target(self) -> Path:
        """Return the path of its result, named as the command names it."""
        tasks = plan([str(self.source)], kind=PHOTOS).tasks
        return tasks[0].target

    @property
    def result_name(self) -> str:
        """Return the file name of the visitor's download."""
        return f"{PurePosixPath(self.name).stem}.color{self.target.suffix}"


class Photos:
    """The photos and reference pictures of all visitors."""

    def __init__(self, folder: Path, *, most: int = MOST_PHOTOS) -> None:
        self._folder, self._most = folder, most
        self._photos: OrderedDict[str, UploadedPhoto] = OrderedDict()
        self.references: OrderedDict[str, Path] = OrderedDict()

    def place_for(self, name: str) -> tuple[str, Path]:
        """Make an id and its folder; return the id and the path for the upload."""
        token = secrets.token_urlsafe(16)
        folder = self._folder / token
        folder.mkdir()
        suffix = PurePosixPath(name).suffix.lower()
        return token, folder / f"{STEM}{suffix if suffix in PHOTOS.written else ''}"

    def add(self, token: str, name: str, source: Path) -> UploadedPhoto:
        """Read and add an uploaded photo. Raises ValueError, with the visitor's file name, if it is unreadable."""
        with self._named(source, name):
            read = read_photo(source)
        save_grays(source, read.gray)
        photo = UploadedPhoto(token, name, source, read.gray.shape, read.several.total)
        _write_about(photo)
        self._photos[token] = photo
        while len(self._photos) > self._most:
            self.discard(self._photos.popitem(last=False)[1].source)
        return photo

    def add_reference(self, token: str, name: str, source: Path) -> None:
        """Read and add an uploaded picture as a reference. Raises ValueError as `add`, also for one without color."""
        with self._named(source, name):
            read_reference(source)
        write_json(source.with_name(ABOUT), {"file": source.name})
        self.references[token] = source
        while len(self.references) > self._most:
            self.discard(self.references.popitem(last=False)[1])

    @contextmanager
    def _named(self, source: Path, name: str) -> Iterator[None]:
        """Delete an upload that cannot be read. Raises ValueError with the visitor's file name."""
        try:
            yield
        except (OSError, ValueError, MemoryError) as error:
            self.discard(source)
            raise ValueError(one_line(source, error).replace(str(source), name)) from None

    def told(self, text: str) -> str:
        """Return a message in which the photos have their visitors' file names."""
        for photo in self._photos.values():
            if photo.id in text:
                text = text.replace(str(photo.source), photo.name)
        return text

    def restore(self) -> None:
        """Add the photos and references that an earlier server left in the folder; others are passed over."""
        for path in sorted(self._folder.glob(f"*/{ABOUT}"), key=lambda one: one.stat().st_mtime):
            try:
                found = _read_about(path)
            except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
                log.warning("%s is passed over: %s", path.parent, error)
                continue
            if isinstance(found, UploadedPhoto):
                self._photos[found.id] = found
            else:
                self.references[path.parent.name] = found

    def __getitem__(self, token: str) -> UploadedPhoto:
        return self._photos[token]

    def __contains__(self, token: object) -> bool:
        return token in self._photos

    def remove(self, token: str) -> None:
        """Remove a photo and delete its files."""
        self.discard(self._photos.pop(token).source)

    def discard(self, source: Path) -> None:
        """Delete an upload and its folder."""
        shutil.rmtree(source.parent, ignore_errors=True)


def save_grays(source: Path, gray: NDArray[Any]) -> None:
    """Save a photo's gray picture (H, W), and it at screen size, beside it."""
    for name, picture in ((SHOWN, shown_gray(gray)), (FULL, gray)):
        with whole_file(source.with_name(name), durable=False) as part, part.open("wb") as file:
            np.save(file, picture)


def _write_about(photo: UploadedPhoto) -> None:
    values = {"file": photo.source.name, "name": photo.name, "size": photo.size, "pages": photo.pages}  # fmt: skip
    write_json(photo.source.with_name(ABOUT), values)


def _read_about(path: Path) -> UploadedPhoto | Path:
    """Read a photo, or the path of a reference. Raises OSError, ValueError, TypeError or KeyError."""
    values = json.loads(path.read_text(encoding="utf-8"))
    source = path.with_name(PurePosixPath(values["file"]).name)
    if not source.is_file():
        raise FileNotFoundError(f"{source.name} is missing")
    if "size" not in values:
        return source
    height, width = map(int, values["size"])
    name = printable_name(str(values["name"]))
    return UploadedPhoto(path.parent.name, name, source, (height, width), int(values["pages"]))


def shown_gray(gray: NDArray[Any]) -> Bytes:
    """Reduce a gray picture (H, W) to screen size and 8 bits."""
    size = shown_size(gray.shape, SHOWN_PX)
    small = fitted(gray, size[::-1]) if size != gray.shape else gray
    return np.asarray(small if small.dtype == np.uint8 else small >> 8, np.uint8)


def shown_size(shape: tuple[int, ...], long_side: int) -> tuple[int, int]:
    """Return the size (h, w) of a picture of shape (H, W), limited to a long side."""
    scale = min(1.0, long_side / max(shape))
    return max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)


def write_result(photo: UploadedPhoto, edits: Edits, network: Network, settings: Settings) -> Path:
    """Write a photo's full-size file with the command's function. Raises ValueError."""
    guidance = edits.for_file(photo.source, photo.size)
    options = replace(settings.photo, pages=FIRST if photo.pages > 1 else ())
    options = marked(options, photo_settings(edits.color, settings.run), guidance)
    tasks = plan([str(photo.source)], kind=PHOTOS).tasks
    factory = partial(guided, partial(network.colorizer, edits.color), guidance)
    options = replace(options, recolor=True)  # as the page shows it
    (result,) = colorize_photos(tasks, factory, options=options)
    if result.error:
        raise ValueError(result.error.replace(str(photo.source), photo.name))
    return tasks[0].target


def shown_colors(gray: Bytes, x: float, y: float, texts: Sequence[str]) -> list[ShownColor]:
    """Return what colors become at the lightness of a place in shares 0 to 1 of the sides."""
    height, width = gray.shape
    row, column = int(min(y * height, height - 1)), int(min(x * width, width - 1))
    rows, columns = (slice(max(at - AROUND_PX, 0), at + AROUND_PX + 1) for at in (row, column))
    lightness = float(gray2lightness(gray[rows, columns]).mean())
    return [_shown_color(text, lightness) for text in texts[:MOST_SHOWN]]


def _shown_color(text: str, lightness: float) -> ShownColor:
    try:
        wanted = tint(*read_tint(text))
    except ValueError as error:  # as a name is typed, most of its beginnings are none
        return {"color": text, "shown": "", "error": str(error)}
    return {"color": wanted, "shown": ab2hex(color2ab(wanted), lightness), "error": ""}


def jpeg(picture: Bytes) -> bytes:
    """Encode gray (H, W) or rgb (H, W, 3) for the browser."""
    stored = picture if picture.ndim == 2 else picture[..., ::-1]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(stored), [cv2.IMWRITE_JPEG_QUALITY, 92])
    assert done, picture.shape
    return data.tobytes()


def printable_name(name: str) -> str:
    """Return a visitor's file name without folders, short and on one line."""
    last = name.replace("\\", "/").rpartition("/")[2][-LONGEST_NAME:]
    return "".join(letter for letter in last if letter.isprintable()) or "photo"

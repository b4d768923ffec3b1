"""Uploaded photos: stored in the server's own folder, shown at screen size, and written as the command does.

Also analyzes a photo with the network: likely colors, uncertain places, candidates.

Ids are random and reveal no paths; no visitor's name becomes part of a path.
"""

import base64
import secrets
import shutil
from collections import OrderedDict
from collections.abc import Sequence
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
from image.crop import fitted
from model.chosen_network import photo_settings
from photo.batch import PHOTOS, colorize_photos
from photo.candidate_file import written_candidate
from photo.command import marked
from photo.compose import Composition
from photo.inputs import plan
from photo.options import FIRST
from photo.read import read_photo
from prior.lab import ab2hex, color2ab, gray2lightness
from runtime.console import one_line
from web.edits import CANDIDATES, Edits
from web.network import Network
from web.options import Settings

SHOWN_PX = 1600  # long side of the shown picture
MOST_PHOTOS = 500  # beyond this, the oldest are deleted
LONGEST_NAME = 200
OVERLAY_PX = 480  # long side
# Magenta, which is rare in photos, marks uncertain places.
OVERLAY_BGR = (220, 40, 230)
# Percentiles of the uncertainty at which the mark starts and is full.
LOW, HIGH = 40, 99
LEAST_RANGE = 0.1  # least difference in uncertainty between LOW and HIGH
TILE_PX = 480  # long side of a candidate in the gallery
SUGGESTIONS = 5
AROUND_PX = 2  # of a place, whose mean lightness counts
MOST_SHOWN = 64  # colors in one request


class SuggestedPlace(TypedDict):
    """A suggested hint place, in the photo's pixels, with its likely colors, in JSON."""

    x: int
    y: int
    colors: list[str]


class ShownCandidate(TypedDict):
    """A candidate as a small JPEG in base64, and the regions that make it, in JSON; none for the default one."""

    picture: str
    regions: list[Any]


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
        return np.asarray(np.load(self.source.with_name("gray.npy")))

    @property
    def gray(self) -> NDArray[Any]:
        """Return the whole gray picture (H, W) uint8 or uint16, on disk."""
        return np.asarray(np.load(self.source.with_name("full.npy"), mmap_mode="r"))

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

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._photos: OrderedDict[str, UploadedPhoto] = OrderedDict()
        self.references: OrderedDict[str, Path] = OrderedDict()

    def place_for(self, name: str) -> tuple[str, Path]:
        """Make an id and its folder; return the id and the path for the upload."""
        token = secrets.token_urlsafe(16)
        folder = self._folder / token
        folder.mkdir()
        suffix = PurePosixPath(name).suffix.lower()
        return token, folder / f"photo{suffix if suffix in PHOTOS.written else ''}"

    def add(self, token: str, name: str, source: Path) -> UploadedPhoto:
        """Read and add an uploaded photo. Raises ValueError, with the visitor's file name, if it is unreadable."""
        try:
            read = read_photo(source)
        except (OSError, ValueError, MemoryError) as error:
            self.discard(source)
            raise ValueError(one_line(source, error).replace(str(source), name)) from None
        np.save(source.with_name("gray.npy"), shown_gray(read.gray))
        np.save(source.with_name("full.npy"), read.gray)
        height, width = read.gray.shape
        photo = UploadedPhoto(token, name, source, (height, width), read.several.total)
        self._photos[token] = photo
        while len(self._photos) > MOST_PHOTOS:
            self.discard(self._photos.popitem(last=False)[1].source)
        return photo

    def add_reference(self, token: str, source: Path) -> None:
        """Add an uploaded picture as a reference."""
        self.references[token] = source
        while len(self.references) > MOST_PHOTOS:
            self.discard(self.references.popitem(last=False)[1])

    def __getitem__(self, token: str) -> UploadedPhoto:
        return self._photos[token]

    def remove(self, token: str) -> None:
        """Remove a photo and delete its files."""
        self.discard(self._photos.pop(token).source)

    def discard(self, source: Path) -> None:
        """Delete an upload and its folder."""
        shutil.rmtree(source.parent, ignore_errors=True)


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


def likely(gray: Bytes, x: float, y: float, network: Network) -> list[str]:
    """Return the likely colors, likeliest first, at a place in shares 0 to 1 of the sides."""
    height, width = gray.shape
    place = min(x * width, width - 1), min(y * height, height - 1)
    return [one.color for one in network.released.likely_colors(gray, *place)]


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


def suggestions(photo: UploadedPhoto, edits: Edits, network: Network) -> list[SuggestedPlace]:
    """Return the places, in the photo's pixels, where a hint would help most, with their likely colors."""
    gray = photo.shown
    guidance = edits.for_preview(photo.source, photo.size, gray.shape)
    scale = photo.size[0] / gray.shape[0]
    return [
        {"x": int(one.x * scale), "y": int(one.y * scale), "colors": [c.color for c in one.colors]}
        for one in network.colorizer(edits.color).suggest(gray, SUGGESTIONS, guidance)
    ]


def overlay(photo: UploadedPhoto, edits: Edits, network: Network) -> bytes:
    """Draw an overlay of the places where the network is least certain: PNG, transparent elsewhere."""
    gray = photo.shown
    guidance = edits.for_preview(photo.source, photo.size, gray.shape)
    confidence = network.colorizer(edits.color).confidence(gray, guidance)
    small = fitted(confidence, shown_size(gray.shape, OVERLAY_PX)[::-1])
    low, high = np.percentile(1 - small, (LOW, HIGH))
    marked = np.clip((1 - small - low) / max(high - low, LEAST_RANGE), 0, 1)
    bgra = np.empty((*small.shape, 4), np.uint8)
    bgra[..., :3] = OVERLAY_BGR
    bgra[..., 3] = np.rint(marked * 255)
    done, data = cv2.imencode(".png", bgra)
    assert done, bgra.shape
    return data.tobytes()


def candidates(photo: UploadedPhoto, edits: Edits, network: Network) -> list[ShownCandidate]:
    """Compute a photo's candidates, for all hints and strokes, whichever was chosen before."""
    guidance = replace(edits, candidate=None).for_file(photo.source, photo.size)
    gray = read_photo(photo.source).gray
    found = network.colorizer(edits.color).candidate_compositions(gray, CANDIDATES, guidance)
    return [_shown_candidate(one) for one in found]


def _shown_candidate(made: Composition) -> ShownCandidate:
    tile = jpeg(made.small(TILE_PX / max(made.gray.shape)))
    assert made.candidate, "candidates say what makes them"
    regions = written_candidate(made.candidate)["regions"]
    return {"picture": base64.b64encode(tile).decode(), "regions": regions}


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

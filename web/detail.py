"""A part of a photo as large as the screen shows it: its own gray pixels, with the colors that were computed for all of it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes
from image.resize import fitted
from photo.compose import Composition
from web.edits import Edits
from web.network import Network
from web.photos import THUMBNAIL_PX, UploadedPhoto, jpeg

MOST_PX = 3000  # long side of an answer
MOST_KEPT = 24  # colorized photos; a photo's looks are a dozen


@dataclass(frozen=True)
class Part:
    """A part of a photo in its pixels, and the long side at which it is shown."""

    x: int
    y: int
    width: int
    height: int
    px: int

    def of(self, gray: NDArray[Any]) -> Bytes:
        """Return the part of a photo (H, W), reduced to what is shown, in 8 bits. Raises ValueError for one outside."""
        height, width = gray.shape
        inside = 0 <= self.x < self.x + self.width <= width
        if not (inside and 0 <= self.y < self.y + self.height <= height):
            raise ValueError(
                f"invalid part: {self.width} x {self.height} pixels at {self.x},{self.y} of {width} x {height}"
            )
        part = gray[self.y : self.y + self.height, self.x : self.x + self.width]
        scale = min(1.0, self.px / max(part.shape))
        size = (max(round(self.width * scale), 1), max(round(self.height * scale), 1))
        small = (
            fitted(np.ascontiguousarray(part), size) if scale < 1 else np.ascontiguousarray(part)
        )
        return np.asarray(small if small.dtype == np.uint8 else small >> 8, np.uint8)

    def edges(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom as shares of the sides of a photo (H, W)."""
        height, width = shape[:2]
        right, bottom = self.x + self.width, self.y + self.height
        return self.x / width, self.y / height, right / width, bottom / height


def part_from(values: dict[str, Any]) -> Part:
    """Read a part of a photo from a request's values. Raises ValueError."""
    try:
        part = Part(*(int(values[name]) for name in ("x", "y", "width", "height", "px")))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("invalid part: expected x, y, width, height and px, in pixels") from None
    if not 1 <= part.px <= MOST_PX:
        raise ValueError(f"invalid part: expected px from 1 to {MOST_PX}, got {part.px}")
    return part


def gray_part(photo: UploadedPhoto, part: Part) -> bytes:
    """Return a part of a photo in gray: JPEG."""
    return jpeg(part.of(photo.gray))


class Colorized:
    """The photos that were colorized last at screen size, so that their parts need no network; for the queue's thread."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kept: OrderedDict[tuple[str, str], Composition] = OrderedDict()

    def whole(self, photo: UploadedPhoto, edits: Edits) -> bytes:
        """Colorize a photo at screen size: JPEG."""
        made = self._composition(photo, edits)
        photo.keep_thumbnail(made.small(min(THUMBNAIL_PX / max(made.gray.shape), 1)))
        return jpeg(made.whole())

    def part(self, photo: UploadedPhoto, edits: Edits, part: Part) -> bytes:
        """Return a part of a photo in color: JPEG."""
        made = self._composition(photo, edits)
        return jpeg(made.window(part.of(photo.gray), part.edges(photo.size)))

    def _composition(self, photo: UploadedPhoto, edits: Edits) -> Composition:
        key = (photo.id, edits.key)
        if key not in self._kept:
            gray = photo.shown
            guidance = edits.for_preview(photo.source, photo.size, gray.shape)
            self._kept[key] = self._network.colorizer(edits.color).composition(gray, guidance)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

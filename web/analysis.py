"""What the network knows of a photo besides one coloring: likely colors, where it is unsure, other colorings."""

import base64
from typing import Any

import cv2
import numpy as np

from color.arrays import Bytes
from image.crop import fitted
from photo.compose import Composition
from photo.read import read_photo
from web.edits import CANDIDATES, Edits
from web.network import Network
from web.photos import UploadedPhoto, jpeg, shown_size

OVERLAY_PX = 480  # long side
# Of places that the network is unsure of: magenta, which photos hardly have.
OVERLAY_BGR = (220, 40, 230)
# Percentiles of how unsure it is: below the one nothing is marked, above the other all is.
LOW, HIGH = 40, 99
LEAST_RANGE = 0.1  # between the two
TILE_PX = 480  # long side of a candidate in the gallery
SUGGESTIONS = 5


def likely(gray: Bytes, x: float, y: float, network: Network) -> list[str]:
    """Return the colors that are likely at a place, shares 0 to 1 of the sides, the likeliest first."""
    height, width = gray.shape
    place = min(x * width, width - 1), min(y * height, height - 1)
    return [one.color for one in network.released.likely_colors(gray, *place)]


def suggestions(photo: UploadedPhoto, edits: Edits, network: Network) -> list[dict[str, Any]]:
    """Return the places, in the photo's pixels, where a hint would help most, with their likely colors."""
    gray = photo.shown
    guidance = edits.for_preview(photo.source, photo.size, gray.shape)
    scale = photo.size[0] / gray.shape[0]
    return [
        {"x": int(one.x * scale), "y": int(one.y * scale), "colors": [c.color for c in one.colors]}
        for one in network.colorizer(edits.color).suggest(gray, SUGGESTIONS, guidance)
    ]


def overlay(photo: UploadedPhoto, edits: Edits, network: Network) -> bytes:
    """Draw where the network is least sure, to be laid over the photo: PNG, transparent elsewhere."""
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


def candidates(photo: UploadedPhoto, edits: Edits, network: Network) -> list[str]:
    """Colorize a photo in several ways; return small JPEGs as base64."""
    found = _compositions(photo, edits, network)
    tiles = [one.small(TILE_PX / max(one.gray.shape)) for one in found]
    return [base64.b64encode(jpeg(tile)).decode() for tile in tiles]


def candidate_preview(photo: UploadedPhoto, edits: Edits, network: Network) -> bytes:
    """Return the chosen candidate at screen size: JPEG."""
    found = _compositions(photo, edits, network)
    chosen = found[min(edits.candidate, len(found)) - 1]
    return jpeg(chosen.small(max(photo.shown.shape) / max(chosen.gray.shape)))


def _compositions(photo: UploadedPhoto, edits: Edits, network: Network) -> list[Composition]:
    """Colorize the photo itself: of a smaller copy, another candidate might be the second."""
    guidance = edits.for_file(photo.source, photo.size)
    gray = read_photo(photo.source).gray
    return network.colorizer(edits.color).candidate_compositions(gray, CANDIDATES, guidance)

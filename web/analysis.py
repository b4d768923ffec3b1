"""What the network knows of a photo: likely colors, uncertain places, places for hints, candidates."""

import base64
from dataclasses import replace
from typing import Any, TypedDict

import cv2
import numpy as np

from color.arrays import Bytes
from image.resize import fitted
from photo.candidate_file import written_candidate
from photo.compose import Composition
from web.edits import CANDIDATES, Edits
from web.network import Network
from web.photos import UploadedPhoto, jpeg, shown_size

OVERLAY_PX = 480  # long side
# Magenta, which is rare in photos, marks uncertain places.
OVERLAY_BGR = (220, 40, 230)
# Percentiles of the uncertainty at which the mark starts and is full.
LOW, HIGH = 40, 99
LEAST_RANGE = 0.1  # least difference in uncertainty between LOW and HIGH
TILE_PX = 480  # long side of a candidate in the gallery
SUGGESTIONS = 5


class SuggestedPlace(TypedDict):
    """A suggested hint place, in the photo's pixels, with its likely colors, in JSON."""

    x: int
    y: int
    colors: list[str]


class ShownCandidate(TypedDict):
    """A candidate as a small JPEG in base64, and the regions that make it, in JSON; none for the default one."""

    picture: str
    regions: list[Any]


def likely(gray: Bytes, x: float, y: float, network: Network) -> list[str]:
    """Return the likely colors, likeliest first, at a place in shares 0 to 1 of the sides."""
    height, width = gray.shape
    place = min(x * width, width - 1), min(y * height, height - 1)
    return [one.color for one in network.released.likely_colors(gray, *place)]


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
    gray = photo.shown
    unchosen = replace(edits, candidate=None)
    guidance = unchosen.for_preview(photo.source, photo.size, gray.shape)
    found = network.colorizer(edits.color).candidate_compositions(gray, CANDIDATES, guidance)
    return [_shown_candidate(one) for one in found]


def _shown_candidate(made: Composition) -> ShownCandidate:
    tile = jpeg(made.small(TILE_PX / max(made.gray.shape)))
    assert made.candidate, "candidates say what makes them"
    regions = written_candidate(made.candidate)["regions"]
    return {"picture": base64.b64encode(tile).decode(), "regions": regions}

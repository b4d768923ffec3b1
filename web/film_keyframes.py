"""Keyframes of a film on the page: colored copies of its frames, uploaded, registered, and what they reach."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from color.arrays import Mask
from color.guidance import ColoredFrame, Guidance
from color.segment import Keyframe
from film.carried import refusal, registered
from film.guidance import FrameColors, ShotGuidance, frame_colors
from film.guidance_files import frame_in
from film.keyframe_preview import UNREACHED, traced_shot
from photo.guidance import has_color
from web.films import OpenFilm
from web.network import Network

MOST_TRACED = 1200  # frames of a shot around a frame: bounds the time of a request
MOST_REGISTERED = 16  # pictures kept, up to 4 MB each
TINT = 150  # of 255, of places that are not reached


def add_keyframe(opened: OpenFilm, token: str, path: Path, frame: int, network: Network) -> int:
    """Add an uploaded picture of a frame; the frame in its name counts, else the given one. Returns the frame's number.

    Raises ValueError for a picture that cannot be read, has no color, or shows another frame.
    """
    at = frame_in(path.name) or f"{frame}f"
    if not has_color(path):
        raise ValueError(f"{path} has no color: color a copy of the frame")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    keyframe = ColoredFrame(at, path, digest)
    first, last = opened.span
    (colors,) = frame_colors(opened.film, Guidance(keyframes=(keyframe,)), first=first, last=last)
    if _registered(opened, colors, network) is None:
        raise ValueError(refusal(opened.film, colors))
    opened.keyframes[token] = keyframe
    return colors.frame


def registered_in(opened: OpenFilm, shot: ShotGuidance, network: Network) -> Mapping[int, Keyframe]:
    """Return a shot's own keyframes by number, registered."""
    found = {one.frame: _registered(opened, one, network) for one in shot.own_keyframes}
    return {number: one for number, one in found.items() if one is not None}


def _registered(opened: OpenFilm, colors: FrameColors, network: Network) -> Keyframe | None:
    """Register a picture to its frame, once; None if it does not show it."""
    known, deinterlace = opened.registered, opened.deinterlace
    if colors not in known:
        found = registered(opened.film, colors, network.released, deinterlace=deinterlace)
        while len(known) >= MOST_REGISTERED:
            del known[next(iter(known))]
        known[colors] = found
    return known[colors]


def reach_overlay(opened: OpenFilm, frame: int) -> tuple[float, bytes]:
    """Find what the keyframes of a frame's shot reach: their share of it, and a PNG that tints the frame's other places.

    Raises ValueError for a shot without keyframes.
    """
    shot = opened.frame_guidance(frame, opened.edits.guidance)
    keys = [one.frame for one in shot.own_keyframes] if shot else []
    if not shot or not keys:
        raise ValueError("this shot has no keyframe: drop a colored copy of one of its frames")
    part = _part_around(shot, frame)
    inside = [key for key in keys if part[0] <= key < part[1]]
    if not inside:
        raise ValueError(f"no keyframe is within {MOST_TRACED // 4} frames of this one")
    if part not in opened.traced:
        opened.traced = {part: traced_shot(opened.film, part, deinterlace=opened.deinterlace)}
    traced = opened.traced[part]
    reached = traced.reached(inside)
    return float(reached.mean()), _tint(~reached[traced.nearest(frame)])


def _part_around(shot: ShotGuidance, frame: int) -> tuple[int, int]:
    """Return the frames [first, last) to trace: the shot, or a part of a long one, the same for frames nearby."""
    step = MOST_TRACED // 2
    begin = shot.first + max((frame - shot.first - step // 2) // step, 0) * step
    return begin, min(begin + MOST_TRACED, shot.last)


def _tint(places: Mask) -> bytes:
    """Draw a tint over places (h, w): PNG, transparent elsewhere."""
    bgra = np.empty((*places.shape, 4), np.uint8)
    bgra[..., :3] = UNREACHED[::-1]
    bgra[..., 3] = places.astype(np.uint8) * TINT
    done, data = cv2.imencode(".png", bgra)
    assert done, bgra.shape
    return data.tobytes()

"""Frames of a film for the page: gray, in color with the current edits, as files, and the latest finished one."""

import cv2
import numpy as np

from color.arrays import Bytes
from film.chroma import colorized_rgb
from film.keyframe_preview import keyframed_frame
from film.keyframes import FilmKeyframe
from film.preview import frame_colors, frame_gray, frame_grays
from film.segment import png_of
from web.analysis import likely
from web.film_keyframes import registered_in
from web.films import OpenFilm
from web.network import Network
from web.photos import ShownColor, jpeg, shown_colors

SHOWN_SIDE = 720  # px, short side of a shown frame


def gray_picture(opened: OpenFilm, frame: int) -> bytes:
    """Return a frame at screen size: JPEG."""
    return jpeg(_gray(opened, frame, side=SHOWN_SIDE))


def small_picture(opened: OpenFilm, frame: int) -> bytes:
    """Return a frame of a shot's strip, or any other, small: JPEG."""
    shot = opened.shot_at(frame)
    kept = None if shot is None else opened.strips[shot].kept.get(frame)
    return jpeg(_small(opened, frame)) if kept is None else kept


def color_picture(opened: OpenFilm, frame: int, network: Network, *, large: bool) -> bytes:
    """Colorize a frame with the current edits, from its own hints and its shot's keyframes: JPEG."""
    if large:
        return jpeg(_colorized(opened, frame, *_grays(opened, frame, side=SHOWN_SIDE), network))
    kept = cv2.imdecode(np.frombuffer(small_picture(opened, frame), np.uint8), cv2.IMREAD_GRAYSCALE)
    gray = np.asarray(kept, np.uint8)
    return jpeg(_colorized(opened, frame, gray, gray, network))


def frame_file(opened: OpenFilm, frame: int, network: Network | None = None) -> tuple[str, bytes]:
    """Return a frame at full size, gray, or with a network in color: the name that `-keyframes` gives it, and PNG."""
    gray, small = _grays(opened, frame, side=None)
    shot = opened.shot_at(frame)
    named = FilmKeyframe(0 if shot is None else shot + 1, frame, 0.0, 0.0)
    if network is None:
        return named.gray, png_of(gray)
    return named.color, png_of(_colorized(opened, frame, gray, small, network))


def _colorized(opened: OpenFilm, frame: int, gray: Bytes, small: Bytes, network: Network) -> Bytes:
    """Colorize a frame with the current edits: gray (H, W), and the same at working size, to rgb (H, W, 3)."""
    edits, film = opened.edits, opened.film
    shot = opened.frame_guidance(frame, edits.guidance)
    if shot and shot.colorize is False:
        return np.repeat(gray[..., None], 3, axis=-1)
    colorizer = network.colorizer(edits.color)
    if shot and (known := registered_in(opened, shot, network)):
        deinterlace = opened.deinterlace
        return keyframed_frame(film, frame, gray, shot, known, colorizer, deinterlace=deinterlace)
    ab = frame_colors(colorizer, small, frame, shot)
    return colorized_rgb(gray, ab, working_size=film.working_size)


def _gray(opened: OpenFilm, frame: int, *, side: int) -> Bytes:
    return frame_gray(opened.film, frame, short_side=side, deinterlace=opened.deinterlace)


def _small(opened: OpenFilm, frame: int) -> Bytes:
    return _gray(opened, frame, side=opened.film.working_side)


def _grays(opened: OpenFilm, frame: int, *, side: int | None) -> tuple[Bytes, Bytes]:
    return frame_grays(opened.film, frame, short_side=side, deinterlace=opened.deinterlace)


def frame_likely(opened: OpenFilm, frame: int, x: float, y: float, network: Network) -> list[str]:
    """Return the likely colors at a place of a frame, in shares 0 to 1 of its sides."""
    return likely(_small(opened, frame), x, y, network)


def frame_shown(
    opened: OpenFilm, frame: int, x: float, y: float, colors: list[str]
) -> list[ShownColor]:
    """Return what colors become at a place of a frame, in shares 0 to 1 of its sides."""
    return shown_colors(_small(opened, frame), x, y, colors)

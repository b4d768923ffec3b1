"""Frames as pictures: gray at the colorizer's size, and PNG files of them."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from color.arrays import Bytes, Floats
from film import FilmError
from film.chroma import luma_range
from film.decode import Plane, decode
from film.ffmpeg import open_film
from film.info import Film, Video
from image.crop import fitted
from prior.lab import rgb2lab


def working_gray(film: Film, luma: Plane) -> Bytes:
    """Turn a luma plane into the gray picture a colorizer gets: film.working_size, upright, 0..255."""
    height, width = film.working_size
    size = (height, width) if film.video.orientation[0] else (width, height)
    gray = fitted(np.ascontiguousarray(luma), size)
    return _upright(_expanded(gray, film.video), film.video.orientation)


def _upright(picture: Bytes, orientation: tuple[bool, bool, bool]) -> Bytes:
    """Turn a picture (H, W) or (H, W, 3), as it is coded, as players show it."""
    transpose, flip_x, flip_y = orientation
    turned = picture.swapaxes(0, 1) if transpose else picture
    return np.ascontiguousarray(turned[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _expanded(gray: Plane, video: Video) -> Bytes:
    """Expand luma codes to 0..255: limited range is 16..235 at 8 bits (ITU-R BT.601, BT.709)."""
    low, span = luma_range(video.depth, full=video.full_range)
    # Clipped at black before scaling: convertScaleAbs would mirror what is blacker than black to gray.
    scaled = cv2.convertScaleAbs(np.maximum(gray.astype(np.float32) - low, 0), alpha=255.0 / span)
    return np.asarray(scaled, np.uint8)


def decode_gray(
    film: Film, first: int = 0, last: int | None = None, *, deinterlace: bool = False
) -> Iterator[Bytes]:
    """Yield the gray working pictures of frames [first, last)."""
    for frame in decode(film, first, last, deinterlace=deinterlace):
        yield working_gray(film, frame.luma)


def first_picture(path: Path, orientation: tuple[bool, bool, bool]) -> Bytes:
    """Decode the first frame of a finished segment: rgb (H, W, 3), turned upright. Raises FilmError."""
    with open_film(path) as container:
        try:
            rgb = np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)
        except (av.FFmpegError, StopIteration) as error:
            raise FilmError(f"{path} shows nothing") from error
    return _upright(rgb, orientation)


def png_of(picture: Bytes, *, level: int = 1) -> bytes:
    """Encode gray (H, W) or rgb (H, W, 3) as PNG; level 0 only stores, which takes a third of the time."""
    stored = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])
    done, data = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, level])
    assert done, picture.shape
    return data.tobytes()


def read_png(path: Path) -> Bytes:
    """Read a PNG as gray (H, W) or rgb (H, W, 3), as it was written."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if picture is None:
        raise FilmError(f"{path} is not a PNG that can be read: delete it and run again")
    return np.asarray(picture if picture.ndim == 2 else picture[..., ::-1], np.uint8)


def painted_ab(folder: Path, numbers: range, *, size: tuple[int, int]) -> Floats:
    """Read the ab (n, h, w, 2) of the pictures that a person may have painted, 0 where there is none."""
    ab = np.zeros((len(numbers), *size, 2), np.float32)
    for colors, number in zip(ab, numbers, strict=True):
        path = folder / png_name(number)
        if path.exists():
            rgb = np.atleast_3d(read_png(path)).astype(np.float32) / 255
            rgb = np.ascontiguousarray(np.broadcast_to(rgb, (*rgb.shape[:2], 3)))
            small = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_AREA)
            colors[:] = rgb2lab(small)[..., 1:]
    return ab


def png_name(number: int) -> str:
    """Return what the file of a frame is called, by its number in the film."""
    return f"{number:07d}.png"

"""Frames of a film: decoded by number, exactly; gray at working size, native planes; PNG in and out."""

import logging
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import av.filter
import av.video.frame
import av.video.plane
import cv2
import numpy as np
from numpy.typing import NDArray

from film.facts import Film, Video
from film.source import FilmError, film_stream, marked_frames, open_film

log = logging.getLogger(__name__)

Plane = NDArray[Any]  # uint8, or uint16 above 8 bits
Numbered = tuple[int, av.video.frame.VideoFrame, bool]
FIRST_FIELD = {"tt": "tff", "bb": "bff"}
PREROLL = 4  # frames earlier to look for a keyframe when a seek landed too late


@dataclass(frozen=True)
class NativeFrame:
    """One decoded frame as the source has it: its own samples, in the coded orientation.

    number : frame number in presentation order, from 0
    luma : (H, W) uint8, or uint16 above 8 bits
    chroma : the source's two chroma planes (h, w), or None for gray films
    held : the source's own frame cannot be decoded; this is its neighbor
    """

    number: int
    luma: Plane
    chroma: tuple[Plane, Plane] | None
    held: bool = False


def decode(
    film: Film,
    first: int = 0,
    last: int | None = None,
    *,
    deinterlace: bool = False,
    threads: int = 1,
) -> Generator[NativeFrame, None, None]:
    """Yield frames [first, last) in presentation order, each exactly once; last None is the end.

    A frame that cannot be decoded (a damaged or truncated file) is its neighbor, marked `held`, so that
    the film keeps its length and its sound stays in step. A frame of another size than the first is scaled to it. `threads` is the decoder's, 0 is one per core.
    """
    last = film.frames if last is None else min(last, film.frames)
    if first >= last:
        return
    # Deinterlacing looks at the frame before and the one after.
    begin, end = (max(0, first - 1), min(film.frames, last + 1)) if deinterlace else (first, last)
    numbered = _without_holes(_numbered(film, begin, end, threads), begin, end, path=film.path)
    if deinterlace:
        numbered = _deinterlaced(numbered, film.video)
    for number, frame, held in numbered:
        if first <= number < last:
            luma, *chroma = planes(frame, film.video)
            yield NativeFrame(number, luma, (chroma[0], chroma[1]) if chroma else None, held)


def _numbered(film: Film, first: int, last: int, threads: int) -> Iterator[Numbered]:
    """Yield (number, frame, False) for what can be decoded of [first, last), and one frame before."""
    for back in (first, *range(first - PREROLL, max(0, first - 5 * PREROLL), -PREROLL), 0):
        frames = _usable(film, back, first, threads)
        before = None
        for number, frame in frames:
            if number >= first:
                break
            before = (number, frame, False)
        else:
            continue  # nothing so late: perhaps nothing was decoded at all
        if number > first and before is None and back > 0:
            continue  # the seek landed too late
        if before is not None:
            yield before
        yield number, frame, False
        for number, frame in frames:
            if number >= last:
                return
            yield number, frame, False
            if number == last - 1:
                return
        return
    if before is not None:
        yield before


def _usable(
    film: Film, back: int, first: int, threads: int
) -> Iterator[tuple[int, av.video.frame.VideoFrame]]:
    """Decode on from the keyframe at or before frame `back`, with numbers; little of what is before `first`.

    After a seek, pictures shown before the first keyframe lean on pictures that were not decoded.
    """
    numbers: dict[int | None, int] = {mark: number for number, mark in enumerate(film.marks)}
    trusted = film.marks == film.pts
    waiting = back > 0 and bool(film.marks)
    for count, frame in enumerate(_from(film, back, first, threads)):
        waiting = waiting and not frame.key_frame
        if waiting:
            continue
        mark: Any = frame.pts if trusted else frame.opaque
        number = numbers.get(mark, -1) if film.marks else count
        if number >= 0:
            yield number, _sized(frame, film)


def _sized(frame: av.video.frame.VideoFrame, film: Film) -> av.video.frame.VideoFrame:
    """Scale a frame to the film's size, which is that of its first frame: a stream may change it on the way."""
    size = (film.video.width, film.video.height)
    if (frame.width, frame.height) == size:
        return frame
    _warn_scaled(film.path, (frame.width, frame.height), size)
    return frame.reformat(width=size[0], height=size[1], interpolation="BICUBIC")


@lru_cache  # once for each size: a film is decoded several times
def _warn_scaled(path: Path, coded: tuple[int, int], size: tuple[int, int]) -> None:
    before, after = (f"{width}x{height}" for width, height in (coded, size))
    log.warning("%s: frames of %s among those of %s are scaled to them", path.name, before, after)


def _from(film: Film, number: int, first: int, threads: int) -> Iterator[av.video.frame.VideoFrame]:
    """Decode on from the keyframe at or before a frame, where the film allows to seek.

    Before `first`, frames that no other leans on are passed over; but for the nearest, which stand in for damage.
    """
    with open_film(film.path) as container:
        stream = film_stream(container)
        assert stream is not None
        stream.codec_context.thread_count = threads
        if number > 0 and film.marks:
            try:
                container.seek(film.marks[number], stream=stream)
            except av.FFmpegError:
                log.debug("no seeking in %s: decoding from its start", film.path)
                container.seek(0)
        needed = film.marks[first - PREROLL] if first > PREROLL and film.marks == film.pts else None
        yield from marked_frames(container, stream, needed=needed)


def _without_holes(
    frames: Iterable[Numbered], first: int, last: int, *, path: Path
) -> Iterator[Numbered]:
    """Give every number of [first, last) a frame: its own, else the one before, else the one after."""
    before = None
    due = first
    held = 0
    for number, frame, _ in frames:
        if number >= first:
            for hole in range(due, min(number, last)):
                yield hole, before or frame, True
                held += 1
            if due <= number < last:
                yield number, frame, False
            due = max(due, number + 1)
        before = frame
    if due < last and before is None:
        raise FilmError(f"{path}: no frame from {first} to {last} can be decoded")
    for hole in range(due, last):
        assert before is not None
        yield hole, before, True
        held += 1
    if held:
        log.warning("%s: %d frames near %d are damaged; held still", path.name, held, first)


def _deinterlaced(frames: Iterable[Numbered], video: Video) -> Iterator[Numbered]:
    """Weave no more: one progressive frame for each; the first and the last lack a neighbor."""
    graph: av.filter.Graph | None = None
    waiting: list[Numbered] = []
    for number, frame, held in frames:
        if graph is None:
            graph = _deinterlacer(frame, video)
        frame.pts, frame.time_base = number, Fraction(1, 1000)
        waiting.append((number, frame, held))
        graph.push(frame)
        yield from _pulled(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph, waiting)


def _deinterlacer(frame: av.video.frame.VideoFrame, video: Video) -> av.filter.Graph:
    """Build FFmpeg's bwdif, which keeps one frame for each frame."""
    first_field = FIRST_FIELD.get(video.field_order, "auto")
    if frame.interlaced_frame:
        first_field = "auto"  # each frame says it itself
    which = "all" if video.interlaced else "interlaced"
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=Fraction(1, 1000),
    )
    weave = graph.add("bwdif", f"mode=send_frame:parity={first_field}:deint={which}")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph, waiting: list[Numbered]) -> Iterator[Numbered]:
    """Take what is ready: frames leave in the order they came."""
    while waiting:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.video.frame.VideoFrame)
        number, _, held = waiting.pop(0)
        yield number, frame, held


@lru_cache(maxsize=16)
def planar_format(depth: int, chroma: tuple[int, int]) -> str:
    """Name FFmpeg's planar pixel format of a depth and chroma size, little-endian."""
    layout = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (1, 2): "440", (4, 1): "411"}
    layout |= {(4, 4): "410"}
    stem = f"yuv{layout[chroma]}p" if chroma != (0, 0) else "gray"
    return stem if depth == 8 else f"{stem}{depth}le"


def planes(frame: av.video.frame.VideoFrame, video: Video) -> list[Plane]:
    """Return a frame's luma and chroma planes, its own samples; RGB becomes BT.709 limited first."""
    wanted = planar_format(video.depth, video.chroma)
    name = frame.format.name.replace("yuvj", "yuv").replace("yuva", "yuv")
    if not video.has_luma:
        frame = frame.reformat(format=wanted, dst_colorspace="ITU709", dst_color_range="MPEG")
    elif name != wanted:
        frame = frame.reformat(format=wanted)
    return [_plane(plane, video.depth) for plane in frame.planes[: 1 if wanted[0] == "g" else 3]]


def _plane(plane: av.video.plane.VideoPlane, depth: int) -> Plane:
    kind = np.dtype(np.uint8 if depth == 8 else "<u2")
    # PyAV leaves out the last row and column of an odd picture's chroma: the renderer repeats an edge.
    samples: Plane = np.frombuffer(memoryview(plane), kind)
    return samples.reshape(plane.height, -1)[:, : plane.width]


def fitted(plane: Plane, size: tuple[int, int]) -> Plane:
    """Resize a plane to (width, height), antialiased; by halves first, which OpenCV does many times faster."""
    width, height = size
    while plane.shape[1] >= 2 * width and plane.shape[0] >= 2 * height:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA))
    smaller = width <= plane.shape[1] and height <= plane.shape[0]
    mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, size, interpolation=mode))


def working_gray(film: Film, luma: Plane) -> NDArray[np.uint8]:
    """Turn a luma plane into the gray picture the painter sees: film.working_size, upright, 0..255."""
    transpose, flip_x, flip_y = film.video.orientation
    height, width = film.working_size
    size = (height, width) if transpose else (width, height)
    gray = fitted(np.ascontiguousarray(luma), size)
    gray = _expanded(gray, film.video)
    gray = gray.T if transpose else gray
    return np.ascontiguousarray(gray[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _expanded(gray: Plane, video: Video) -> NDArray[np.uint8]:
    """Expand luma codes to 0..255: limited range is 16..235 at 8 bits (ITU-R BT.601, BT.709)."""
    unit = 1 << (video.depth - 8)
    low, span = (0.0, (1 << video.depth) - 1.0) if video.full_range else (16.0 * unit, 219.0 * unit)
    scaled = cv2.convertScaleAbs(np.maximum(gray.astype(np.float32) - low, 0), alpha=255.0 / span)
    return np.asarray(scaled, np.uint8)


def decode_gray(
    film: Film,
    first: int = 0,
    last: int | None = None,
    *,
    deinterlace: bool = False,
    threads: int = 1,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the gray working pictures of frames [first, last)."""
    for frame in decode(film, first, last, deinterlace=deinterlace, threads=threads):
        yield working_gray(film, frame.luma)


def write_png(path: Path, picture: NDArray[np.uint8], *, level: int = 1) -> None:
    """Write gray (H, W) or rgb (H, W, 3) under a temporary name, then rename; level 0 only stores."""
    stored = picture if picture.ndim == 2 else np.ascontiguousarray(picture[..., ::-1])
    done, data = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, level])
    assert done, picture.shape
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data.tobytes())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_png(path: Path) -> NDArray[np.uint8]:
    """Read a PNG as gray (H, W) or rgb (H, W, 3), as it was written."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if picture is None:
        raise FilmError(f"{path} is not a PNG that can be read: delete it and run again")
    return np.asarray(picture if picture.ndim == 2 else picture[..., ::-1], np.uint8)

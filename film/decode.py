"""Decodes a film's frames by exact number, from any position; deinterlaces them on request."""

import logging
from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import av
import av.container
import av.video.frame
import av.video.plane
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

from film import FilmError
from film.deinterlace import Numbered, deinterlaced
from film.ffmpeg import open_film
from film.info import Film, Video
from film.pictures import luma_and_chroma, numbered_pictures
from film.spool import spooled
from film.threaded import DamageError, can_be_threaded, threaded_frames
from runtime.console import counted
from runtime.workers import own_cores

log = logging.getLogger(__name__)

Plane = NDArray[Any]  # uint8, or uint16 above 8 bits
SLICED = ("ffv1", "prores", "dnxhd")  # decoders whose threads share a frame's slices
MANY = 64  # frames that are worth starting threads
PREROLL = 4  # frames to move the seek target back by when a seek landed too late


@dataclass(frozen=True)
class NativeFrame:
    """One decoded frame: the source's own samples, in the coded orientation.

    number : frame number in presentation order, from 0
    luma : (H, W) uint8, or uint16 above 8 bits
    chroma : the source's two chroma planes (h, w), or None for gray films
    alpha : the source's transparency (H, W) at the film's depth, full range; None if it has none
    repeated : this frame cannot be decoded and is replaced by its neighbor
    """

    number: int
    luma: Plane
    chroma: tuple[Plane, Plane] | None
    repeated: bool = False
    alpha: Plane | None = None


def decode(
    film: Film, first: int = 0, last: int | None = None, *, deinterlace: bool = False
) -> Generator[NativeFrame, None, None]:
    """Yield frames [first, last) in presentation order, each exactly once; last None means the film's end.

    A frame that cannot be decoded (damaged or truncated file) is replaced by its neighbor, marked `repeated`, so
    that the film keeps its length and stays in sync with its sound. All frames are scaled to the first one's size.
    """
    last = film.frames if last is None else min(last, film.frames)
    if first >= last:
        return
    if film.spool is not None:
        yield from _spooled_frames(film, film.spool, first, last)
        return
    # Deinterlacing uses the previous and the next frame.
    begin, end = (max(0, first - 1), min(film.frames, last + 1)) if deinterlace else (first, last)
    numbered = _without_holes(_numbered(film, begin, end), begin, end, path=film.path)
    if deinterlace:
        numbered = deinterlaced(numbered, film.video)
    for number, frame, repeated in numbered:
        if first <= number < last:
            luma, *others = planes(frame, film.video)
            chroma = (others[0], others[1]) if others else None
            yield NativeFrame(number, luma, chroma, repeated, alpha_plane(frame, film.video))


def _spooled_frames(film: Film, folder: Path, first: int, last: int) -> Iterator[NativeFrame]:
    video = film.video
    colored = video.chroma != (0, 0)
    count = 1 + 2 * colored + video.has_alpha
    for number, samples in spooled(folder, first, last, count=count):
        chroma = (samples[1], samples[2]) if colored else None
        alpha = samples[-1] if video.has_alpha else None
        yield NativeFrame(number, samples[0], chroma, alpha=alpha)


def _numbered(film: Film, first: int, last: int) -> Iterator[Numbered]:
    """Yield (number, frame, False) for the decodable frames of [first, last) and one frame before them."""
    if film.pictures:
        for number, frame in numbered_pictures(film, first, last):
            yield number, sized(frame, film), False
        return
    done = -1
    if first == 0 and last >= MANY and can_be_threaded(film):
        with suppress(DamageError):
            for frame in threaded_frames(film):
                if (place := _number_at(film.pts, frame.pts)) is not None and place < last:
                    yield (done := place), sized(frame, film), False
                if done == last - 1:
                    return
            return
    yield from (one for one in _reached(film, first, last) if one[0] > done)


def _reached(film: Film, first: int, last: int) -> Iterator[Numbered]:
    """Yield what `_numbered` does, in one thread, after a seek to the first frame."""
    # By the container's index, a seek lands on a keyframe at or before the requested time. With B-frames the index is
    # in decode order, so the seek can land too late: retry from earlier frames, and finally from the start, which is
    # slow but always right.
    for back in (first, *range(first - PREROLL, max(0, first - 5 * PREROLL), -PREROLL), 0):
        frames = _usable(film, back, first)
        before = None
        for number, frame in frames:
            if number >= first:
                break
            before = (number, frame, False)
        else:
            continue  # no frame this late, perhaps none decoded at all
        if number > first and before is None and back > 0:
            continue  # the seek landed too late
        if before is not None:
            yield before
        yield number, frame, False
        for number, frame in frames:
            if number >= last:
                return
            yield number, frame, False
            if number == last - 1:  # avoids decoding one frame more than needed
                return
        return
    if before is not None:
        yield before


def _usable(film: Film, back: int, first: int) -> Iterator[tuple[int, av.video.frame.VideoFrame]]:
    """Decode numbered frames from the keyframe at or before frame `back`, skipping most of those before `first`.

    After a seek, frames shown before the first keyframe refer to frames that were not decoded (an open GOP); a
    decoder still outputs them, corrupted.
    """
    trusted = film.keys == film.pts
    number_of = partial(_number_at, film.pts) if trusted else _numbers(film.keys).get
    waiting = back > 0 and bool(film.keys)
    for count, frame in enumerate(_from(film, back, first)):
        waiting = waiting and not frame.key_frame
        if waiting:
            continue
        key: Any = frame.pts if trusted else packet_time(frame)
        # Frames hidden by an edit list are still decoded; they have no number.
        number = number_of(key) if film.keys else count
        if number is not None:
            yield number, sized(frame, film)


def _number_at(times: Sequence[int], time: int | None) -> int | None:
    """Return the number of the frame shown at a time, given ascending times; None if no frame is."""
    if time is None:
        return None
    number = bisect_left(times, time)
    return number if number < len(times) and times[number] == time else None


@lru_cache(maxsize=1)
def _numbers(keys: tuple[int, ...]) -> dict[int, int]:
    """Map a film's frame keys to frame numbers, computed once for all of its segments."""
    return {key: number for number, key in enumerate(keys)}


def sized(frame: av.video.frame.VideoFrame, film: Film) -> av.video.frame.VideoFrame:
    """Scale a frame to the film's size, that of the first frame: the size may change within a stream."""
    size = (film.video.width, film.video.height)
    if (frame.width, frame.height) == size:
        return frame
    _warn_scaled(film.path, (frame.width, frame.height), size)
    return frame.reformat(width=size[0], height=size[1], interpolation="BICUBIC")


@lru_cache  # warns once per size: a film is decoded several times
def _warn_scaled(path: Path, coded: tuple[int, int], size: tuple[int, int]) -> None:
    before, after = (f"{width}x{height}" for width, height in (coded, size))
    log.warning("%s: frames of %s are scaled to the film's %s", path.name, before, after)


def _from(film: Film, number: int, first: int) -> Iterator[av.video.frame.VideoFrame]:
    """Decode from the keyframe at or before a frame, or from the start if the film is not seekable.

    Before `first`, non-reference frames are skipped except the nearest ones, which can replace damaged frames.
    """
    with open_film(film.path) as container:
        stream = container.streams[film.video.index]
        assert isinstance(stream, av.VideoStream)
        # In a pool, every core already has a process. Other decoders conceal damage differently with threads.
        sliced = stream.codec_context.name in SLICED
        stream.codec_context.thread_count = own_cores() if sliced else 1
        if number > 0 and film.keys:
            try:
                container.seek(film.keys[number], stream=stream)
            except av.FFmpegError:  # raw streams have no index
                log.debug("%s is not seekable: decoding from its start", film.path)
                container.seek(0)
        needed = film.keys[first - PREROLL] if first > PREROLL and film.keys == film.pts else None
        yield from decoded_frames(container, stream, needed=needed)


def _without_holes(
    frames: Iterable[Numbered], first: int, last: int, *, path: Path
) -> Iterator[Numbered]:
    """Yield a frame for every number in [first, last): its own, else the previous, else the next one."""
    before = None
    due = first
    holes: list[int] = []
    for number, frame, _ in frames:
        if number >= first:
            for hole in range(due, min(number, last)):
                yield hole, before or frame, True
                holes.append(hole)
            if due <= number < last:
                yield number, frame, False
            due = max(due, number + 1)
        before = frame
    if due < last and before is None:
        raise FilmError(f"{path}: no frame from {first} to {last} can be decoded")
    for hole in range(due, last):
        assert before is not None
        yield hole, before, True
        holes.append(hole)
    if holes:
        log.warning(
            "%s: damaged near frame %d: %s, replaced by the neighboring ones",
            path.name, holes[0], counted(len(holes), "frame"),
        )  # fmt: skip


@lru_cache(maxsize=16)
def planar_format(depth: int, chroma: tuple[int, int]) -> str:
    """Return FFmpeg's name of the little-endian planar pixel format with a depth and chroma size."""
    layout = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (1, 2): "440", (4, 1): "411"}
    layout |= {(4, 4): "410"}
    stem = f"yuv{layout[chroma]}p" if chroma != (0, 0) else "gray"
    return stem if depth == 8 else f"{stem}{depth}le"


def planes(frame: av.video.frame.VideoFrame, video: Video) -> list[Plane]:
    """Return a frame's luma and chroma planes, unchanged; RGB is first converted to BT.709.

    Its luma has the limited range in films, as their other codecs do, and the full range in image sequences.
    """
    if not video.has_luma and video.full_range:
        return [*luma_and_chroma(frame, video.depth)]
    wanted = planar_format(video.depth, video.chroma)
    name = frame.format.name.replace("yuvj", "yuv").replace("yuva", "yuv")
    if not video.has_luma:
        frame = frame.reformat(format=wanted, dst_colorspace="ITU709", dst_color_range="MPEG")
    elif name != wanted:
        frame = frame.reformat(format=wanted)
    return [_plane(plane, video.depth) for plane in frame.planes[: 1 if wanted[0] == "g" else 3]]


def alpha_plane(frame: av.video.frame.VideoFrame, video: Video) -> Plane | None:
    """Return a frame's transparency (H, W), None if the film has none."""
    if not video.has_alpha:
        return None
    if not frame.format.name.startswith("yuva"):
        suffix = "" if video.depth == 8 else f"{video.depth}le"
        frame = frame.reformat(format=f"yuva444p{suffix}")
    return _plane(frame.planes[3], video.depth)


def _plane(plane: av.video.plane.VideoPlane, depth: int) -> Plane:
    kind = np.dtype(np.uint8 if depth == 8 else "<u2")
    # PyAV omits the last chroma row and column of an odd-sized picture; the renderer repeats the edge.
    samples: Plane = np.frombuffer(memoryview(plane), kind)
    rows = samples.reshape(plane.height, -1)[:, : plane.width]
    # A negative line size: the memory has the last row first.
    return np.ascontiguousarray(rows[::-1]) if plane.line_size < 0 else rows


def decoded_frames(
    container: av.container.InputContainer, stream: av.VideoStream, *, needed: int | None = None
) -> Iterator[av.video.frame.VideoFrame]:
    """Decode from the container's position; each frame carries its packet's dts: see packet_time.

    Non-reference frames shown before the time `needed` are not decoded. Packets that cannot be decoded are skipped,
    as players do.
    """
    # With reordering, a frame does not identify its packet; FFmpeg copies `opaque` from packet to frame.
    stream.codec_context.flags |= Flags.copy_opaque
    sliced = stream.codec_context.name in SLICED
    stream.codec_context.thread_type = "SLICE" if sliced else "AUTO"
    packets = container.demux(stream)
    ended = early = False
    while not ended:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None  # a read error is treated as the end
        ended = packet is None or (packet.size == 0 and packet.dts is None)
        if packet is not None:
            # A new object each time: PyAV finds it by its address, which equal small numbers share.
            packet.opaque = [packet.dts]
            if packet.pts is not None:  # else the second field of the same frame
                early = needed is not None and packet.pts < needed
            stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
        try:
            yield from stream.decode(None if ended else packet)
        except av.EOFError:
            return
        except av.FFmpegError:
            continue


def packet_time(frame: av.video.frame.VideoFrame) -> Any:
    """Return the dts of the packet of a frame from `decoded_frames`, None if it has none."""
    carried: Any = frame.opaque
    return carried and carried[0]

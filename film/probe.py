"""Reads film info without changing the film: streams, geometry, color tags and frame times."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import av.container
import av.video.frame

from film import FilmError
from film.decode import decoded_frames, packet_time
from film.ffmpeg import film_stream, first_times, open_film
from film.frame_info import stream_info, video_info
from film.info import Chapter, Film, Video
from film.options import FilmOptions
from film.pictures import probe_pictures
from film.sequence import READ, sequence_of
from photo.suffixes import is_picture, not_a_film

USUAL = FilmOptions()
LOOK_AHEAD = 24  # frames decoded to check whether the container's timestamps are reliable
NEARER = 0.75  # of the time between two frames: a second field follows after half of it
# 00:01:02.003000000
DURATION_TAG = re.compile(r"([0-9]{1,4}):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,9})?)")
TEXT_DEMUXERS = {"tty", "bin", "xbin", "idf", "adf"}  # FFmpeg renders text files as video


def probe(path: Path, options: FilmOptions = USUAL) -> Film:
    """Read a film's info in one pass over its packets, decoding only the first frames if timestamps are reliable.

    options : for image sequences, which have neither times nor sound
    Raises FilmError for files that are not films: no video, only sound, a picture, an empty file, a missing
    decoder.
    """
    if sequence := sequence_of(path):
        return probe_pictures(path, sequence, options)
    with open_film(path) as container:
        stream = _checked_stream(path, container)
        begin = first_frames(path, container, stream)
        video = video_info(stream, begin.frame)
        if begin.step:  # some containers state the rate of the fields
            video = replace(video, rate=min(video.rate, 1 / (begin.step * video.time_base)))
        ours = [other for other in container.streams if _is_ours(other, stream)]
        chapters = tuple(_chapter(c) for c in container.chapters())
        name, metadata = container.format.name, dict(container.metadata)
        promised = _promised_end(container, stream)
        starts = first_times(path, [other.index for other in ours if other.type == "audio"])
        streams = tuple(stream_info(s, starts.get(s.index, Fraction(0))) for s in ours)
    pts, keys, last = _timing(path, video, begin)
    missing = float(promised - (pts[-1] + last) * video.time_base) if promised else 0.0
    return Film(
        path=path,
        container=name,
        video=video,
        streams=streams,
        chapters=chapters,
        metadata=metadata,
        pts=pts,
        keys=keys,
        last_duration=last,
        missing_s=missing if missing > max(0.5, float(2 / video.rate)) else 0.0,
        size_bytes=path.stat().st_size,
    )


def _checked_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    name, brand = container.format.name, container.metadata.get("major_brand", "")
    if name == "image2" or name.endswith("_pipe") or is_picture(brand):
        numbered = ", or for numbered pictures use a name like scan_%06d.tif"
        hint = numbered if path.suffix.lower() in READ else ""
        raise FilmError(f"{not_a_film(path, read_as=brand or name)}{hint}")
    stream = film_stream(container)
    if stream is None or name in TEXT_DEMUXERS:
        has = "only sound" if container.streams.audio else "no picture"
        raise FilmError(f"{path} is not a film: it has {has} (container {name})")
    if stream.codec_context is None:
        raise FilmError(
            f"{path}: FFmpeg has no decoder for its video (stream {stream.index}); convert it first"
        )
    return stream


def _is_ours(stream: Any, film: av.VideoStream) -> bool:
    """Return whether to copy a stream: neither the film's video nor a track that the muxer regenerates."""
    if stream.index == film.index:
        return False
    if stream.type != "data":
        return True
    # QuickTime stores chapter names and the start timecode as tracks; the muxer regenerates both.
    chapters = stream.name == "bin_data" and stream.container.chapters()
    return not chapters and "timecode" not in stream.metadata


def _chapter(chapter: Any) -> Chapter:
    base = chapter["time_base"] or Fraction(1, 1000)
    title = chapter["metadata"].get("title", "")
    return Chapter(float(chapter["start"] * base), float(chapter["end"] * base), title)


def _promised_end(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Fraction | None:
    """Return the film's end according to its own header, in seconds; None if the header has no duration."""
    base = stream.time_base or Fraction(1, 1000)
    # MPEG-TS has no header: FFmpeg estimates its duration from the file's end, which may be missing.
    if stream.duration is not None and container.format.name != "mpegts":
        # Without its index, an AVI's duration is that of the frames found; its header still counts all.
        counted = stream.frames if container.format.name == "avi" else 0
        return (max(stream.duration, counted) + (stream.start_time or 0)) * base
    # One of Matroska's statistics tags; other containers may have copied it from a longer film.
    written = DURATION_TAG.fullmatch(stream.metadata.get("DURATION", ""))
    if written and "matroska" in container.format.name:
        hours, minutes, seconds = written.groups()
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    return None


@dataclass(frozen=True)
class FirstFrames:
    """What the first frames tell.

    trusted : all of them have ascending timestamps
    step : shortest time between two of them if any is interlaced, in units of the stream's clock; else 0
    """

    frame: av.video.frame.VideoFrame
    trusted: bool
    step: int


def first_frames(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> FirstFrames:
    """Decode the first frames and read their timestamps."""
    frames = list(islice(decoded_frames(container, stream), LOOK_AHEAD))
    if not frames:
        raise FilmError(f"{path}: no frame of its video can be decoded")
    times = [frame.pts for frame in frames]
    known = [time for time in times if time is not None]
    steps = [b - a for a, b in pairwise(known)]
    ascending = all(step > 0 for step in steps)
    interlaced = any(frame.interlaced_frame for frame in frames)
    step = min(steps, default=0) if ascending and interlaced else 0
    return FirstFrames(frames[0], ascending and len(known) == len(times), step)


def _timing(
    path: Path, video: Video, begin: FirstFrames
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return (pts, keys, duration of the last frame); see Film."""
    first, trusted = begin.frame.pts, begin.trusted
    with _opened(path, video) as (container, stream):
        packets = [(p.pts, p.dts, p.duration) for p in _packets(container, stream)]
    step = max(1, round(1 / (video.rate * (stream.time_base or Fraction(1)))))
    times = sorted(pts for pts, _, _ in packets if pts is not None)
    if trusted and begin.step and _may_be_fields(times, len(packets), begin.step):
        shown = _decoded_frames_of(path, video, times)
        if len(shown) < len(packets):
            return shown, shown, begin.step
    # Three cases: every packet has a presentation time that decoding preserves (all intact files); the times exist, but
    # the decoder returns others or none (H.264 in AVI), so frames are identified by their packets' decode times;
    # neither (raw streams), so frames can only be counted from the start.
    decode_times = {dts for _, dts, _ in packets if dts is not None}
    if trusted and len(times) == len(set(times)) == len(packets):
        # Frames before the first decodable one (a film cut from a stream) are not shown.
        shown = tuple(time for time in times if first is None or time >= first)
        durations = {pts: duration for pts, _, duration in packets}
        return shown, shown, durations[shown[-1]] or _last_step(shown, step)
    if len(times) == len(set(times)) == len(decode_times) == len(packets):
        keys = _decoded_keys(path, video)
        pts = tuple(times[: len(keys)])
        return pts, keys, _last_step(pts, step)
    filled = _filled(_decoded_times(path, video), step, start=times[0] if times else 0)
    return filled, (), step


def _may_be_fields(times: list[int], packets: int, step: int) -> bool:
    """Return whether packets may be fields: some follow sooner than frames do, or have no time of their own."""
    return len(times) < packets or any(b - a < NEARER * step for a, b in pairwise(times))


def _decoded_frames_of(path: Path, video: Video, times: list[int]) -> tuple[int, ...]:
    """Decode an interlaced film once, as only that tells which packets are second fields; return its frames' times.

    Nothing in the container tells it, and fields may be mixed with whole frames.
    """
    own = set(times)  # other frames are hidden by an edit list
    found = (time for time in _decoded_times(path, video) if time in own)
    return tuple(sorted(set(time for time in found if time is not None)))


@contextmanager
def _opened(
    path: Path, video: Video
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a film again, since its decoder has read ahead; yield the container and the film's stream."""
    with open_film(path) as container:
        stream = container.streams[video.index]
        assert isinstance(stream, av.VideoStream)
        yield container, stream


def _filled(times: list[int | None], step: int, *, start: int) -> tuple[int, ...]:
    """Fill missing times at `step` from a neighbor; number all frames evenly if the known times are unordered."""
    known = [(number, time) for number, time in enumerate(times) if time is not None]
    steady = all(b - a >= j - i for (i, a), (j, b) in pairwise(known))
    if not known or not steady:
        return tuple(range(start, start + len(times) * step, step))
    first, time = known[0]
    filled = [time - (first - number) * step for number in range(first)]
    for number in range(first, len(times)):
        own = times[number]
        filled.append(filled[-1] + step if own is None else own)
    ascending = all(a < b for a, b in pairwise(filled))
    return tuple(filled) if ascending else tuple(range(start, start + len(times) * step, step))


def _last_step(pts: tuple[int, ...], step: int) -> int:
    return pts[-1] - pts[-2] if len(pts) > 1 else step


def _packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Yield the packets that are shown, up to the end or the first read error."""
    try:
        for packet in container.demux(stream):
            # An edit list marks hidden packets as discarded: decoded as references, but never shown.
            if packet.size and not packet.is_discard:
                yield packet
    except av.FFmpegError:
        return


def _decoded_keys(path: Path, video: Video) -> tuple[int, ...]:
    """Decode the film once; return the decode time of each frame's packet, in presentation order."""
    with _opened(path, video) as (container, stream):
        return tuple(packet_time(frame) for frame in decoded_frames(container, stream))


def _decoded_times(path: Path, video: Video) -> list[int | None]:
    with _opened(path, video) as (container, stream):
        return [frame.pts for frame in decoded_frames(container, stream)]

"""Joins finished shots and the source's other streams in one container, marked as a result, without re-encoding."""

import errno
import math
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import chain
from pathlib import Path
from uuid import UUID

import av
import av.container
import ffmpeg

from film import FilmError
from film.extract import convert_texts, copy_command
from film.ffmpeg import command_of, film_stream, first_times, open_film, reason_of, run
from film.info import CONTAINERS, RIFF_SOUND, Film, converted
from film.job import Rendered
from film.mark import MARK_TAG
from film.stream_copy import WRITTEN_ANEW, Packet, Span, StreamCopy
from runtime.console import counted
from runtime.files import temporary_name, whole_file

WITHOUT_SHAPE = {"ffv1", "prores", "av1"}  # codecs that do not store the pixel aspect ratio
UUID_BOX = UUID("6f2f1d3c-5a0e-4c67-9b1d-5d0f6f0f3a77").bytes  # identifies this program's box
MP4_TAGS = {  # tags that an MP4's iTunes list supports, in FFmpeg's names
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"),
    *("copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"),
    *("network", "keywords", "track", "disc", "encoder", "creation_time"),
}


@dataclass(frozen=True)
class Joined:
    """What was written: frames, copied streams by kind, bytes, and the SHA-256 of each segment's packets."""

    frames: int
    streams: dict[str, int]
    size_bytes: int
    packets: Sequence[str] = ()


def join(
    film: Film,
    segments: Sequence[Rendered],
    path: Path,
    *,
    first: int = 0,
    mark: str = "",
    advance: Callable[[int], object] | None = None,
) -> Joined:
    """Write the segments, in order, and the film's other streams to `path` (.mp4, .mkv or .mov).

    The segments hold frames first, first + 1, ... in presentation order. An excerpt (fewer frames than the
    film) gets the sound, subtitles and chapters of the same span. The folder is created if it is missing; the
    file appears under its name only when it is complete. Streams that the container cannot hold are omitted: see film.info.unsupported_by.
    mark : identifies the result, see film.mark
    advance : receives the number of frames written since its last call
    """
    container = container_of(path)
    _check_alike(segments)
    count = sum(segment.frames for segment in segments)
    if not count or first + count > film.frames:
        raise FilmError(
            f"{path}: {counted(count, 'frame')} from {first} on for a film of {film.frames}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    digests: list[str] = []
    try:
        with whole_file(path, use="result") as part, _beside(path) as (sound, titles, unfinished):
            writer, codec = _write_streams(
                part, film, segments, container, first=first, mark=mark, extracts=(sound, titles),
                advance=advance, digests=digests,
            )  # fmt: skip
            # Only the ffmpeg program can add these, in a last pass; for an excerpt it would add the whole track.
            left = foreign_sound(film) if container == "mkv" and count == film.frames else []
            if left or (container == "mkv" and film.video.sar != 1 and codec in WITHOUT_SHAPE):
                part.replace(unfinished)
                run(complete_command(unfinished, film, left, part))
            if mark and container != "mkv":
                append_mark(part, mark)
    except av.FFmpegError as error:
        if error.errno == errno.ENOSPC:  # reported like a full disk elsewhere
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise FilmError(f"{path} cannot be written: {reason_of(error)}") from error
    kept = writer.kept + Counter(audio=len(left))
    return Joined(count, dict(kept), path.stat().st_size, digests)


def _write_streams(
    part: Path, film: Film, segments: Sequence[Rendered], container: str, *, first: int, mark: str,
    extracts: tuple[Path, Path], advance: Callable[[int], object] | None, digests: list[str],
) -> tuple[StreamCopy, str]:  # fmt: skip
    """Write all streams of a result; return their writer and the picture's codec.

    extracts : temporary names for early sound and for converted subtitles
    digests : receives the SHA-256 of each segment's packets
    """
    sound, titles = extracts
    early = _early_sound(film) if container == "mkv" else []
    if early:
        run(copy_command(film.streams_path, early, sound))
    texts = _texts(film, container)
    legible = texts and convert_texts(film, texts, titles, container=container)
    count = sum(segment.frames for segment in segments)
    with ExitStack() as stack:
        source = stack.enter_context(open_film(film.streams_path))
        target = stack.enter_context(_written(part, film, container))
        writer = StreamCopy(film, source, target, container, span_of(film, first, count))
        if early:
            starts = first_times(sound, list(range(len(early))))
            writer.replace(early, stack.enter_context(open_film(sound)), starts)
        if legible:
            writer.replace(texts, stack.enter_context(open_film(titles)))
        else:
            writer.left_out.update(texts)
        opened = stack.enter_context(closing(_opened(segments)))
        begin = next(opened)
        video = writer.add_streams(_picture(begin))
        if mark and container == "mkv":
            target.metadata[MARK_TAG] = mark
        timed = _timed(film, segments, chain([begin], opened), first, video, digests)
        writer.write(timed, video, advance)
        return writer, video.codec_context.codec.canonical_name


@contextmanager
def _beside(path: Path) -> Iterator[list[Path]]:
    """Yield temporary names for a result's early sound, its subtitles and its first version; delete them at the end."""
    # The user's folder is never swept, so the names are fixed: the next run overwrites what a killed run left.
    names = [temporary_name(path, use=use) for use in ("sound", "subtitles", "unfinished")]
    try:
        yield names
    finally:
        for name in names:
            name.unlink(missing_ok=True)


def _texts(film: Film, container: str) -> list[int]:
    """List the text subtitles that a container can hold only in another format."""
    titles = [stream.index for stream in film.streams if stream.kind == "subtitle"]
    if not titles:
        return []
    with open_film(film.streams_path) as source:
        return [index for index in titles if converted(container, source.streams[index])]


def container_of(path: Path) -> str:
    """Return "mp4", "mkv" or "mov" from a file name; raise FilmError for others."""
    name = path.suffix.lower().removeprefix(".")
    if name not in CONTAINERS:
        raise FilmError(f"{path}: films are written as .mp4, .mkv or .mov; choose one of these")
    return name


def _written(part: Path, film: Film, container: str) -> av.container.OutputContainer:
    options = {}
    if container != "mkv":
        # The index at the front lets a player start before the download is complete.
        flags = "+faststart"
        covers = any(stream.kind == "picture" for stream in film.streams)
        if {key.lower() for key in film.metadata} - MP4_TAGS - WRITTEN_ANEW and not covers:
            flags += "+use_metadata_tags"  # allows custom tags, but then FFmpeg omits the cover
        options = {"movflags": flags, "movie_timescale": str(_timescale(film))}
    return av.open(
        str(part.resolve()), "w", format=CONTAINERS[container], container_options=options
    )


def _timescale(film: Film) -> int:
    """Return ticks per second of an MP4's movie clock, in which delayed starts are stored.

    FFmpeg's default of 1000 would shift a late stream by up to half a millisecond.
    """
    bases = [film.video.time_base, *(stream.time_base for stream in film.streams)]
    if film.pts[0] == 0 and all(stream.start_s <= 0 for stream in film.streams):
        return 1000
    # A tick that divides every stream's tick stores each start exactly; the field has 32 bits.
    ticks = math.lcm(*(base.denominator for base in bases if base))
    return ticks if ticks < 1 << 31 else film.video.time_base.denominator


def _early_sound(film: Film) -> list[int]:
    """List the sound tracks that start before time 0: their first samples prime the decoder.

    MP4 stores this in its edit list, Matroska in a track field that only the ffmpeg program sets; without that
    field, all streams would have to be shifted.
    """
    if "matroska" in film.container:
        return []
    return [s.index for s in film.streams if s.kind == "audio" and s.start_s < 0]


def span_of(film: Film, first: int, count: int) -> Span:
    """Return the span of frames [first, first + count) and the shift of all times.

    A whole film keeps its clock unless its first frame is before time 0, which no supported container can
    hold; then everything is shifted. An excerpt starts at 0.
    """
    base = film.video.time_base
    start = film.pts[first] * base
    if count == film.frames:
        return Span(None, None, max(Fraction(0), -start))
    last = first + count
    end = film.pts[last] if last < film.frames else film.pts[-1] + film.last_duration
    return Span(start, end * base, -start)


def _check_alike(segments: Sequence[Rendered]) -> None:
    """Raise FilmError unless one decoder configuration fits all segments."""
    # The container's header stores one decoder configuration; packets of a segment encoded with another one would be
    # shown corrupted.
    newest = max(segments, key=lambda one: one.modified_ns, default=None)
    odd = [one.path for one in segments if newest and one.setup != newest.setup]
    if odd:
        raise FilmError(
            f"{len(odd)} of {len(segments)} shots were encoded by another ffmpeg than the newest: install the same "
            f"ffmpeg on every machine, delete those shots ({odd[0]} to {odd[-1].name}), and run again"
        )


def _opened(segments: Sequence[Rendered]) -> Generator[av.container.InputContainer, None, None]:
    """Yield the opened segments, one at a time, the first one with all properties of its picture."""
    for segment in segments:
        with open_film(segment.path, decoding=segment is segments[0]) as container:
            yield container


def _picture(container: av.container.InputContainer) -> av.VideoStream:
    stream = film_stream(container)
    assert stream is not None, container.name
    return stream


def _timed(
    film: Film,
    segments: Sequence[Rendered],
    opened: Iterable[av.container.InputContainer],
    first: int,
    video: av.VideoStream,
    digests: list[str],
) -> Iterator[Packet]:
    """Yield the segments' packets with the film's own times, and append the SHA-256 of each segment's.

    Decode times are the sorted presentation times, delayed by the deepest reordering of any segment: the
    smallest delay with which no decode time exceeds its presentation time.
    """
    delay = max(index - rank for segment in segments for index, rank in enumerate(segment.ranks))
    step = film.pts[1] - film.pts[0] if film.frames > 1 else film.last_duration
    begin = first
    for segment, container in zip(segments, opened, strict=True):
        packets = (packet for packet in container.demux(_picture(container)) if packet.size)
        digest = sha256()
        for index, (packet, place) in enumerate(zip(packets, segment.ranks, strict=True)):
            # Segments come in presentation order, packets in decode order: the n-th packet is decoded when the frame
            # `delay` positions before it is shown. Before the first frame, the times are extrapolated backward.
            number, due = begin + place, begin + index - delay
            digest.update(bytes(packet))
            packet.stream = video
            packet.time_base = film.video.time_base
            packet.pts = film.pts[number]
            packet.dts = film.pts[due] if due >= first else film.pts[first] + (due - first) * step
            packet.duration = _duration(film, number)
            yield packet
        digests.append(digest.hexdigest())
        begin += segment.frames


def _duration(film: Film, number: int) -> int:
    if number + 1 < film.frames:
        return film.pts[number + 1] - film.pts[number]
    return film.last_duration


def foreign_sound(film: Film) -> list[int]:
    """List the sound tracks that Matroska supports but PyAV cannot write to it."""
    return [s.index for s in film.streams if s.kind == "audio" and s.codec in RIFF_SOUND]


def complete_command(joined: Path, film: Film, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies a joined Matroska film, adding sound tracks and the aspect ratio."""
    shape = film.video.sar * film.video.width / film.video.height
    both = [ffmpeg.input(str(p.resolve()), copyts=None) for p in (joined, film.streams_path)]
    streams = [both[0], *(both[1][str(index)] for index in indices)]
    arguments = {"c": "copy", "f": "matroska", "avoid_negative_ts": "disabled", "map_chapters": 0}
    arguments |= {"map_metadata": 0, "aspect:v:0": f"{shape.numerator}:{shape.denominator}"}
    return command_of(ffmpeg.output(*streams, str(path.resolve()), **arguments))


def append_mark(path: Path, mark: str) -> None:
    """Append a mark to a finished MP4 or QuickTime film, in a box that every player skips."""
    text = mark.encode()
    size = 8 + len(UUID_BOX) + len(text)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"uuid" + UUID_BOX + text)

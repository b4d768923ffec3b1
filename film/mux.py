"""Finished shots + everything else of the source -> one container, marked as a result. No packet is re-encoded."""

import errno
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from uuid import UUID

import av
import av.container
import ffmpeg

from film import FilmError
from film.encode import Rendered
from film.ffmpeg import command_of, film_stream, first_times, open_film, reason_of, run
from film.info import CONTAINERS, RIFF_SOUND, Film, source_of
from film.options import FilmOptions
from film.stream_copy import WRITTEN_ANEW, Packet, Span, StreamCopy, copy_command
from runtime.files import temporary_name, whole_file

WITHOUT_SHAPE = {"ffv1", "prores", "av1"}  # have no field for their pixels' shape
MARK = re.compile(rb"colorizer: of [0-9a-f]{16}[ -~]*")
UUID_BOX = UUID("6f2f1d3c-5a0e-4c67-9b1d-5d0f6f0f3a77").bytes  # identifies our box among others'
# A tag of Matroska; the other containers have no place for a tag of one's own beside the usual ones.
MARK_TAG = "COLORIZED"
MP4_TAGS = {  # what the iTunes list of an MP4 has a place for, in FFmpeg's names
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"),
    *("copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"),
    *("network", "keywords", "track", "disc", "encoder", "creation_time"),
}


@dataclass(frozen=True)
class Joined:
    """What was written: frames, streams copied beside the video (by kind), bytes."""

    frames: int
    streams: dict[str, int]
    size_bytes: int


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

    The segments hold frames first, first + 1, ... in presentation order. A try-out (fewer frames than the
    film) takes the sound, subtitles and chapters of the same span. The file appears under its name only
    when it is whole. Streams the container cannot hold are left out: see film.info.unsupported_by.
    mark : by which the result is recognized, see mark_of
    advance : gets the number of frames written since its last call
    """
    container = container_of(path)
    _check_alike(segments)
    count = sum(segment.frames for segment in segments)
    if not count or first + count > film.frames:
        raise FilmError(f"{path}: {count} frames from {first} on for a film of {film.frames}")
    try:
        with whole_file(path, use="result") as part, _beside(path) as (sound, unfinished):
            early = _early_sound(film) if container == "mkv" else []
            if early:
                run(copy_command(film.path, early, sound))
            with ExitStack() as stack:
                source = stack.enter_context(open_film(film.path))
                target = stack.enter_context(_written(part, film, container))
                writer = StreamCopy(film, source, target, container, span_of(film, first, count))
                if early:
                    starts = first_times(sound, list(range(len(early))))
                    writer.replace(early, stack.enter_context(open_film(sound)), starts)
                opened = stack.enter_context(closing(_opened(segments)))
                begin = next(opened)
                video = writer.add_streams(_picture(begin))
                if mark and container == "mkv":
                    target.metadata[MARK_TAG] = mark
                timed = _timed(film, segments, chain([begin], opened), first, video)
                writer.write(timed, video, advance)
                codec = video.codec_context.codec.canonical_name
            # Only the ffmpeg program can add these, and after the rest: of a part, it would add the whole track.
            left = foreign_sound(film) if container == "mkv" and count == film.frames else []
            if left or (container == "mkv" and film.video.sar != 1 and codec in WITHOUT_SHAPE):
                part.replace(unfinished)
                run(complete_command(unfinished, film, left, part))
            if mark and container != "mkv":
                append_mark(part, mark)
    except av.FFmpegError as error:
        if error.errno == errno.ENOSPC:  # reported like any other full disk
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise FilmError(f"{path} cannot be written: {reason_of(error)}") from error
    kept = writer.kept + Counter(audio=len(left))
    return Joined(count, dict(kept), path.stat().st_size)


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield names for a result's early sound and for its first version; both are deleted before it has its name."""
    # Nobody sweeps the user's folder: what a killed run leaves there must be what the next one writes over.
    sound, unfinished = (temporary_name(path, use=use) for use in ("sound", "unfinished"))
    try:
        yield sound, unfinished
    finally:
        sound.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)


def container_of(path: Path) -> str:
    """Return "mp4", "mkv" or "mov" from a file name; FilmError for others."""
    name = path.suffix.lower().removeprefix(".")
    if name not in CONTAINERS:
        raise FilmError(f"{path}: films are written as .mp4, .mkv or .mov")
    return name


def _written(part: Path, film: Film, container: str) -> av.container.OutputContainer:
    options = {}
    if container != "mkv":
        # The index in front lets a player start before the file has come down whole.
        flags = "+faststart"
        covers = any(stream.kind == "picture" for stream in film.streams)
        if {key.lower() for key in film.metadata} - MP4_TAGS - WRITTEN_ANEW and not covers:
            flags += "+use_metadata_tags"  # free tags, but then FFmpeg writes no cover
        options = {"movflags": flags, "movie_timescale": str(_timescale(film))}
    return av.open(
        str(part.resolve()), "w", format=CONTAINERS[container], container_options=options
    )


def _timescale(film: Film) -> int:
    """Return ticks per second of an MP4's own clock, in which delayed starts are written.

    FFmpeg's 1000 would move a stream that starts late by up to half a millisecond.
    """
    bases = [film.video.time_base, *(stream.time_base for stream in film.streams)]
    if film.pts[0] == 0 and all(stream.start_s <= 0 for stream in film.streams):
        return 1000
    # A tick that divides every stream's own, so that each start is written exactly; the field has 32 bits.
    ticks = math.lcm(*(base.denominator for base in bases if base))
    return ticks if ticks < 1 << 31 else film.video.time_base.denominator


def _early_sound(film: Film) -> list[int]:
    """List the sound tracks that start before time 0: their first samples prime the decoder.

    An MP4 has this in its edit list, Matroska in a field of the track that only the ffmpeg program fills in
    from it; without it everything would have to be moved.
    """
    if "matroska" in film.container:
        return []
    return [s.index for s in film.streams if s.kind == "audio" and s.start_s < 0]


def span_of(film: Film, first: int, count: int) -> Span:
    """Return what part of the film frames [first, first + count) are, and how far times are moved.

    A whole film keeps its clock; only a first frame before time 0, which no container here can hold,
    moves everything. A try-out starts at 0.
    """
    base = film.video.time_base
    start = film.pts[first] * base
    if count == film.frames:
        return Span(None, None, max(Fraction(0), -start))
    last = first + count
    end = film.pts[last] if last < film.frames else film.pts[-1] + film.last_duration
    return Span(start, end * base, -start)


def _check_alike(segments: Sequence[Rendered]) -> None:
    """See that one decoder can read all segments: the film has one header for them."""
    # The decoder's set-up is in the container's header once; packets of a segment that was encoded with another one
    # would be shown as rubbish.
    newest = max(segments, key=lambda one: one.modified_ns, default=None)
    odd = [one.path for one in segments if newest and one.setup != newest.setup]
    if odd:
        raise FilmError(
            f"{len(odd)} of {len(segments)} shots were encoded by another ffmpeg than the newest: give every "
            f"machine the same ffmpeg, delete those shots ({odd[0]} to {odd[-1].name}), and run again"
        )


def _opened(segments: Sequence[Rendered]) -> Generator[av.container.InputContainer, None, None]:
    """Open the segments, one after the other."""
    for segment in segments:
        with open_film(segment.path) as container:
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
) -> Iterator[Packet]:
    """Yield the segments' packets with the film's own times.

    Decode times are the presentation times in order, put off by the deepest reordering of any segment:
    the smallest that never exceed the presentation times.
    """
    delay = max(index - rank for segment in segments for index, rank in enumerate(segment.ranks))
    step = film.pts[1] - film.pts[0] if film.frames > 1 else film.last_duration
    begin = first
    for segment, container in zip(segments, opened, strict=True):
        packets = (packet for packet in container.demux(_picture(container)) if packet.size)
        for index, (packet, place) in enumerate(zip(packets, segment.ranks, strict=True)):
            # Segments come in presentation order, packets in decode order: the n-th packet is decoded when the frame
            # `delay` places before it is shown. Before the first frame the clock is continued backward.
            number, due = begin + place, begin + index - delay
            packet.stream = video
            packet.time_base = film.video.time_base
            packet.pts = film.pts[number]
            packet.dts = film.pts[due] if due >= first else film.pts[first] + (due - first) * step
            packet.duration = _duration(film, number)
            yield packet
        begin += segment.frames


def _duration(film: Film, number: int) -> int:
    if number + 1 < film.frames:
        return film.pts[number + 1] - film.pts[number]
    return film.last_duration


def foreign_sound(film: Film) -> list[int]:
    """List the sound tracks that PyAV will not put into Matroska, though Matroska holds them."""
    return [s.index for s in film.streams if s.kind == "audio" and s.codec in RIFF_SOUND]


def complete_command(joined: Path, film: Film, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies a joined Matroska film, adds sound tracks and the pixels' shape."""
    shape = film.video.sar * film.video.width / film.video.height
    both = [ffmpeg.input(str(p.resolve()), copyts=None) for p in (joined, film.path)]
    streams = [both[0], *(both[1][str(index)] for index in indices)]
    arguments = {"c": "copy", "f": "matroska", "avoid_negative_ts": "disabled", "map_chapters": 0}
    arguments |= {"map_metadata": 0, "aspect:v:0": f"{shape.numerator}:{shape.denominator}"}
    return command_of(ffmpeg.output(*streams, str(path.resolve()), **arguments))


def mark_of(source: Path, options: FilmOptions) -> str:
    """Return the mark that the result of a film carries; one of a part, or half gray, has that in it."""
    only = [f"start {options.start:g} s"] * (options.start > 0) + ["compare"] * options.compare
    only += [] if options.duration is None else [f"duration {options.duration:g} s"]
    return ", ".join([f"colorizer: of {source_of(source).digest[:16]}", *only])


def append_mark(path: Path, mark: str) -> None:
    """Write a mark behind a finished MP4 or QuickTime film, in a box that every player skips."""
    text = mark.encode()
    size = 8 + len(UUID_BOX) + len(text)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"uuid" + UUID_BOX + text)


def mark_in(path: Path) -> str:
    """Return the mark that a film carries, "" when it has none."""
    try:
        with open_film(path) as container:
            text = container.metadata.get(MARK_TAG, "")
    except FilmError:
        return ""
    # Read from the end, not box by box: it is the last thing written, and short.
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 128))
        found = MARK.search(file.read() + text.encode())
    return found[0].decode() if found else ""

"""Finished shots + everything else of the source -> one container. No packet is re-encoded."""

import errno
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.container

from film.facts import Film
from film.probe import CONTAINERS
from film.process import run
from film.reel import MARK_TAG, append_mark
from film.sound import complete_command, copy_command, extract_audio, foreign_sound
from film.source import (
    FilmError,
    film_stream,
    first_times,
    open_film,
    publish,
    reason_of,
    temporary_of,
)
from film.tracks import MADE_ANEW, Packet, Span, Tracks

WITHOUT_SHAPE = {"ffv1", "prores", "prores_ks", "prores_aw"}  # cannot say their pixels' shape
__all__ = ["Joined", "container_of", "extract_audio", "join"]

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
    pieces: Sequence[Path],
    path: Path,
    *,
    first: int = 0,
    mark: str = "",
    progress: Callable[[int], None] | None = None,
) -> Joined:
    """Write the pieces, in order, and the film's other streams to `path` (.mp4, .mkv or .mov).

    The pieces hold frames first, first + 1, ... in presentation order. A try-out (fewer frames than the
    film) takes the sound, subtitles and chapters of the same span. The file appears under its name only
    when it is whole. Streams the container cannot hold are left out: see film.probe.unsupported_by.
    mark : by which the result is recognized, see film.reel.mark_of
    """
    container = container_of(path)
    _check_alike(pieces)
    ranks = [_ranks(piece) for piece in pieces]
    count = sum(len(piece) for piece in ranks)
    if not count or first + count > film.frames:
        raise FilmError(f"{path}: {count} frames from {first} on for a film of {film.frames}")
    temporary, sound = temporary_of(path), temporary_of(path, ".sound")
    unfinished = temporary_of(path, ".unfinished")
    try:
        early = _early_sound(film) if container == "mkv" else []
        if early:
            run(copy_command(film.path, early, sound))
        with ExitStack() as stack:
            source = stack.enter_context(open_film(film.path))
            target = stack.enter_context(_written(temporary, film, container))
            writer = Tracks(film, source, target, container, span_of(film, first, count))
            if early:
                starts = first_times(sound, list(range(len(early))))
                writer.replace(early, stack.enter_context(open_film(sound)), starts)
            video = writer.add_streams(pieces[0])
            if mark and container == "mkv":
                target.metadata[MARK_TAG] = mark
            packets = _timed(film, pieces, ranks, first, video)
            writer.write(packets, video, progress)
            video_codec = video.codec_context.name
        left = foreign_sound(film) if container == "mkv" and count == film.frames else []
        if left or (container == "mkv" and film.video.sar != 1 and video_codec in WITHOUT_SHAPE):
            temporary.replace(unfinished)
            run(complete_command(unfinished, film, left, temporary))
        if mark and container != "mkv":
            append_mark(temporary, mark)
        publish(temporary, path)
    except av.FFmpegError as error:
        if error.errno == errno.ENOSPC:  # said like any other full disk
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise FilmError(f"{path} cannot be written: {reason_of(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
        unfinished.unlink(missing_ok=True)
    kept = writer.kept + Counter(audio=len(left))
    return Joined(count, dict(kept), path.stat().st_size)


def container_of(path: Path) -> str:
    """Return "mp4", "mkv" or "mov" from a file name; FilmError for others."""
    name = path.suffix.lower().removeprefix(".")
    if name not in CONTAINERS:
        raise FilmError(f"{path}: films are written as .mp4, .mkv or .mov")
    return name


def _written(temporary: Path, film: Film, container: str) -> av.container.OutputContainer:
    options = {}
    if container != "mkv":
        # The index in front lets a player start before the file has come down whole.
        flags = "+faststart"
        covers = any(stream.kind == "picture" for stream in film.streams)
        if {key.lower() for key in film.metadata} - MP4_TAGS - MADE_ANEW and not covers:
            flags += "+use_metadata_tags"  # free tags, but then FFmpeg writes no cover
        options = {"movflags": flags, "movie_timescale": str(_timescale(film))}
    return av.open(
        str(temporary.resolve()), "w", format=CONTAINERS[container], container_options=options
    )


def _timescale(film: Film) -> int:
    """Return ticks per second of an MP4's own clock, in which delayed starts are written.

    FFmpeg's 1000 would move a stream that starts late by up to half a millisecond.
    """
    bases = [film.video.time_base, *(stream.time_base for stream in film.streams)]
    if film.pts[0] == 0 and all(stream.start_s <= 0 for stream in film.streams):
        return 1000
    ticks = math.lcm(*(base.denominator for base in bases if base))
    return ticks if ticks < 1 << 31 else film.video.time_base.denominator


def _early_sound(film: Film) -> list[int]:
    """List the sound tracks that start before time 0: their first samples prime the decoder.

    An MP4 says so in its edit list, Matroska in a field of the track that only the ffmpeg program fills in
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


def _check_alike(pieces: Sequence[Path]) -> None:
    """See that one decoder can read all pieces: the film has one header for them."""
    headers = [_header(piece) for piece in pieces]
    newest = max(range(len(pieces)), key=lambda n: pieces[n].stat().st_mtime_ns, default=0)
    odd = [p for p, header in zip(pieces, headers, strict=True) if header != headers[newest]]
    if odd:
        raise FilmError(
            f"{len(odd)} of {len(pieces)} shots were encoded by another ffmpeg than the newest: give every "
            f"machine the same ffmpeg, delete those shots ({odd[0]} to {odd[-1].name}), and run again"
        )


def _header(piece: Path) -> bytes | None:
    with open_film(piece) as container:
        stream = film_stream(container)
        assert stream is not None
        return stream.codec_context.extradata


def _video_packets(piece: Path) -> Iterator[Packet]:
    with open_film(piece) as container:
        stream = film_stream(container)
        assert stream is not None
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def _ranks(piece: Path) -> list[int]:
    """Return each packet's place in presentation order, packets in decode order."""
    times = [packet.pts for packet in _video_packets(piece)]
    order = sorted(range(len(times)), key=times.__getitem__)
    ranks = [0] * len(times)
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks


def _timed(
    film: Film,
    pieces: Sequence[Path],
    ranks: Sequence[list[int]],
    first: int,
    video: av.VideoStream,
) -> Iterator[Packet]:
    """Yield the pieces' packets with the film's own times.

    Decode times are the presentation times in order, put off by the deepest reordering of any piece:
    the smallest that never exceed the presentation times.
    """
    delay = max(index - rank for piece in ranks for index, rank in enumerate(piece))
    step = film.pts[1] - film.pts[0] if film.frames > 1 else film.last_duration
    begin = first
    for piece, places in zip(pieces, ranks, strict=True):
        for index, (packet, place) in enumerate(zip(_video_packets(piece), places, strict=True)):
            number, due = begin + place, begin + index - delay
            packet.stream = video
            packet.time_base = film.video.time_base
            packet.pts = film.pts[number]
            packet.dts = film.pts[due] if due >= first else film.pts[first] + (due - first) * step
            packet.duration = _duration(film, number)
            yield packet
        begin += len(places)


def _duration(film: Film, number: int) -> int:
    if number + 1 < film.frames:
        return film.pts[number + 1] - film.pts[number]
    return film.last_duration

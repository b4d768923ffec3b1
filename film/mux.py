"""Finished shots + everything else of the source -> one container. No packet is re-encoded."""

import heapq
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.stream
import ffmpeg

from film.facts import Film
from film.probe import CONTAINERS, FIELD_ORDERS, kind_of, refusal
from film.process import run
from film.source import (
    FilmError,
    ffmpeg_path,
    film_stream,
    first_times,
    open_film,
    publish,
    reason_of,
)

log = logging.getLogger(__name__)

STATISTICS = (
    "DURATION",
    "ENCODER",
    "BPS",
    "NUMBER_OF_",
    "_STATISTICS_",
)  # true of the old video only
MADE_ANEW = {"major_brand", "minor_version", "compatible_brands", "encoder"}
MP4_TAGS = {  # what the iTunes list of an MP4 has a place for, in FFmpeg's names
    *("title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"),
    *("copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"),
    *("network", "keywords", "track", "disc", "encoder", "creation_time"),
}
COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
BIBLIOGRAPHIC = {  # ISO 639-2: QuickTime's table of languages has these instead of the native ones
    **{"deu": "ger", "fra": "fre", "nld": "dut", "ell": "gre", "zho": "chi", "ces": "cze"},
    **{"slk": "slo", "ron": "rum", "isl": "ice", "fas": "per", "hye": "arm", "mkd": "mac"},
    **{"sqi": "alb", "eus": "baq", "mya": "bur", "kat": "geo", "msa": "may", "cym": "wel"},
}
Packet = Any  # av.Packet, whose stream says which kind
REPORT_EVERY = 100  # frames between two words about progress


@dataclass(frozen=True)
class Joined:
    """What was written: frames, streams copied beside the video (by kind), bytes."""

    frames: int
    streams: dict[str, int]
    size_bytes: int


@dataclass(frozen=True)
class Span:
    """The part of the film that is written, on the film's clock.

    start_s, end_s : other streams' packets outside are left out; None for the whole film
    shift_s : added to every time
    """

    start_s: Fraction | None
    end_s: Fraction | None
    shift_s: Fraction


def join(
    film: Film,
    pieces: Sequence[Path],
    path: Path,
    *,
    first: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Joined:
    """Write the pieces, in order, and the film's other streams to `path` (.mp4, .mkv or .mov).

    The pieces hold frames first, first + 1, ... in presentation order. A try-out (fewer frames than the
    film) takes the sound, subtitles and chapters of the same span. The file appears under its name only
    when it is whole. Streams the container cannot hold are left out: see film.probe.unsupported_by.
    """
    container = container_of(path)
    ranks = [_ranks(piece) for piece in pieces]
    count = sum(len(piece) for piece in ranks)
    if not count or first + count > film.frames:
        raise FilmError(f"{path}: {count} frames from {first} on for a film of {film.frames}")
    temporary = path.with_name(f".{path.name}.part")
    sound = path.with_name(f".{path.name}.sound.part")
    try:
        early = _early_sound(film) if container == "mkv" else []
        if early:
            run(copy_command(film.path, early, sound))
        with ExitStack() as stack:
            source = stack.enter_context(open_film(film.path))
            target = stack.enter_context(_written(temporary, film, container))
            writer = _Writer(film, source, target, container, span_of(film, first, count))
            if early:
                starts = first_times(sound, list(range(len(early))))
                writer.replace(early, stack.enter_context(open_film(sound)), starts)
            video = writer.add_streams(pieces[0])
            packets = _timed(film, pieces, ranks, first, video)
            writer.write(packets, video, progress)
            streams = dict(writer.kept)
        publish(temporary, path)
    except av.FFmpegError as error:
        raise FilmError(f"{path} cannot be written: {reason_of(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
    return Joined(count, streams, path.stat().st_size)


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


class _Writer:
    """Copies streams and packets into one container."""

    def __init__(
        self,
        film: Film,
        source: av.container.InputContainer,
        target: av.container.OutputContainer,
        container: str,
        span: Span,
    ) -> None:
        self.film, self.source, self.target = film, source, target
        self.container, self.span = container, span
        self.origins: dict[int, Any] = {stream.index: stream for stream in source.streams}
        self.late: dict[Any, Fraction] = {}
        self.copies: dict[Any, Any] = {}
        self.last_dts: dict[Any, int] = {}
        self.kept: Counter[str] = Counter()

    def replace(
        self, indices: list[int], other: av.container.InputContainer, starts: dict[int, Fraction]
    ) -> None:
        """Take these streams, in this order, from another file, where they start at `starts`, in seconds."""
        own = {stream.index: stream.start_s for stream in self.film.streams}
        for index, stream in zip(indices, other.streams, strict=True):
            self.origins[index] = stream
            self.late[stream] = starts[stream.index] - own[index]

    def add_streams(self, piece: Path) -> av.VideoStream:
        """Make the target's streams, in the source's order; return the film's picture."""
        ours = {stream.index for stream in self.film.streams}
        video = None
        for stream in self.source.streams:
            if stream.index == self.film.video.index:
                video = self._add_video(stream, piece)
            elif stream.index in ours and not refusal(stream, self.container):
                self._add_copy(stream)
        assert video is not None
        metadata = self.film.metadata.items()
        self.target.metadata.update({k: v for k, v in metadata if k.lower() not in MADE_ANEW})
        self.target.set_chapters(self._chapters())
        return video

    def _add_video(self, original: Any, piece: Path) -> av.VideoStream:
        with open_film(piece) as finished:
            template = film_stream(finished)
            assert template is not None
            video = self.target.add_stream_from_template(template)
        facts = self.film.video
        video.time_base = facts.time_base
        video.codec_context.sample_aspect_ratio = facts.sar
        if facts.display_matrix:
            video.set_display_matrix(facts.display_matrix)
        if template.codec_context.field_order > 1:  # not when deinterlaced
            video.codec_context.field_order = FIELD_ORDERS.index(facts.field_order)
        if self.container != "mkv" and video.codec_context.name in {"hevc", "libx265"}:
            video.codec_context.codec_tag = "hvc1"  # QuickTime plays no other
        video.disposition = original.disposition
        tags = original.metadata.items()
        video.metadata.update({k: v for k, v in tags if not k.upper().startswith(STATISTICS)})
        return video

    def _add_copy(self, stream: Any) -> None:
        kind = kind_of(stream)
        if kind == "picture" and self.container == "mkv":
            self._attach_cover(stream)
        elif kind == "attachment":
            name, mime = stream.name or "attachment", stream.mimetype or "application/octet-stream"
            self.target.add_attachment(name, mime, stream.data)
        else:
            origin = self.origins[stream.index]
            copy = self.target.add_stream_from_template(origin)
            copy.time_base = origin.time_base
            copy.disposition = stream.disposition
            copy.metadata.update(stream.metadata)
            if self.container == "mov" and "language" in copy.metadata:
                language = copy.metadata["language"]
                copy.metadata["language"] = BIBLIOGRAPHIC.get(language, language)
            self.copies[origin] = copy
        self.kept[kind] += 1

    def _attach_cover(self, stream: Any) -> None:
        """Keep cover art Matroska's way, as an attachment of a well-known name."""
        with open_film(self.film.path) as again:
            packets = again.demux(again.streams[stream.index])
            data = next((bytes(packet) for packet in packets if packet.size), b"")
        name, mime = COVERS.get(stream.codec_context.name, ("cover", "image/unknown"))
        self.target.add_attachment(
            stream.metadata.get("filename", name), stream.metadata.get("mimetype", mime), data
        )

    def _chapters(self) -> list[Any]:
        """Return the chapters that begin within the span, on the target's clock."""
        kept = []
        for chapter in self.source.chapters():
            base = chapter["time_base"] or Fraction(1, 1000)
            start, end = chapter["start"] * base, chapter["end"] * base
            if self._inside(start, end):
                shift = self.span.shift_s
                times = {"start": max(0, round((start + shift) / base))}
                kept.append(chapter | times | {"end": round((end + shift) / base)})
        return kept

    def _inside(self, start: Fraction, end: Fraction) -> bool:
        if self.span.start_s is None or self.span.end_s is None:
            return True
        return start < self.span.end_s and max(end, start) >= self.span.start_s

    def write(
        self,
        timed: Iterator[Packet],
        video: av.VideoStream,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Write all packets, in the order of their decode times."""
        both = heapq.merge(timed, self._others(), key=_decode_time)
        done = 0
        for packet in both:
            shift = round(self.span.shift_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            if packet.stream is video:
                done += 1
                if progress and done % REPORT_EVERY == 0:
                    progress(done)
            self.target.mux_one(packet)
        if progress:
            progress(done)

    def _others(self) -> Iterator[Packet]:
        """Yield the packets of the copied streams, unchanged but for missing or repeated times."""
        for packet in heapq.merge(*map(self._packets_of, self._sources()), key=_decode_time):
            if self._cut(packet):
                self._keep_order(packet)
                packet.stream = self.copies[packet.stream]
                yield packet

    def _cut(self, packet: Packet) -> bool:
        """Tell whether a packet is in the span; a subtitle already on the screen then starts with it."""
        if self.span.start_s is None or packet.stream.type == "video":
            return True
        start, end = packet.pts, packet.pts + (packet.duration or 0)
        begin = math.ceil(self.span.start_s / packet.time_base)
        if packet.stream.type == "subtitle" and start < begin < end:
            packet.pts = packet.dts = begin
            packet.duration = end - begin
        return bool(begin <= packet.pts and packet.pts * packet.time_base < self.span.end_s)

    def _sources(self) -> list[av.container.InputContainer]:
        return list(dict.fromkeys(origin.container for origin in self.copies))

    def _packets_of(self, source: av.container.InputContainer) -> Iterator[Packet]:
        """Yield one file's packets of the copied streams, each with both times."""
        for packet in _readable(source.demux(*(o for o in self.copies if o.container is source))):
            if packet.pts is None and packet.dts is None and packet.stream.type == "video":
                packet.pts = 0  # cover art has no time
            if packet.pts is None and packet.dts is None:
                continue
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
            if packet.stream in self.late:
                late = round(self.late[packet.stream] / packet.time_base)
                packet.pts, packet.dts = packet.pts - late, packet.dts - late
            yield packet

    def _keep_order(self, packet: Packet) -> None:
        """Decode times must grow; broken films repeat them."""
        assert packet.dts is not None
        last = self.last_dts.get(packet.stream)
        if last is not None and packet.dts <= last:
            packet.dts = last + 1
            packet.pts = max(packet.pts or 0, packet.dts)
        self.last_dts[packet.stream] = packet.dts


def _decode_time(packet: Packet) -> float:
    assert packet.dts is not None
    return float(packet.dts * packet.time_base)


def _readable(packets: Iterator[Any]) -> Iterator[Any]:
    """Yield packets to the end of the file; a broken end is the end."""
    try:
        for packet in packets:
            if packet.size or packet.dts is not None:
                yield packet
    except av.FFmpegError as error:
        log.warning("the source breaks off: %s", reason_of(error))


def _video_packets(piece: Path) -> Iterator[Any]:
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


def extract_audio(film: Film, folder: Path) -> list[Path]:
    """Copy every sound track out unchanged, one .mka file each; finished files are not written again."""
    written = []
    for stream in film.streams:
        if stream.kind == "audio":
            language = "".join(filter(str.isalnum, stream.language))
            path = folder / f"{'-'.join(filter(None, ('track', str(stream.index), language)))}.mka"
            if not path.exists():
                _extract(film, stream.index, path)
            written.append(path)
    return written


def _extract(film: Film, index: int, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    try:
        run(copy_command(film.path, [index], temporary))
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def copy_command(source: Path, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies streams out, unchanged and on the same clock, into Matroska."""
    film = ffmpeg.input(str(source.resolve()), copyts=None)
    streams = [film[str(index)] for index in indices]
    output = ffmpeg.output(
        *streams, str(path.resolve()), c="copy", f="matroska", fflags="+bitexact"
    )
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))

"""Stream copy: moves sound, subtitles, pictures and other streams into or out of a container, packet by packet."""

import heapq
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import Any

import av
import av.container
import av.stream

from film.amr import single_frames
from film.ffmpeg import open_film, reason_of
from film.info import FIELD_ORDERS, RIFF_SOUND, Film, add_copy, can_hold, codec_of, kind_of

log = logging.getLogger(__name__)

# Tags that describe only the original video.
STATISTICS = ("DURATION", "ENCODER", "BPS", "NUMBER_OF_", "_STATISTICS_")
WRITTEN_ANEW = {"major_brand", "minor_version", "compatible_brands", "encoder"}
COVERS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
BIBLIOGRAPHIC = {  # ISO 639-2: QuickTime uses these codes instead of the terminological ones
    **{"deu": "ger", "fra": "fre", "nld": "dut", "ell": "gre", "zho": "chi", "ces": "cze"},
    **{"slk": "slo", "ron": "rum", "isl": "ice", "fas": "per", "hye": "arm", "mkd": "mac"},
    **{"sqi": "alb", "eus": "baq", "mya": "bur", "kat": "geo", "msa": "may", "cym": "wel"},
}
Packet = Any  # av.Packet of a stream of any kind
REPORT_EVERY = 100  # frames between two reports of progress


@dataclass(frozen=True)
class Span:
    """The part of the film to write, on the film's clock.

    start_s, end_s : packets of other streams outside are omitted; None for the whole film
    shift_s : added to every time
    """

    start_s: Fraction | None
    end_s: Fraction | None
    shift_s: Fraction


class StreamCopy:
    """Creates and fills a container's streams."""

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
        self.left_out: set[int] = set()
        self.copies: dict[Any, Any] = {}
        self.last_dts: dict[Any, int] = {}
        self.kept: Counter[str] = Counter()

    def replace(
        self,
        indices: Sequence[int],
        other: av.container.InputContainer,
        starts: Mapping[int, Fraction] | None = None,
    ) -> None:
        """Take these streams, in this order, from another file.

        starts : times in seconds at which they start there, if its clock is another one
        """
        own = {stream.index: stream.start_s for stream in self.film.streams}
        for index, stream in zip(indices, other.streams, strict=True):
            self.origins[index] = stream
            if starts is not None:
                # Matroska's clock starts at 0: earlier packets shifted all times, which is undone on reading.
                self.late[stream] = starts[stream.index] - own[index]

    def add_streams(self, finished: av.VideoStream) -> av.VideoStream:
        """Create the target's streams in the source's order; return the video, with the format of `finished`."""
        ours = {stream.index for stream in self.film.streams}
        # The pictures of an image sequence are no stream of the source.
        video = self._add_video(None, finished) if self.film.pictures else None
        for stream in self.source.streams:
            if stream.index == self.film.video.index:
                video = self._add_video(stream, finished)
            elif codec_of(stream) in RIFF_SOUND:
                continue  # added by the ffmpeg program
            elif kind_of(stream) == "video" and self.span.start_s is not None:
                continue  # cannot be cut without encoding
            elif stream.index in self.left_out:
                continue
            elif stream.index in ours and can_hold(self.container, stream):
                self._add_copy(stream)
        assert video is not None
        metadata = self.film.metadata.items()
        self.target.metadata.update({k: v for k, v in metadata if k.lower() not in WRITTEN_ANEW})
        self.target.set_chapters(self._chapters())
        return video

    def _add_video(self, original: Any, finished: av.VideoStream) -> av.VideoStream:
        codec = finished.codec_context.codec
        # PyAV looks for an encoder with the decoder's name; for AV1 (libdav1d) there is none.
        opaque = codec.name != codec.canonical_name
        video = self.target.add_stream_from_template(finished, opaque=opaque)
        info = self.film.video
        video.time_base = info.time_base
        video.codec_context.sample_aspect_ratio = info.sar
        if info.display_matrix:
            video.set_display_matrix(info.display_matrix)
        if finished.codec_context.field_order > 1:  # not when deinterlaced
            video.codec_context.field_order = FIELD_ORDERS.index(info.field_order)
        if self.container != "mkv" and video.codec_context.name in {"hevc", "libx265"}:
            video.codec_context.codec_tag = "hvc1"  # the only tag that QuickTime plays
        if original is None:
            return video
        # PyAV's template omits these; tags of sizes and rates describe the original video and are dropped.
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
            copy = add_copy(self.target, origin)
            copy.time_base = origin.time_base  # the same clock, so that no time is rounded
            copy.disposition = stream.disposition
            copy.metadata.update(stream.metadata)
            if self.container == "mov" and "language" in copy.metadata:
                language = copy.metadata["language"]
                copy.metadata["language"] = BIBLIOGRAPHIC.get(language, language)
            self.copies[origin] = copy
        self.kept[kind] += 1

    def _attach_cover(self, stream: Any) -> None:
        """Store cover art as Matroska specifies, as an attachment with a standard name."""
        with open_film(self.film.streams_path) as again:
            packets = again.demux(again.streams[stream.index])
            data = next((bytes(packet) for packet in packets if packet.size), b"")
        # Players show an attachment with this name as the cover, but would play a second video stream.
        name, mime = COVERS.get(stream.codec_context.name, ("cover", "image/unknown"))
        self.target.add_attachment(
            stream.metadata.get("filename", name), stream.metadata.get("mimetype", mime), data
        )

    def _chapters(self) -> list[Any]:
        """Return the chapters that overlap the span, on the target's clock."""
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
        return start < self.span.end_s and (end > self.span.start_s or start >= self.span.start_s)

    def write(
        self,
        timed: Iterator[Packet],
        video: av.VideoStream,
        advance: Callable[[int], object] | None,
    ) -> None:
        """Write all packets in decode order; ``advance`` receives the frames written since its last call."""
        done = 0
        # In this order the muxer never has to buffer one stream while it waits for the others.
        for packet in heapq.merge(timed, self._others(), key=_decode_time):
            shift = round(self.span.shift_s / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            if packet.stream is video:
                done += 1
                if advance and done % REPORT_EVERY == 0:
                    advance(REPORT_EVERY)
            self.target.mux_one(packet)
        if advance:
            advance(done % REPORT_EVERY)

    def _others(self) -> Iterator[Packet]:
        """Yield the packets of the copied streams, unchanged except for missing or repeated times."""
        for packet in heapq.merge(*map(self._packets_of, self._sources()), key=_decode_time):
            if self._cut(packet):
                self._keep_order(packet)
                packet.stream = self.copies[packet.stream]
                yield packet

    def _cut(self, packet: Packet) -> bool:
        """Return whether a packet is in the span; a subtitle already on screen is cut to start with it."""
        if self.span.start_s is None or packet.stream.type == "video":
            return True
        start, end = packet.pts, packet.pts + (packet.duration or 0)
        # Rounded up, because a packet from before the first frame would get a negative time.
        begin = math.ceil(self.span.start_s / packet.time_base)
        if packet.stream.type == "subtitle" and start < begin < end:
            packet.pts = packet.dts = begin
            packet.duration = end - begin
        return bool(begin <= packet.pts and packet.pts * packet.time_base < self.span.end_s)

    def _sources(self) -> list[av.container.InputContainer]:
        return list(dict.fromkeys(origin.container for origin in self.copies))

    def _packets_of(self, source: av.container.InputContainer) -> Iterator[Packet]:
        """Yield one file's packets of the copied streams, each with a presentation and a decode time."""
        packets = _readable(source.demux(*(o for o in self.copies if o.container is source)))
        for packet in _with_decode_times(chain.from_iterable(map(_single, packets))):
            if packet.pts is None and packet.dts is None and kind_of(packet.stream) == "picture":
                packet.pts = 0  # cover art has no time
            if packet.pts is None and packet.dts is None:
                continue  # cannot be placed without a time
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
            if packet.stream in self.late:
                late = round(self.late[packet.stream] / packet.time_base)
                packet.pts, packet.dts = packet.pts - late, packet.dts - late
            yield packet

    def _keep_order(self, packet: Packet) -> None:
        """Raise a decode time that does not exceed its predecessor; broken films repeat them."""
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
    """Yield packets up to the end of the file or the first read error."""
    try:
        for packet in packets:
            if packet.size or packet.dts is not None:
                yield packet
    except av.FFmpegError as error:
        log.warning("the source cannot be read to its end: %s", reason_of(error))


def _single(packet: Packet) -> Iterable[Packet]:
    """Return the packets to write for one of the source."""
    return single_frames(packet) if codec_of(packet.stream) == "amrnb" else (packet,)


def _with_decode_times(packets: Iterator[Packet]) -> Iterator[Packet]:
    """Give the first packets of video tracks decode times: Matroska's are known only after reordered frames."""
    waiting: dict[Any, list[Packet]] = {}
    for packet in packets:
        if kind_of(packet.stream) != "video":
            yield packet
            continue
        held = waiting.setdefault(packet.stream, [])
        held.append(packet)
        if packet.dts is not None:
            for back, one in enumerate(reversed(held)):
                one.dts = packet.dts - back * max(1, packet.duration or 1)
            yield from held
            held.clear()
    for held in waiting.values():
        yield from held

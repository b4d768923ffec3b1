"""Writes finished segments to a pipe as they come: Matroska with the film's sound and subtitles, or YUV4MPEG2."""

from collections import deque
from dataclasses import replace
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

import av
import av.container

from film import FilmError
from film.chroma import Encoding
from film.decode import planes
from film.ffmpeg import film_stream, open_film
from film.info import codec_of
from film.job import Rendered
from film.pipe_input import PipeInput
from film.stream_copy import Span, StreamCopy

# Frames by which decoding precedes display: more than any encoder reorders; Matroska does not store it.
DELAY = 16
# With which a packet of AAC that describes itself begins: of MPEG-4, of MPEG-2.
ADTS = (b"\xff\xf1", b"\xff\xf9")
CLUSTER_MS = "1000"  # after which packets are passed on; FFmpeg's default is 5 s
Y4M_CHROMA = {(2, 2): "420", (2, 1): "422", (1, 1): "444", (4, 1): "411", (0, 0): "mono"}


class PipeOutput(Protocol):
    """Writes segments in order."""

    def write(self, segment: Rendered) -> None:
        """Write the next segment."""
        ...

    def close(self) -> None:
        """Write what belongs at the end."""
        ...


class _Pipe:
    """A pipe as PyAV writes to one: without seeking."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Write all bytes; a closed pipe raises BrokenPipeError."""
        self._file.write(data)
        self._file.flush()
        return len(data)


class MatroskaOutput:
    """Writes Matroska."""

    def __init__(self, sink: BinaryIO, source: PipeInput) -> None:
        self.source = source
        self.count = 0  # frames written
        pipe: Any = _Pipe(sink)
        self.target: av.container.OutputContainer = av.open(
            pipe, "w", format="matroska", container_options={"cluster_time_limit": CLUSTER_MS}
        )
        self._copy = StreamCopy(
            source.film, source.container, self.target, "mkv", Span(None, None, Fraction(0))
        )
        self._video: Any = None
        self._recent: deque[int] = deque(maxlen=DELAY + 1)  # times, for decode times
        self._last: dict[Any, int] = {}

    def write(self, segment: Rendered) -> None:
        """Write a segment's packets with their own times, and those of other streams up to them."""
        times = [self.source.times.popleft() for _ in segment.ranks]
        with open_film(segment.path) as container:
            stream = film_stream(container)
            assert stream is not None, segment.path
            if self._video is None:
                self._video = self._copy.add_streams(stream)
                self._describe_aac()
            packets = (packet for packet in container.demux(stream) if packet.size)
            for packet, rank, shown in zip(packets, segment.ranks, times, strict=True):
                self._write(packet, times[rank], shown)
        self.count += len(times)

    def _describe_aac(self) -> None:
        """Describe AAC sound from MPEG-TS, whose packets describe themselves: Matroska does so in its header."""
        for origin, copy in self._copy.copies.items():
            if codec_of(origin) == "aac" and not origin.codec_context.extradata:
                waiting = tuple(self.source.packets)  # the thread that reads adds to them
                first = next((bytes(one) for one in waiting if one.stream is origin), b"")
                if not first.startswith(ADTS):
                    name = self.source.film.path
                    raise FilmError(
                        f"{name}: its AAC sound begins late: remux it to Matroska first"
                    )
                copy.codec_context.extradata = audio_specific_config(first)

    def _write(self, packet: Any, time: int, shown: int) -> None:
        """Write a packet of the picture.

        shown : time of the frame that has its place in the order of display
        """
        info, step = self.source.film.video, self.source.film.last_duration
        self._recent.append(shown)
        early = DELAY + 1 - len(self._recent)
        packet.stream, packet.time_base = self._video, info.time_base
        packet.pts, packet.dts = time, self._recent[0] - early * step
        packet.duration = step
        self._write_others(packet.dts * info.time_base)
        self.target.mux_one(packet)

    def _write_others(self, until_s: Fraction | None) -> None:
        """Write the waiting packets of other streams, up to a time."""
        waiting = self.source.packets
        while waiting:
            packet = waiting[0]
            time = packet.dts if packet.dts is not None else packet.pts
            if time is not None and until_s is not None and time * packet.time_base > until_s:
                return
            waiting.popleft()
            copy = self._copy.copies.get(packet.stream)
            if copy is None or time is None:
                continue
            packet.dts = max(time, self._last.get(copy, time - 1) + 1)
            packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
            self._last[copy] = packet.dts
            packet.stream = copy
            self.target.mux_one(packet)

    def close(self) -> None:
        """Write the rest of the other streams, and the end."""
        if self._video is not None:
            self._write_others(None)
        self.target.close()


def audio_specific_config(packet: bytes) -> bytes:
    """Return the description of AAC sound (ISO/IEC 14496-3, 1.6.2.1) from a packet's ADTS header (1.A.2.2)."""
    kind, rate = (packet[2] >> 6) + 1, packet[2] >> 2 & 0xF
    channels = (packet[2] & 1) << 2 | packet[3] >> 6
    return (kind << 11 | rate << 7 | channels << 3).to_bytes(2, "big")


class Y4mOutput:
    """Writes YUV4MPEG2 (man 5 yuv4mpeg), raw frames at a constant rate, in the dialect of ffmpeg and VapourSynth."""

    def __init__(self, sink: BinaryIO, source: PipeInput, encoding: Encoding) -> None:
        self._sink, self._source = sink, source
        video = source.film.video
        self._video = replace(video, depth=encoding.depth, chroma=encoding.chroma, has_luma=True)
        self._head = y4m_header(encoding, video.sar)

    def write(self, segment: Rendered) -> None:
        """Write a segment's frames, and the header before the first."""
        self._sink.write(self._head)
        self._head = b""
        for _ in segment.ranks:
            self._source.times.popleft()
        self._source.packets.clear()
        with open_film(segment.path) as container:
            for frame in container.decode(video=0):
                self._sink.write(b"FRAME\n")
                for plane in planes(frame, self._video):
                    self._sink.write(plane.tobytes())
        self._sink.flush()

    def close(self) -> None:
        """Write nothing: there is no end."""


def y4m_header(encoding: Encoding, sar: Fraction) -> bytes:
    """Return the header of a YUV4MPEG2 stream; raise FilmError for a format that it cannot hold."""
    chroma = Y4M_CHROMA.get(encoding.chroma)
    if chroma is None:
        raise FilmError(f"YUV4MPEG2 cannot hold {encoding.pixel_format}: use -pipe mkv")
    deep = "" if encoding.depth == 8 else f"{'' if chroma == 'mono' else 'p'}{encoding.depth}"
    name = chroma + ("jpeg" if chroma == "420" and not deep else deep)
    field = {"": "p", "tff": "t", "bff": "b"}[encoding.first_field]
    rate = f"{encoding.rate.numerator}:{encoding.rate.denominator}"
    words = [f"W{encoding.width}", f"H{encoding.height}", f"F{rate}", f"I{field}"]
    words += [f"A{sar.numerator}:{sar.denominator}", f"C{name}"]
    words += [f"XCOLORRANGE={'FULL' if encoding.full_range else 'LIMITED'}"]
    return f"YUV4MPEG2 {' '.join(words)}\n".encode()

"""Film info: what a film has, as plain values that can be stored, compared and sent; and what containers can hold."""

import hashlib
import io
from bisect import bisect_left
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from color.segment import WORKING_SIDE
from film import FilmError
from film.ffmpeg import open_film
from film.options import FilmOptions

FIELD_ORDERS = ("unknown", "progressive", "tt", "bb")  # AVFieldOrder
# "tb" and "bt": what FFmpeg writes for, and reads as, top and bottom first.
SWAPPED = {4: "tt", 5: "bb"}
MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}
MATRICES |= {9: "bt2020nc", 10: "bt2020c"}
PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film"}
PRIMARIES |= {9: "bt2020", 11: "smpte431", 12: "smpte432"}
TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear"}
TRANSFERS |= {13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084"}
TRANSFERS |= {18: "arib-std-b67"}  # numbers of ITU-T H.273, names of FFmpeg
GRID = 32  # px, the coarsest grid of the network
CONTAINERS = {"mp4": "mp4", "mkv": "matroska", "mov": "mov"}  # ours -> FFmpeg's muxer
# Known to Matroska by their numbers in Microsoft's RIFF; PyAV asks for names only.
RIFF_SOUND = {"wmav1", "wmav2", "wmapro", "wmavoice", "adpcm_ms", "adpcm_ima_wav", "gsm_ms"}
SAMPLE_BYTES = 1 << 20  # of a film's head, middle and tail, by which it is identified
EARLY_S = 1e-6  # a time that was rounded still means its frame


@dataclass(frozen=True)
class Video:
    """The film's picture. Sizes are those of the coded picture, before rotation.

    orientation : (transpose, flip_x, flip_y) turn the coded picture upright, in this order
    display_matrix : the same as the container has it, nine numbers, or () for none
    chroma : (across, down) samples of luma per sample of chroma: (2, 2) is 4:2:0; (0, 0) is gray
    depth : bits per sample
    has_luma : False for RGB and palette films, whose luma must be computed
    full_range : luma runs over all codes (PC) and not over 16..235 (TV)
    matrix, primaries, transfer : FFmpeg's names ("bt709", "smpte170m"), "" where the film is silent
    field_order : "progressive", "unknown", or which field is shown first: "tt" the top one, "bb" the bottom one
    """

    index: int
    codec: str
    width: int
    height: int
    sar: Fraction
    orientation: tuple[bool, bool, bool]
    display_matrix: tuple[int, ...]
    pixel_format: str
    depth: int
    chroma: tuple[int, int]
    has_luma: bool
    has_alpha: bool
    full_range: bool
    matrix: str
    primaries: str
    transfer: str
    field_order: str
    time_base: Fraction
    rate: Fraction

    @property
    def interlaced(self) -> bool:
        """Whether each frame is two fields, shown one after the other."""
        return self.field_order in {"tt", "bb"}

    @property
    def rotation(self) -> int:
        """Degrees clockwise that turn the coded picture upright (mirroring apart): 0, 90, 180, 270."""
        transpose, flip_x, flip_y = self.orientation
        if transpose:
            return 90 if flip_x else 270
        return 180 if flip_x and flip_y else 0


@dataclass(frozen=True)
class Stream:
    """Another stream of the film.

    kind : "audio", "subtitle", "data", "attachment" or "picture" (cover art)
    dispositions : "default", "forced", ...
    start_s : time of the first packet, negative for samples that only prime a decoder
    """

    index: int
    kind: str
    codec: str
    language: str
    title: str
    dispositions: tuple[str, ...]
    details: str
    tags: dict[str, str]
    time_base: Fraction
    start_s: Fraction

    def __str__(self) -> str:
        parts = (self.kind, str(self.index), self.codec, self.language, self.details, self.title)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Chapter:
    """A chapter: from and to in seconds of the film's clock."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True)
class Film:
    """Everything known about a film.

    pts : presentation time of every frame, ascending, in units of video.time_base
    keys : what identifies each frame as the decoder hands it over: equal to `pts` where those can be
        trusted, else the decode time of the frame's packet (H.264 in AVI); () counts from the start
    last_duration : how long the last frame stays, same unit
    working_side : px, the short side of what the colorizer gets
    missing_s : seconds the container promises beyond the last frame (a truncated file), else 0
    """

    path: Path
    container: str
    video: Video
    streams: tuple[Stream, ...]
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]
    pts: tuple[int, ...]
    keys: tuple[int, ...]
    last_duration: int
    missing_s: float
    size_bytes: int
    working_side: int = WORKING_SIDE

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.pts)

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame's start to the last frame's end."""
        span = self.pts[-1] + self.last_duration - self.pts[0]
        return float(span * self.video.time_base)

    @property
    def shown_s(self) -> list[float]:
        """Seconds from the first frame's start to each frame's start."""
        base = float(self.video.time_base)
        return [(time - self.pts[0]) * base for time in self.pts]

    @property
    def is_vfr(self) -> bool:
        """Whether the time between frames varies by more than the clock's rounding."""
        # Of a constant rate they differ by 1 where the clock does not divide it.
        steps = np.diff(self.pts)
        return bool(steps.size) and int(steps.max() - steps.min()) > 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) of the upright picture in its own pixels."""
        size = (self.video.height, self.video.width)
        return size[::-1] if self.video.orientation[0] else size

    @property
    def display_size(self) -> tuple[int, int]:
        """(height, width) of the upright picture with square pixels, at full resolution."""
        width, height = self.video.width, self.video.height
        if self.video.sar > 1:
            width = max(1, round(width * self.video.sar))
        elif self.video.sar < 1:
            height = max(1, round(height / self.video.sar))
        return (width, height) if self.video.orientation[0] else (height, width)

    @property
    def working_size(self) -> tuple[int, int]:
        """(height, width) of what the colorizer gets: upright, short side about `working_side`, multiples of 32.

        The network works on a grid of 32 pixels: whole cells need no padding, and pixels stay
        square within a few percent.
        """
        height, width = self.display_size
        scale = min(1.0, self.working_side / min(height, width)) / GRID
        return GRID * max(1, round(height * scale)), GRID * max(1, round(width * scale))

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values (timestamps as a count)."""
        values = asdict(self)
        for name in ("pts", "keys"):
            del values[name]
        values["path"] = str(self.path)
        for name in ("sar", "time_base", "rate"):
            values["video"][name] = str(values["video"][name])
        for stream in values["streams"]:
            stream["time_base"] = str(stream["time_base"])
            stream["start_s"] = float(stream["start_s"])
        values["video"]["rotation"] = self.video.rotation
        for name in ("frames", "duration_s", "is_vfr", "display_size", "working_size"):
            values[name] = getattr(self, name)
        return values


@dataclass(frozen=True)
class Unsupported:
    """A stream the wanted container cannot hold, and one that could ("" if none of ours)."""

    stream: Stream
    could: str


def kind_of(stream: Any) -> str:
    """Name the kind of a stream as Stream.kind has it."""
    return "picture" if stream.type == "video" else str(stream.type)


def codec_of(stream: Any) -> str:
    """Name a stream's codec, or what FFmpeg names the stream where it has none."""
    named = stream if stream.codec_context is None else stream.codec_context
    return getattr(named, "name", None) or "unknown"  # streams of no known kind have no name


def unsupported_by(film: Film, container: str) -> list[Unsupported]:
    """List the film's streams that a container ("mp4", "mkv" or "mov") cannot hold."""
    found = []
    with open_film(film.path) as source:
        for stream in film.streams:
            original = source.streams[stream.index]
            if not can_hold(container, original):
                others = (name for name in ("mkv", "mp4", "mov") if can_hold(name, original))
                found.append(Unsupported(stream, next(others, "")))
    return found


def can_hold(container: str, stream: Any) -> bool:
    """Tell whether a container can hold a stream: its muxer is asked with a dry run."""
    if container == "mkv" and kind_of(stream) == "picture":
        return stream.codec_context is not None  # kept as an attachment, Matroska's way
    if container == "mkv" and stream.type == "audio" and codec_of(stream) in RIFF_SOUND:
        return True  # the ffmpeg program adds it
    if container == "mov" and kind_of(stream) == "picture":
        return False  # no place for cover art
    # No list of ours: what a muxer takes changes with FFmpeg, and some refuse only once the header is written.
    with av.open(io.BytesIO(), "w", format=CONTAINERS[container]) as trial:
        try:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
        except (ValueError, av.FFmpegError):
            return False
    return True


@dataclass(frozen=True)
class Source:
    """A film file, identified by a content hash: moving or touching it makes no new film."""

    name: str
    size: int
    digest: str


def source_of(path: Path) -> Source:
    """Identify a film by a hash of its size and of its head, middle and tail (1 MiB each)."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    # Not all of it: reading a long film once takes minutes on a slow disk.
    with path.open("rb") as file:
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(SAMPLE_BYTES))
    return Source(path.name, size, digest.hexdigest())


def span(film: Film, options: FilmOptions) -> tuple[int, int]:
    """Return (first, last) of the frames shown from ``start`` on, for ``duration``; last is one past."""
    shown_s = film.shown_s
    end_s = float("inf") if options.duration is None else options.start + options.duration
    first, last = (bisect_left(shown_s, at - EARLY_S) for at in (options.start, end_s))
    if first >= last:
        raise FilmError(
            f"{film.path}: no frame between {options.start:g} s and {end_s:g} s; "
            f"it lasts {film.duration_s:.3f} s"
        )
    return first, last

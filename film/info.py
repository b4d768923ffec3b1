"""Film info: a film's properties as plain values to store, compare and send; and what containers can hold."""

import io
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from color.segment import WORKING_SIDE
from film import FilmError
from film.ffmpeg import is_still, open_film
from film.options import FilmOptions

FIELD_ORDERS = ("unknown", "progressive", "tt", "bb")  # AVFieldOrder
# "tb" and "bt": FFmpeg reads and writes these as top first and bottom first.
SWAPPED = {4: "tt", 5: "bb"}
GRID = 32  # px, cell size of the network's coarsest grid
CONTAINERS = {"mp4": "mp4", "mkv": "matroska", "mov": "mov"}  # ours -> FFmpeg's muxer
TEXT_CODECS = {"mp4": "mov_text", "mkv": "subrip", "mov": "mov_text"}  # FFmpeg's encoders
# Matroska stores these by their RIFF numbers; PyAV accepts only codecs that it stores by name.
RIFF_SOUND = {"wmav1", "wmav2", "wmapro", "wmavoice", "adpcm_ms", "adpcm_ima_wav", "gsm_ms"}
EARLY_S = 1e-6  # tolerance for rounded times, so that they still select their frame


@dataclass(frozen=True)
class Video:
    """The film's video stream. Sizes are those of the coded picture, before rotation.

    orientation : (transpose, flip_x, flip_y) turn the coded picture upright, in this order
    display_matrix : the same in the container's form, nine numbers, or () for none
    chroma : (across, down) samples of luma per sample of chroma: (2, 2) is 4:2:0; (0, 0) is gray
    depth : bits per sample
    has_luma : False for RGB and palette films, whose luma must be computed
    hidden_alpha : has transparency that FFmpeg's own decoder does not output (VP8 and VP9)
    full_range : luma uses all codes (PC) instead of 16..235 (TV)
    matrix, primaries, transfer : names of `color_tags` ("bt709"), "" if untagged, digits for unknown values
    field_order : "progressive", "unknown", or the field shown first: "tt" top, "bb" bottom
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
    hidden_alpha: bool
    full_range: bool
    matrix: str
    primaries: str
    transfer: str
    field_order: str
    time_base: Fraction
    rate: Fraction

    @property
    def interlaced(self) -> bool:
        """Whether each frame consists of two fields, shown one after the other."""
        return self.field_order in {"tt", "bb"}

    @property
    def rotation(self) -> int:
        """Clockwise degrees that turn the coded picture upright (not counting mirroring): 0, 90, 180, 270."""
        transpose, flip_x, flip_y = self.orientation
        if transpose:
            return 90 if flip_x else 270
        return 180 if flip_x and flip_y else 0


@dataclass(frozen=True)
class Stream:
    """A stream other than the film's video.

    kind : "audio", "subtitle", "data", "attachment", "picture" (cover art) or "video" (a further track)
    dispositions : "default", "forced", ...
    start_s : time of the first packet; negative for samples that only prime a decoder
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
    """A chapter, in seconds on the film's clock."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True)
class Film:
    """Everything known about a film.

    pts : presentation time of every frame, ascending, in units of video.time_base
    keys : identifies each decoded frame: equal to `pts` if those are reliable, else the decode time of the
        frame's packet (H.264 in AVI); () means that frames are counted from the start
    last_duration : how long the last frame is shown, same unit
    working_side : px, short side of the colorizer's input
    missing_s : seconds that the container declares beyond the last frame (a truncated file), else 0
    pictures : of an image sequence, the file name of each frame; () for a film in one file
    first_number : number of the first picture
    audio : file with the sound of an image sequence, to which `streams` belong
    notes : what was found wrong with an image sequence
    spool : folder with the frames of a film that comes through a pipe, whose times are not known in advance
    """

    path: Path
    container: str
    video: Video
    streams: tuple[Stream, ...]
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]
    pts: Sequence[int]
    keys: tuple[int, ...]
    last_duration: int
    missing_s: float
    size_bytes: int
    working_side: int = WORKING_SIDE
    pictures: tuple[str, ...] = ()
    first_number: int = 1
    audio: Path | None = None
    notes: tuple[str, ...] = ()
    spool: Path | None = None

    def picture_path(self, number: int) -> Path:
        """Return the picture of a frame of an image sequence."""
        folder = self.path if self.path.is_dir() else self.path.parent
        return folder / self.pictures[number]

    @property
    def streams_path(self) -> Path:
        """Return the file that holds the other streams, and is no film for an image sequence."""
        return self.audio or (self.picture_path(0) if self.pictures else self.path)

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
        if self.spool is not None:
            return False
        # At a constant rate, steps differ by up to 1 if the rate does not divide the clock's frequency.
        steps = np.diff(self.pts)
        return bool(steps.size) and int(steps.max() - steps.min()) > 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) of the upright picture in stored pixels."""
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
        """(height, width) of the colorizer's input: upright, short side about `working_side`, multiples of 32.

        The network's grid has cells of 32 pixels: whole cells need no padding, and pixels stay
        square within a few percent.
        """
        height, width = self.display_size
        scale = min(1.0, self.working_side / min(height, width)) / GRID
        return GRID * max(1, round(height * scale)), GRID * max(1, round(width * scale))

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values, without the per-frame times."""
        values = asdict(self)
        for name in ("pts", "keys", "pictures", "spool"):
            del values[name]
        values["path"] = str(self.path)
        values["audio"] = self.audio and str(self.audio)
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
    """A stream that the chosen container cannot hold, and a supported container that could ("" if none)."""

    stream: Stream
    could: str


def kind_of(stream: Any) -> str:
    """Return a stream's kind, as in Stream.kind."""
    return "picture" if stream.type == "video" and is_still(stream) else str(stream.type)


def codec_of(stream: Any) -> str:
    """Return the name of a stream's codec, or FFmpeg's name of the stream if it has no codec."""
    named = stream if stream.codec_context is None else stream.codec_context
    return getattr(named, "name", None) or "unknown"  # streams of unknown kinds have no name


def unsupported_by(film: Film, container: str) -> list[Unsupported]:
    """List the film's streams that a container ("mp4", "mkv" or "mov") cannot hold."""
    found = []
    with open_film(film.streams_path) as source:
        for stream in film.streams:
            original = source.streams[stream.index]
            if not can_hold(container, original):
                others = (name for name in ("mkv", "mp4", "mov") if can_hold(name, original))
                found.append(Unsupported(stream, next(others, "")))
    return found


def can_hold(container: str, stream: Any) -> bool:
    """Return whether a container can hold a stream, by a dry run of its muxer."""
    if container == "mkv" and kind_of(stream) == "picture":
        return stream.codec_context is not None  # stored as an attachment, as Matroska specifies
    if container == "mkv" and stream.type == "audio" and codec_of(stream) in RIFF_SOUND:
        return True  # the ffmpeg program adds it
    if container == "mov" and kind_of(stream) == "picture":
        return False  # QuickTime has no cover art
    if kind_of(stream) == "video" and _without_order(stream):
        return False
    return converted(container, stream) or _takes(container, stream)


def converted(container: str, stream: Any) -> bool:
    """Return whether a stream is text subtitles in a format that a container can hold only converted."""
    codec = (
        stream.codec_context.codec if stream.type == "subtitle" and stream.codec_context else None
    )
    return codec is not None and codec.text_sub and not _takes(container, stream)


def _takes(container: str, stream: Any) -> bool:
    # Not a fixed list: muxers' support changes with FFmpeg, and some fail only when the header is written.
    with av.open(io.BytesIO(), "w", format=CONTAINERS[container]) as trial:
        try:
            add_copy(trial, stream)
            trial.start_encoding()
        except (ValueError, av.FFmpegError):
            return False
    return True


def add_copy(target: av.container.OutputContainer, stream: Any) -> Any:
    """Add a stream to a container for copied packets of another one."""
    # Opaque: PyAV looks for an encoder with the decoder's name, which some video codecs lack.
    return target.add_stream_from_template(stream, opaque=kind_of(stream) != "picture")


def _without_order(stream: Any) -> bool:
    """Return whether packets are stored without the times at which their pictures are shown."""
    return stream.codec_context is None or (
        stream.container.format.name == "avi" and stream.codec_context.has_b_frames
    )


def span(film: Film, options: FilmOptions) -> tuple[int, int]:
    """Return the frames [first, last) shown from ``start`` for ``duration``."""
    shown_s = film.shown_s
    end_s = float("inf") if options.duration is None else options.start + options.duration
    first, last = (bisect_left(shown_s, at - EARLY_S) for at in (options.start, end_s))
    if first >= last:
        part = "on" if options.duration is None else f"to {end_s:g} s"
        raise FilmError(
            f"{film.path}: no frame from {options.start:g} s {part}; "
            f"it lasts {film.duration_s:.3f} s"
        )
    return first, last

"""What a film has: streams, timing, geometry, color tags. Reads only; changes nothing."""

import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


class FilmError(ValueError):
    """A film cannot be read, painted or written: one line that says what to do about it."""


@dataclass(frozen=True)
class Video:
    """The film's picture. Sizes are those of the coded picture, before rotation.

    chroma : (across, down) samples of luma per sample of chroma: (2, 2) is 4:2:0; (0, 0) is gray
    depth : bits per sample
    full_range : luma runs over all codes (PC) and not over 16..235 (TV)
    matrix, primaries, transfer : FFmpeg's names ("bt709", "smpte170m"), "" where the film is silent
    field_order : "progressive", "tt", "bb", "tb", "bt" or "unknown"
    rotation : degrees clockwise the picture must be turned to be upright: 0, 90, 180, 270
    mirrored : the picture must be flipped left to right after it was turned
    matrix9 : the display matrix as the container has it, or () for none
    """

    index: int
    codec: str
    width: int
    height: int
    sar: Fraction
    rotation: int
    mirrored: bool
    display_matrix: tuple[int, ...]
    pixel_format: str
    depth: int
    chroma: tuple[int, int]
    has_luma: bool
    full_range: bool
    matrix: str
    primaries: str
    transfer: str
    field_order: str
    time_base: Fraction
    rate: Fraction

    @property
    def interlaced(self) -> bool:
        """Whether the frames are woven from two fields."""
        return self.field_order in {"tt", "bb", "tb", "bt"}


@dataclass(frozen=True)
class Stream:
    """Another stream of the film.

    kind : "audio", "subtitle", "data", "attachment" or "picture" (cover art)
    dispositions : "default", "forced", ...
    """

    index: int
    kind: str
    codec: str
    language: str
    title: str
    dispositions: tuple[str, ...]
    details: str
    tags: dict[str, str]


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
    last_duration : how long the last frame stays, same unit
    missing_s : seconds the container promises beyond the last frame (a truncated file), else 0
    """

    path: Path
    container: str
    video: Video
    streams: tuple[Stream, ...]
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]
    pts: tuple[int, ...]
    last_duration: int
    missing_s: float
    size_bytes: int

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
    def is_vfr(self) -> bool:
        """Whether the time between frames varies by more than the clock's rounding."""
        steps = [b - a for a, b in zip(self.pts, self.pts[1:], strict=False)]
        return bool(steps) and max(steps) - min(steps) > 1

    @property
    def display_size(self) -> tuple[int, int]:
        """(height, width) of the upright picture with square pixels, at full resolution."""
        raise NotImplementedError

    @property
    def working_size(self) -> tuple[int, int]:
        """(height, width) of the upright picture with square pixels, short side about 256."""
        raise NotImplementedError

    def as_json(self) -> dict[str, object]:
        """Return the facts as plain JSON values (the list of pts as a count)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Unsupported:
    """A stream the wanted container cannot hold, and one that could ("" if none of ours)."""

    stream: Stream
    reason: str
    could: str


def ffmpeg_path() -> str:
    """Return the ffmpeg to run: the one on the PATH, else the one imageio-ffmpeg brings."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def probe(path: Path) -> Film:
    """Read a film's facts; the packets are walked through once, nothing but one frame is decoded.

    Raises FilmError for what is no film: no video, sound only, a picture, an empty file, a codec that
    is not there.
    """
    raise NotImplementedError(av.__version__)


def unsupported_by(film: Film, container: str) -> list[Unsupported]:
    """List the film's streams that a container ("mp4", "mkv" or "mov") cannot hold."""
    raise NotImplementedError

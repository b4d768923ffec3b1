"""The options for films, as data, checked before any work begins.

This module avoids heavy imports, so that help and
usage errors appear without loading FFmpeg or OpenCV.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from film import FilmError
from film.codecs import CODECS, PRESETS
from runtime.options import check, option, seconds
from runtime.places import jobs_folder, shown

CACHE = jobs_folder()
USUAL_FPS, SLOWEST_FPS, FASTEST_FPS = Fraction(24), 1, 240  # of image sequences
MOST_KEYFRAMES = 50  # of a shot: bounds memory
FALLBACK = ".mkv"  # for films whose own container cannot be written; supports every codec
CODECS_WITH = {  # options that only some codecs support
    "crf": tuple(name for name, codec in CODECS.items() if codec.crf is not None),
    "preset": tuple(name for name, codec in CODECS.items() if codec.presets),
}


@dataclass(frozen=True)
class EncoderOptions:
    """Encoding settings of the finished film.

    threads : of the encoder; the same on every machine, since they affect the encoded bytes. With two, the last segment
        does not leave a core idle: a twentieth faster.
    pictures : the result is an image sequence
    """

    codec: str = option(
        "h264", "video codec; names with _ are hardware encoders, tested before the work begins",
        choices=tuple(CODECS),
    )  # fmt: skip
    crf: int | None = option(
        None, "quality, not for ffv1 and prores: 0 best (h264: lossless), 51 worst (default: by codec)",
        low=0, high=51, metavar="N",
    )  # fmt: skip
    preset: str = option(
        "medium", "for h264, h265 and av1: ultrafast to veryslow", choices=PRESETS, metavar="NAME"
    )
    deinterlace: bool = option(False, "convert interlaced frames to progressive ones")
    threads: int = 2
    pictures: bool = False

    def __post_init__(self) -> None:
        check(self)


def frame_rate(text: str) -> Fraction:
    """Read frames per second: 18, 23.976 (which is 24000/1001), 24000/1001."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not SLOWEST_FPS <= rate <= FASTEST_FPS:
        raise ValueError(f"{text!r} is not a frame rate from {SLOWEST_FPS} to {FASTEST_FPS}")
    ntsc = Fraction(round(rate) * 1000, 1001)
    return ntsc if rate.denominator > 1 and abs(rate - ntsc) < Fraction(1, 200) else rate


def keyframe_count(text: str) -> int | None:
    """Read a number of keyframes; "auto" is None."""
    if text == "auto":
        return None
    if not text.isdecimal():
        raise ValueError(f"{text!r} is neither auto nor a number from 1 to {MOST_KEYFRAMES}")
    return int(text)


@dataclass(frozen=True)
class FilmCommand:
    """What a command does with films besides or instead of colorizing them.

    several : the command has more than one film; previews and folders of keyframes are named after the films, in a
        folder
    """

    probe: str | None = option(
        None, "show stream information and the planned work, as text or json",
        choices=("text", "json"), const="text",
    )  # fmt: skip
    preview: Path | None = option(None, "colorize only one frame of each shot", metavar="PNG")
    keyframes: Path | None = option(
        None, "write only the frames of each shot that are worth coloring by hand, gray and colorized, to a folder",
        metavar="DIR",
    )  # fmt: skip
    keyframes_per_shot: int | None = option(
        None, f"number of keyframes in each shot, up to {MOST_KEYFRAMES}, or auto: by what they reach of it",
        read=keyframe_count, low=1, high=MOST_KEYFRAMES, shown="auto", metavar="N",
    )  # fmt: skip
    references: Path | None = option(
        None, 'colored pictures: a folder of frames, named like shot003.frame000123.png, or JSON: '
        '{"123f": "frame.png", "0:05.2": ...} for frames, {"3": "sea.jpg", "5-7": ..., "0:10-0:25": ...} for the colors '
        "of shots, numbered as in the preview", metavar="FOLDER|JSON",
    )  # fmt: skip
    colorize: tuple[str, ...] = option(
        (), "shots to colorize even if they have color, numbered as in the preview: 3 5-7 0:10-0:25",
        metavar="SHOT",
    )  # fmt: skip
    leave: tuple[str, ...] = option(
        (), "shots to leave unchanged, numbered likewise", metavar="SHOT"
    )
    jobs: str | None = option(
        None, "list the jobs of films, or with clean delete those at rest", choices=("list", "clean"), const="list",
    )  # fmt: skip
    several: bool = False

    def __post_init__(self) -> None:
        check(self)
        if self.keyframes and self.preview:
            raise ValueError("-keyframes and -preview are two commands: give one of them")
        if self.keyframes_per_shot and not self.keyframes:
            raise ValueError("-keyframes_per_shot is for -keyframes: add a folder for them")

    @property
    def colorizes(self) -> bool:
        """Whether the command colorizes the films."""
        return not (self.probe or self.preview or self.keyframes)

    def named(self, film: Path, path: Path, suffix: str) -> Path:
        """Return the path to write to for a film: `path` itself, or for several films a path in the folder `path`."""
        return path / f"{film.stem}{suffix}" if self.several else path


@dataclass(frozen=True)
class FilmOptions:
    """How and where a film is processed.

    compare : leave the left half gray
    recolor : also colorize shots that already have color
    overwrite : replace an existing result
    made_with : a part of the result's mark, see `photo.standing`
    """

    start: float = option(0.0, "start at s or h:mm:ss", read=seconds, low=0, shown="", metavar="T")
    duration: float | None = option(
        None, "process only this duration, s or h:mm:ss", read=seconds, low=0, metavar="T"
    )
    steady: float = option(
        1.0, "stability of colors in a shot; 0 colorizes each frame independently",
        low=0, high=1, metavar="S",
    )  # fmt: skip
    film_lock: str = option(
        "on", "give recurring scenes the same colors as before", choices=("on", "off")
    )
    fps: Fraction | None = option(
        None, "pictures per second of an image sequence: 18, 23.976, 24000/1001 (default: 24)",
        read=frame_rate, metavar="RATE",
    )  # fmt: skip
    audio: Path | None = option(None, "sound of an image sequence", metavar="FILE")
    pipe: str = option(
        "mkv", "format of -save -: mkv, or y4m, lossless and silent", choices=("mkv", "y4m")
    )
    workers: int | None = option(
        None, "number of processes", low=1, high=1024,
        shown="one per core; always one on a GPU", metavar="N",
    )  # fmt: skip
    scheduler: str = option(
        "", "Dask cluster: tcp://host:8786; whoever reaches a Dask scheduler can run any code on its machines",
        metavar="URL",
    )  # fmt: skip
    cache: Path = option(CACHE, "folder for jobs", shown=shown(CACHE), metavar="DIR")
    ffmpeg: Path | None = option(
        None, "the ffmpeg to run, 9.0 or later (default: the one in the packages)", metavar="PATH"
    )
    keep_cache: bool = option(False, "keep the frames and shots of a job")
    restart: bool = option(False, "discard an earlier run's work and start again")
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    compare: bool = False
    recolor: bool = False
    overwrite: bool = False
    made_with: str = ""

    def __post_init__(self) -> None:
        check(self)


def written_suffixes(codec: str) -> tuple[str, ...]:
    """Return the suffixes of the containers that a codec supports."""
    return tuple(f".{name}" for name in CODECS[codec].containers)


def check_suffix(target: Path, codec: str) -> None:
    """Raise FilmError for a result whose container a codec does not support."""
    if target.suffix.lower() not in written_suffixes(codec):
        suffixes = " or ".join(written_suffixes(codec))
        raise FilmError(f"{target}: {codec} films are written as {suffixes}; choose that suffix")


def unsupported(codec: str, given: Iterable[str]) -> Iterator[str]:
    """Yield a message for each given option that a codec does not support."""
    for name in given:
        codecs = CODECS_WITH.get(name, (codec,))
        if codec not in codecs:
            yield f"-{name} is for {', '.join(codecs)}: leave it out with -codec {codec}"

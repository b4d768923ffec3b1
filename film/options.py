"""What is wanted of a film, as data: its options, and how it is colorized. Checked before any work begins.

Nothing heavy is imported here: a command line's help and its mistakes must not wait for FFmpeg or OpenCV.
"""

import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from color.guidance import UNGUIDED, Guidance
from film import FilmError
from film.codecs import CODECS, PRESETS
from runtime.options import check, option, seconds

if TYPE_CHECKING:
    from color.segment import SegmentColorizer
    from film.info import Film

CACHE = Path(__file__).resolve().parent.parent / "cache"
# Of films, where a folder is searched.
SUFFIXES = (".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
FALLBACK = ".mkv"  # where a film's own container cannot be written: it holds every codec
CODECS_WITH = {  # options that are not for every codec
    "crf": tuple(name for name, codec in CODECS.items() if codec.crf is not None),
    "preset": tuple(name for name, codec in CODECS.items() if codec.presets),
}
WORKING_SIDE = 256  # px, the short side of what a colorizer gets
EARLY_S = 1e-6  # a time that was rounded still means its frame


@dataclass(frozen=True)
class EncoderOptions:
    """How the finished film is encoded.

    threads : the encoder's; they decide its bytes too, so they are the same on every machine
    """

    codec: str = option(
        "h264", "of the picture; names with _ are hardware encoders, tried before the work begins",
        choices=tuple(CODECS),
    )  # fmt: skip
    crf: int | None = option(
        None, "not of ffv1 and prores: 0 best (h264: lossless), 51 worst (default: the codec's own)",
        low=0, high=51, metavar="N",
    )  # fmt: skip
    preset: str = option(
        "medium", "of h264, h265 and av1: ultrafast to veryslow", choices=PRESETS, metavar="NAME"
    )
    deinterlace: bool = option(False, "make progressive frames of interlaced ones")
    threads: int = 1

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class FilmCommand:
    """What a command does with films besides colorizing them, or instead.

    several : the command is about more than one film; previews and reports are then named after them, in a folder
    """

    probe: str | None = option(
        None, "show stream information and what would be done, as text or json",
        choices=("text", "json"), const="text",
    )  # fmt: skip
    preview: Path | None = option(None, "only colorize one frame of each shot", metavar="PNG")
    report: Path | None = option(None, "write what was done to this file", metavar="JSON")
    references: Path | None = option(
        None, 'pictures whose colors shots are to have: {"3": "sea.jpg", "5-7": ..., "0:10-0:25": ...}, numbered as on '
        "a preview", metavar="JSON",
    )  # fmt: skip
    colorize: tuple[str, ...] = option(
        (), "shots to colorize though they have color, numbered as on a preview: 3 5-7 0:10-0:25",
        metavar="SHOT",
    )  # fmt: skip
    leave: tuple[str, ...] = option((), "shots to leave as they are, as above", metavar="SHOT")
    several: bool = False

    def named(self, film: Path, path: Path, suffix: str) -> Path:
        """Return the file to write for a film: the one that was named, or one in the folder that was."""
        return path / f"{film.stem}{suffix}" if self.several else path


@dataclass(frozen=True)
class FilmOptions:
    """What is done with a film, where and by whom.

    compare : leave the left half gray
    overwrite : replace a result that is there already
    """

    start: float = option(0.0, "begin at s or h:mm:ss", read=seconds, low=0, shown="", metavar="T")
    duration: float | None = option(
        None, "do only so much, s or h:mm:ss", read=seconds, low=0, metavar="T"
    )
    steady: float = option(
        1.0, "how steady colors are in a shot; 0 colorizes each frame by itself",
        low=0, high=1, metavar="S",
    )  # fmt: skip
    film_lock: str = option(
        "on", "scenes that come back get the colors that they had", choices=("on", "off")
    )
    recolor: bool = option(False, "colorize shots that have color already, too")
    workers: int | None = option(
        None, "processes", low=1, high=1024,
        shown="one per core; a GPU is always given one", metavar="N",
    )  # fmt: skip
    scheduler: str = option("", "Dask cluster: tcp://host:8786", metavar="URL")
    cache: Path = option(CACHE, "where jobs live", shown="cache/", metavar="DIR")
    keep_cache: bool = option(False, "keep the frames and shots of a job")
    restart: bool = option(False, "discard what an earlier run has done, and start again")
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    compare: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Colorization:
    """How films are colorized: everything this room must know about the network.

    factory : builds a colorizer; picklable
    weights : sha256 of the weights
    settings : whatever else changes the colors, for the manifest
    working_side : px, the short side of the frames the colorizer gets; larger ones are shrunk to it
    whole_shots : the colorizer is a ShotColorizer
    guidance : what a person wants the colors to be
    """

    factory: "Callable[[], SegmentColorizer]"
    weights: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    working_side: int = WORKING_SIDE
    whole_shots: bool = False
    guidance: Guidance = UNGUIDED


def written_suffixes(codec: str) -> tuple[str, ...]:
    """Return the suffixes of the containers that films of a codec are written in."""
    return tuple(f".{name}" for name in CODECS[codec].containers)


def check_target(source: Path, target: Path, *, codec: str, overwrite: bool) -> None:
    """Refuse, before any work, an output that could not be written at its end."""
    if target.suffix.lower() not in written_suffixes(codec):
        suffixes = " or ".join(written_suffixes(codec))
        raise FilmError(f"{target}: films of {codec} are written as {suffixes}; name such a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    check_outputs([target], inputs=[source], overwrite=overwrite)


def check_outputs(outputs: Sequence[Path], *, inputs: Iterable[Path], overwrite: bool) -> None:
    """Refuse, before any work, a file that a command must not write or cannot.

    One rule for all of them: never an input, never another output of the same command, never a file that exists
    without ``overwrite``.
    """
    read = {_identity(path) for path in inputs}
    written: set[object] = set()
    for path in outputs:
        if _identity(path) in read:
            raise FilmError(f"{path} is an input of this command; name another file to write")
        if _identity(path) in written:
            raise FilmError(f"{path} would be written twice by this command; name another file")
        if path.is_dir():
            raise FilmError(f"{path} is a folder; name a file to write")
        if path.exists() and not overwrite:
            raise FilmError(f"{path} exists already; add -overwrite, or name another file")
        if not path.parent.is_dir():
            raise FilmError(f"{path}: there is no folder {path.parent}; make it, or name another")
        written.add(_identity(path))
        # Permissions do not tell: a disk may be read-only, a folder on a share may belong to somebody else.
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part"):
            pass


def check_films_outputs(
    films: Sequence[tuple[Path, Path]],
    command: FilmCommand,
    *,
    inputs: Iterable[Path],
    overwrite: bool,
) -> None:
    """Refuse, before any work, files that a command must not write for its films, each (source, target)."""
    if command.probe:
        return
    outputs: list[Path] = []
    folders = [path for path in (command.preview, command.report) if path and command.several]
    for source, target in films:
        if command.preview:
            outputs.append(command.named(source, command.preview, ".png"))
            continue
        outputs.append(target)
        folders.append(target.parent)
        if command.report:
            outputs.append(command.named(source, command.report, ".json"))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    check_outputs(outputs, inputs=inputs, overwrite=overwrite)


def _identity(path: Path) -> object:
    """Identify a file by where it lies on the disk (links have many names), or by its name where there is none yet."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return path.resolve()
    return status.st_dev, status.st_ino


def span(film: "Film", options: FilmOptions) -> tuple[int, int]:
    """Return (first, last) of the frames shown from ``start`` on, for ``duration``; last is one past."""
    base = float(film.video.time_base)
    shown_s = [(time - film.pts[0]) * base for time in film.pts]
    end_s = float("inf") if options.duration is None else options.start + options.duration
    first, last = (bisect_left(shown_s, at - EARLY_S) for at in (options.start, end_s))
    if first >= last:
        raise FilmError(
            f"{film.path}: no frame between {options.start:g} s and {end_s:g} s; "
            f"it lasts {film.duration_s:.3f} s"
        )
    return first, last

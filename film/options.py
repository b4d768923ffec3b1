"""The options of films, as data, and the codecs to choose from; checked before any work begins.

The hardware encoders are set as FFmpeg documents them (ffmpeg -h encoder=..., ffmpeg.org/ffmpeg-codecs.html,
trac.ffmpeg.org/wiki/HWAccelIntro). We had no machine to run one on. Nothing heavy is imported here: a command line's
help and its mistakes must not wait for FFmpeg or OpenCV.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from film import FilmError
from runtime.options import check, option, seconds
from runtime.places import jobs_folder, shown

CACHE = jobs_folder()
# By which films are found in a folder.
SUFFIXES = (".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
FALLBACK = ".mkv"  # where a film's own container cannot be written: it holds every codec
YUV420, YUV422, YUV444 = (2, 2), (2, 1), (1, 1)  # (across, down), see film.info.Video.chroma
YUV411, YUV440, YUV410 = (4, 1), (1, 2), (4, 4)
PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
X264_PRESETS = {name: name for name in PRESETS}  # x265 has the same
# On one core medium is as fast as x264's. From 10 on SVT itself warns of visible artifacts.
SVT_PRESETS = dict(zip(PRESETS, (9, 9, 8, 8, 7, 6, 5, 4, 3), strict=True))


def svt_crf(crf: int) -> dict[str, object]:
    """Return SVT's option, whose scale ends at 63; FFmpeg takes 0 for none given."""
    return {"crf": max(1, crf)}


def nvenc_quality(crf: int) -> dict[str, object]:
    """Return NVENC's options: a variable rate at constant quality, 1..51 (0 is automatic), without a target rate."""
    return {"rc": "vbr", "cq": max(1, crf), "b:v": 0}


def qsv_quality(crf: int) -> dict[str, object]:
    """Return Quick Sync's option: intelligent constant quality (ICQ), 1..51; 0 would be a constant rate."""
    return {"global_quality": max(1, crf)}


def vaapi_quality(crf: int) -> dict[str, object]:
    """Return VAAPI's options: a constant quantizer, 1..51; 0 would be FFmpeg's default."""
    return {"rc_mode": "CQP", "qp": max(1, crf)}


def videotoolbox_quality(crf: int) -> dict[str, object]:
    """Return VideoToolbox's option: 0..51 becomes 100..1, where 100 is best; only Apple silicon has it."""
    return {"q:v": round(100 - crf * 99 / 51)}


@dataclass(frozen=True)
class Codec:
    """A value of -codec.

    encoder : FFmpeg's name of what encodes it
    containers : that films of it are written in, the usual one first
    depths : bits per sample, ascending
    chromas : as film.info.Video.chroma, nearest first where the film's own is not among them
    crf : of -crf where it is not given; None where the encoder has nothing like it
    quality : -crf -> ffmpeg's options; None where the encoder counts as -crf does
    presets : -preset -> the encoder's own; {} where it has nothing like it
    intermediate : meant for further work: takes any size, keeps all chroma of RGB films
    interlaced : can code frames of two fields as such
    full_range : has a field for it
    software : of a hardware encoder, the codec that any machine can encode instead; "" for the others
    pixel_formats : planar pixel format -> what the encoder takes in its place; the samples are the same
    device : that frames are uploaded to, "" where the encoder does that itself
    """

    encoder: str
    containers: tuple[str, ...] = ("mp4", "mkv", "mov")
    depths: tuple[int, ...] = (8,)
    chromas: tuple[tuple[int, int], ...] = (YUV420,)
    crf: int | None = None
    quality: Callable[[int], dict[str, object]] | None = None
    presets: Mapping[str, object] = field(default_factory=dict)
    intermediate: bool = False
    interlaced: bool = False
    full_range: bool = True
    software: str = ""
    pixel_formats: Mapping[str, str] = field(default_factory=dict)
    device: str = ""


# With these values of crf it is hard to tell from the source by eye, and grain is kept; those of hardware are not
# measured. Whether NVENC codes interlaced frames depends on the GPU: it is not asked to.
CODECS = {
    "h264": Codec(
        "libx264", depths=(8, 10), chromas=(YUV420, YUV422, YUV444), crf=18,
        presets=X264_PRESETS, interlaced=True,
    ),
    "h265": Codec(
        "libx265", depths=(8, 10, 12), chromas=(YUV420, YUV422, YUV444), crf=20,
        presets=X264_PRESETS, interlaced=True,
    ),
    "av1": Codec(
        "libsvtav1", ("mp4", "mkv"), depths=(8, 10), crf=24, quality=svt_crf, presets=SVT_PRESETS
    ),
    "ffv1": Codec(
        "ffv1", ("mkv",), depths=(8, 9, 10, 12, 14, 16),
        chromas=(YUV420, YUV422, YUV444, YUV411, YUV440, YUV410),
        intermediate=True, interlaced=True,
    ),
    "prores": Codec(
        "prores_ks", ("mov", "mkv"), depths=(10,), chromas=(YUV422, YUV444),
        intermediate=True, interlaced=True, full_range=False,
    ),
    "h264_nvenc": Codec(
        "h264_nvenc", chromas=(YUV420, YUV444), crf=18, quality=nvenc_quality, software="h264"
    ),
    "hevc_nvenc": Codec(
        "hevc_nvenc", depths=(8, 10), chromas=(YUV420, YUV444), crf=20, quality=nvenc_quality,
        software="h265",
        pixel_formats={"yuv420p10le": "p010le", "yuv444p10le": "yuv444p16le"},  # the upper 10 bits
    ),
    "h264_videotoolbox": Codec(
        "h264_videotoolbox", crf=18, quality=videotoolbox_quality, software="h264",
        pixel_formats={"yuv420p": "nv12"},
    ),
    "h264_qsv": Codec(
        "h264_qsv", crf=18, quality=qsv_quality, software="h264", pixel_formats={"yuv420p": "nv12"}
    ),
    "h264_vaapi": Codec(
        "h264_vaapi", crf=18, quality=vaapi_quality, software="h264",
        pixel_formats={"yuv420p": "nv12"}, device="/dev/dri/renderD128",
    ),
}  # fmt: skip
CODECS_WITH = {  # options that are not for every codec
    "crf": tuple(name for name, codec in CODECS.items() if codec.crf is not None),
    "preset": tuple(name for name, codec in CODECS.items() if codec.presets),
}


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
    cache: Path = option(CACHE, "where jobs live", shown=shown(CACHE), metavar="DIR")
    keep_cache: bool = option(False, "keep the frames and shots of a job")
    restart: bool = option(False, "discard what an earlier run has done, and start again")
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    compare: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        check(self)


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

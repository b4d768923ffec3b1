"""The options for films and the available codecs, as data, checked before any work begins.

The hardware encoders are configured as FFmpeg documents them (ffmpeg -h encoder=..., ffmpeg.org/ffmpeg-codecs.html,
trac.ffmpeg.org/wiki/HWAccelIntro); none was available for a test. This module avoids heavy imports, so that help and
usage errors appear without loading FFmpeg or OpenCV.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from film import FilmError
from runtime.options import check, option, seconds
from runtime.places import jobs_folder, shown

CACHE = jobs_folder()
# Suffixes of films searched for in folders.
SUFFIXES = (".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
MOST_KEYFRAMES = 50  # of a shot: bounds memory
FALLBACK = ".mkv"  # for films whose own container cannot be written; supports every codec
YUV420, YUV422, YUV444 = (2, 2), (2, 1), (1, 1)  # (across, down), see film.info.Video.chroma
YUV411, YUV440, YUV410 = (4, 1), (1, 2), (4, 4)
# FFmpeg has no other planar formats with transparency.
FFV1_ALPHAS = (
    *((depth, chroma) for chroma in (YUV420, YUV422, YUV444) for depth in (8, 9, 10, 16)),
    *((12, YUV422), (12, YUV444)),
)
PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
X264_PRESETS = {name: name for name in PRESETS}  # x265 has the same
# On one core, medium is as fast as x264's. From 10 on, SVT itself warns of visible artifacts.
SVT_PRESETS = dict(zip(PRESETS, (9, 9, 8, 8, 7, 6, 5, 4, 3), strict=True))


def svt_crf(crf: int) -> dict[str, object]:
    """Return SVT's option, on a scale up to 63; FFmpeg treats 0 as unset."""
    return {"crf": max(1, crf)}


def nvenc_quality(crf: int) -> dict[str, object]:
    """Return NVENC's options: variable rate at constant quality, 1..51 (0 is automatic), no target rate."""
    return {"rc": "vbr", "cq": max(1, crf), "b:v": 0}


def qsv_quality(crf: int) -> dict[str, object]:
    """Return Quick Sync's option: intelligent constant quality (ICQ), 1..51; 0 would select a constant rate."""
    return {"global_quality": max(1, crf)}


def vaapi_quality(crf: int) -> dict[str, object]:
    """Return VAAPI's options: constant quantizer, 1..51; 0 would select FFmpeg's default."""
    return {"rc_mode": "CQP", "qp": max(1, crf)}


def videotoolbox_quality(crf: int) -> dict[str, object]:
    """Return VideoToolbox's option: 0..51 becomes 100..1, where 100 is best; Apple silicon only."""
    return {"q:v": round(100 - crf * 99 / 51)}


@dataclass(frozen=True)
class Codec:
    """A value of -codec.

    encoder : FFmpeg's name of the encoder
    containers : supported containers, the usual one first
    depths : supported bits per sample, ascending
    chromas : supported values of film.info.Video.chroma; the first one replaces unsupported ones
    crf : default of -crf; None if the encoder has no such setting
    quality : -crf -> ffmpeg's options; None if the encoder uses the scale of -crf
    presets : -preset -> the encoder's preset; {} if it has none
    intermediate : for further editing: supports any size, keeps all chroma of RGB films
    interlaced : can code interlaced frames as such
    full_range : can signal full-range luma
    alphas : (depth, chroma) with which it codes transparency
    unwritable_tags : color tags that the encoder drops or refuses
    software : for a hardware encoder, the software codec to use instead; "" for the others
    pixel_formats : planar pixel format -> equivalent format for the encoder, with the same samples
    device : device that frames are uploaded to; "" if the encoder uploads them itself
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
    alphas: tuple[tuple[int, tuple[int, int]], ...] = ()
    unwritable_tags: tuple[str, ...] = ()
    software: str = ""
    pixel_formats: Mapping[str, str] = field(default_factory=dict)
    device: str = ""


# These crf values are visually hard to distinguish from the source and keep grain; those of hardware encoders are not
# measured. NVENC's support for interlaced frames depends on the GPU, so it is not used.
CODECS = {
    "h264": Codec(
        "libx264", depths=(8, 10), chromas=(YUV420, YUV422, YUV444), crf=18,
        presets=X264_PRESETS, interlaced=True, unwritable_tags=("ebu3213",),
    ),
    "h265": Codec(
        "libx265", depths=(8, 10, 12), chromas=(YUV420, YUV422, YUV444), crf=20,
        presets=X264_PRESETS, interlaced=True, unwritable_tags=("ebu3213",),
    ),
    "av1": Codec(
        "libsvtav1", ("mp4", "mkv"), depths=(8, 10), crf=24, quality=svt_crf, presets=SVT_PRESETS
    ),
    "ffv1": Codec(
        "ffv1", ("mkv",), depths=(8, 9, 10, 12, 14, 16),
        chromas=(YUV420, YUV422, YUV444, YUV411, YUV440, YUV410),
        intermediate=True, interlaced=True, alphas=FFV1_ALPHAS,
    ),
    "prores": Codec(
        "prores_ks", ("mov", "mkv"), depths=(10,), chromas=(YUV422, YUV444),
        intermediate=True, interlaced=True, full_range=False, alphas=((10, YUV444),),
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
CODECS_WITH = {  # options that only some codecs support
    "crf": tuple(name for name, codec in CODECS.items() if codec.crf is not None),
    "preset": tuple(name for name, codec in CODECS.items() if codec.presets),
}


@dataclass(frozen=True)
class EncoderOptions:
    """Encoding settings of the finished film.

    threads : of the encoder; the same on every machine, since they affect the encoded bytes
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
    threads: int = 1

    def __post_init__(self) -> None:
        check(self)


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

    several : the command has more than one film; previews, reports and folders of keyframes are named after the
        films, in a folder
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
    report: Path | None = option(None, "write a report of the work to this file", metavar="JSON")
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
    workers: int | None = option(
        None, "number of processes", low=1, high=1024,
        shown="one per core; always one on a GPU", metavar="N",
    )  # fmt: skip
    scheduler: str = option("", "Dask cluster: tcp://host:8786", metavar="URL")
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

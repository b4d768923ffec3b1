"""What each codec can hold of a film's picture, and what -crf and -preset mean to its encoder: one record each.

The hardware encoders are set as FFmpeg documents them (ffmpeg -h encoder=..., ffmpeg.org/ffmpeg-codecs.html,
trac.ffmpeg.org/wiki/HWAccelIntro). We had no machine to run one on. Nothing heavy is imported here, see film.options.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

YUV420, YUV422, YUV444 = (2, 2), (2, 1), (1, 1)  # (across, down), see film.info.Video.chroma
YUV411, YUV440, YUV410 = (4, 1), (1, 2), (4, 4)
PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow"),
)
X264_PRESETS = {name: name for name in PRESETS}  # x265 has the same
# On one core medium is as fast as x264's. From 10 on SVT itself warns of visible artifacts.
SVT_PRESETS = dict(zip(PRESETS, (9, 9, 8, 8, 7, 6, 5, 4, 3), strict=True))


def plain_crf(crf: int) -> dict[str, object]:
    """Return the option of an encoder that counts as -crf does."""
    return {"crf": crf}


def svt_crf(crf: int) -> dict[str, object]:
    """Return SVT's option, whose scale goes on to 63; FFmpeg takes 0 for none given."""
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
    quality : -crf -> ffmpeg's options
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
    quality: Callable[[int], dict[str, object]] = plain_crf
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

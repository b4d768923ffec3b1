"""The codecs of finished films, as data.

The hardware encoders are configured as FFmpeg documents them (ffmpeg -h encoder=..., ffmpeg.org/ffmpeg-codecs.html,
trac.ffmpeg.org/wiki/HWAccelIntro); none was available for a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

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
# The shots of an image sequence that is written: every bit of the film, and a color for each of its pixels.
PICTURES = replace(CODECS["ffv1"], chromas=(YUV444,), alphas=())

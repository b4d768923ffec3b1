"""What each codec can hold of a film's picture, and what -crf and -preset mean to its encoder: one record each.

Nothing heavy is imported here, see film.options.
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
    """Return ffmpeg's option for a -crf that the encoder counts alike."""
    return {"crf": crf}


def svt_crf(crf: int) -> dict[str, object]:
    """Return ffmpeg's option for SVT, whose scale goes on to 63; to ffmpeg, its 0 means that none is given."""
    return {"crf": max(1, crf)}


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


# The values of crf: hard to tell from the source by eye, grain kept.
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
}  # fmt: skip

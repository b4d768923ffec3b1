"""What each encoder can hold of a film's picture, and the words ffmpeg needs to be told."""

from dataclasses import dataclass
from fractions import Fraction

from film.facts import Film, Video
from film.frames import FIRST_FIELD, planar_format

CODECS = ("h264", "h265", "ffv1", "prores")
CONTAINERS_OF = {
    "h264": ("mp4", "mkv", "mov"),
    "h265": ("mp4", "mkv", "mov"),
    "ffv1": ("mkv",),
    "prores": ("mov", "mkv"),
}
HDR = ("smpte2084", "arib-std-b67")  # PQ and HLG, ITU-R BT.2100
DEFAULT_CRF = {"h264": 18, "h265": 20}  # hard to tell from the source by eye, grain kept


@dataclass(frozen=True)
class EncoderOptions:
    """How the finished film is encoded.

    crf : constant rate factor of h264 and h265, None for 18 and 20; ffv1 and prores know none
    preset : speed of h264 and h265, "ultrafast" to "veryslow"
    threads : the encoder's; part of what decides its bytes, so the same on every machine
    """

    codec: str = "h264"
    crf: int | None = None
    preset: str = "medium"
    deinterlace: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Encoding:
    """The picture as the encoder gets it.

    width, height : the source's, made even where the encoder must have it
    depth, chroma, full_range : as in film.facts.Video
    matrix : FFmpeg's name; always said, since the colors are ours
    """

    width: int
    height: int
    depth: int
    chroma: tuple[int, int]
    full_range: bool
    matrix: str
    rate: Fraction
    interlaced: bool

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the pixel format."""
        return planar_format(self.depth, self.chroma)

    @property
    def chroma_size(self) -> tuple[int, int]:
        """(height, width) of a chroma plane."""
        return -(-self.height // self.chroma[1]), -(-self.width // self.chroma[0])


_DEPTHS = {"h264": (8, 10), "h265": (8, 10, 12), "ffv1": (8, 9, 10, 12, 14, 16), "prores": (10,)}
_CHROMAS = {
    "h264": ((2, 2), (2, 1), (1, 1)),
    "h265": ((2, 2), (2, 1), (1, 1)),
    "ffv1": ((2, 2), (2, 1), (1, 1), (4, 1), (1, 2), (4, 4)),
    "prores": ((2, 1), (1, 1)),
}


def encoding_of(film: Film, options: EncoderOptions) -> Encoding:
    """Choose the nearest picture the encoder can hold: never less depth or chroma than need be."""
    video = film.video
    depths = _DEPTHS[options.codec]
    chroma = _chroma(video, options.codec)
    # FFV1 and ProRes take any size; the others want whole chroma samples.
    across, down = chroma if options.codec in {"h264", "h265"} else (1, 1)
    return Encoding(
        width=-(-video.width // across) * across,
        height=-(-video.height // down) * down,
        depth=next((depth for depth in depths if depth >= video.depth), depths[-1]),
        chroma=chroma,
        full_range=video.full_range and options.codec != "prores",  # ProRes cannot say so
        matrix=film_matrix(video),
        rate=_rate(film),
        interlaced=video.interlaced and not options.deinterlace,
    )


def _chroma(video: Video, codec: str) -> tuple[int, int]:
    known = _CHROMAS[codec]
    if video.has_luma and video.chroma in known:
        return video.chroma
    if not video.has_luma and codec in {"ffv1", "prores"}:
        return (1, 1)
    return known[0]


def film_matrix(video: Video) -> str:
    """Return the film's own color matrix, else what players take for its size: BT.709 from 720 lines."""
    if video.matrix and video.matrix != "gbr":
        return video.matrix
    if not video.has_luma or video.height >= 720 or video.width >= 1280:
        return "bt709"
    return "smpte170m"


def _rate(film: Film) -> Fraction:
    """Return the frames per second the encoder reckons with; the film's times are set when joining."""
    rate = film.video.rate
    if film.is_vfr:
        rate = Fraction(film.frames / max(film.duration_s, 1e-3)).limit_denominator(1001)
    return min(max(rate, Fraction(1)), Fraction(240))


def encoder_notes(film: Film, options: EncoderOptions) -> list[str]:
    """Say what the encoder cannot keep of the film's picture (depth, odd size, alpha); [] if all is kept."""
    encoding, video = encoding_of(film, options), film.video
    notes = []
    if encoding.depth < video.depth:
        notes.append(
            f"{options.codec} holds {encoding.depth} of {video.depth} bits: ffv1 would keep all"
        )
    if (encoding.width, encoding.height) != (video.width, video.height):
        notes.append(
            f"{options.codec} needs even sizes: {video.width}x{video.height} becomes "
            f"{encoding.width}x{encoding.height} by repeating the edge; ffv1 would keep the size"
        )
    if video.has_alpha:
        notes.append("the film's transparency is left out")
    if not video.has_luma:
        notes.append(f"{video.pixel_format} has no luma plane: BT.709 luma is computed from it")
    if video.transfer in HDR:
        notes.append(
            f"the film's light is high dynamic range ({video.transfer}) and is read as if it were "
            "not: colors may be too pale or too strong; the luma and its tags are kept"
        )
    if video.full_range and not encoding.full_range:
        notes.append(
            "prores holds limited range only: full-range luma is scaled; ffv1 would keep it"
        )
    return notes


def encoder_words(encoding: Encoding, film: Film, options: EncoderOptions) -> dict[str, object]:
    """Return ffmpeg's output options, as ffmpeg-python takes them."""
    crf = DEFAULT_CRF.get(options.codec) if options.crf is None else options.crf
    every: dict[str, dict[str, object]] = {
        "h264": {"c:v": "libx264", "preset": options.preset, "crf": crf},
        "h265": {"c:v": "libx265", "preset": options.preset, "crf": crf},
        "ffv1": {"c:v": "ffv1", "level": 3, "slicecrc": 1},
        "prores": {"c:v": "prores_ks", "profile:v": 4 if encoding.chroma == (1, 1) else 3},
    }
    words = every[options.codec]
    if options.codec == "h265":
        # x265 takes threads its own way; pools=none keeps it to one, and to the same bytes.
        field = FIRST_FIELD.get(film.video.field_order, "") if encoding.interlaced else ""
        words["x265-params"] = (
            f"log-level=error:open-gop=0:frame-threads={options.threads}:"
            f"pools={'none' if options.threads == 1 else options.threads}"
        ) + (f":interlace={field}" if field else "")
    elif encoding.interlaced:
        words["flags"] = "+ildct+ilme"
    words |= {"threads": options.threads, "pix_fmt": encoding.pixel_format}
    words |= {"color_range": "pc" if encoding.full_range else "tv", "colorspace": encoding.matrix}
    if film.video.primaries:
        words["color_primaries"] = film.video.primaries
    if film.video.transfer:
        words["color_trc"] = film.video.transfer
    # bitexact: no random numbers and no version in the file, so that the same piece is the same bytes.
    return words | {"fflags": "+bitexact", "f": "matroska"}


def picture_words(encoding: Encoding, film: Film) -> list[tuple[str, dict[str, object]]]:
    """Return the filters that say, without touching a sample, what the raw picture is."""
    params: dict[str, object] = {
        "range": "pc" if encoding.full_range else "tv",
        "colorspace": encoding.matrix,
        "field_mode": FIRST_FIELD[film.video.field_order] if encoding.interlaced else "prog",
    }
    if film.video.primaries:
        params["color_primaries"] = film.video.primaries
    if film.video.transfer:
        params["color_trc"] = film.video.transfer
    sar = film.video.sar
    return [("setparams", params), ("setsar", {"sar": f"{sar.numerator}/{sar.denominator}"})]

"""What each encoder can hold of a film's picture; frames and their colors -> an encoded file, by ffmpeg."""

from collections.abc import Callable
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from film import FilmError
from film.chroma import Encoding, Planes
from film.decode import FIRST_FIELD, decode
from film.ffmpeg import ffmpeg_path, film_stream, open_film, running
from film.info import Film, Video
from film.options import EncoderOptions
from runtime.workers import report

HDR = ("smpte2084", "arib-std-b67")  # PQ and HLG, ITU-R BT.2100
DEFAULT_CRF = {"h264": 18, "h265": 20}  # hard to tell from the source by eye, grain kept
DEPTHS = {"h264": (8, 10), "h265": (8, 10, 12), "ffv1": (8, 9, 10, 12, 14, 16), "prores": (10,)}
CHROMAS = {  # nearest first, where the film's own is not among them
    "h264": ((2, 2), (2, 1), (1, 1)),
    "h265": ((2, 2), (2, 1), (1, 1)),
    "ffv1": ((2, 2), (2, 1), (1, 1), (4, 1), (1, 2), (4, 4)),
    "prores": ((2, 1), (1, 1)),
}


def encoding_of(film: Film, options: EncoderOptions) -> Encoding:
    """Choose the nearest picture the encoder can hold: never less depth or chroma than need be."""
    video = film.video
    depths = DEPTHS[options.codec]
    chroma = _chroma(video, options.codec)
    # FFV1 and ProRes take any size; the others want whole chroma samples.
    across, down = chroma if options.codec in {"h264", "h265"} else (1, 1)
    return Encoding(
        width=-(-video.width // across) * across,
        height=-(-video.height // down) * down,
        depth=next((depth for depth in depths if depth >= video.depth), depths[-1]),
        chroma=chroma,
        full_range=video.full_range and options.codec != "prores",  # ProRes has no field for it
        matrix=film_matrix(video),
        rate=_rate(film),
        interlaced=video.interlaced and not options.deinterlace,
    )


def _chroma(video: Video, codec: str) -> tuple[int, int]:
    known = CHROMAS[codec]
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
    """Return the frames per second the encoder calculates with; the film's times are set when joining."""
    # It decides how bits are spent, not when frames are shown; headers of broken films may name any rate.
    rate = film.video.rate
    if film.is_vfr:
        rate = Fraction(film.frames / max(film.duration_s, 1e-3)).limit_denominator(1001)
    return min(max(rate, Fraction(1)), Fraction(240))


def encoder_notes(film: Film, options: EncoderOptions) -> list[str]:
    """List what the encoder cannot keep of the film's picture (depth, odd size, alpha)."""
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
            f"the film is high dynamic range ({video.transfer}); its transfer is treated as SDR: "
            "colors may be too pale or too strong; the luma and its tags are kept"
        )
    if video.full_range and not encoding.full_range:
        notes.append(
            "prores holds limited range only: full-range luma is scaled; ffv1 would keep it"
        )
    return notes


def encoder_arguments(encoding: Encoding, film: Film, options: EncoderOptions) -> dict[str, object]:
    """Return ffmpeg's output options, as ffmpeg-python takes them."""
    crf = DEFAULT_CRF.get(options.codec) if options.crf is None else options.crf
    arguments_of: dict[str, dict[str, object]] = {
        "h264": {"c:v": "libx264", "preset": options.preset, "crf": crf},
        "h265": {"c:v": "libx265", "preset": options.preset, "crf": crf},
        "ffv1": {"c:v": "ffv1", "level": 3, "slicecrc": 1},
        "prores": {"c:v": "prores_ks", "profile:v": 4 if encoding.chroma == (1, 1) else 3},
    }
    arguments = arguments_of[options.codec]
    if options.codec == "h265":
        # x265 takes threads its own way; pools=none keeps it to one, and to the same bytes.
        field = FIRST_FIELD.get(film.video.field_order, "") if encoding.interlaced else ""
        arguments["x265-params"] = (
            f"log-level=error:open-gop=0:frame-threads={options.threads}:"
            f"pools={'none' if options.threads == 1 else options.threads}"
        ) + (f":interlace={field}" if field else "")
    elif encoding.interlaced:  # code fields, and predict them from fields
        arguments["flags"] = "+ildct+ilme"
    arguments |= {"threads": options.threads, "pix_fmt": encoding.pixel_format}
    arguments |= {
        "color_range": "pc" if encoding.full_range else "tv",
        "colorspace": encoding.matrix,
    }
    if film.video.primaries:
        arguments["color_primaries"] = film.video.primaries
    if film.video.transfer:
        arguments["color_trc"] = film.video.transfer
    # bitexact: no random numbers and no version in the file, so that the same segment is the same bytes.
    return arguments | {"fflags": "+bitexact", "f": "matroska"}


def picture_filters(encoding: Encoding, film: Film) -> list[tuple[str, dict[str, object]]]:
    """Return the filters that tag the raw picture with what it is, without touching a sample."""
    params: dict[str, object] = {
        "range": "pc" if encoding.full_range else "tv",
        "colorspace": encoding.matrix,
        "field_mode": FIRST_FIELD[film.video.field_order] if encoding.interlaced else "prog",
    }
    if film.video.primaries:
        params["color_primaries"] = film.video.primaries
    if film.video.transfer:
        params["color_trc"] = film.video.transfer
    # As filters, because raw video on a pipe has no header, and ffmpeg's options for it lack some of these.
    sar = film.video.sar
    return [("setparams", params), ("setsar", {"sar": f"{sar.numerator}/{sar.denominator}"})]


def encoder_command(
    film: Film, encoding: Encoding, path: Path, *, options: EncoderOptions, comment: str = ""
) -> list[str]:
    """Build the ffmpeg command that encodes raw planes from its standard input."""
    source = ffmpeg.input(
        "pipe:",
        format="rawvideo",
        pixel_format=encoding.pixel_format,
        video_size=(encoding.width, encoding.height),
        framerate=str(encoding.rate),
        color_range="pc" if encoding.full_range else "tv",
    )
    for name, settings in picture_filters(encoding, film):
        source = source.filter(name, **settings)
    arguments = encoder_arguments(encoding, film, options) | {"metadata": f"comment={comment}"}
    output = ffmpeg.output(source, str(path), **arguments)
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))


def render(
    film: Film,
    ab: NDArray[np.float32] | None,
    path: Path,
    *,
    numbers: range,
    options: EncoderOptions,
    comment: str = "",
    advance: Callable[[], object] = report,
) -> None:
    """Encode consecutive frames with the colors of `ab` into `path` (.mkv).

    ab : (n, h, w, 2), upright like the working gray; None keeps the source's own chroma (a shot that already has
        color; gray films stay gray)
    comment : written into the file's header
    advance : called for each frame
    """
    assert ab is None or len(ab) == len(numbers), numbers
    encoding = encoding_of(film, options)
    planes = Planes(film, encoding)
    command = encoder_command(film, encoding, path, options=options, comment=comment)
    frames = decode(film, numbers.start, numbers.stop, deinterlace=options.deinterlace)
    with closing(frames), running(command) as pipe:
        for frame in frames:
            for plane in planes(frame, None if ab is None else ab[frame.number - numbers.start]):
                pipe.write(plane.data)
            advance()
    # An encoder that ends early, with success, has been seen: what has its name must be whole.
    _, written = comments_and_frames(path)
    if written != len(numbers):
        raise FilmError(f"the encoder wrote {written} of {len(numbers)} frames: run again")


def comments_and_frames(path: Path) -> tuple[set[str], int]:
    """Return what a rendered file's header says, and how many frames the file has."""
    with open_film(path) as container:
        stream = film_stream(container)
        frames = sum(1 for packet in container.demux(stream) if packet.size) if stream else 0
        return set(container.metadata.values()), frames

"""Chooses what an encoder can store of a film's picture; encodes frames and their colors."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path

import ffmpeg

from color.arrays import Floats
from color.segment import Overlay
from film import FilmError
from film.chroma import Encoding, Planes
from film.codecs import CODECS, PICTURES, YUV420, YUV444, Codec
from film.color_tags import LUMA_WEIGHTS
from film.decode import NativeFrame, decode
from film.deinterlace import FIRST_FIELD
from film.ffmpeg import FFmpegFailure, command_of, run, running
from film.info import Film, Video
from film.job import read_rendered
from film.options import EncoderOptions, FilmOptions
from film.x264 import Write, encodes_here, x264
from runtime.console import counted
from runtime.workers import report

SVT_PARALLELISM = 6  # SVT's highest level; levels are not thread counts
# A picture that every hardware encoder accepts; NVENC accepts none below about 145 pixels.
TRIAL = Encoding(
    width=256, height=256, depth=8, chroma=YUV420, full_range=False,
    matrix="bt709", rate=Fraction(25), first_field="",
)  # fmt: skip
TRIAL_FRAMES = 4


def codec_of(options: EncoderOptions) -> Codec:
    """Return the codec of a result's shots."""
    return PICTURES if options.pictures else CODECS[options.codec]


def encoding_of(film: Film, options: EncoderOptions) -> Encoding:
    """Choose the nearest picture format that the encoder supports, reducing depth and chroma only if necessary.

    Raise FilmError if the film is interlaced and the codec is not.
    """
    video, codec = film.video, codec_of(options)
    interlaced = video.interlaced and not options.deinterlace
    if interlaced and not codec.interlaced:
        others = ", ".join(name for name, other in CODECS.items() if other.interlaced)
        raise FilmError(
            f"{film.path} is interlaced, which {options.codec} does not support: "
            f"add -deinterlace, or choose one of {others}"
        )
    chroma = _chroma(video, codec)
    depth = next((depth for depth in codec.depths if depth >= video.depth), codec.depths[-1])
    # Delivery codecs require whole chroma samples.
    across, down = (1, 1) if codec.intermediate else chroma
    return Encoding(
        width=-(-video.width // across) * across,
        height=-(-video.height // down) * down,
        depth=depth,
        chroma=chroma,
        # Of RGB pictures, in films for viewing, players expect the limited range.
        full_range=video.full_range and codec.full_range and (video.has_luma or codec.intermediate),
        matrix=film_matrix(video),
        rate=_rate(film),
        first_field=FIRST_FIELD[video.field_order] if interlaced else "",
        alpha=video.has_alpha and (depth, chroma) in codec.alphas,
    )


def _chroma(video: Video, codec: Codec) -> tuple[int, int]:
    if video.has_alpha and codec.alphas and not any(c == video.chroma for _, c in codec.alphas):
        return codec.alphas[0][1]
    if video.has_luma and video.chroma in codec.chromas:
        return video.chroma
    return YUV444 if codec.intermediate and not video.has_luma else codec.chromas[0]


def film_matrix(video: Video) -> str:
    """Return the film's color matrix if colors can be made for it, else the players' default for its size: BT.709 from 720 lines."""
    if video.matrix in LUMA_WEIGHTS:
        return video.matrix
    if not video.has_luma or video.height >= 720 or video.width >= 1280:
        return "bt709"
    return "smpte170m"


def _rate(film: Film) -> Fraction:
    """Return the frame rate given to the encoder; joining sets the film's own times."""
    # It affects bit allocation, not display times; headers of broken films may state any rate.
    rate = film.video.rate
    if film.is_vfr:
        rate = Fraction(film.frames / max(film.duration_s, 1e-3)).limit_denominator(1001)
    return min(max(rate, Fraction(1)), Fraction(240))


def codec_arguments(encoding: Encoding, options: EncoderOptions) -> dict[str, object]:
    """Return ffmpeg's output options that select and configure the encoder, for ffmpeg-python."""
    codec = codec_of(options)
    arguments: dict[str, object] = {"c:v": codec.encoder}
    if codec.presets:
        arguments["preset"] = codec.presets[options.preset]
    if codec.crf is not None:
        crf = codec.crf if options.crf is None else options.crf
        arguments |= codec.quality(crf) if codec.quality else {"crf": crf}
    if options.codec == "h265":
        # x265 has its own thread options; pools=none limits it to one thread, with reproducible bytes.
        arguments["x265-params"] = (
            f"log-level=error:open-gop=0:frame-threads={options.threads}:"
            f"pools={'none' if options.threads == 1 else options.threads}"
        ) + (f":interlace={encoding.first_field}" if encoding.first_field else "")
    elif encoding.first_field:  # interlaced DCT and motion estimation
        arguments["flags"] = "+ildct+ilme"
    if options.codec == "av1":
        # Grain is coded, not synthesized. tune=0 (visual quality) keeps 0.91 of the fine detail of a film with added
        # grain, the default 0.82 at the same size.
        parallel = min(options.threads, SVT_PARALLELISM)
        arguments["svtav1-params"] = f"lp={parallel}:tune=0:film-grain=0"
    elif options.codec == "ffv1":
        arguments |= {"level": 3, "slicecrc": 1}
    elif options.codec == "prores":
        arguments["profile:v"] = 4 if encoding.chroma == YUV444 else 3
    arguments["threads"] = options.threads
    if not codec.device:  # otherwise a filter sets the format before the upload
        arguments["pix_fmt"] = _taken_format(encoding, codec)
    return arguments


def _taken_format(encoding: Encoding, codec: Codec) -> str:
    return codec.pixel_formats.get(encoding.pixel_format, encoding.pixel_format)


def encoder_arguments(encoding: Encoding, film: Film, options: EncoderOptions) -> dict[str, object]:
    """Return all of ffmpeg's output options for a segment of a film."""
    arguments = codec_arguments(encoding, options)
    arguments |= {
        "color_range": "pc" if encoding.full_range else "tv",
        "colorspace": encoding.matrix,
    }
    arguments |= kept_tags(film.video, codec_of(options))
    # bitexact: no random numbers or version in the file, so that a segment's bytes are reproducible.
    return arguments | {"fflags": "+bitexact", "f": "matroska"}


def kept_tags(video: Video, codec: Codec) -> dict[str, str]:
    """Return the tags that do not depend on the colors made, under the names of FFmpeg's options."""
    tags = {"color_primaries": video.primaries, "color_trc": video.transfer}
    return {
        option: name
        for option, name in tags.items()
        if name and not name.isdecimal() and name not in codec.unwritable_tags
    }


def picture_filters(
    encoding: Encoding, film: Film, codec: Codec
) -> list[tuple[str, dict[str, object]]]:
    """Return the filters that tag the raw picture with its properties, leaving samples unchanged."""
    params: dict[str, object] = {
        "range": "pc" if encoding.full_range else "tv",
        "colorspace": encoding.matrix,
        "field_mode": encoding.first_field or "prog",
    }
    params |= kept_tags(film.video, codec)
    # Set by filters, because raw video on a pipe has no header and ffmpeg has no input options for some of these.
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
    for name, settings in picture_filters(encoding, film, codec_of(options)):
        source = source.filter(name, **settings)
    arguments = encoder_arguments(encoding, film, options) | {"metadata": f"comment={comment}"}
    return _compiled(source, encoding, str(path), arguments, options=options)


def _compiled(
    source: ffmpeg.Stream, encoding: Encoding, target: str, arguments: dict[str, object],
    *, options: EncoderOptions,
) -> list[str]:  # fmt: skip
    """Complete an encoding command; for some hardware, add the upload of frames."""
    codec, device = codec_of(options), []
    if codec.device:
        source = source.filter("format", _taken_format(encoding, codec)).filter("hwupload")
        device = ["-vaapi_device", codec.device]
    return command_of(ffmpeg.output(source, target, **arguments), *device)


def trial_command(encoding: Encoding, options: EncoderOptions) -> list[str]:
    """Build the ffmpeg command that encodes a few gray frames and discards the output."""
    gray = f"color=gray:size={encoding.width}x{encoding.height}:rate={encoding.rate}"
    source = ffmpeg.input(gray, format="lavfi").filter("format", encoding.pixel_format)
    arguments = codec_arguments(encoding, options) | {"frames:v": TRIAL_FRAMES, "f": "null"}
    return _compiled(source, encoding, "-", arguments, options=options)


@cache
def check_encoder(options: EncoderOptions, encoding: Encoding = TRIAL) -> None:
    """Raise FilmError if a trial shows that a hardware encoder cannot encode a picture on this machine.

    Software encoders are not tried. Runs once per process for each picture format.
    """
    codec = codec_of(options)
    if not codec.software:
        return
    try:
        run(trial_command(encoding, options))
    except FFmpegFailure as error:
        raise FilmError(
            f"-codec {options.codec} cannot encode {encoding.width}x{encoding.height} "
            f"{encoding.pixel_format} on this machine (ffmpeg: {error.cause.rstrip('.')}): "
            f"choose {codec.software}, which needs no hardware encoder"
        ) from error


def try_encoder(options: FilmOptions, encoding: Encoding = TRIAL) -> None:
    """Raise FilmError, before any work, if the encoder does not work here; a cluster's workers report it themselves."""
    if not options.scheduler:
        check_encoder(options.encoder, encoding)


def render(
    film: Film,
    ab: Floats | None,
    path: Path,
    *,
    numbers: range,
    options: EncoderOptions,
    comment: str = "",
    advance: Callable[[], object] = report,
    frames: Iterator[NativeFrame] | None = None,
    overlays: Iterator[Overlay | None] | None = None,
) -> None:
    """Encode consecutive frames with the colors of `ab` into `path` (.mkv).

    ab : (n, h, w, 2), upright like the working gray; None keeps the source's chroma (a shot that already has
        color; gray films stay gray)
    comment : written into the file's header
    advance : called once per frame
    frames : the film's decoded frames, from the first of `numbers` or earlier, not read past the last; None decodes
        them here
    overlays : for each frame, finer colors that replace those of `ab` in places
    """
    assert ab is None or len(ab) == len(numbers), numbers
    encoding = encoding_of(film, options)
    planes = Planes(film, encoding)
    decoded = decode(film, numbers.start, numbers.stop, deinterlace=options.deinterlace)
    encoder = _encoder(film, encoding, path, options=options, comment=comment)
    with closing(decoded), encoder as encode:
        for frame in _among(frames or decoded, numbers):
            own = None if ab is None else ab[frame.number - numbers.start]
            encode(planes(frame, own, next(overlays) if overlays else None))
            advance()
    # Encoders have been seen to end early and report success; a file under its final name must be complete.
    written = read_rendered(path).frames
    if written != len(numbers):
        raise FilmError(
            f"the encoder wrote only {written} of {counted(len(numbers), 'frame')}: run the same command again"
        )


@contextmanager
def _encoder(
    film: Film, encoding: Encoding, path: Path, *, options: EncoderOptions, comment: str
) -> Iterator[Write]:
    """Yield a function that encodes a frame's planes into a file, which is complete after the block."""
    if encodes_here(codec_of(options).encoder, encoding):
        arguments = encoder_arguments(encoding, film, options)
        with x264(path, encoding, film.video, arguments, comment=comment) as encode:
            yield encode
        return
    with running(encoder_command(film, encoding, path, options=options, comment=comment)) as pipe:
        yield lambda planes: pipe.writelines(plane.data for plane in planes)


def _among(frames: Iterator[NativeFrame], numbers: range) -> Iterator[NativeFrame]:
    """Yield the frames with the given numbers; consume no frame after the last."""
    for frame in frames:
        if frame.number >= numbers.start:
            yield frame
        if frame.number + 1 >= numbers.stop:
            return

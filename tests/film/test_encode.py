"""Luma is preserved bit for bit; the chroma shows the wanted color at that luma."""

import pickle
import re
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from films import HARDWARE, OTHER_PIXELS, RECIPES, SOFTWARE, picture, run_ffmpeg
from helpers import with_slow
from numpy.typing import NDArray

from color.arrays import Floats
from film import FilmError
from film.chroma import colorized_rgb
from film.decode import decode
from film.encode import TRIAL, check_encoder, encoder_command, encoding_of, render, trial_command
from film.ffmpeg import FFmpegFailure, run
from film.info import Film
from film.options import CODECS, EncoderOptions
from film.probe import probe
from film.report import encoder_notes
from image.upsample import upsample_planes
from prior.lab import rgb2lab
from runtime.files import whole_file

Make = Callable[[str], Path]
# Rendering concerns pixels; films with special times are tested in test_segment.
KINDS = [*OTHER_PIXELS, "plain.mp4", "interlaced.mkv", "vfr.mkv", "wide.mp4"]
KINDS += ["rotated.mp4", "cut.mp4", "truncated.mkv"]


def flat(film: Film, a: float, b: float) -> Floats:
    """Return one uniform color at the colorizer's size."""
    height, width = film.working_size
    color = np.array([a, b], np.float32)
    return np.tile(color, (film.frames, height // 4, width // 4, 1))


def rendered(film: Film, ab: Floats | None, path: Path, **options: object) -> Film:
    """Render a whole film and probe the result."""
    settings = EncoderOptions(**{"codec": "ffv1", **options})  # type: ignore[arg-type]
    with whole_file(path) as part:
        render(film, ab, part, numbers=range(film.frames), options=settings)
    return probe(path)


def lumas(film: Film) -> list[NDArray[np.generic]]:
    return [frame.luma for frame in decode(film)]


def shown_lab(film: Film, *, words: tuple[str, ...] = ()) -> Floats:
    """Decode the first frame as a player does, to Lab (H, W, 3)."""
    command = ("-i", film.path, "-frames:v", "1", *words)
    raw = run_ffmpeg(*command, "-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-")
    height, width = film.video.height, film.video.width
    if film.video.orientation[0]:
        height, width = width, height
    green, blue, red = np.frombuffer(raw, "<f4").reshape(3, height, width)
    return np.asarray(rgb2lab(np.clip(np.stack([red, green, blue], axis=-1), 0, 1)))


@pytest.mark.parametrize(
    "name", with_slow(KINDS, [*RECIPES, "rotated.mp4", "cut.mp4", "truncated.mkv"])
)
def test_luma_is_passed_through_bit_for_bit(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    result = rendered(source, flat(source, 20, -10), tmp_path / "out.mkv")
    assert result.frames == source.frames
    assert (result.video.depth, result.video.full_range) == (
        source.video.depth,
        source.video.full_range,
    )
    if source.video.has_luma and source.video.chroma != (0, 0):
        assert result.video.chroma == source.video.chroma
    for one, other in zip(lumas(source), lumas(result), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["plain.mp4", "422.mkv", "444.mkv", "gray.mkv"])
def test_h264_gets_the_same_luma(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    lossless = {"codec": "h264", "crf": 0, "preset": "ultrafast"}  # x264 is lossless at 0
    result = rendered(source, flat(source, 20, -10), tmp_path / "out.mkv", **lossless)
    for one, other in zip(lumas(source), lumas(result), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("codec", SOFTWARE)
@pytest.mark.parametrize("name", ["full709.mkv", "422-10.mkv", "gray10.mkv", "wide.mp4"])
def test_tags_and_sizes_are_kept(film: Make, tmp_path: Path, name: str, codec: str) -> None:
    source = probe(film(name))
    result = rendered(source, flat(source, 5, 5), tmp_path / "out.mkv", codec=codec)
    old, new = source.video, result.video
    assert (new.width, new.height, new.rate) == (old.width, old.height, old.rate)
    # Matroska stores the display size in whole pixels.
    assert new.sar == pytest.approx(old.sar, rel=0.02)
    assert (new.primaries, new.transfer) == (old.primaries, old.transfer)
    assert new.matrix == (old.matrix or "smpte170m")
    assert new.full_range == (old.full_range and codec != "prores")
    assert new.depth == (10 if codec == "prores" else old.depth)


@pytest.mark.parametrize("scan", ["tff", "bff"])
@pytest.mark.parametrize("codec", [name for name, codec in CODECS.items() if codec.interlaced])
def test_interlaced_stays_interlaced(tmp_path: Path, codec: str, scan: str) -> None:
    path = tmp_path / "interlaced.mkv"
    words = ("-vf", f"interlace=scan={scan}", "-c:v", "ffv1", "-flags", "+ildct")
    run_ffmpeg(*picture(rate="50"), *words, path)
    source = probe(path)
    result = rendered(source, flat(source, 5, 5), tmp_path / "out.mkv", codec=codec)
    assert result.video.field_order == {"tff": "tt", "bff": "bb"}[scan]
    smooth = rendered(
        source, flat(source, 5, 5), tmp_path / "smooth.mkv", codec=codec, deinterlace=True
    )
    assert not smooth.video.interlaced
    assert smooth.frames == source.frames


@pytest.mark.parametrize("codec", [name for name, codec in CODECS.items() if not codec.interlaced])
def test_interlaced_is_refused_where_it_would_be_lost(
    film: Make, tmp_path: Path, codec: str
) -> None:
    source, out = probe(film("interlaced.mkv")), tmp_path / "out.mkv"
    with pytest.raises(FilmError, match=f"interlaced, which {codec} does not support: add -deint"):
        rendered(source, flat(source, 5, 5), out, codec=codec)
    assert list(tmp_path.iterdir()) == []
    (note,) = encoder_notes(source, EncoderOptions(codec=codec))
    assert "add -deinterlace" in note
    smooth = EncoderOptions(codec=codec, deinterlace=True)
    assert encoding_of(source, smooth).first_field == ""
    assert encoder_notes(source, smooth) == []


def test_av1_of_interlaced_films_is_progressive(film: Make, tmp_path: Path) -> None:
    source, out = probe(film("interlaced.mkv")), tmp_path / "out.mkv"
    result = rendered(source, flat(source, 5, 5), out, codec="av1", deinterlace=True)
    assert not result.video.interlaced
    assert result.frames == source.frames


@pytest.mark.parametrize("codec", [name for name in SOFTWARE if CODECS[name].crf])
def test_a_lower_crf_is_nearer_to_the_source(film: Make, tmp_path: Path, codec: str) -> None:
    source, out = probe(film("plain.mp4")), tmp_path / "out.mkv"
    errors = []
    for crf in (0, None, 40):  # the default is in between
        result = rendered(source, flat(source, 20, -10), out, codec=codec, crf=crf)
        pairs = zip(lumas(source), lumas(result), strict=True)
        errors.append(float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in pairs])))
    assert errors[0] < 0.5 < errors[2]
    assert errors == sorted(errors)


@pytest.mark.parametrize("preset", ["ultrafast", "veryslow"])
def test_av1_is_near_the_source_and_holds_no_synthetic_grain(
    film: Make, tmp_path: Path, preset: str
) -> None:
    source, out = probe(film("422-10.mkv")), tmp_path / "out.mkv"
    result = rendered(source, flat(source, 20, -10), out, codec="av1", crf=5, preset=preset)
    assert (result.video.depth, result.video.chroma) == (10, (2, 2))
    errors = [
        np.abs(one.astype(int) - other).mean()
        for one, other in zip(lumas(source), lumas(result), strict=True)
    ]
    assert max(errors) < 4  # of 1023
    # Synthesized grain is announced by the last bit of the sequence header.
    with av.open(str(out)) as container:
        header = container.streams.video[0].codec_context.extradata
    assert header is not None
    assert sequence_end(header) == "0"


def sequence_end(header: bytes) -> str:
    """Return the last bit of an AV1 sequence header (film_grain_params_present), before the trailing bits."""
    bits = "".join(f"{byte:08b}" for byte in header)
    return bits.rstrip("0")[-2]


@pytest.mark.parametrize("codec", SOFTWARE)
def test_a_segment_is_the_same_bytes_every_time(film: Make, tmp_path: Path, codec: str) -> None:
    source = probe(film("plain.mp4"))
    options = EncoderOptions(codec=codec)
    for name in ("one.mkv", "two.mkv"):
        ab = flat(source, 20, -10)[5:15]
        render(source, ab, tmp_path / name, numbers=range(5, 15), options=options)
    assert (tmp_path / "one.mkv").read_bytes() == (tmp_path / "two.mkv").read_bytes()


@pytest.mark.parametrize(("a", "b"), [(25, 15), (-20, 15), (10, -25), (0, 20)])
@pytest.mark.parametrize("tags", ["bt709:pc", "bt709:tv", "smpte170m:pc", "smpte170m:tv"])
def test_the_color_shown_is_the_color_wanted(tmp_path: Path, a: float, b: float, tags: str) -> None:
    matrix, levels = tags.split(":")
    path = tmp_path / "ramp.mkv"
    ramp = f"gradients=s=64x48:c0=0x404040:c1=0xb0b0b0:x0=0:y0=0:x1=63:y1=0,format=gray,setparams=range={levels}:colorspace={matrix}"
    run_ffmpeg(
        "-f", "lavfi", "-i", ramp + ":color_trc=bt709", "-frames:v", "1", "-c:v", "ffv1", path
    )
    source = probe(path)
    assert source.video.full_range == (levels == "pc")
    result = rendered(source, flat(source, a, b), tmp_path / "out.mkv")
    assert result.video.matrix == matrix
    lab = shown_lab(result)
    np.testing.assert_allclose(lab[..., 1].mean(), a, atol=1.0)
    np.testing.assert_allclose(lab[..., 2].mean(), b, atol=1.0)
    assert np.abs(lab[..., 1:] - [a, b]).max() < 4  # 8-bit chroma


@pytest.mark.parametrize("name", ["gray.mkv", "full709.mkv", "422-10.mkv"])
def test_no_color_is_exactly_gray(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    result = rendered(source, flat(source, 0, 0), tmp_path / "out.mkv")
    for frame in decode(result):
        assert frame.chroma is not None
        for plane in frame.chroma:
            assert (plane == 1 << (source.video.depth - 1)).all()


def test_colors_stop_at_edges() -> None:
    guide = np.full((480, 640), 60, np.uint8)
    guide[:, 322:] = 200  # an edge within a pixel of the small ab, which covers 320..327
    ab = np.zeros((60, 80, 2), np.float32)
    ab[:, 41:] = (40, -30)
    ab[:, 40] = (30, -22)  # the small picture is blurred there
    full = np.stack(upsample_planes(ab, guide, between=(160, 120)), axis=-1)
    assert np.abs(full[:, :318]).max() < 8
    assert np.abs(full[:, 326:] - [40, -30]).max() < 8
    step = np.abs(np.diff(full[240, :, 0]))
    assert step.argmax() in {321, 322}
    assert step.max() > 15


def test_colors_follow_the_light_of_a_photograph() -> None:
    """Upsampling is closer to the truth than enlarging, and keeps the colorizer's values at their positions."""
    rgb = skimage.data.astronaut()
    ab, guide = rgb2lab(rgb)[..., 1:], cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(ab, (48, 48), interpolation=cv2.INTER_AREA)
    full = np.stack(upsample_planes(small, guide, between=(128, 128)), axis=-1)
    enlarged = cv2.resize(small, (512, 512), interpolation=cv2.INTER_LINEAR)
    errors = [np.sqrt(np.mean((one - ab) ** 2)) for one in (full, enlarged)]
    assert errors[0] < 0.9 * errors[1]
    back = cv2.resize(full, (48, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(back - small).mean() < 0.7


def test_flat_color_stays_flat() -> None:
    rng = np.random.default_rng(3)
    guide = rng.integers(0, 256, (90, 120), dtype=np.uint8)
    for plane in upsample_planes(np.full((12, 16, 2), 30, np.float32), guide, between=(32, 24)):
        np.testing.assert_allclose(plane, 30, atol=1e-2)


@pytest.mark.parametrize("name", ["plain.mp4", "rotated.mp4", "mirrored.mp4"])
def test_colors_are_where_the_colorizer_put_them(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    ab = flat(source, 0, 0)
    middle = ab.shape[2] // 2
    ab[:, :2, :middle] = (60, 40)  # red at the top left of the upright picture
    rendered(source, ab, tmp_path / "out.mkv")
    transpose, flip_x, flip_y = source.video.orientation
    words = ["transpose=0"] * transpose + ["hflip"] * flip_x + ["vflip"] * flip_y + ["null"]
    lab = shown_lab(source_like(source, tmp_path / "out.mkv"), words=("-vf", ",".join(words)))
    height, width = lab.shape[:2]
    redness = lab[..., 1]
    assert redness[: height // 8, : width // 4].mean() > 15
    for elsewhere in (redness[height // 2 :], redness[:, width * 3 // 4 :]):
        assert np.abs(elsewhere).mean() < 3


def source_like(source: Film, path: Path) -> Film:
    """Probe a segment, with the orientation of the joined film."""
    segment = probe(path)
    return replace(segment, video=replace(segment.video, orientation=source.video.orientation))


@pytest.mark.parametrize("name", ["422.mkv", "444-12.mkv", "411.mkv", "full709.mkv"])
def test_a_shot_that_has_color_keeps_it(film: Make, tmp_path: Path, name: str) -> None:
    source = probe(film(name))
    result = rendered(source, None, tmp_path / "out.mkv")
    for one, other in zip(decode(source), decode(result), strict=True):
        assert one.chroma is not None
        assert other.chroma is not None
        for plane, kept in zip(one.chroma, other.chroma, strict=True):
            np.testing.assert_array_equal(plane, kept)


def test_odd_sizes_are_padded_where_the_encoder_must(film: Make, tmp_path: Path) -> None:
    source = probe(film("odd.mkv"))
    notes = encoder_notes(source, EncoderOptions(codec="h264"))
    assert len(notes) == 1
    assert "63x47 becomes 64x48" in notes[0]
    result = rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec="h264", crf=0)
    assert (result.video.width, result.video.height) == (64, 48)
    for one, other in zip(lumas(source), lumas(result), strict=True):
        np.testing.assert_array_equal(one, other[:47, :63])
        np.testing.assert_array_equal(other[47], other[46])


def test_what_an_encoder_cannot_keep_is_said(film: Make) -> None:
    def notes(name: str, codec: str) -> str:
        return " ".join(encoder_notes(probe(film(name)), EncoderOptions(codec=codec)))

    assert "10 of 12 bits" in notes("444-12.mkv", "h264")
    assert "transparency" in notes("alpha.mkv", "h264")
    assert "no luma plane" in notes("rgb.mkv", "h264")
    assert "only limited range" in notes("full709.mkv", "prores")
    assert "10 of 12 bits" in notes("444-12.mkv", "av1")
    assert "av1 stores yuv420p, with less chroma than the film's yuv422p" in notes("422.mkv", "av1")
    assert notes("gray10.mkv", "av1") == notes("420-10.mkv", "av1") == ""
    assert "h264_vaapi keeps 8 of 10 bits" in notes("420-10.mkv", "h264_vaapi")
    assert notes("420-10.mkv", "hevc_nvenc") == ""
    assert notes("422-10.mkv", "h264") == notes("plain.mp4", "prores") == ""
    plain = probe(film("plain.mp4"))
    bright = replace(plain, video=replace(plain.video, transfer="smpte2084"))
    assert "the film is HDR" in " ".join(encoder_notes(bright, EncoderOptions()))


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "prores"])
@pytest.mark.parametrize(
    "name", ["tiny.mkv", "411.mkv", "odd.mkv", "444-12.mkv", "alpha.mkv", "rgb.mkv"]
)
def test_every_encoder_takes_every_film(film: Make, tmp_path: Path, name: str, codec: str) -> None:
    source = probe(film(name))
    result = rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec=codec)
    assert result.frames == source.frames


def test_segments_begin_with_a_keyframe_and_need_no_neighbor(film: Make, tmp_path: Path) -> None:
    source = probe(film("plain.mp4"))
    for codec in ("h264", "h265", "av1"):
        path = tmp_path / f"{codec}.mkv"
        options = EncoderOptions(codec=codec)
        render(source, flat(source, 1, 1)[3:17], path, numbers=range(3, 17), options=options)
        with av.open(str(path)) as container:
            packets = [p for p in container.demux(video=0) if p.size]
        assert packets[0].is_keyframe
        assert min(p.pts for p in packets if p.pts is not None) == packets[0].pts
        assert len(packets) == 14


def test_ffmpegs_own_words_are_in_the_error(film: Make, tmp_path: Path) -> None:
    plain = probe(film("plain.mp4"))
    source = replace(plain, video=replace(plain.video, primaries="warp9"))
    with pytest.raises(FilmError, match="warp9"):
        rendered(source, flat(source, 1, 1), tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("codec", ["ffv1", "av1"])
def test_a_full_disk_leaves_no_segment(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, codec: str
) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.mkv"
    run_ffmpeg(*picture(seconds=0.4, more=",noise=alls=60:allf=t"), "-c:v", "ffv1", path)
    source = probe(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(FilmError, match="ffmpeg failed") as failure:
            rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec=codec, crf=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "Svt" not in str(failure.value)  # which prints a long banner
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(film: Make, tmp_path: Path) -> None:
    source = probe(film("plain.mp4"))
    with pytest.raises(FilmError, match="No such file"):
        rendered(source, flat(source, 1, 1), tmp_path / "nowhere" / "out.mkv")


# Hardware encoders: what can be tested without the hardware


QUALITY = {  # for -crf 0, the default and 51
    "h264_nvenc": ("-rc vbr -cq 1 -b:v 0", "-rc vbr -cq 18 -b:v 0", "-rc vbr -cq 51 -b:v 0"),
    "hevc_nvenc": ("-rc vbr -cq 1 -b:v 0", "-rc vbr -cq 20 -b:v 0", "-rc vbr -cq 51 -b:v 0"),
    "h264_videotoolbox": ("-q:v 100", "-q:v 65", "-q:v 1"),
    "h264_qsv": ("-global_quality 1", "-global_quality 18", "-global_quality 51"),
    "h264_vaapi": ("-rc_mode CQP -qp 1", "-rc_mode CQP -qp 18", "-rc_mode CQP -qp 51"),
}


def options_in(film: Film, codec: str, crf: int | None = None) -> dict[str, str]:
    """Return the options of the command that encodes a film."""
    options = EncoderOptions(codec, crf)
    command = encoder_command(film, encoding_of(film, options), Path("o.mkv"), options=options)
    return {name: value for name, value in pairwise(command) if name.startswith("-")}


@pytest.mark.parametrize("codec", HARDWARE)
def test_a_hardware_encoder_is_told_the_quality_in_its_own_words(film: Make, codec: str) -> None:
    source = probe(film("plain.mp4"))
    for crf, words in zip((0, None, 51), QUALITY[codec], strict=True):
        options = options_in(source, codec, crf)
        assert options["-c:v"] == codec
        for word in re.findall(r"-\S+ \w+", words):
            name, value = word.split()
            assert options[name] == value
        assert not {"-preset", "-crf"} & set(options)


@pytest.mark.parametrize(
    ("codec", "name", "taken"),
    [
        ("h264_nvenc", "plain.mp4", "yuv420p"),
        ("h264_nvenc", "444.mkv", "yuv444p"),
        ("h264_nvenc", "420-10.mkv", "yuv420p"),
        ("hevc_nvenc", "422.mkv", "yuv420p"),
        ("hevc_nvenc", "420-10.mkv", "p010le"),
        ("hevc_nvenc", "444-12.mkv", "yuv444p16le"),
        ("h264_videotoolbox", "422-10.mkv", "nv12"),
        ("h264_qsv", "plain.mp4", "nv12"),
    ],
)
def test_a_hardware_encoder_gets_the_pixels_it_takes(
    film: Make, codec: str, name: str, taken: str
) -> None:
    assert options_in(probe(film(name)), codec)["-pix_fmt"] == taken


def test_vaapi_gets_its_frames_on_the_device(film: Make) -> None:
    options = options_in(probe(film("plain.mp4")), "h264_vaapi")
    assert re.search(r"format=nv12(\[s\d\]);\1hwupload\[s\d\]$", options["-filter_complex"])
    assert options["-vaapi_device"] == "/dev/dri/renderD128"
    assert "-pix_fmt" not in options


@pytest.mark.parametrize("levels", ["tv", "pc"])
@pytest.mark.parametrize(
    ("planar", "taken"),
    sorted({pair for name in HARDWARE for pair in CODECS[name].pixel_formats.items()}),
)
def test_the_pixels_hardware_takes_are_the_same_samples(
    planar: str, taken: str, levels: str, tmp_path: Path
) -> None:
    depth = 10 if planar.endswith("10le") else 8
    samples = 64 * 48 * (3 if "444" in planar else 1)
    kind = np.uint8 if depth == 8 else np.dtype("<u2")
    whole = np.random.default_rng(5).integers(0, 1 << depth, 3 * 64 * 48).astype(kind)
    (tmp_path / "raw").write_bytes(whole.tobytes())
    size = ("-video_size", "64x48", "-color_range", levels)
    words = ("-f", "rawvideo", "-pixel_format", planar, *size, "-i", tmp_path / "raw")
    more = ("-frames:v", "1", "-pix_fmt", taken, "-color_range", levels, "-f", "rawvideo", "-")
    packed = np.frombuffer(run_ffmpeg(*words, *more), kind)
    if depth == 10:
        packed = packed >> 6
    np.testing.assert_array_equal(packed[:samples], whole[:samples])  # chroma may be interleaved
    np.testing.assert_array_equal(np.sort(packed), np.sort(whole[: packed.size]))


def test_a_trial_encodes_and_software_needs_none() -> None:
    for codec in ("h264", "h265"):
        deep = replace(TRIAL, depth=10, chroma=(1, 1), width=1000)
        for encoding in (TRIAL, deep):
            run(trial_command(encoding, EncoderOptions(codec)))
    nothing = replace(TRIAL, width=0)
    with pytest.raises(FFmpegFailure):
        run(trial_command(nothing, EncoderOptions("h264")))
    check_encoder(EncoderOptions("h264"), nothing)


@pytest.mark.parametrize("codec", HARDWARE)
def test_a_worker_without_the_hardware_says_so(film: Make, tmp_path: Path, codec: str) -> None:
    with suppress(FilmError):
        check_encoder(EncoderOptions(codec))
        pytest.skip("this machine has it")
    source = probe(film("plain.mp4"))
    with pytest.raises(FFmpegFailure) as failure:
        rendered(source, flat(source, 5, 5), tmp_path / "out.mkv", codec=codec)
    assert list(tmp_path.iterdir()) == []
    assert failure.value.cause
    assert not failure.value.cause.startswith(("[", "Error while"))
    sent = pickle.loads(pickle.dumps(failure.value))  # as a pool process does
    assert (str(sent), sent.cause) == (str(failure.value), failure.value.cause)


def test_a_colorized_picture_for_people() -> None:
    gray = np.full((64, 64), 120, np.uint8)
    ab = np.full((16, 16, 2), 20, np.float32)
    rgb = colorized_rgb(gray, ab)
    assert rgb.shape == (64, 64, 3)
    lab = rgb2lab(rgb)
    np.testing.assert_allclose(lab[..., 1:].mean((0, 1)), [20, 20], atol=1)
    np.testing.assert_allclose(colorized_rgb(gray, ab * 0), 120, atol=1)


@pytest.mark.slow
def test_eight_k(tmp_path: Path) -> None:
    path = tmp_path / "8k.mkv"
    run_ffmpeg(*picture("7680x4320", seconds=0.08), "-c:v", "mjpeg", path)
    source = probe(path)
    result = rendered(
        source, flat(source, 10, 10), tmp_path / "o.mkv", codec="h264", preset="ultrafast"
    )
    assert (result.frames, result.video.width) == (2, 7680)

"""Luma is preserved bit for bit; the chroma shows the wanted color at that luma."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from encoded import flat, lumas, rendered
from films import HARDWARE, OTHER_PIXELS, RECIPES, SOFTWARE, picture, run_ffmpeg
from helpers import disk_full_at, with_slow

from film import FilmError
from film.codecs import CODECS
from film.encode import (
    TRIAL,
    check_encoder,
    encoder_command,
    encoding_of,
    render,
    trial_command,
    try_encoder,
)
from film.ffmpeg import FFmpegFailure, run
from film.info import Film
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.report import encoder_notes

Make = Callable[[str], Path]
# Rendering concerns pixels; films with special times are tested in test_decode.
KINDS = [*OTHER_PIXELS, "plain.mp4", "interlaced.mkv", "vfr.mkv", "wide.mp4"]
KINDS += ["rotated.mp4", "cut.mp4", "truncated.mkv"]


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


@pytest.mark.parametrize("codec", ["ffv1", "av1"])
def test_a_full_disk_leaves_no_segment(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, codec: str
) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.mkv"
    run_ffmpeg(*picture(seconds=0.4, more=",noise=alls=60:allf=t"), "-c:v", "ffv1", path)
    source = probe(path)
    with disk_full_at(20_000), pytest.raises(FilmError, match="ffmpeg failed") as failure:
        rendered(source, flat(source, 9, 9), tmp_path / "out.mkv", codec=codec, crf=0)
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


def test_the_encoders_of_a_cluster_are_not_tried_here() -> None:
    for codec in HARDWARE:
        try_encoder(FilmOptions(scheduler="tcp://a:1", encoder=EncoderOptions(codec)))


@pytest.mark.slow
def test_eight_k(tmp_path: Path) -> None:
    path = tmp_path / "8k.mkv"
    run_ffmpeg(*picture("7680x4320", seconds=0.08), "-c:v", "mjpeg", path)
    source = probe(path)
    result = rendered(
        source, flat(source, 10, 10), tmp_path / "o.mkv", codec="h264", preset="ultrafast"
    )
    assert (result.frames, result.video.width) == (2, 7680)

"""Every kind of film is colorized whole, whatever it holds and however it is named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from films import SOFTWARE, colorization, picture, run_ffmpeg

from conversion import color_film
from film.finished import left_in
from film.options import EncoderOptions, FilmOptions, written_suffixes
from film.probe import probe

Make = Callable[[str], Path]


def times_of(path: Path) -> list[float]:
    found = probe(path)
    return [float((pts - found.pts[0]) * found.video.time_base) for pts in found.pts]


QUICK_KINDS = ["422-10.mkv", "odd.mkv", "one.mp4", "vfr.mkv", "rotated.mp4"]
OTHER_KINDS = [
    "plain.mp4", "silent.mp4", "ntsc.mp4", "slow.mov", "closed.webm", "asp.avi", "h264.avi", "opengop.mpg",
    "late.ts", "bare.h264", "gray10.mkv", "444-12.mkv", "alpha.mkv", "rgb.mkv", "tiny.mkv", "full709.mkv",
    "growing.ts", "shrinking.ts", "wide.mp4", "interlaced.mkv", "gap.mkv", "eight.mkv", "cut.mp4", "negative.mkv", "rich.mkv",
]  # fmt: skip


@pytest.mark.parametrize(
    "name", [*QUICK_KINDS, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHER_KINDS)]
)
def test_every_kind_of_film_goes_through(film: Make, tmp_path: Path, name: str) -> None:
    options = FilmOptions(
        cache=tmp_path / "cache", encoder=EncoderOptions("ffv1"), workers=1, recolor=True
    )
    summary = color_film(
        film(name), tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert summary.joined.frames == probe(film(name)).frames
    before, after = times_of(film(name)), times_of(tmp_path / "out.mkv")
    assert after == pytest.approx(before, abs=0.0011)  # Matroska's clock ticks in ms
    assert list((tmp_path / "cache").iterdir()) == left_in(tmp_path / "cache")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [(codec, suffix) for codec in SOFTWARE for suffix in written_suffixes(codec)],
)
def test_every_codec_in_every_container_that_holds_it(
    film: Make, tmp_path: Path, codec: str, suffix: str
) -> None:
    options = FilmOptions(
        cache=tmp_path / "c", encoder=EncoderOptions(codec, preset="ultrafast"), workers=1
    )
    target = tmp_path / f"out{suffix}"
    color_film(film("gray.mkv"), target, colorization=colorization(), options=options)
    with av.open(str(target)) as result:
        name = result.streams.video[0].codec_context.codec.canonical_name
        assert name == {"h265": "hevc"}.get(codec, codec)
        assert sum(1 for _ in result.decode(video=0)) == 25


def test_a_truncated_film_is_colorized_as_far_as_it_goes(
    film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    summary = color_film(
        film("truncated.mkv"), tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert 0 < summary.joined.frames < 25
    assert any("is truncated" in record.message for record in caplog.records)


@pytest.mark.slow
def test_8k_goes_through(tmp_path: Path) -> None:
    run_ffmpeg(*picture("7680x4320", seconds=0.12), "-c:v", "ffv1", tmp_path / "8k.mkv")
    options = FilmOptions(
        cache=tmp_path / "cache", encoder=EncoderOptions("ffv1"), workers=1, recolor=True
    )
    summary = color_film(
        tmp_path / "8k.mkv", tmp_path / "out.mkv", colorization=colorization(), options=options
    )
    assert summary.joined is not None
    assert summary.joined.frames == 3


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [(b"auds", b"axds", "video 1 unknown"), (b"strf\x1e", b"strx\x1e", "unknown 1 unknown")],
)
def test_a_stream_of_no_known_kind_is_left_out_and_named(
    film: Make, tmp_path: Path, old: bytes, new: bytes, lost: str
) -> None:
    path, data = tmp_path / "strange.avi", film("asp.avi").read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    summary = color_film(path, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert any(f"cannot hold: {lost}" in warning for warning in summary.warnings)
    assert probe(tmp_path / "out.mkv").frames == 25


AWKWARD = [
    "100% %d.mp4",
    "a\nb.mp4",
    'it\'s "x".mp4',
    "電影.mp4",
    "-save.mp4",
    "a:b;c&d.mp4",
    "x" * 240 + ".mp4",
]


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
@pytest.mark.parametrize("name", ["swf.flv", "ima.mov"])
def test_sound_that_matroska_cannot_hold_does_not_stop_its_film(
    film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, suffix: str
) -> None:
    options = FilmOptions(cache=tmp_path / "cache", workers=1)
    target = tmp_path / f"out{suffix}"
    summary = color_film(film(name), target, colorization=colorization(), options=options)
    assert summary.joined is not None
    assert summary.joined.frames == 25
    kept = len(probe(target).streams)
    assert summary.joined.streams == {"audio": 1} if kept else summary.joined.streams == {}
    assert any("cannot hold: audio" in warning for warning in summary.warnings) == (not kept)
    assert any("sound track 1 cannot be copied" in record.message for record in caplog.records)
    assert kept == (suffix == ".mov" and name == "ima.mov")


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(film: Make, tmp_path: Path, name: str) -> None:
    shutil.copy(film("plain.mp4"), tmp_path / name)
    options = FilmOptions(cache=tmp_path / "%d cache", workers=1)
    target = tmp_path / f"out {name}"
    color_film(tmp_path / name, target, colorization=colorization(), options=options)
    assert probe(target).frames == 25

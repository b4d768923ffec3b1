"""Frames out equal frames in for every interlaced coding: field pictures in packets of their own, pairs, woven frames."""

from pathlib import Path

import numpy as np
import pytest
from fields import moving, mpeg2_fields, mux_fields, paff
from films import MPEG2, X264, picture, run_ffmpeg, shot_colorization

from conversion import color_film
from film.decode import decode
from film.options import FilmOptions
from film.probe import probe

COUNT = 11
LEVELS = [40 + 10 * number for number in range(COUNT)]
INTERLACED = {
    "mbaff.ts": (*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1:interlaced=1"),
    "mbaff.mp4": (*X264, "-flags", "+ildct+ilme", "-x264-params", "tff=1:interlaced=1"),
    "woven.mpg": (*MPEG2, "-flags", "+ildct+ilme", "-bf", "2", "-b:v", "4M"),
    "tape.dv": ("-s", "720x576", "-pix_fmt", "yuv420p", "-c:v", "dvvideo"),
    "tape.avi": ("-s", "720x576", "-pix_fmt", "yuv420p", "-c:v", "dvvideo"),
}


def h264(path: Path, *, whole: bool, top_first: bool = True) -> Path:
    pairs = paff(moving(COUNT), top_first=top_first)
    return mux_fields(path, pairs, codec="libx264", whole=whole, size=(64, 64))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("container", ["ts", "m2ts", "mkv", "mp4"])
def test_h264_fields_are_half_frames(tmp_path: Path, container: str, whole: bool) -> None:
    film = probe(h264(tmp_path / f"paff.{container}", whole=whole))
    assert (film.frames, film.video.field_order, film.video.rate) == (COUNT, "tt", 25)
    assert np.diff(film.shown_s).round(6).tolist() == [0.04] * (COUNT - 1)
    assert film.duration_s == pytest.approx(COUNT / 25)
    for frame, expected in zip(decode(film), moving(COUNT), strict=True):
        np.testing.assert_array_equal(frame.luma, expected)
        assert not frame.repeated


def test_the_bottom_field_may_be_first(tmp_path: Path) -> None:
    film = probe(h264(tmp_path / "paff.ts", whole=False, top_first=False))
    assert (film.frames, film.video.field_order) == (COUNT, "bb")
    for frame, expected in zip(decode(film), moving(COUNT), strict=True):
        np.testing.assert_array_equal(frame.luma, expected)


@pytest.mark.parametrize("whole", [False, True])
def test_any_frame_of_fields_can_be_decoded_first(tmp_path: Path, whole: bool) -> None:
    film = probe(h264(tmp_path / "paff.ts", whole=whole))
    assert film.keys == film.pts  # by time: counting from the start would be slow
    for first in range(COUNT):
        (frame,) = decode(film, first, first + 1)
        np.testing.assert_array_equal(frame.luma, moving(COUNT)[first])


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("container", ["ts", "mkv"])
def test_mpeg2_fields_are_half_frames(tmp_path: Path, container: str, whole: bool) -> None:
    pairs = mpeg2_fields(LEVELS)
    path = tmp_path / f"fields.{container}"
    film = probe(mux_fields(path, pairs, codec="mpeg2video", whole=whole, size=(64, 64)))
    assert film.video.interlaced
    assert [int(frame.luma[20, 20]) for frame in decode(film)] == LEVELS


@pytest.mark.parametrize("name", INTERLACED)
def test_woven_frames_are_frames(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    run_ffmpeg(*picture(rate="50"), "-vf", "interlace=scan=tff", *INTERLACED[name], path)
    film = probe(path)
    assert (film.frames, film.video.interlaced) == (25, True)
    assert not any(frame.repeated for frame in decode(film))


@pytest.mark.parametrize("name", ["paff.ts", "tape.dv"])
def test_a_colorized_film_of_fields_has_its_frames(
    tmp_path: Path, options: FilmOptions, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    if name == "paff.ts":
        h264(tmp_path / name, whole=False)
    else:
        weave = ("-vf", "interlace=scan=tff", *INTERLACED[name])
        run_ffmpeg(*picture(rate="50", seconds=2 * COUNT / 50), *weave, tmp_path / name)
    out = tmp_path / "out.mkv"
    color_film(tmp_path / name, out, colorization=shot_colorization(), options=options)
    assert "damaged" not in caplog.text
    raw = run_ffmpeg("-i", out, "-f", "framemd5", "-")
    assert len([line for line in raw.splitlines() if not line.startswith(b"#")]) == COUNT
    assert probe(out).shown_s == pytest.approx(probe(tmp_path / name).shown_s, abs=1e-3)

"""A film from a pipe: its frames, their times and its other packets are those of the film read from a file."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from films import picture, run_ffmpeg

from film import FilmError
from film.decode import decode
from film.pipe_input import PipeInput
from film.probe import probe
from film.spool import Spool

Make = Callable[[str], Path]


def read(source: io.BytesIO | Path, folder: Path) -> PipeInput:
    pipe = PipeInput(source, Spool(folder))
    pipe.start()
    pipe._thread.join(60)
    pipe.check()
    return pipe


@pytest.mark.parametrize("name", ["rich.mkv", "vfr.mkv", "gray10.mkv", "alpha.mkv", "rgb.mkv"])
def test_a_pipe_has_the_films_frames_and_times(film: Make, tmp_path: Path, name: str) -> None:
    whole = probe(film(name))
    pipe = read(io.BytesIO(film(name).read_bytes()), tmp_path)
    assert list(pipe.times) == list(whole.pts)
    assert pipe.film.video == whole.video
    for own, expected in zip(decode(pipe.film), decode(whole), strict=True):
        np.testing.assert_array_equal(own.luma, expected.luma)
        assert (own.chroma is None) == (expected.chroma is None)
        for one, other in zip(own.chroma or (), expected.chroma or (), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(own.alpha, expected.alpha)


def test_yuv4mpeg_is_read(film: Make, tmp_path: Path) -> None:
    raw = run_ffmpeg("-i", film("plain.mp4"), "-f", "yuv4mpegpipe", "-")
    pipe = read(io.BytesIO(raw), tmp_path)
    assert (pipe.film.video.codec, pipe.film.video.rate, len(pipe.times)) == ("rawvideo", 25, 25)
    expected = [frame.luma for frame in decode(probe(film("plain.mp4")))]
    np.testing.assert_array_equal([frame.luma for frame in decode(pipe.film)], expected)


def test_other_streams_are_kept_or_named(
    film: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = read(io.BytesIO(film("rich.mkv").read_bytes()), tmp_path)
    kinds = {packet.stream.type for packet in pipe.packets}
    assert kinds == {"audio", "subtitle"} == {stream.kind for stream in pipe.film.streams}
    assert "without: attachment" in caplog.text


def test_a_film_that_breaks_off_is_read_up_to_there(film: Make, tmp_path: Path) -> None:
    data = film("422.mkv").read_bytes()
    pipe = read(io.BytesIO(data[: len(data) // 2]), tmp_path)
    assert 5 < len(pipe.times) < 25


def test_an_mp4_with_its_index_at_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"  # too large for FFmpeg to look for the index in what it holds
    run_ffmpeg(
        *picture(seconds=1, more=",noise=alls=60:allf=t"), "-c:v", "mpeg4", "-q:v", "1", path
    )
    with pytest.raises(FilmError, match="standard input is not a film that FFmpeg can read"):
        read(io.BytesIO(path.read_bytes()), tmp_path)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="standard input is not a film that FFmpeg can read"):
        read(io.BytesIO(b"no film"), tmp_path)
    with pytest.raises(FilmError, match="standard input is not a film that FFmpeg can read"):
        read(io.BytesIO(b""), tmp_path)
    sound = tmp_path / "s.mka"
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=0.1", sound)
    with pytest.raises(FilmError, match="has no video"):
        read(sound, tmp_path)


def test_a_film_is_also_read_from_a_file(tmp_path: Path) -> None:
    path, folder = tmp_path / "a.mkv", tmp_path / "spool"
    folder.mkdir()
    run_ffmpeg(*picture(seconds=0.2), "-c:v", "ffv1", path)
    assert len(read(path, folder).times) == 5

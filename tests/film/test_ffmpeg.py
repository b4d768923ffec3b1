"""FFmpeg: which program runs, what it opens, and its words in errors."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from encoded import flat, rendered
from films import HARDWARE, picture, run_ffmpeg

from film import FilmError
from film.encode import check_encoder
from film.ffmpeg import FFmpegFailure, ffmpeg_path
from film.options import EncoderOptions
from film.probe import probe

Make = Callable[[str], Path]


def test_ffmpegs_own_words_are_in_the_error(film: Make, tmp_path: Path) -> None:
    plain = probe(film("plain.mp4"))
    source = replace(plain, video=replace(plain.video, sar=Fraction(-1)))
    with pytest.raises(FilmError, match="Invalid string"):
        rendered(source, flat(source, 1, 1), tmp_path / "out.mkv")
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(
    "name", ["with space.mp4", "quo'te\".mp4", "100%d.mp4", "new\nline.mp4", "电影.mp4"]
)
def test_any_name_will_do(film: Make, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(film("plain.mp4").read_bytes())
    assert probe(path).frames == 25


@pytest.mark.parametrize("suffix", ["mkv", "mov", "mp4", "ts"])
@pytest.mark.parametrize(
    ("videos", "chosen"),
    [
        ([("32x32", 0.04), ("64x48", 0.4)], 1),  # a still first
        ([("640x480", 0.04), ("64x48", 5)], 1),  # many pixels, but of one frame
        ([("32x24", 1), ("64x48", 1)], 1),  # a small copy first
        ([("64x48", 1), ("64x48", 1.04)], 0),  # two views, the second a frame longer
    ],
)
def test_the_film_is_the_stream_with_most_picture(
    tmp_path: Path, suffix: str, videos: list[tuple[str, float]], chosen: int
) -> None:
    words: list[str] = []
    for size, length in videos:
        words += picture(size, seconds=length)
    maps = ["-map", "0", "-map", "1", "-c:v", "mpeg2video"]
    run_ffmpeg(*words, *maps, tmp_path / f"two.{suffix}")
    info = probe(tmp_path / f"two.{suffix}")
    size, length = videos[chosen]
    assert info.video.index == chosen
    assert f"{info.video.width}x{info.video.height}" == size
    assert info.frames == round(length * 25)
    assert [stream.kind for stream in info.streams] == ["video"]


def test_the_ffmpeg_on_the_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled = ffmpeg_path()
    assert Path(bundled).is_file()
    own = tmp_path / "ffmpeg"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert ffmpeg_path() == str(own)
    assert os.access(bundled, os.X_OK)


def test_playlists_are_opened_only_when_they_are_asked_for(film: Make, tmp_path: Path) -> None:
    """Playlists name other files, which an untrusted film must not choose."""
    (tmp_path / "private.mp4").write_bytes(film("plain.mp4").read_bytes())
    for name in ("film.mp4", "list.ffconcat"):
        (tmp_path / name).write_text("ffconcat version 1.0\nfile private.mp4\n")
    with pytest.raises(FilmError, match=r"film\.mp4 is a playlist.*rename it to \*\.ffconcat"):
        probe(tmp_path / "film.mp4")
    assert probe(tmp_path / "list.ffconcat").frames == 25

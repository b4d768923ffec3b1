"""FFmpeg: which program runs, what it opens, and its words in errors."""

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import pytest
from encoded import flat, rendered
from films import HARDWARE, picture, run_ffmpeg

from film import FilmError, ffmpeg
from film.encode import check_encoder
from film.ffmpeg import (
    MINIMUM,
    NUMBER,
    VARIABLE,
    FFmpegFailure,
    ffmpeg_path,
    ffmpeg_version,
    use_ffmpeg,
)
from film.options import EncoderOptions, FilmOptions
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


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that makes a program that prints a text; the environment is restored later."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv(VARIABLE, "")

    def make(text: str) -> Path:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\necho '{text}'\n")
        path.chmod(0o755)
        ffmpeg._checked.cache_clear()
        return path

    return make


def test_a_system_s_ffmpeg_is_not_taken_unasked(
    program: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("ffmpeg version 99.0 Copyright")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = ffmpeg_path()
    assert os.access(found, os.X_OK)
    assert Path(found).parent != tmp_path
    assert tuple(map(int, NUMBER.match(ffmpeg_version(found)).groups())) >= MINIMUM  # type: ignore[union-attr]


@pytest.mark.parametrize("version", ["9.0", "n10.1.2-3-gabcdef", "N-119000-g0123456789", "9.0-dev"])
def test_another_ffmpeg_is_used_if_it_is_new_enough(
    program: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    path = program(f"ffmpeg version {version} Copyright (c) 2000-2026 the FFmpeg developers")
    use_ffmpeg(path)
    assert ffmpeg_path() == os.environ[VARIABLE] == str(path)
    use_ffmpeg(None)  # as a later film's options say nothing
    assert ffmpeg_path() == str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "ffmpeg version 5.1.9-0+deb12u1 Copyright",
            r"is ffmpeg 5\.1\.9-0\+deb12u1, but 9\.0 or later is",
        ),
        ("ffmpeg version n8.1 Copyright", r"is ffmpeg n8\.1, but 9\.0 or later is needed"),
        ("hello", "is not ffmpeg"),
        ("", "is not ffmpeg"),
    ],
)
def test_another_program_is_refused_in_one_line(
    program: Callable[[str], Path], text: str, words: str
) -> None:
    with pytest.raises(FilmError, match=words) as failure:
        use_ffmpeg(program(text))
    assert "name another with -ffmpeg or COLORIZER_FFMPEG, or neither" in str(failure.value)


def test_a_program_that_does_not_run_is_refused(
    program: Callable[[str], Path], tmp_path: Path
) -> None:
    path = program("ffmpeg version 9.0 Copyright")
    path.chmod(0o644)
    for missing in (path, tmp_path / "none"):
        with pytest.raises(FilmError, match="is no program that can be run: name another"):
            use_ffmpeg(missing)


def test_the_minimum_is_the_one_that_help_states() -> None:
    (help_text,) = [f.metadata["help"] for f in fields(FilmOptions) if f.name == "ffmpeg"]
    assert f"{MINIMUM[0]}.{MINIMUM[1]} or later" in help_text


def test_playlists_are_opened_only_when_they_are_asked_for(film: Make, tmp_path: Path) -> None:
    """Playlists name other files, which an untrusted film must not choose."""
    (tmp_path / "private.mp4").write_bytes(film("plain.mp4").read_bytes())
    for name in ("film.mp4", "list.ffconcat"):
        (tmp_path / name).write_text("ffconcat version 1.0\nfile private.mp4\n")
    with pytest.raises(FilmError, match=r"film\.mp4 is a playlist.*rename it to \*\.ffconcat"):
        probe(tmp_path / "film.mp4")
    assert probe(tmp_path / "list.ffconcat").frames == 25

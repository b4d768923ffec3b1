"""Films through pipes as a user runs them, with a real ffmpeg on both sides; bounded, and quiet when the reader ends."""

import io
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from encoded import packets_md5
from films import FRAMES, SHOTS, X264, picture, run_ffmpeg, shot_colorization
from helpers import wait_for

from color.options import GuidanceOptions
from conversion import workers_for
from film import FilmError
from film.decode import decode
from film.ffmpeg import ffmpeg_path
from film.options import EncoderOptions, FilmCommand, FilmOptions
from film.pipe import PipeJob, check_pipe, color_pipe, is_pipe, own_folder
from film.probe import probe
from film.spool import LIMIT, Spool
from photo.inputs import InputOptions
from runtime.workers import serial

ROOT = Path(__file__).resolve().parent.parent.parent
QUIET = ("-v", "error")


@pytest.fixture
def wide(options: FilmOptions) -> FilmOptions:
    return replace(options, encoder=EncoderOptions(codec="ffv1"))


def matroska(film: Path) -> bytes:
    """Return a film as ffmpeg writes it to a pipe."""
    return run_ffmpeg("-i", film, "-c", "copy", "-f", "matroska", "-")


def piped(film: Path, options: FilmOptions) -> bytes:
    """Colorize a film through pipes in this process."""
    sink = io.BytesIO()
    job = PipeJob(io.BytesIO(matroska(film)), sink, shot_colorization(), options, serial)
    color_pipe(job)
    return sink.getvalue()


def test_a_film_through_pipes_is_the_film_in_color(
    gray_film: Path, wide: FilmOptions, tmp_path: Path
) -> None:
    path = tmp_path / "out.mkv"
    path.write_bytes(piped(gray_film, wide))
    before, after = probe(gray_film), probe(path)
    assert after.frames == FRAMES
    assert after.shown_s == pytest.approx(before.shown_s, abs=1e-3)
    assert packets_md5(path) == packets_md5(gray_film)
    colors = []
    for one, other in zip(decode(before), decode(after), strict=True):
        np.testing.assert_array_equal(one.luma, other.luma)
        assert other.chroma is not None
        colors.append([plane.mean() for plane in other.chroma])
    shots = np.split(np.array(colors), np.cumsum(SHOTS)[:-1])
    assert all(np.ptp(shot, axis=0).max() < 1 for shot in shots)  # in spite of its segments
    assert np.abs(np.diff([shot[0] for shot in shots], axis=0)).max(axis=1).min() > 5
    assert not [*wide.cache.iterdir()]


def test_raw_frames_have_the_luma_to_the_bit(
    gray_film: Path, wide: FilmOptions, tmp_path: Path
) -> None:
    path = tmp_path / "out.y4m"
    path.write_bytes(piped(gray_film, replace(wide, pipe="y4m")))
    for one, other in zip(decode(probe(gray_film)), decode(probe(path)), strict=True):
        np.testing.assert_array_equal(one.luma, other.luma)


def test_the_result_begins_before_the_input_ends(gray_film: Path, wide: FilmOptions) -> None:
    data = matroska(gray_film)
    written = threading.Event()
    inner, outer = os.pipe()

    class Sink(io.BytesIO):
        def write(self, part: Any) -> int:
            written.set()
            return super().write(part)

    def feed() -> None:
        with os.fdopen(outer, "wb") as pipe:
            pipe.write(data[: len(data) * 4 // 5])
            pipe.flush()
            assert written.wait(60)
            pipe.write(data[len(data) * 4 // 5 :])

    thread = threading.Thread(target=feed)
    thread.start()
    raw = replace(wide, pipe="y4m")  # has no header before the first frame
    with os.fdopen(inner, "rb") as pipe:
        color_pipe(PipeJob(pipe, Sink(), shot_colorization(), raw, serial))
    thread.join(10)
    assert written.is_set()


def test_disk_is_bounded_by_the_spool(
    gray_film: Path, wide: FilmOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    release = Spool.release

    def watch(self: Spool, count: int) -> None:
        seen.append(self.written - self.released)
        release(self, count)

    monkeypatch.setattr(Spool, "release", watch)
    monkeypatch.setattr(Spool.__init__, "__kwdefaults__", {"limit": 160})
    piped(gray_film, wide)
    assert max(seen) <= 160 < FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_shot_longer_than_the_spool_goes_through(
    wide: FilmOptions, tmp_path: Path, workers: int
) -> None:
    path, count = tmp_path / "long.mkv", LIMIT + 100
    grainy = picture("32x32", seconds=count / 25, more=",hue=s=0,noise=alls=10:allf=t")
    run_ffmpeg(*grainy, *X264, path)
    sink, chosen = io.BytesIO(), shot_colorization()
    with workers_for(chosen, replace(wide, workers=workers)) as run:
        assert color_pipe(PipeJob(path, sink, chosen, wide, run)) == count


def test_a_folder_that_a_killed_process_left_is_deleted(tmp_path: Path) -> None:
    left = tmp_path / "pipe-0123456789ab"
    (left / "frames").mkdir(parents=True)
    (left / "in_use").touch()
    with own_folder(tmp_path) as one, own_folder(tmp_path) as other:
        assert not left.exists()
        assert one.is_dir()
        assert other.is_dir()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"movie_in": ("-", "a.mp4")}, "a pipe carries one film"),
        ({"save": None}, "needs -save - or a file.mkv"),
        ({"save": "a.mp4"}, "needs -save - or a file.mkv"),
        ({"movie_in": ("none.mkv",)}, "none.mkv is no file"),
    ],
)
def test_what_a_pipe_cannot_have(changes: dict[str, object], said: str) -> None:
    inputs = replace(InputOptions(movie_in=("-",), save="-"), **changes)  # type: ignore[arg-type]
    with pytest.raises(FilmError, match=said):
        check_pipe(inputs, FilmCommand(), FilmOptions(), GuidanceOptions())


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_a_terminal_is_no_pipe(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda: True))
    inputs = InputOptions(movie_in=("-",), save="-")
    with pytest.raises(FilmError, match=r"standard (in|out)put is a terminal"):
        check_pipe(inputs, FilmCommand(), FilmOptions(), GuidanceOptions())


def test_options_that_need_a_file() -> None:
    inputs = InputOptions(movie_in=("-",), save="-")
    assert is_pipe(inputs)
    assert not is_pipe(InputOptions(movie_in=("a.mp4",), save="b.mp4"))
    check_pipe(inputs, FilmCommand(), FilmOptions(), GuidanceOptions())
    with pytest.raises(FilmError, match="-start does not work with pipes"):
        check_pipe(inputs, FilmCommand(), FilmOptions(start=1.0), GuidanceOptions())
    options = FilmOptions(encoder=EncoderOptions(deinterlace=True))
    with pytest.raises(FilmError, match="put ffmpeg's bwdif before"):
        check_pipe(inputs, FilmCommand(), options, GuidanceOptions())
    with pytest.raises(FilmError, match="need a film in a file"):
        check_pipe(inputs, FilmCommand(probe="text"), FilmOptions(), GuidanceOptions())
    for more in (replace(inputs, report=Path("r.json")), replace(inputs, dry_run=True)):
        with pytest.raises(FilmError, match="need a film in a file"):
            check_pipe(more, FilmCommand(), FilmOptions(), GuidanceOptions())


def command(small: list[str], cache: Path, *words: object) -> list[str]:
    fixed = [*small, "-cache", str(cache), "-workers", "1"]
    return [sys.executable, str(ROOT / "main.py"), *fixed, *map(str, words)]


@pytest.mark.slow
def test_ffmpeg_stands_before_and_behind(gray_film: Path, small: list[str], tmp_path: Path) -> None:
    out, said = tmp_path / "out.mkv", tmp_path / "said.txt"
    before = [ffmpeg_path(), *QUIET, "-i", gray_film, "-c", "copy", "-f", "matroska", "-"]
    behind = [ffmpeg_path(), *QUIET, "-i", "-", "-c", "copy", out]
    words = command(small, tmp_path / "cache", "-movie_in", "-", "-save", "-")
    with (
        said.open("wb") as log,
        subprocess.Popen(before, stdout=subprocess.PIPE) as first,
        subprocess.Popen(words, stdin=first.stdout, stdout=subprocess.PIPE, stderr=log) as middle,
    ):
        last = subprocess.run(behind, stdin=middle.stdout, timeout=120)
    assert (first.returncode, middle.returncode, last.returncode) == (0, 0, 0), said.read_text()
    assert probe(out).frames == FRAMES
    assert packets_md5(out) == packets_md5(gray_film)
    assert f"{FRAMES} frames in" in said.read_text()
    assert not [*(tmp_path / "cache").iterdir()]


def test_a_reader_that_ends_ends_the_program_quietly(
    gray_film: Path, small: list[str], tmp_path: Path
) -> None:
    said = tmp_path / "said.txt"
    words = ("-movie_in", gray_film, "-save", "-", "-pipe", "y4m")
    argv = command(small, tmp_path / "cache", *words)
    with (
        said.open("wb") as log,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.read(9) == b"YUV4MPEG2"
        process.stdout.close()
        assert process.wait(120) == 128 + signal.SIGPIPE
    # An empty cache has the network prepared first, and says so.
    assert not [line for line in said.read_text().splitlines() if not line.endswith("(once)")]
    assert not [*(tmp_path / "cache").iterdir()]


@pytest.mark.slow
def test_a_file_is_whole_or_not_there(gray_film: Path, small: list[str], tmp_path: Path) -> None:
    out, cache = tmp_path / "results" / "out.mkv", tmp_path / "cache"
    words = command(small, cache, "-movie_in", "-", "-save", out)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(matroska(gray_film))
        process.stdin.flush()
        wait_for(lambda: [*cache.glob("pipe-*/frames/*")])
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait(60) == 130
    assert not out.exists()
    subprocess.run(words, input=matroska(gray_film), check=True, timeout=120)
    assert probe(out).frames == FRAMES
    assert [path.name for path in out.parent.iterdir()] == ["out.mkv"]


def test_a_failure_is_one_line(small: list[str], tmp_path: Path) -> None:
    words = command(small, tmp_path / "cache", "-movie_in", "-", "-save", "-")
    done = subprocess.run(words, input=b"no film", capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().count("\n") == 1
    assert b"standard input is not a film" in done.stderr

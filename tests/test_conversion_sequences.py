"""Image sequences in and out, as a user runs them: times, sound, resumed jobs, finished results."""

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from films import colorization, run_ffmpeg
from helpers import tree, wait_for
from sequences import luma_of, ramp, read_rgb, write_sequence

from conversion import color_film
from film import FilmError
from film.jobs import jobs_in
from film.options import EncoderOptions, FilmOptions
from film.probe import probe

ROOT = Path(__file__).resolve().parent.parent
Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of 130 pictures, which make two segments."""
    write_sequence(tmp_path / "reel" / "scan_%05d.tif", count=130, first=86)
    return tmp_path / "reel"


@pytest.fixture
def chosen(options: FilmOptions) -> FilmOptions:
    return replace(options, fps=Fraction(18), encoder=EncoderOptions())


def color(source: Path, target: Path, options: FilmOptions, **settings: int) -> None:
    color_film(source, target, colorization=colorization(**settings), options=options)


def test_pictures_and_sound_become_a_film(scans: Path, tmp_path: Path, chosen: FilmOptions) -> None:
    sound = tmp_path / "s.wav"
    run_ffmpeg("-f", "lavfi", "-i", f"sine=duration={130 / 18}", sound)
    color(scans, tmp_path / "out.mkv", replace(chosen, audio=sound))
    film = probe(tmp_path / "out.mkv")
    assert (film.frames, film.video.rate) == (130, 18)
    assert [round(at, 3) for at in film.shown_s[::45]] == [0, 2.5, 5.0]
    assert (film.video.matrix, film.video.full_range, film.video.depth) == ("bt709", False, 10)
    assert [stream.start_s for stream in film.streams] == [0]
    # Matroska stores the same samples, in other packets.
    assert run_ffmpeg("-i", film.path, "-map", "0:a", "-f", "md5", "-") == run_ffmpeg(
        "-i", sound, "-f", "md5", "-"
    )


def test_a_film_becomes_pictures(
    film: Callable[[str], Path], tmp_path: Path, chosen: FilmOptions
) -> None:
    plain = replace(chosen, fps=None)
    color(
        film("plain.mp4"), tmp_path / "out" / "f_%03d.png", replace(plain, start=0.2, recolor=True)
    )
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"f_{number:03d}.png" for number in range(6, 26)]


def test_a_stopped_job_ends_in_the_same_pictures(
    scans: Path, tmp_path: Path, chosen: FilmOptions
) -> None:
    color(scans, tmp_path / "whole" / "o_%05d.tif", chosen)
    target = tmp_path / "stopped" / "o_%05d.tif"
    with pytest.raises(FilmError, match="cannot be colorized"):
        color(scans, target, chosen, fail_at=66)
    color(scans, target, chosen)
    assert tree(target.parent) == tree(tmp_path / "whole")
    for number in (86, 215):
        rgb = read_rgb(target.with_name(f"o_{number:05d}.tif"))
        assert abs(luma_of(rgb) - ramp(number)).max() <= 0.5 + 1e-3


@pytest.mark.slow
def test_a_killed_command_continues(scans: Path, tmp_path: Path, small: list[str]) -> None:
    target, whole = (tmp_path / name / "o_%05d.png" for name in ("stopped", "whole"))
    words = [*small, "-cache", tmp_path / "cache", "-workers", "1", "-movie_in", scans, "-save"]
    command = [sys.executable, ROOT / "main.py", *words]
    subprocess.run([*command, whole], check=True, timeout=120)
    process = subprocess.Popen([*command, target], start_new_session=True)
    wait_for(lambda: target.parent.exists() and len([*target.parent.glob("o_*")]) > 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert len([*target.parent.glob("o_*")]) < 130
    subprocess.run([*command, target], check=True, timeout=120)
    assert tree(target.parent) == tree(whole.parent)


def test_a_changed_picture_makes_another_film(
    scans: Path, tmp_path: Path, chosen: FilmOptions, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(FilmError, match="cannot be colorized"):
        color(scans, tmp_path / "out.mkv", chosen, fail_at=66)
    os.utime(scans / "scan_00100.tif", (1, 1))
    with caplog.at_level("INFO"):
        color(scans, tmp_path / "out.mkv", chosen)
    assert (
        "1 other job of this film at rest (the latest: the film itself has changed)" in caplog.text
    )
    assert len(jobs_in(chosen.cache)) == 1  # the first one


def test_a_job_of_another_rate_is_another_job_and_finds_its_own_frames(
    scans: Path, tmp_path: Path, chosen: FilmOptions, caplog: pytest.LogCaptureFixture
) -> None:
    part = replace(chosen, duration=6.0, keep_cache=True)
    color(scans, tmp_path / "18.mkv", part)
    with caplog.at_level("INFO"):
        color(scans, tmp_path / "10.mkv", replace(part, fps=Fraction(10)))
    assert "fps was 18, now 10" in caplog.text
    assert [probe(tmp_path / name).frames for name in ("18.mkv", "10.mkv")] == [108, 60]
    assert len(jobs_in(chosen.cache)) == 2


def test_a_kept_job_of_a_film_is_encoded_again_as_pictures(
    scans: Path, tmp_path: Path, chosen: FilmOptions, caplog: pytest.LogCaptureFixture
) -> None:
    kept, pattern = replace(chosen, keep_cache=True), tmp_path / "out" / "o_%05d.tif"
    color(scans, tmp_path / "out.mkv", kept)
    with caplog.at_level("INFO"):
        color(scans, pattern, kept, fail_at=0)  # nothing is colorized again
    assert "encoding again, with the same colors" in caplog.text
    assert len(jobs_in(chosen.cache)) == 1
    color(scans, tmp_path / "new" / pattern.name, replace(chosen, cache=tmp_path / "other"))
    assert tree(pattern.parent) == tree(tmp_path / "new")


def test_commands_with_sequences(run_main: Main, scans: Path, tmp_path: Path) -> None:
    pattern = tmp_path / "out" / "o_%05d.jpg"
    code, said, _ = run_main(scans / "scan_%05d.tif", "-duration", "1", "-save", pattern)
    assert (code, said) == (0, f"{pattern}\n")
    assert len([*pattern.parent.iterdir()]) == 24
    before = tree(pattern.parent)
    finished = run_main(scans, "-duration", "1", "-save", pattern)
    assert finished[:2] == (0, f"{pattern}\n")
    assert tree(pattern.parent) == before
    code, _, errors = run_main(scans, "-duration", "2", "-save", pattern)
    assert code == 2
    assert "exists already" in errors
    code, said, errors = run_main(scans, "-fps", "18", "-duration", "1")
    assert (code, said) == (0, f"{tmp_path / 'scan.color.mkv'}\n")
    code, said, _ = run_main(scans, "-fps", "18", "-probe")
    assert code == 0
    assert "image sequence" in said
    assert "18 fps, 130 frames" in said


def test_pictures_of_a_sequence_are_not_passed_over(run_main: Main, scans: Path) -> None:
    (scans / "more").mkdir()
    (scans / "sound.wav").touch()
    code, said, errors = run_main(scans, "-dry_run", "-recursive")
    assert (code, said) == (0, f"{scans} -> {scans.parent / 'scan.color.mkv'}\n")
    assert errors.splitlines() == [
        "passed over: 1 folder: give it as an input of its own; 1 sound file: not a film",
        "1 to be colored, 0 already there, 0 failed, 2 passed over",
    ]


def test_reports_list_sequences(run_main: Main, scans: Path, tmp_path: Path) -> None:
    pattern, table = tmp_path / "out" / "o_%05d.jpg", tmp_path / "report.csv"
    words = (scans, "-duration", "1", "-save", pattern, "-report", table)
    for outcome in ("colored", "already there"):
        assert run_main(*words)[0] == 0
        (row,) = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        assert (row["source"], row["outcome"], row["result"]) == (str(scans), outcome, str(pattern))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{}/scan_%05d.png",), "no picture has such a name"),
        (("{}", "-save", "{}/scan_%05d.tif"), "names the input's pictures"),
        (("{}", "-save", "o_%05d.exr"), "pictures are written as .tif"),
        (("{}", "-save", "o_%05d.tif", "-codec", "h265"), "pictures have no codec"),
        (("{}", "-fps", "0"), "is not a frame rate from 1 to 240"),
        (("{}", "-audio", "none.wav"), "no such file"),
    ],
)
def test_mistakes_with_sequences(
    run_main: Main, scans: Path, words: tuple[str, ...], said: str
) -> None:
    before = tree(scans)
    code, _, errors = run_main(*(word.format(scans) for word in words))
    assert code == 2
    assert said in errors
    assert tree(scans) == before

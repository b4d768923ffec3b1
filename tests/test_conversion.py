"""A film's whole job: every frame is colorized once, in its place, and settings decide what is done."""

import functools
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from encoded import packets, planes
from films import DIVIDED, FRAMES, SIZE, Signer, colorization, film_of, shot_colorization
from helpers import files_and_folders

import conversion
from conversion import color_film
from film import FilmError
from film.finished import left_in
from film.job import JobError
from film.options import FilmOptions
from runtime.progress import Silent

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def color_movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film_of(tmp_path_factory.mktemp("color") / "color.mp4", color=True)


def test_every_frame_keeps_its_lightness_and_time_and_the_sound_its_packets(
    gray_film: Path, finished: Path
) -> None:
    before, after = list(planes(gray_film)), list(planes(finished))
    assert len(before) == len(after) == FRAMES
    shift = after[0][0] - before[0][0]  # Matroska cannot hold sound before 0, as in MP4's AAC
    for (time_before, luma_before, _), (time_after, luma_after, _) in zip(
        before, after, strict=True
    ):
        assert time_after - time_before == pytest.approx(shift, abs=1)
        assert np.array_equal(luma_before, luma_after)
    assert packets(gray_film, "audio") == packets(finished, "audio")


def test_every_frame_is_colorized(finished: Path) -> None:
    assert min(int(np.ptp(chroma)) for _, _, chroma in planes(finished)) > 20


def test_workers_do_not_change_a_byte(
    gray_film: Path, finished: Path, options: FilmOptions, tmp_path: Path
) -> None:
    two = replace(options, workers=2)
    summary = color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=two)
    assert packets(tmp_path / "out.mkv") == packets(finished)
    assert summary.line().startswith(f"{tmp_path / 'out.mkv'}: {FRAMES} frames in ")
    told = json.loads(json.dumps(summary.as_json()))
    assert [one["count"] for one in told["segments"]] == [12, 64, 64, 22, 8]
    assert [one["shot"] for one in told["segments"]] == [0, 1, 1, 1, 2]
    assert told["frames"] == FRAMES
    assert told["weights_sha256"] == "f" * 64
    assert told["settings"]["codec"] == "ffv1"
    assert told["streams_kept"] == {"audio": 1}


def test_a_finished_job_leaves_only_what_tells_its_shots_apart(finished: Path) -> None:
    assert sorted(path.name for path in finished.parent.iterdir()) == ["cache", "out.mkv"]
    (left,) = (finished.parent / "cache").iterdir()
    assert [left] == left_in(left.parent)
    assert left.stat().st_size < 10_000


@pytest.mark.slow
def test_a_kept_job_shows_its_frames(gray_film: Path, options: FilmOptions, tmp_path: Path) -> None:
    kept = replace(options, keep_cache=True)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=kept)
    (job,) = (tmp_path / "cache").iterdir()
    assert len(list(job.glob("input_img/*/*.png"))) == FRAMES
    assert len(list(job.glob("output_img/*/*.png"))) == FRAMES
    assert len(list(job.glob("shots/*.mkv"))) == 5
    assert len(list(job.glob("audio/*"))) == 1
    gray = cv2.imread(str(job / "input_img" / "00001" / "0000012.png"), cv2.IMREAD_UNCHANGED)
    assert gray.shape == SIZE


def test_shots_with_color_are_left_as_they_are(
    color_movie: Path, options: FilmOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning and the report say so."""
    target = tmp_path / "out.mkv"
    summary = color_film(color_movie, target, colorization=colorization(), options=options)
    said = "3 of 3 shots have color and were left unchanged: -recolor colorizes them"
    assert f"{target}: {said}" in caplog.messages
    assert summary.as_json()["warnings"] == [said]
    for (_, _, before), (_, _, after) in zip(
        planes(color_movie), planes(tmp_path / "out.mkv"), strict=True
    ):
        assert np.array_equal(before, after)


@pytest.mark.slow
def test_recolor_colorizes_them(color_movie: Path, options: FilmOptions, tmp_path: Path) -> None:
    chosen = replace(options, recolor=True)
    color_film(color_movie, tmp_path / "out.mkv", colorization=colorization(), options=chosen)
    same = [
        np.array_equal(before, after)
        for (_, _, before), (_, _, after) in zip(
            planes(color_movie), planes(tmp_path / "out.mkv"), strict=True
        )
    ]
    assert not any(same)


@pytest.mark.slow
def test_compare_leaves_the_left_half_gray(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    chosen = replace(options, compare=True)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=chosen)
    for _, _, chroma in planes(tmp_path / "out.mkv"):
        u = chroma[: SIZE[0] // 4].reshape(SIZE[0] // 2, SIZE[1] // 2).astype(int)
        left, right = u[:, : SIZE[1] // 4 - 8], u[:, SIZE[1] // 4 + 8 :]
        assert np.abs(left - 128).max() <= 1
        assert np.abs(right - 128).max() > 10


def test_a_part_of_the_film(gray_film: Path, options: FilmOptions, tmp_path: Path) -> None:
    chosen = replace(options, start=1.0, duration=2.0)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=chosen)
    source, part = list(planes(gray_film)), list(planes(tmp_path / "out.mkv"))
    assert len(part) == 50
    for (_, before, _), (_, after, _) in zip(source[25:75], part, strict=True):
        assert np.array_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "workers", "here"), [(3.0, None, True), (3.0, 2, False)])
def test_a_short_film_waits_for_no_other_process(
    gray_film: Path,
    options: FilmOptions,
    tmp_path: Path,
    seconds: float,
    workers: int | None,
    here: bool,
) -> None:
    (tmp_path / "processes").mkdir()
    signing = replace(colorization(), factory=functools.partial(Signer, tmp_path / "processes"))
    options = replace(options, duration=seconds, workers=workers)
    color_film(gray_film, tmp_path / "out.mkv", colorization=signing, options=options)
    signed = [int(path.name) for path in (tmp_path / "processes").iterdir()]
    assert (os.getpid() in signed) == here


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("out.avi", "h264 films are written as .mp4 or .mkv or .mov"),
        ("out", "h264 films are written as"),
        ("new/out.avi", "h264 films are written as"),
        ("film.mp4", "is an input: choose another path"),
        ("link.mp4", "is an input: choose another path"),
        ("there.mp4", "exists already: add -overwrite"),
        ("folder.mkv", "is a folder"),
        ("there.mp4/new/out.mkv", "cannot be written to"),
    ],
)
def test_an_impossible_output_is_refused_at_once(tmp_path: Path, name: str, complaint: str) -> None:
    """Before the film is read, which is empty here."""
    (tmp_path / "film.mp4").touch()
    (tmp_path / "link.mp4").hardlink_to(tmp_path / "film.mp4")
    (tmp_path / "there.mp4").touch()
    (tmp_path / "folder.mkv").mkdir()
    before = files_and_folders(tmp_path)
    cache = tmp_path / "cache"
    source, target = tmp_path / "film.mp4", tmp_path / name
    with pytest.raises(ValueError, match=complaint):
        color_film(source, target, colorization=colorization(), options=FilmOptions(cache=cache))
    with pytest.raises(ValueError, match=complaint):
        conversion.from_frames(source, target, cache=cache)
    assert files_and_folders(tmp_path) == before


def test_a_film_goes_into_a_folder_that_does_not_exist_yet(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    target, chosen = tmp_path / "new" / "folder" / "out.mkv", replace(options, duration=0.2)
    summary = color_film(gray_film, target, colorization=colorization(), options=chosen)
    assert summary.joined is not None
    assert target.stat().st_size == summary.joined.size_bytes


def test_a_cache_that_cannot_be_written_is_refused(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    chosen = replace(options, cache=tmp_path / "file" / "cache")
    with pytest.raises(OSError, match="file"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=chosen)


def test_frames_and_back(gray_film: Path, tmp_path: Path) -> None:
    """The script's two directions: gray frames and sound out; a gray or a hand-painted film back."""
    folder = conversion.to_frames(gray_film, cache=tmp_path)
    frames = sorted(folder.glob("input_img/*/*.png"))
    assert len(frames) == FRAMES
    assert list((folder / "audio").iterdir())
    painted = folder / "output_img" / frames[50].parent.name
    painted.mkdir()
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[..., 2] = 200
    cv2.imwrite(str(painted / frames[50].name), rgb)
    assert conversion.from_frames(gray_film, tmp_path / "back.mkv", cache=tmp_path) == FRAMES
    assert packets(gray_film, "audio") == packets(tmp_path / "back.mkv", "audio")
    with pytest.raises(ValueError, match="exists already: add -overwrite"):
        conversion.from_frames(gray_film, tmp_path / "back.mkv", cache=tmp_path)
    words = [str(gray_film), "-join", str(tmp_path / "back.mkv"), "-cache", str(tmp_path)]
    assert conversion.main([*words, "-overwrite"]) == 0
    for number, (_, _, chroma) in enumerate(planes(tmp_path / "back.mkv")):
        assert (np.abs(chroma.astype(int) - 128).max() > 40) == (number == 50)


def test_the_script_keeps_its_frames_and_makes_lost_ones_again(
    gray_film: Path, tmp_path: Path
) -> None:
    def frames() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in folder.glob("input_img/*/*.png")}

    folder = conversion.to_frames(gray_film, cache=tmp_path)
    before = frames()
    assert conversion.to_frames(gray_film, cache=tmp_path) == folder
    assert frames() == before
    lost, *_ = sorted(before)
    content = lost.read_bytes()
    lost.write_bytes(b"")
    shutil.rmtree(sorted(before)[100].parent)
    conversion.to_frames(gray_film, cache=tmp_path)
    assert frames().keys() == before.keys()
    assert lost.read_bytes() == content
    assert conversion.from_frames(gray_film, tmp_path / "back.mkv", cache=tmp_path) == FRAMES


def test_the_script_never_deletes_painted_frames(gray_film: Path, tmp_path: Path) -> None:
    folder = conversion.to_frames(gray_film, cache=tmp_path)
    painted = folder / "output_img" / "00001" / "0000012.png"
    painted.parent.mkdir()
    painted.touch()
    with pytest.raises(JobError, match="was not made by this program"):
        conversion.to_frames(gray_film, cache=tmp_path, restart=True)
    assert painted.exists()


class Counting(Silent):
    """Progress that records its calls."""

    def __init__(self) -> None:
        self.total, self.earlier = 0, 0
        self.places: list[int] = [0]
        self.ends: list[int] = []

    def start(self, work: str, total: int, *, unit: str) -> None:
        self.places, self.total, self.work = [0], total, work

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        self.earlier += count if earlier else 0
        self.places.append(self.places[-1] + count)

    def close(self) -> None:
        assert max(self.places) <= self.total
        self.ends.append(self.places[-1])
        if self.work == "colorizing":
            self.colorizing = self.places


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_moves_with_the_frames_and_ends_at_their_number(
    gray_film: Path, options: FilmOptions, tmp_path: Path, workers: int
) -> None:
    progress, part = Counting(), replace(options, workers=workers, duration=4.0)
    work = functools.partial(
        color_film, gray_film, tmp_path / "out.mkv", options=part, progress=progress
    )
    if workers == 1:
        with pytest.raises(FilmError, match="cannot be colorized"):
            work(colorization=colorization(fail_at=DIVIDED))
        assert progress.ends == [12]
    work(colorization=colorization())
    assert progress.earlier == sum(progress.ends[:-2])
    assert progress.ends[-2:] == [100, 100], "colorizing, joining"
    assert len(progress.colorizing) > 60, "frame by frame"


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_of_shots_in_several_segments_ends_at_their_frames(
    gray_film: Path, options: FilmOptions, tmp_path: Path, workers: int
) -> None:
    progress, many = Counting(), replace(options, workers=workers)
    color_film(
        gray_film, tmp_path / "out.mkv", colorization=shot_colorization(), options=many, progress=progress,
    )  # fmt: skip
    assert progress.ends == [FRAMES, FRAMES], "colorizing, joining"
    assert max(progress.colorizing) <= FRAMES
    assert len(progress.colorizing) > 60, "frame by frame"


def test_the_script_names_its_mistakes(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "conversion.py", tmp_path / "no.mp4", "-cache", tmp_path]
    run = subprocess.run(words, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "no.mp4" in run.stderr

"""A film's whole job: nothing is lost or done twice, and the bytes are the same after any interruption."""

import functools
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
from films import (
    DIVIDED,
    FRAMES,
    SHOTS,
    SIZE,
    Signer,
    Tint,
    colorization,
    film_of,
    packets,
    planes,
    run_ffmpeg,
    shot_colorization,
)
from helpers import group_is_gone, wait_for
from numpy.typing import NDArray

import conversion
from color.segment import Colorization, Segment
from conversion import color_film
from film import FilmError
from film.info import span
from film.job import AB, LOCK, JobError, open_job
from film.options import EncoderOptions, FilmOptions, check_target
from film.preview import preview
from film.probe import probe
from film.segment import decode_gray, segment_of
from film.shots import split
from film.steps import Step, colors, take, taker
from film.work import WORK, manifest_of, work_of
from runtime.progress import Silent, Stopwatch

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
    assert [one["count"] for one in told["segments"]] == [12, 56, 56, 38, 8]
    assert [one["shot"] for one in told["segments"]] == [0, 1, 1, 1, 2]
    assert told["frames"] == FRAMES
    assert told["weights_sha256"] == "f" * 64
    assert told["settings"]["codec"] == "ffv1"
    assert told["streams_kept"] == {"audio": 1}


class Counted(Tint):
    """A colorizer that counts how often it is built."""

    built = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).built += 1


def test_the_network_is_loaded_once_for_several_films(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    chosen = replace(options, duration=0.2)
    for name in ("one.mkv", "other.mkv"):
        once = replace(colorization(), factory=functools.partial(Counted))
        color_film(gray_film, tmp_path / name, colorization=once, options=chosen)
    assert Counted.built == 1


def test_a_finished_job_leaves_no_files(finished: Path) -> None:
    assert sorted(path.name for path in finished.parent.iterdir()) == ["cache", "out.mkv"]
    assert list((finished.parent / "cache").iterdir()) == []


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
    color_movie: Path, options: FilmOptions, tmp_path: Path
) -> None:
    color_film(color_movie, tmp_path / "out.mkv", colorization=colorization(), options=options)
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


@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [(0, None, (0, FRAMES)), (1, 2, (25, 75)), (0.04, 0.04, (1, 2)), (6, 60, (150, FRAMES))],
)
def test_span(
    gray_film: Path, start: float, duration: float | None, expected: tuple[int, int]
) -> None:
    assert span(probe(gray_film), FilmOptions(start=start, duration=duration)) == expected


@pytest.mark.parametrize(("start", "duration"), [(7, None), (0, 0), (99, 1)])
def test_an_empty_part_is_refused(gray_film: Path, start: float, duration: float | None) -> None:
    with pytest.raises(FilmError, match=r"no frame between .* it lasts 6\.800 s"):
        span(probe(gray_film), FilmOptions(start=start, duration=duration))


class Measured(Tint):
    """A colorizer that records the size of its frames."""

    sizes: ClassVar[set[tuple[int, ...]]] = set()

    def colorize(self, segment: Segment) -> NDArray[np.float32]:
        Measured.sizes.add(segment.frames.shape[1:])
        return super().colorize(segment)


@pytest.mark.parametrize(("side", "size"), [(512, (512, 672)), (256, (256, 352)), (64, (64, 96))])
def test_the_colorizer_gets_frames_of_the_size_it_asks_for(
    tmp_path: Path, options: FilmOptions, side: int, size: tuple[int, int]
) -> None:
    source = tmp_path / "large.mkv"
    run_ffmpeg("-f", "lavfi", "-i", "smptebars=size=704x528:duration=0.2", "-c:v", "ffv1", source)
    wanted = replace(colorization(), factory=functools.partial(Measured), working_side=side)
    for work in (color_film, preview):
        Measured.sizes.clear()
        target = tmp_path / ("out.mkv" if work is color_film else "sheet.png")
        chosen = replace(options, recolor=True)
        work(source, target, colorization=wanted, options=chosen)  # type: ignore[operator]
        assert Measured.sizes == {size}


def test_a_preview_shows_each_shot(gray_film: Path, options: FilmOptions, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert preview(gray_film, sheet, colorization=colorization(), options=options) == 3
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert np.ptp(picture.astype(int), axis=-1).max() > 50


def no_colorizer() -> Tint:
    raise RuntimeError("no GPU that can be used")


def test_a_network_that_cannot_run_is_one_clear_error(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    nowhere = Colorization(no_colorizer)
    for work in (color_film, preview):
        with pytest.raises(FilmError, match="the network cannot run here: no GPU"):
            work(gray_film, tmp_path / "out.mkv", colorization=nowhere, options=options)  # type: ignore[operator]


def test_other_settings_are_refused_and_the_work_is_kept(
    gray_film: Path, half_done: Path, options: FilmOptions, tmp_path: Path
) -> None:
    def times() -> dict[Path, int]:
        # Some versions of filelock write to the lock.
        files = (path for path in half_done.rglob("*") if path.name != LOCK)
        return {path: path.stat().st_mtime_ns for path in files}

    before = times()
    for chosen in (replace(options, compare=True), replace(options, encoder=EncoderOptions())):
        with pytest.raises(JobError, match="-restart"):
            color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=chosen)
    with pytest.raises(JobError, match=r"weights were ffff.*, now eeee"):
        color_film(
            gray_film,
            tmp_path / "out.mkv",
            colorization=replace(colorization(), weights="e" * 64),
            options=options,
        )
    assert not (tmp_path / "out.mkv").exists()
    assert times() == before


def test_a_film_half_analyzed_gives_the_same_segments(
    gray_film: Path, options: FilmOptions
) -> None:
    film = probe(gray_film)
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        work = work_of(film, (0, film.frames), job, colorization(), options)
        whole = list(split(work, job))
        assert [(r.first, r.count, r.shot, r.number, r.ends_shot) for r in whole] == [
            (0, 12, 0, 0, True), (12, 56, 1, 0, False), (68, 56, 1, 1, False),
            (124, 38, 1, 2, True), (162, 8, 2, 0, True),
        ]  # fmt: skip
        for known in (0, 1, 3, 4):
            job.note(segments=tuple(whole[:known]), complete=False)
            assert list(split(work, job)) == whole
            assert job.manifest.complete


def test_a_failed_film_continues_to_the_same_bytes(
    gray_film: Path, finished: Path, half_done: Path, options: FilmOptions, tmp_path: Path
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in half_done.glob("shots/*.mkv")}
    assert before
    kept = replace(options, keep_cache=True)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=kept)
    after = {path.name: path.stat().st_mtime_ns for path in half_done.glob("shots/*.mkv")}
    assert before.items() <= after.items()
    assert packets(tmp_path / "out.mkv") == packets(finished)


def flip(path: Path) -> None:
    """Change one byte in the middle of the last frame."""
    data = bytearray(path.read_bytes())
    data[-1000] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda shot, other: shot.write_bytes(shot.read_bytes()[: shot.stat().st_size // 2]),
        lambda shot, other: shutil.copy(other, shot),
        lambda shot, other: [
            shutil.copy(other.with_suffix(end), shot.with_suffix(end))
            for end in (".mkv", ".sha256")
        ],
        lambda shot, other: flip(shot),
        lambda shot, other: shot.write_bytes(b""),
        lambda shot, other: shot.with_suffix(".sha256").unlink(),
    ],
    ids=["cut", "exchanged", "exchanged with its checksum", "flipped", "empty", "unchecked"],
)
def test_a_shot_that_was_changed_is_rendered_again(
    gray_film: Path,
    finished: Path,
    half_done: Path,
    options: FilmOptions,
    tmp_path: Path,
    spoil: Callable[[Path, Path], object],
) -> None:
    shots = sorted(half_done.glob("shots/*.mkv"))
    spoil(shots[1], shots[2])  # both segments have the same length
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert packets(tmp_path / "out.mkv") == packets(finished)


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


class Spoiler(Tint):
    """A colorizer that truncates the first shot's file while it colorizes the last shot."""

    def colorize(self, segment: Segment) -> NDArray[np.float32]:
        if len(segment.frames) == SHOTS[-1]:
            shot, *_ = sorted(Spoiler.cache.glob("*/shots/*.mkv"))
            shot.write_bytes(shot.read_bytes()[:-2000])
        return super().colorize(segment)

    cache = Path()


@pytest.mark.usefixtures("half_done")
def test_a_shot_that_is_changed_before_the_join_is_never_joined(
    gray_film: Path, finished: Path, options: FilmOptions, tmp_path: Path
) -> None:
    Spoiler.cache = options.cache
    spoiling = replace(colorization(), factory=functools.partial(Spoiler))
    with pytest.raises(JobError, match="was changed after rendering; run the same"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=spoiling, options=options)
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert packets(tmp_path / "out.mkv") == packets(finished)


@pytest.mark.usefixtures("half_done")
def test_a_manifest_that_lacks_a_segment_makes_no_shorter_film(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        job.note(segments=job.manifest.segments[:3], complete=True)
    with pytest.raises(JobError, match=r"lists 124 of 170 frames; add -restart"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert not (tmp_path / "out.mkv").exists()


DRIVER = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
if __name__ == "__main__":
    from films import colorization
    from conversion import color_film
    from film.options import EncoderOptions, FilmOptions
    options = FilmOptions(cache=Path(sys.argv[3]), encoder=EncoderOptions(codec="ffv1"), workers=2)
    gate = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    color_film(Path(sys.argv[1]), Path(sys.argv[2]), colorization=colorization(gate=gate), options=options)
"""


@pytest.fixture
def start(gray_film: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the same film in a separate process; it pauses midway until its gate file, if any, exists."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER.format(root=str(ROOT), tests=str(ROOT / "tests")))
    words = [sys.executable, script, gray_film, tmp_path / "out.mkv", tmp_path / "cache"]

    def begin(*gate: Path, **settings: object) -> subprocess.Popen[str]:
        return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
            [*words, *gate], start_new_session=True, stderr=subprocess.PIPE, text=True, **settings
        )

    return begin


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_film_continues_to_the_same_bytes(
    start: Callable[..., subprocess.Popen[str]],
    finished: Path,
    tmp_path: Path,
    blow: signal.Signals,
) -> None:
    first = start(tmp_path / "gate")
    wait_for(lambda: list(tmp_path.glob("cache/*/shots/[!.]*.mkv")))
    if blow == signal.SIGINT:
        os.killpg(first.pid, blow)  # as a terminal does
    else:
        first.send_signal(blow)
    first.communicate(timeout=30)
    assert first.returncode != 0
    assert not (tmp_path / "out.mkv").exists()
    wait_for(lambda: group_is_gone(first.pid), limit_s=15)  # no worker outlives it
    second = start()
    errors = second.communicate(timeout=120)[1]
    assert second.returncode == 0, errors
    assert packets(tmp_path / "out.mkv") == packets(finished)


@pytest.mark.slow
def test_a_second_process_on_the_job_is_refused(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = start(gate)
    wait_for(lambda: list(tmp_path.glob("cache/*/manifest.json")))
    second = start()
    assert "another process is working on" in second.communicate(timeout=60)[1]
    assert second.returncode != 0
    gate.touch()
    first.communicate(timeout=120)
    assert first.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "left"),
    [(50_000, 2), (150_000, 2), (250_000, 3), (600_000, 5)],
    ids=["sound", "colorized", "rendered", "joined"],
)
def test_a_full_disk_loses_nothing(
    start: Callable[..., subprocess.Popen[str]],
    finished: Path,
    tmp_path: Path,
    limit: int,
    left: int,
) -> None:
    """The limits are below the largest file of each stage; ``left`` is the number of shots that can be finished."""
    assert finished.stat().st_size > limit
    full = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    errors = full.communicate(timeout=120)[1]
    assert full.returncode not in {0, None}, errors
    assert not (tmp_path / "out.mkv").exists()
    assert not list(tmp_path.glob("*.part*"))
    assert len(list(tmp_path.glob("cache/*/shots/[!.]*.mkv"))) <= left
    wait_for(lambda: group_is_gone(full.pid), limit_s=15)
    again = start()
    errors = again.communicate(timeout=120)[1]
    assert again.returncode == 0, errors
    assert packets(tmp_path / "out.mkv") == packets(finished)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("out.avi", "h264 films are written as .mp4 or .mkv or .mov"),
        ("out", "h264 films are written as"),
        ("film.mp4", "is an input of this command"),
        ("link.mp4", "is an input of this command"),
        ("there.mp4", "exists already; add -overwrite"),
        ("folder.mkv", "is a folder"),
    ],
)
def test_an_impossible_output_is_refused_at_once(tmp_path: Path, name: str, complaint: str) -> None:
    (tmp_path / "film.mp4").touch()
    (tmp_path / "link.mp4").hardlink_to(tmp_path / "film.mp4")
    (tmp_path / "there.mp4").touch()
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(FilmError, match=complaint):
        check_target(tmp_path / "film.mp4", tmp_path / name, codec="h264", overwrite=False)


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


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ab: np.save(ab, np.zeros((12, 24), np.float16)),
        lambda ab: np.save(ab, np.zeros((11, 24, 32, 2), np.float16)),
        lambda ab: np.save(ab, np.full((12, 24, 32, 2), np.nan, np.float16)),
        lambda ab: np.save(ab, np.array([{}], object), allow_pickle=True),
        lambda ab: ab.write_bytes(ab.read_bytes()[:-100]),
        lambda ab: ab.write_bytes(ab.read_bytes().replace(b"(12, ", b"(99999999, ")),
        lambda ab: ab.write_bytes(b""),
    ],
    ids=["shape", "frames", "nan", "pickle", "cut", "huge", "empty"],
)
def test_colors_that_are_damaged_on_the_disk_are_made_again(
    gray_film: Path, options: FilmOptions, spoil: Callable[[Path], object]
) -> None:
    film, kept = probe(gray_film), replace(options, keep_cache=True)
    with open_job(options.cache, manifest_of(gray_film, colorization(), kept)) as job:
        work = work_of(film, (0, film.frames), job, colorization(), kept)
        record = next(split(work, job))
        whole = colors(work, record, Stopwatch())
        spoil(work.output_img(record) / AB)
        np.testing.assert_array_equal(colors(work, record, Stopwatch()), whole)


@pytest.mark.parametrize("lost", [False, True], ids=["split", "decoded again"])
@pytest.mark.parametrize("whole_shots", [False, True])
def test_a_segment_comes_with_its_frames_and_if_need_be_the_next(
    gray_film: Path, options: FilmOptions, *, lost: bool, whole_shots: bool
) -> None:
    wanted = Colorization(Tint, whole_shots=whole_shots)
    film = probe(gray_film)
    with open_job(options.cache, manifest_of(gray_film, wanted, options)) as job:
        work = work_of(film, (0, film.frames), job, wanted, options)
        seen = []
        for record in split(work, job):
            if lost:
                shutil.rmtree(work.input_img(record))
            seen.append(segment_of(work, record))
    grays = np.stack(list(decode_gray(film)))
    numbers = [(s.numbers.start, s.numbers.stop, s.shot, s.number) for s in seen]
    assert numbers == [
        (0, 12, 0, 0), (12, 68, 1, 0), (68, 124, 1, 1), (124, 162, 1, 2), (162, 170, 2, 0),
    ]  # fmt: skip
    assert [len(s.after) for s in seen] == ([0, 1, 1, 0, 0] if whole_shots else [0] * 5)
    for s in seen:
        first, last = s.numbers.start, s.numbers.stop
        np.testing.assert_array_equal(s.frames, grays[first:last])
        np.testing.assert_array_equal(s.after, grays[last : last + len(s.after)])
        assert s.guidance is None


def test_workers_are_told_little_and_read_the_rest_once(
    gray_film: Path, options: FilmOptions
) -> None:
    film = probe(gray_film)
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        work = work_of(film, (0, film.frames), job, colorization(), options)
        assert len(pickle.dumps(film)) > 1500
        take = taker(work)
        record = next(split(work, job))
        assert len(pickle.dumps((take, Step("finish", (record,))))) < 1000
        (job.folder / WORK).write_bytes(b"another job's")
        with pytest.raises(JobError, match="was changed while the job was in progress"):
            take(Step("finish", (record,)))


def test_segments_are_finished_together_or_alone_to_the_same_bytes(
    gray_film: Path, options: FilmOptions
) -> None:
    """Decoding consecutive segments in one pass gives the same frames as decoding each from a keyframe."""
    film, files = probe(gray_film), []
    for together in (True, False):
        made = replace(options, cache=options.cache / str(together))
        with open_job(made.cache, manifest_of(gray_film, colorization(), made)) as job:
            work = work_of(film, (0, film.frames), job, colorization(), made)
            records = tuple(split(work, job))
            for group in [records] if together else [(record,) for record in records]:
                take(work, Step("finish", group))
            files.append([work.shot(record).read_bytes() for record in records])
    assert len(files[0]) > 2
    assert files[0] == files[1]


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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_survives_the_loss_of_a_worker(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    gray_film: Path,
    finished: Path,
    options: FilmOptions,
    tmp_path: Path,
) -> None:
    address, workers = cluster
    shots = functools.partial(tmp_path.glob, "cache/*/shots/[!.]*.mkv")

    def kill_one_in_the_middle() -> None:
        wait_for(lambda: list(shots()))
        workers[0].kill()
        (tmp_path / "gate").touch()

    blow = threading.Thread(target=kill_one_in_the_middle)
    blow.start()
    color_film(
        gray_film,
        tmp_path / "out.mkv",
        colorization=colorization(gate=tmp_path / "gate"),
        options=replace(options, scheduler=address),
    )
    blow.join()
    assert workers[0].poll() is not None
    assert packets(tmp_path / "out.mkv") == packets(finished)

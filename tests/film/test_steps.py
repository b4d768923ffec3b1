"""Shots of several segments get the whole shot's colors despite interruptions, losses and damage."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from encoded import colorize, packets
from films import SHOTS, color_of, colorization, run_ffmpeg, shot_colorization

from conversion import color_film
from film import FilmError, schedule
from film.job import AB, MANIFEST, JobError, Manifest, SegmentRecord
from film.jobs import open_job
from film.options import EncoderOptions, FilmOptions
from film.probe import probe
from film.segment import decode_gray, has_grays
from film.shots import split
from film.steps import Step, colors, is_linked, link, predict, take
from film.work import Work, manifest_of, work_of
from runtime.progress import Stopwatch

ENCODER = EncoderOptions(codec="ffv1")


@pytest.fixture(scope="module")
def whole(gray_film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colorize the film without interruption; its second shot has three segments."""
    target = tmp_path_factory.mktemp("whole") / "out.mkv"
    cache = target.parent / "cache"
    chosen = FilmOptions(cache=cache, workers=1, encoder=ENCODER)
    color_film(gray_film, target, colorization=shot_colorization(), options=chosen)
    return target


def test_every_frame_has_the_color_of_its_whole_shot(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    colorize(gray_film, tmp_path / "out.mkv", replace(options, keep_cache=True))
    found = np.concatenate([np.load(path) for path in sorted(options.cache.glob(f"*/*/*/{AB}"))])
    grays = [gray.mean() for gray in decode_gray(probe(gray_film))]
    for first, last in pairwise(np.cumsum((0, *SHOTS))):
        color = color_of(float(np.mean(grays[first:last])))
        np.testing.assert_allclose(found[first:last], color, atol=0.02)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("block", [1, 2, 3])
def test_neither_workers_nor_blocks_change_a_byte(
    gray_film: Path,
    whole: Path,
    options: FilmOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    block: int,
    workers: int,
) -> None:
    """With blocks of one segment, only the next one is considered, so the first of three differs."""
    monkeypatch.setattr(schedule, "BLOCK", block)
    found = colorize(gray_film, tmp_path / "out.mkv", replace(options, workers=workers))
    assert (found == packets(whole)) == (block > 1)


@pytest.mark.parametrize("fail", ["predict_segment", "backward", "forward", "finish_segment"])
def test_what_is_interrupted_anywhere_ends_the_same(
    gray_film: Path, whole: Path, options: FilmOptions, tmp_path: Path, fail: str
) -> None:
    with pytest.raises(FilmError, match=f"{fail} fails"):
        colorize(gray_film, tmp_path / "out.mkv", options, fail)
    assert colorize(gray_film, tmp_path / "out.mkv", options) == packets(whole)


DAMAGES = [
    "cut short",
    *(pytest.param(one, marks=pytest.mark.slow) for one in ("deleted", "empty")),
]
MIDDLE = "00002"  # the middle of the second shot's three segments


@pytest.mark.parametrize("lost", ["shots/{}.mkv", "linked/{}.npz", "linked/00001.npz"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_segment_that_is_lost_is_made_again(
    gray_film: Path,
    whole: Path,
    options: FilmOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lost: str,
    damage: str,
) -> None:
    """This holds even if the rest of the shot is finished and the segments it was linked with are deleted."""
    monkeypatch.setattr(schedule, "BLOCK", 2)
    kept = replace(options, keep_cache=True)
    colorize(gray_film, tmp_path / "first.mkv", kept)
    (job,) = options.cache.iterdir()
    assert not any((job / "predicted").iterdir())
    (job / "shots" / f"{MIDDLE}.mkv").unlink()
    shutil.rmtree(job / "output_img" / MIDDLE)
    spoil(job / lost.format(MIDDLE), damage)
    assert colorize(gray_film, tmp_path / "out.mkv", kept) == packets(whole)


@pytest.mark.parametrize("lost", ["predicted", "linked"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_stopped_job_has_lost_is_made_again(
    gray_film: Path, whole: Path, options: FilmOptions, tmp_path: Path, lost: str, damage: str
) -> None:
    with pytest.raises(FilmError, match="finish_segment fails"):
        colorize(gray_film, tmp_path / "out.mkv", options, "finish_segment")
    (job,) = options.cache.iterdir()
    paths = sorted((job / lost).iterdir())
    assert [path.stem for path in paths][-3:] == ["00001", "00002", "00003"]
    spoil(paths[-2], damage)
    assert colorize(gray_film, tmp_path / "out.mkv", options) == packets(whole)


def spoil(path: Path, damage: str) -> None:
    content = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    if damage != "deleted":
        path.write_bytes(content[: len(content) // 2] if damage == "cut short" else b"")


@pytest.fixture
def started(gray_film: Path, options: FilmOptions) -> Iterator[tuple[Work, list[SegmentRecord]]]:
    """Create a job whose segments are split but not processed further."""
    film, wanted = probe(gray_film), shot_colorization()
    with open_job(options.cache, manifest_of(gray_film, wanted, options)) as job:
        work = work_of(film, (0, film.frames), job, wanted, options)
        yield work, list(split(work, job))


def test_what_is_gone_while_the_job_is_at_work_is_one_clear_error(
    started: tuple[Work, list[SegmentRecord]],
) -> None:
    work, (_, first, second, third, _) = started
    with pytest.raises(JobError, match="run the same command again"):
        colors(work, first, Stopwatch())
    with pytest.raises(JobError, match="run the same command again"):
        link(work, [second], previous=first, following=[third], seconds=Stopwatch())
    assert not is_linked(work, second)


def test_gray_frames_leave_the_disk_when_their_segment_is_predicted(
    started: tuple[Work, list[SegmentRecord]],
) -> None:
    work, (_, record, *_) = started
    assert has_grays(work, record)
    predict(work, record, Stopwatch())
    assert not has_grays(work, record)


def test_a_segment_in_color_divides_its_shot(options: FilmOptions, tmp_path: Path) -> None:
    """A segment left unchanged does not affect other colors; the segments on its two sides form two shots."""
    film = tmp_path / "film.mkv"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=9"),
        *("-vf", "hue=s='if(between(n,66,127),1,0)'", "-c:v", "ffv1", "-pix_fmt", "yuv420p", film),
    )
    colorize(film, tmp_path / "out.mkv", replace(options, keep_cache=True))
    (job,) = options.cache.iterdir()
    records = Manifest.read(job / MANIFEST).segments
    assert [(record.shot, record.color) for record in records] == [
        (0, False), (0, True), (0, False), (0, False),
    ]  # fmt: skip
    linked = sorted(path.stem for path in (job / "linked").iterdir())
    assert linked == ["00000", "00002", "00003"]
    grays = [gray.mean() for gray in decode_gray(probe(film))]
    ab = [np.load(job / "output_img" / name / AB) for name in linked]
    means = [np.mean(grays[:64]), *[np.mean(grays[128:])] * 2]
    for colors_of, mean in zip(ab, means, strict=True):
        np.testing.assert_allclose(colors_of, color_of(float(mean)), atol=0.02)


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

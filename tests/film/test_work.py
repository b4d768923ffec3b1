"""A film's job as its workers know it: described once, and one colorizer for each process."""

import functools
import pickle
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest
from films import Tint, colorization, run_ffmpeg
from numpy.typing import NDArray

from color.segment import Colorization, Segment
from conversion import color_film
from film import FilmError
from film.job import MANIFEST, JobError, Manifest
from film.jobs import LOCK, open_job
from film.options import EncoderOptions, FilmOptions
from film.preview import preview
from film.probe import probe
from film.shots import split
from film.steps import Step, taker
from film.work import WORK, manifest_of, work_of


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


def no_colorizer() -> Tint:
    raise RuntimeError("no GPU that can be used")


def test_a_network_that_cannot_run_is_one_clear_error(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    nowhere = Colorization(no_colorizer)
    for work in (color_film, preview):
        with pytest.raises(FilmError, match="the network cannot run here: no GPU"):
            work(gray_film, tmp_path / "out.mkv", colorization=nowhere, options=options)  # type: ignore[operator]


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


@pytest.mark.usefixtures("half_done")
def test_a_manifest_that_lacks_a_segment_makes_no_shorter_film(
    gray_film: Path, options: FilmOptions, tmp_path: Path
) -> None:
    with open_job(options.cache, manifest_of(gray_film, colorization(), options)) as job:
        job.note(segments=job.manifest.segments[:3], complete=True)
    with pytest.raises(JobError, match=r"lists 140 of 170 frames; add -restart"):
        color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=options)
    assert not (tmp_path / "out.mkv").exists()


def test_other_settings_have_a_job_of_their_own_and_the_work_is_kept(
    gray_film: Path, half_done: Path, options: FilmOptions, tmp_path: Path
) -> None:
    def times() -> dict[Path, int]:
        # Some versions of filelock write to the lock.
        files = (path for path in half_done.rglob("*") if path.name != LOCK)
        return {path: path.stat().st_mtime_ns for path in files}

    before = times()
    part = replace(options, start=1.0, duration=0.5)
    other = replace(colorization(), weights="e" * 64)
    color_film(gray_film, tmp_path / "part.mkv", colorization=colorization(), options=part)
    color_film(gray_film, tmp_path / "other.mkv", colorization=other, options=options)
    assert times() == before


def test_another_encoding_does_not_colorize_again(
    gray_film: Path, half_done: Path, options: FilmOptions, tmp_path: Path
) -> None:
    """The colors of all segments that were finished are still there."""
    records = Manifest.read(half_done / MANIFEST).segments
    done = [record for record in records if (half_done / "shots" / f"{record.name}.mkv").exists()]
    assert done
    kept = replace(options, encoder=EncoderOptions(codec="h264", crf=30), keep_cache=True)
    made = {path: path.stat().st_mtime_ns for path in half_done.glob("output_img/*/ab.npy")}
    color_film(gray_film, tmp_path / "out.mkv", colorization=colorization(), options=kept)
    assert len(made) >= len(done)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    with av.open(tmp_path / "out.mkv") as container:
        assert container.streams.video[0].codec_context.name == "h264"

"""A scene that comes back has the colors that it had, also when the job was interrupted."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from encoded import colorize
from films import color_of, run_ffmpeg

from film.finished import left_in
from film.job import AB, MANIFEST, Manifest, SegmentRecord
from film.options import FilmOptions
from film.probe import probe
from film.segment import decode_gray


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two alternating scenes, three shots each, each shot a little brighter than the one before."""
    path = tmp_path_factory.mktemp("dialogue") / "film.mkv"
    scene = "mandelbrot=size=128x96:rate=25:start_scale=0.01,format=gray"
    one = f"{scene},trim=end_frame=1,loop=loop={TALK - 1}:size=1,lutyuv=y=val*0.5+40"
    shots = [
        f"{one},{side}lutyuv=y=val+{6 * i}[v{i}]" for i, side in enumerate(["", "negate,"] * 3)
    ]
    graph = ";".join(shots) + ";" + "".join(f"[v{i}]" for i in range(6)) + "concat=n=6"
    run_ffmpeg("-f", "lavfi", "-i", graph, "-c:v", "ffv1", "-pix_fmt", "gray", path)
    return path


TALK = 70  # frames of a shot


def records_of(cache: Path) -> tuple[SegmentRecord, ...]:
    (job,) = cache.iterdir()
    return Manifest.read(job / MANIFEST).segments


@pytest.mark.parametrize("workers", [1, 2])
def test_a_scene_that_comes_back_has_the_colors_that_it_had(
    dialogue: Path, options: FilmOptions, tmp_path: Path, workers: int
) -> None:
    colorize(dialogue, tmp_path / "out.mkv", replace(options, keep_cache=True, workers=workers))
    assert [record.returns_to for record in records_of(options.cache)] == [-1, -1, 0, 1, 2, 3]
    found = [np.load(path).mean() for path in sorted(options.cache.glob(f"*/*/*/{AB}"))]
    grays = [gray.mean() for gray in decode_gray(probe(dialogue))]
    means = np.reshape(grays, (6, TALK)).mean(axis=1)
    own = [color_of(float(np.mean(means[i % 2 : i + 1 : 2]))) for i in range(6)]
    np.testing.assert_allclose(found, own, atol=0.02)


def test_without_film_lock_each_shot_stands_for_itself(
    dialogue: Path, options: FilmOptions, tmp_path: Path
) -> None:
    colorize(dialogue, tmp_path / "out.mkv", replace(options, keep_cache=True, film_lock="off"))
    assert {record.returns_to for record in records_of(options.cache)} == {-1}
    found = [np.load(path).mean() for path in sorted(options.cache.glob(f"*/*/*/{AB}"))]
    grays = [gray.mean() for gray in decode_gray(probe(dialogue))]
    own = [color_of(float(mean)) for mean in np.reshape(grays, (6, TALK)).mean(axis=1)]
    np.testing.assert_allclose(found, own, atol=0.02)


def test_scenes_are_known_again_by_a_run_that_was_interrupted(
    dialogue: Path, options: FilmOptions, tmp_path: Path
) -> None:
    """Records from before the interruption are on disk, but not the pictures for comparing later shots."""
    whole = colorize(dialogue, tmp_path / "whole.mkv", replace(options, keep_cache=True))
    known = records_of(options.cache)
    (job,) = options.cache.iterdir()
    manifest = Manifest.read(job / MANIFEST)
    half = replace(manifest, segments=known[:4], complete=False)
    (job / MANIFEST).write_text(half.to_json(), "utf-8")
    for room in ("shots", "linked", "output_img"):
        for path in (job / room).glob("0000[3-5]*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert colorize(dialogue, tmp_path / "out.mkv", options) == whole
    assert list(options.cache.iterdir()) == left_in(options.cache)

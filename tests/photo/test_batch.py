"""Tests batches: each photo gets a result or a one-line error, and a failure does not stop the others."""

import functools
import os
import re
import signal
import struct
import tempfile
import uuid
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from animations import ball_frames, by_pillow, write_animation
from helpers import gray_twice, landscape, write_photos
from PIL import Image

from color.guidance import Guidance
from gray2color import Colorizer, guided
from image.resize import Field, color_field
from photo import batch
from photo.batch import FEW, PHOTOS, Guided, colorize_photos
from photo.compose import Composition, side_by_side
from photo.inputs import Result, Task, plan
from photo.options import PhotoOptions
from photo.read import Photo, read_photo
from prior.lab import gray2lightness
from runtime import files
from runtime.files import LockedError, lock
from runtime.progress import Silent


def made_once(folder: Path) -> Any:
    """Make a colorizer, once per process, that exits its process at the first photo of `write_photos`."""
    (folder / str(os.getpid())).touch(exist_ok=False)
    killer = landscape(40, 50, seed=0)

    def colorize(gray: np.ndarray) -> np.ndarray:
        if np.array_equal(gray, killer):
            os.kill(os.getpid(), signal.SIGKILL)
        return gray_twice(gray)

    return colorize


def test_a_composition_s_note_names_the_result(tmp_path: Path) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", 1)], kind=PHOTOS).tasks

    def colorize(gray: np.ndarray) -> Composition:
        planes = np.zeros((2, *gray.shape), np.float32)
        return Composition(gray, Field(planes, planes), note="reference: content")

    (result,) = colorize_photos(tasks, lambda: colorize)
    assert result.notes == (f"{tasks[0].target}: reference: content",)


def missing_gpu() -> Any:
    raise RuntimeError("no GPU")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_fails_that_photo_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [uuid.UUID(int=number) for number in range(3)]
    monkeypatch.setattr(files, "uuid4", iter(numbers).__next__)
    paths = write_photos(tmp_path / "in", 3)
    tasks = plan([str(path) for path in paths], kind=PHOTOS, save=str(tmp_path / "out")).tasks
    (tmp_path / "out").mkdir()
    full = tasks[1].target.with_name(f".{numbers[1].hex}.part.png")
    full.symlink_to("/dev/full")
    results = list(colorize_photos(tasks, lambda: gray_twice))
    assert [result.error is None for result in results] == [True, False, True]
    assert "the disk is full" in str(results[1].error)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {tasks[0].target.name, tasks[2].target.name}


def test_whatever_a_photo_brings_about_is_its_own_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", 3)], kind=PHOTOS).tasks

    def read(path: Path) -> Photo:
        if path == tasks[0].source:
            raise ZeroDivisionError("in a\ndecoder")
        return read_photo(path)

    def colorize(gray: np.ndarray) -> np.ndarray:
        raise AssertionError(gray.shape)

    monkeypatch.setattr(batch, "read_photo", read)
    with caplog.at_level("DEBUG", logger="runtime.outcomes"):
        results = list(colorize_photos(tasks, lambda: colorize))
    assert results[0].error == f"{tasks[0].source}: ZeroDivisionError (in a decoder)"
    assert results[1].error == f"{tasks[1].source}: AssertionError ((40, 50))"
    assert [record.levelname for record in caplog.records] == ["DEBUG"] * 3
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("number", [2, FEW + 1])
def test_a_network_that_cannot_be_had_is_no_photos_failure(tmp_path: Path, number: int) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", number)], kind=PHOTOS).tasks
    with pytest.raises(RuntimeError, match="no GPU"):
        list(colorize_photos(tasks, missing_gpu, processes=2))


def test_a_photo_that_ends_its_process_is_the_only_one_lost(tmp_path: Path) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", FEW + 3)], kind=PHOTOS).tasks
    (tmp_path / "made").mkdir()
    factory = functools.partial(made_once, tmp_path / "made")
    results = {result.task: result for result in colorize_photos(tasks, factory, processes=2)}
    lost = Result(tasks[0], error=f"{tasks[0].source}: its process died")
    assert results == {tasks[0]: lost} | {
        task: Result(task, output=(str(task.target),)) for task in tasks[1:]
    }
    for task in tasks[1:]:
        with Image.open(task.target) as image:
            assert image.size == (50, 40)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("large", [False, True])
def test_a_large_photo_is_the_only_one_of_its_kind_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", 2)], kind=PHOTOS).tasks
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(batch, "LARGE_BYTES", 1 if large else 1 << 30)

    def colorize(gray: np.ndarray) -> np.ndarray:
        locks = list(tmp_path.glob("*/*.lock"))
        assert bool(locks) == large
        for path in locks:
            with pytest.raises(LockedError), lock(path):
                pass
        return gray_twice(gray)

    assert [result.error for result in colorize_photos(tasks, lambda: colorize)] == [None, None]


def test_a_large_file_of_small_pages_does_not_wait_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for seed in range(3):
            tiff.write(landscape(40, 50, seed=seed))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(batch, "LARGE_BYTES", (tmp_path / "a.tif").stat().st_size // 2)

    def colorize(gray: np.ndarray) -> np.ndarray:
        assert not list(tmp_path.glob("*/*.lock"))
        return gray_twice(gray)

    (result,) = colorize_photos([Task(tmp_path / "a.tif", tmp_path / "b.tif")], lambda: colorize)
    assert result.error is None


class Recorded(Silent):
    """Progress that records its calls."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, work: str, total: int, *, unit: str) -> None:
        self.told.append((work, total))

    def advance(self, count: int = 1, *, earlier: bool = False) -> None:
        self.told.append(count)

    def close(self) -> None:
        self.told.append("closed")


def test_every_photo_has_one_result(tmp_path: Path) -> None:
    tasks = plan([str(path) for path in write_photos(tmp_path / "in", 3)], kind=PHOTOS).tasks
    tasks[1].source.unlink()
    progress = Recorded()
    results = list(
        colorize_photos(
            tasks,
            lambda: gray_twice,
            options=PhotoOptions(compare=True),
            progress=progress,
        )
    )
    assert [result.task for result in results] == tasks
    assert progress.told == [("colorizing", 3), 1, 1, 1, "closed"]
    assert results[0] == Result(tasks[0], output=(str(tasks[0].target),))
    assert results[1].error == f"{tasks[1].source}: no such file"
    pair = side_by_side(landscape(40, 50), gray_twice(landscape(40, 50)))
    np.testing.assert_array_equal(np.asarray(Image.open(tasks[0].target)), pair)


def test_what_is_missing_in_a_truncated_photo_stays_gray(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    gray = np.random.default_rng(0).integers(100, 150, (90, 60), np.uint8)
    Image.fromarray(gray).save(source)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    tasks = plan([str(source)], kind=PHOTOS).tasks
    (result,) = colorize_photos(tasks, lambda: orange)
    assert result.error is None
    found = re.search(
        r"a\.color\.png: the file is truncated: from row (\d+) of 90 on", result.notes[0]
    )
    assert found
    row = int(found[1]) - 1
    with Image.open(tasks[0].target) as image:
        rgb = np.asarray(image).astype(int)
    assert np.all(rgb[row:] == 128)
    assert (rgb[:row].max(axis=-1) - rgb[:row].min(axis=-1)).min() > 10


def orange(gray: np.ndarray) -> Composition:
    ab = np.full((6, 4, 2), 30, np.float32)
    return Composition(gray, color_field(ab, gray, to_lightness=gray2lightness))


def test_guided_pictures_and_animations_have_the_same_guidance(small_weights: Path) -> None:
    colorizer = Colorizer(small_weights, threads=1)
    grays = [landscape(64, 80, seed=0)] * 3
    reference = np.full((40, 60, 3), (200, 120, 40), np.uint8)
    wanted = Guidance(reference=reference)
    plain, referring = Guided(colorizer, Guidance()), Guided(colorizer, wanted)
    np.testing.assert_array_equal(list(plain.frames(grays)), list(colorizer.frames(grays)))
    np.testing.assert_array_equal(
        list(referring.frames(grays)), list(colorizer.frames(grays, reference=reference))
    )
    np.testing.assert_array_equal(
        referring(grays[0]).whole(), colorizer.composition(grays[0], wanted).whole()
    )
    assert len(Guided(colorizer, Guidance(), candidates=2)(grays[0])) <= 2
    with pytest.raises(ValueError, match="-reference_by is for single pictures"):
        Guided(colorizer, replace(wanted, reference_by="registered")).frames(grays)


def test_an_animation_is_colored_as_a_shot_is(tmp_path: Path, small_weights: Path) -> None:
    grays = ball_frames()
    source = write_animation(tmp_path / "a.gif", grays, duration=50)
    colorizer = Colorizer(small_weights, threads=1)
    task = Task(source, tmp_path / "b.png")
    (result,) = colorize_photos([task], lambda: Guided(colorizer, Guidance()))
    assert result.error is None
    np.testing.assert_array_equal(by_pillow(task.target)[0], list(colorizer.frames(grays)))


def test_remarks_on_damaged_values_are_not_printed(tmp_path: Path) -> None:
    """Of a value with more entries than it may have, Pillow remarks when it is written, too."""
    group = b"\x01\0" + struct.pack("<HHII", 0, 5, 3, 44) + bytes(4)  # GPSVersionID as three ratios
    entry = b"\x01\0" + struct.pack("<HHII", 0x8825, 4, 1, 26) + bytes(4)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + entry + group + struct.pack("<6I", 2, 1, 3, 1, 4, 1)
    Image.fromarray(landscape(30, 40)).save(tmp_path / "a.webp", exif=exif)
    task = Task(tmp_path / "a.webp", tmp_path / "a.jpg")
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        (result,) = colorize_photos([task], lambda: gray_twice_colored)
    assert result.error is None
    assert not remarks


def gray_twice_colored(gray: np.ndarray) -> np.ndarray:
    return np.dstack([gray] * 3)


@pytest.mark.parametrize("folder", ["there", "not yet"])
def test_a_huge_photo_is_on_disk_and_comes_out_the_same(
    tmp_path: Path, small_weights: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    source = tmp_path / "scan.tif"
    tifffile.imwrite(source, landscape(301, 400).astype(np.uint16) * 257)
    (tmp_path / "there").mkdir()
    factory = functools.partial(guided, functools.partial(Colorizer, small_weights, threads=1))
    results = []
    for least in (batch.ON_DISK_BYTES, 1):
        monkeypatch.setattr(batch, "ON_DISK_BYTES", least)
        target = tmp_path / folder / f"{least}.tif"
        (result,) = colorize_photos([Task(source, target)], factory, options=PhotoOptions())
        assert result.error is None
        results.append(target.read_bytes())
    assert results[0] == results[1]

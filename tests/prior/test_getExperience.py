"""Counts are exact when split, interrupted or distributed; skipped pictures are listed."""

import csv
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import colorful, jpeg, run_script, wait_for
from numpy.typing import NDArray
from PIL import Image

from prior import getExperience
from prior.batches import Batch
from prior.dataset import Shard, list_pictures
from prior.getExperience import BATCH_SIZE, CountOptions, count_pictures
from prior.histogram import CountedShard, Histogram, read_counted, write_counted
from prior.qspace import read_bins

ROOT = Path(__file__).resolve().parent.parent.parent
BINS = read_bins()


def options_of(photos: Path, out: Path, **changes: Any) -> CountOptions:
    return CountOptions(**{"data": (photos,), "out": out, "processes": 1} | changes)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """Run the script's main() with these arguments."""
    return run_script(getExperience.main, *words, patch=monkeypatch)


def test_the_script_counts_every_pixel(
    photos: Path, truth: NDArray[np.int64], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "Experience.npy"
    words = ("-data", photos, "-out", out, "-every", 1, "-processes", 1, "-plot", "-note", "mine")
    assert run(monkeypatch, *words) == 0
    assert np.array_equal(np.load(out), truth)
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["pictures counted"] == 200
    assert record["pixels counted"] == 200 * 48 * 64
    assert record["made from"] == "mine"
    assert str(tmp_path) not in out.with_suffix(".json").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {
        "Experience.json",
        "Experience.npy",
        "Experience.png",
    }
    with Image.open(out.with_suffix(".png")) as plot:
        assert plot.width > 1000
        assert len(plot.convert("RGB").getcolors(1 << 20) or []) > 261


@pytest.mark.slow
def test_processes_and_shards_count_the_same(
    photos: Path, truth: NDArray[np.int64], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "Experience.npy"
    words = ("-data", photos, "-out", out, "-every", 1, "-processes", 2)
    for shard in (3, 1, 2):
        assert run(monkeypatch, *words, "-shard", f"{shard}/3") == 0
    parts = sorted(tmp_path.glob("*-of-3.npz"))
    assert run(monkeypatch, "-merge", *parts, "-out", out) == 0
    assert np.array_equal(np.load(out), truth)
    whole = tmp_path / "whole.npy"
    assert run(monkeypatch, "-data", photos, "-out", whole, "-every", 1, "-processes", 2) == 0
    assert whole.read_bytes() == out.read_bytes()


def test_a_shard_has_the_name_that_is_given() -> None:
    shard = Shard(2, 3)
    assert CountOptions(out=Path("E1.npz"), shard=shard).counted_path == Path("E1.npz")
    assert CountOptions(out=Path("E.npy"), shard=shard).counted_path == Path("E.2-of-3.npz")


def test_a_tar_counts_like_its_folder(
    photos: Path, truth: NDArray[np.int64], tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        tar.add(photos, arcname=".")
    counted = count_pictures(options_of(tmp_path / "s.tar", tmp_path / "E.npy", every=1))
    assert np.array_equal(counted.histogram.per_bin, truth)


def test_interrupted_and_continued_equals_uninterrupted(
    photos: Path, truth: NDArray[np.int64], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted before the interruption is not read again: it can be gone by then."""
    pictures = Path(shutil.copytree(photos, tmp_path / "photos"))
    options = options_of(pictures, tmp_path / "E.npy", every=1)

    def interrupted(
        function: Callable[[Batch], Histogram], items: Iterable[Batch], **_: Any
    ) -> Any:
        for batch in itertools.islice(items, 2):
            yield batch, function(batch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(getExperience, "SAVE_EVERY_S", 0.0)
        patch.setattr(getExperience, "map_batches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            count_pictures(options)
    assert read_counted(options.counted_path).done.tolist() == [True, True, False, False]
    for picture in list_pictures(pictures)[: 2 * BATCH_SIZE]:
        Path(picture.file).write_bytes(b"")
    counted = count_pictures(options)
    assert np.array_equal(counted.histogram.per_bin, truth)
    assert (counted.histogram.pictures, counted.histogram.problems) == (200, ())


def start_counting(photos: Path, out: Path) -> "subprocess.Popen[str]":
    words = ["-data", photos, "-out", out, "-every", 1, "-processes", 2]
    return subprocess.Popen(
        [sys.executable, ROOT / "prior" / "getExperience.py", *map(str, words)],
        cwd=out.parent,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_command_continues_after_a_kill(
    photos: Path, truth: NDArray[np.int64], tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "Experience.npy"
    first = start_counting(photos, out)
    partial = tmp_path / "Experience.1-of-1.npz"
    wait_for(lambda: first.poll() is not None or partial.exists())
    os.killpg(first.pid, how) if how is signal.SIGKILL else first.send_signal(how)
    _, words = first.communicate(timeout=60)
    assert not out.exists()
    assert first.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130), words
    again = start_counting(photos, out)
    assert "continuing" in again.communicate(timeout=120)[1]
    assert np.array_equal(np.load(out), truth)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_in_other_folders_finds_pictures_named_from_here(
    photos: Path,
    truth: NDArray[np.int64],
    bare_cluster: tuple[str, list["subprocess.Popen[bytes]"]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(photos.parent)
    out, (address, _) = tmp_path / "E.npy", bare_cluster
    counted = count_pictures(options_of(Path(photos.name), out, every=1, scheduler=address))
    assert np.array_equal(counted.histogram.per_bin, truth)


def test_what_cannot_be_counted_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    root.mkdir()
    good = jpeg(colorful(1))
    gray = np.repeat(colorful(2)[..., :1], 3, axis=-1)
    for name, data in {
        "fine 'one'.jpg": good,
        "灰色.jpg": jpeg(gray),
        "half.jpg": good[: len(good) // 2],
        "zero.jpg": b"",
        "text.jpg": b"not a picture",
    }.items():
        (root / name).write_bytes(data)
    out = tmp_path / "E.npy"
    assert run(monkeypatch, "-data", root, "-out", out, "-processes", 1) == 0
    with out.with_suffix(".csv").open(encoding="utf-8") as file:
        reasons = dict(list(csv.reader(file))[1:])
    assert reasons == {
        "half.jpg": "truncated JPEG",
        "text.jpg": "not a picture",
        "zero.jpg": "empty file",
        "灰色.jpg": "gray",
    }
    assert np.load(out).sum() == 12 * 16


def test_an_experience_is_not_lost_by_counting_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "E.npy"
    np.save(out, np.arange(261))
    assert run(monkeypatch, "-data", photos, "-out", out, "-processes", 1) == 0
    assert np.array_equal(np.load(tmp_path / "E.previous.npy"), np.arange(261))


def test_a_damaged_shard_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "E.1-of-1.npz"
    counts = np.random.default_rng(0).integers(0, 999, (261, 3))
    write_counted(path, CountedShard(Histogram(counts), np.array([True]), "a", Shard(), 1))
    whole = path.read_bytes()
    middle = len(whole) // 4
    for damaged in (b"", whole[: len(whole) // 2], whole[:-1], _inverted(whole, middle)):
        path.write_bytes(damaged)
        assert run(monkeypatch, "-merge", path, "-out", tmp_path / "E.npy") == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"prior/getExperience.py: {path} has no counts")
    assert not (tmp_path / "E.npy").exists()


def _inverted(data: bytes, start: int) -> bytes:
    return (
        data[:start] + bytes(255 - byte for byte in data[start : start + 64]) + data[start + 64 :]
    )


def test_other_pictures_do_not_continue_a_count(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "E.npy"
    count_pictures(options_of(photos, out))
    other = photos / "class 0"
    with pytest.raises(ValueError, match="-restart"):
        count_pictures(options_of(other, out))
    counted = count_pictures(options_of(other, out, restart=True))
    assert counted.histogram.pictures == 67


@pytest.mark.parametrize(
    ("words", "code", "wrong"),
    [
        (("-data", "missing"), 1, "does not exist"),
        (("-data", "a file.jpg"), 1, "is a file"),
        (("-data", "empty"), 1, "has no pictures"),
        (("-data", "grays"), 1, "could be counted"),
        (("-data", "photos", "-out", "no/such/folder/E.npy"), 1, "No such file"),
        (("-data", "photos", "-out", "a file.jpg/E.npy"), 1, "Not a directory"),
        (("-data", "photos", "-out", "E.txt"), 2, "must end in .npy"),
        (("-data", "photos", "-out", "E.npz"), 2, "must end in .npy, got"),
        (("-data", "photos", "-out", "E.txt", "-shard", "1/3"), 2, "must end in .npy or .npz"),
        (("-data", "photos", "-shard", "4/3"), 2, "K/N"),
        (("-data", "photos", "-every", "0"), 2, "number of 1 or more"),
        (("-merge", "missing.npz"), 1, "does not exist"),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...],
    code: int,
    wrong: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "photos").symlink_to(photos)
    (tmp_path / "grays").mkdir()
    (tmp_path / "grays" / "x.jpg").write_bytes(jpeg(np.full((9, 9, 3), 99, np.uint8)))
    (tmp_path / "a file.jpg").write_bytes(jpeg(colorful(0)))
    given = ("-processes", "1", *(() if "-out" in words else ("-out", "E.npy")), *words)
    if code == 2:
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, *given)
    else:
        assert run(monkeypatch, *given) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prior/getExperience.py: ")
    assert wrong in line
    assert not (tmp_path / "E.npy").exists()


def test_the_released_counts_are_of_photographs() -> None:
    counts = np.load(getExperience.OUT)
    assert counts.shape == (261,)
    record = json.loads(getExperience.OUT.with_suffix(".json").read_text())
    assert counts.sum() == record["pixels counted"]
    central = counts[~BINS.any(axis=1)].sum() / counts.sum()
    assert central == pytest.approx(record["share in the central bin"], abs=1e-4)
    assert 0.2 < central < 0.45
    assert 0.55 < record["share with chroma under 20"] < 0.85

"""Histograms: each pixel in its bin and class, added and stored without loss."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prior.batches import Batch
from prior.dataset import Picture, Problem, Shard
from prior.histogram import (
    CountedShard,
    Histogram,
    count_batch,
    count_pixels,
    fingerprint,
    merge,
    read_counted,
    write_counted,
)
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_bins

BINS = read_bins()


def test_each_pixel_falls_into_its_nearest_bin_and_class() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    ab = rgb2lab(rgb)[..., 1:]
    chroma = np.linalg.norm(ab, axis=-1)
    found = count_pixels(rgb, BINS)
    nearest = QSpace(BINS).nearest(ab).ravel()
    assert np.array_equal(found.sum(axis=1), np.bincount(nearest, minlength=len(BINS)))
    classes = [(chroma < 4).sum(), ((chroma >= 4) & (chroma < 20)).sum(), (chroma >= 20).sum()]
    assert np.array_equal(found.sum(axis=0), classes)
    assert found.sum() == 50 * 70
    part = rgb[::2, ::3]
    assert np.array_equal(count_pixels(part, BINS), count_pixels(part.copy(), BINS))


def test_shards_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    histogram = Histogram.empty(261)

    def counted(number: int, count: int, *, list_id: str = "a", done: bool = True) -> Any:
        name = tmp_path / f"{number}-{count}-{list_id}-{done}.npz"
        write_counted(
            name, CountedShard(histogram, np.array([done]), list_id, Shard(number, count), 1)
        )
        return name, read_counted(name)

    assert merge([counted(2, 2), counted(1, 2)]).shard == Shard(1, 1)
    for shards, wrong in (
        ([counted(1, 2), counted(1, 2)], "expected each of 1 to 2 once"),
        ([counted(1, 2)], "expected each of 1 to 2 once"),
        ([counted(1, 2), counted(2, 2, list_id="b")], "other pictures"),
        ([counted(1, 2), counted(2, 2, done=False)], "not finished"),
    ):
        with pytest.raises(ValueError, match=wrong):
            merge(shards)
    (tmp_path / "x.npz").write_bytes(b"nothing")
    for name, wrong in (("x.npz", "has no counts"), ("gone.npz", "does not exist")):
        with pytest.raises(ValueError, match=wrong):
            read_counted(tmp_path / name)


def test_a_missing_picture_is_a_problem_not_a_failure() -> None:
    batch = Batch(0, [Picture("/nowhere/x.jpg", "x.jpg")])
    found = count_batch(batch, bins=BINS, every=1)
    assert found.pictures == 1
    assert found.problems[0].reason.startswith("cannot be read")


def some_counts(seed: int) -> Histogram:
    counts = np.random.default_rng(seed).integers(0, 1 << 40, (261, 3))
    return Histogram(counts, seed, (Problem(f"{seed}.jpg", "gray"),))


def test_counts_are_stored_without_loss(tmp_path: Path) -> None:
    done = np.array([True, False, True])
    write_counted(tmp_path / "c.npz", CountedShard(some_counts(7), done, "abc", Shard(2, 3), 4))
    found = read_counted(tmp_path / "c.npz")
    np.testing.assert_array_equal(found.histogram.counts, some_counts(7).counts)
    np.testing.assert_array_equal(found.done, done)
    assert (found.histogram.pictures, found.histogram.problems) == (7, (Problem("7.jpg", "gray"),))
    assert (found.list_id, found.shard, found.every) == ("abc", Shard(2, 3), 4)


def test_counts_add_up() -> None:
    total = Histogram.empty(261) + some_counts(2) + some_counts(3)
    np.testing.assert_array_equal(total.counts, some_counts(2).counts + some_counts(3).counts)
    np.testing.assert_array_equal(total.per_bin, total.counts.sum(axis=1))
    assert (total.pictures, [problem.name for problem in total.problems]) == (5, ["2.jpg", "3.jpg"])
    gray_muted_vivid = np.zeros((261, 3), np.int64)
    gray_muted_vivid[9] = 1, 2, 5
    assert Histogram(gray_muted_vivid).muted_share == 3 / 8
    assert Histogram.empty(261).muted_share == 0


def test_a_list_is_identified_by_names_sizes_and_subsampling() -> None:
    pictures = [Picture(f"/a/{name}", name, size=9) for name in ("x.jpg", "y.jpg")]
    one = fingerprint(pictures, every=2)
    assert one == fingerprint([Picture(f"/b/{p.name}", p.name, size=9) for p in pictures], every=2)
    others = [
        fingerprint(pictures, every=1),
        fingerprint(pictures[::-1], every=2),
        fingerprint(pictures[:1], every=2),
        fingerprint([p._replace(size=8) for p in pictures], every=2),
    ]
    assert len({one, *others}) == 5

"""Batches: every picture once, whoever maps them."""

import functools
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prior.batches import FOLDERS, Batch, PictureOptions, batches, map_batches
from prior.dataset import Picture, list_pictures
from prior.histogram import Histogram, count_batch
from prior.qspace import read_bins

BINS = read_bins()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_cluster_that_loses_a_worker_counts_exactly(
    photos: Path,
    truth: NDArray[np.int64],
    bare_cluster: tuple[str, list["subprocess.Popen[bytes]"]],
) -> None:
    address, workers = bare_cluster
    items = list(batches(list_pictures(photos), size=8))
    count = functools.partial(count_batch, bins=BINS, every=1)
    total, seen = Histogram.empty(len(BINS)), []
    for batch, found in map_batches(
        count, items, work="counting", total=200, processes=1, scheduler=address
    ):
        total += found
        seen.append(batch.number)
        if len(seen) == 3:
            workers[0].send_signal(signal.SIGKILL)
    assert workers[0].poll() is not None
    assert sorted(seen) == [batch.number for batch in items]
    assert np.array_equal(total.per_bin, truth)


@pytest.mark.parametrize(("count", "size"), [(0, 3), (1, 3), (6, 3), (7, 3), (7, 100)])
def test_every_picture_is_in_one_batch_in_order(count: int, size: int) -> None:
    pictures = [Picture(f"{i}.jpg", f"{i}.jpg") for i in range(count)]
    found = list(batches(pictures, size=size))
    assert [picture for batch in found for picture in batch.pictures] == pictures
    assert [batch.number for batch in found] == list(range(len(found)))
    assert all(len(batch.pictures) == size for batch in found[:-1])
    assert all(batch.pictures for batch in found)


def names_in(batch: Batch) -> list[str]:
    return [picture.name for picture in batch.pictures]


@pytest.mark.parametrize("processes", [1, 2])
def test_each_batch_has_its_own_result(processes: int) -> None:
    pictures = [Picture(f"{i}.jpg", f"{i}.jpg") for i in range(7)]
    items = list(batches(pictures, size=2))
    found = list(map_batches(names_in, items, work="naming", total=7, processes=processes))
    assert all(result == names_in(batch) for batch, result in found)
    assert sorted(batch.number for batch, _ in found) == [0, 1, 2, 3]


def test_pictures_are_those_given_or_the_project_s() -> None:
    assert PictureOptions(data=(Path("a"), Path("b.tar"))).folders() == (Path("a"), Path("b.tar"))
    assert set(PictureOptions().folders()) <= set(FOLDERS)
    assert PictureOptions().folders()
    with pytest.raises(ValueError, match="processes must be 1 or more"):
        PictureOptions(processes=0)

"""Batches of pictures, mapped over worker processes; results are yielded as they finish."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2

from prior.dataset import Picture
from runtime.options import check, option
from runtime.places import ROOT, WORK
from runtime.pool import workers
from runtime.progress import progress_for
from runtime.workers import cores

R = TypeVar("R")

DATA = WORK / "data"
FOLDERS = (DATA / "train", DATA / "test")
PACKAGES = tuple(
    ROOT / name for name in ("color", "prior", "image", "runtime")
)  # packages to send to a cluster


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """Options shared by the scripts: pictures and number of processes."""

    data: tuple[Path, ...] = option(
        (),
        "folders or .tar files of pictures",
        metavar="PATH",
        shown="data/train and data/test",
    )
    processes: int = option(
        factory=cores, text="worker processes", low=1, shown="one per core", metavar="N"
    )

    def __post_init__(self) -> None:
        check(self)

    def folders(self) -> Sequence[Path]:
        """Return the folders and .tar files to read; default: those of this project that exist."""
        return self.data or [path for path in FOLDERS if path.exists()] or FOLDERS[:1]


class Batch(NamedTuple):
    """Consecutive pictures of a list, one task of a worker."""

    number: int
    pictures: Sequence[Picture]


def batches(pictures: Sequence[Picture], *, size: int) -> Iterator[Batch]:
    """Split a list into batches of a size; the last one may be smaller."""
    for number, start in enumerate(range(0, len(pictures), size)):
        yield Batch(number, pictures[start : start + size])


def map_batches(
    function: Callable[[Batch], R],
    items: Iterable[Batch],
    *,
    work: str,
    total: int,
    earlier: int = 0,
    processes: int,
    scheduler: str = "",
) -> Iterator[tuple[Batch, R]]:
    """Yield (batch, result) as they finish, in any order; show the progress on a terminal.

    work : name of the work in the progress
    total : number of pictures
    earlier : number of pictures done by an earlier run, included in `total`
    """
    progress = progress_for(quiet=False)
    progress.start(work, total, unit="pictures")
    progress.advance(earlier, earlier=True)
    try:
        with workers(
            processes, scheduler=scheduler, start=_use_one_thread, packages=PACKAGES
        ) as run:
            for batch, result in run(function, items):
                progress.advance(len(batch.pictures))
                yield batch, result
    finally:
        progress.close()


def _use_one_thread() -> None:
    """Limit OpenCV to one thread, as each process of a pool has one core."""
    cv2.setNumThreads(1)

"""Pictures -> training samples; a sample depends only on (seed, epoch, index).

Therefore the data do not depend on the number of workers, the order in which they finish, or a resume.
"""

import gzip
import json
import os
import signal
import sys
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from paddle.io import BatchSampler, DataLoader, Dataset
from paddle.io.multiprocess_utils import _cleanup_mmap

from color.arrays import Bytes, Floats
from model.contract import REDUCTION, network_planes, resized
from model.hints import palette_vector, random_hints
from prior.dataset import Picture, PictureError, list_pictures, read_rgb
from prior.lab import rgb2lab
from prior.qspace import QSpace, read_per_bin
from runtime.files import whole_file
from train.aging import age_lightness

SMALLEST_CROP = 0.75  # share of the short side
FLIP_SHARE = 0.5
# Paddle forks its readers; on Windows and macOS, the training process reads.
HAS_FORK = sys.platform not in {"win32", "darwin"}
PARENT_CHECKED_EVERY_S = 1.0


@dataclass(frozen=True)
class SampleOptions:
    """Options of training samples, which are random crops with random mirroring.

    hints, palette : 0..1, share of samples with hints, with a palette
    aged : whether the network's input is aged
    """

    seed: int = 0
    hints: float = 0.18
    palette: float = 0.1
    aged: bool = True


def random_crop(rgb: Bytes, rng: np.random.Generator, *, size: int) -> Bytes:
    """Crop a random square of 75-100 % of the short side, resize it, mirror it with probability 1/2."""
    height, width = rgb.shape[:2]
    side = max(1, round(min(height, width) * rng.uniform(SMALLEST_CROP, 1.0)))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    cut = np.ascontiguousarray(rgb[top : top + side, left : left + side])
    square = resized(cut, (size, size))
    return np.asarray(cv2.flip(square, 1), np.uint8) if rng.random() < FLIP_SHARE else square


class SampleSet(Dataset):
    """Samples by (epoch, index, size): a dict of arrays, h = w = size / 4.

    planes : (4, size, size)
    palette : (Q + 1,)
    ab : (2, h, w)
    bins, shares : (5, h, w) int64 and float32, soft encoding
    weights : (1, h, w)
    skipped : the index if the picture was unreadable and replaced by the next readable one, else -1
    """

    def __init__(
        self, pictures: Sequence[Picture], *, qspace: QSpace, weight: Floats, options: SampleOptions
    ) -> None:
        super().__init__()
        self.pictures, self.qspace, self.weight, self.options = pictures, qspace, weight, options

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: tuple[int, int, int]) -> dict[str, NDArray[Any]]:
        epoch, index, size = key
        rng = np.random.default_rng((self.options.seed, epoch, index))
        rgb, skipped = self._read_from(index)
        lab = rgb2lab(random_crop(rgb, rng, size=size))
        return {**self.sample(lab, rng), "skipped": np.array(skipped)}

    def like(self, pictures: Sequence[Picture], options: SampleOptions) -> "SampleSet":
        """Return a sample set of other pictures with other options."""
        return SampleSet(pictures, qspace=self.qspace, weight=self.weight, options=options)

    def sample(self, lab: Floats, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
        """Make the network's input and target from a square lab (size, size, 3)."""
        small = lab.shape[0] // REDUCTION
        ab = np.ascontiguousarray(lab[..., 1:])
        target = np.asarray(
            cv2.resize(ab, (small, small), interpolation=cv2.INTER_AREA), np.float32
        )  # (h, w, 2)
        lightness = age_lightness(lab[..., 0], rng) if self.options.aged else lab[..., 0]
        hints = random_hints(ab, rng)[None] if rng.random() < self.options.hints else None
        given = target if rng.random() < self.options.palette else None
        bins, shares = self.qspace.encode(target)
        nearest = self.qspace.nearest(target)
        return {
            "planes": network_planes(lightness[None], hints=hints)[0],
            "palette": palette_vector(given, self.qspace),
            "ab": np.ascontiguousarray(target.transpose(2, 0, 1)),
            "bins": np.ascontiguousarray(bins.transpose(2, 0, 1), np.int64),
            "shares": np.ascontiguousarray(shares.transpose(2, 0, 1), np.float32),
            "weights": self.weight[nearest][None],
        }

    def _read_from(self, index: int) -> tuple[Bytes, int]:
        """Read the picture at `index`, or the next readable one."""
        for offset in range(len(self.pictures)):
            try:
                rgb = read_rgb(self.pictures[(index + offset) % len(self.pictures)])
            except PictureError:
                continue
            return rgb, index if offset else -1
        raise PictureError("none of the pictures can be read: check them with prior/Clear.py")


class StepSampler(BatchSampler):
    """Keys of each step's samples for one process, from a given step on.

    Every epoch has its own permutation. The batches of all processes together, and thus the training,
    do not depend on the number of processes: process r of n takes parts r, r + n, ... of each batch.
    """

    def __init__(
        self,
        length: int,
        *,
        steps: range,
        batch: int,
        parts: int,
        seed: int,
        sizes: list[int],
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        if length < 1:
            raise ValueError("no training pictures: choose another -data")
        self.length, self.steps, self.batch, self.parts = length, steps, batch, parts
        self.seed, self.sizes, self.rank, self.processes = seed, sizes, rank, processes
        self._epoch, self._order = -1, np.empty(0, np.intp)

    def __len__(self) -> int:
        return len(self.steps) * self.parts // self.processes

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        each = self.batch // self.parts
        for step, size in zip(self.steps, self.sizes, strict=True):
            for part in range(self.rank, self.parts, self.processes):
                first = step * self.batch + part * each
                yield [self._key(n, size) for n in range(first, first + each)]

    def _key(self, n: int, size: int) -> tuple[int, int, int]:
        epoch, place = divmod(n, self.length)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng((self.seed, epoch)).permutation(self.length)
        return epoch, int(self._order[place]), size


def samples_loader(samples: SampleSet, sampler: StepSampler, *, workers: int) -> DataLoader:
    """Read batches (dicts of tensors) in worker processes that prefetch a few."""
    # Forked workers then use one core each, and no thread pool, which would not survive the fork
    # (821 pictures/s with two workers, 537 without this line).
    cv2.setNumThreads(1)
    return DataLoader(
        samples,
        batch_sampler=sampler,
        num_workers=workers if HAS_FORK else 0,
        prefetch_factor=4,
        use_shared_memory=workers > 0 and HAS_FORK,
        worker_init_fn=_serve_the_training,
    )


def _serve_the_training(_: int) -> None:
    """Leave Ctrl-C and SIGTERM, which all processes of a command receive, to the training, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(training: int) -> None:
    """End this process when the training ends it, by SIGTERM as Python does at its exit, or was killed.

    Paddle's readers do not notice the latter: they wait forever for what to read next.
    """
    while os.getppid() == training:
        received = signal.sigtimedwait({signal.SIGTERM}, PARENT_CHECKED_EVERY_S)
        if received and received.si_pid == training:
            os._exit(0)
    _cleanup_mmap()  # what was read lies in shared memory, which outlives processes
    os._exit(1)


def rebalancing(weight: Floats, strength: float) -> Floats:
    """Reduce the rebalancing of the bins' weights; the expected weight remains 1.

    strength : 1 keeps the weights, 0 makes all of them 1
    """
    return (1 + strength * (weight - 1)).astype(np.float32)


def read_weight(folder: Path, qspace: QSpace, *, strength: float) -> Floats:
    """Read Weight.npy (Q,) from the prior's folder."""
    path = folder / "Weight.npy"
    weight = read_per_bin(path, bins=len(qspace), made_by="prior/getWeight.py")
    return rebalancing(weight.astype(np.float32), strength)


def picture_index(folder: Path, *, kept: Path) -> list[Picture]:
    """Return a run's pictures: from the list that `keep_index` wrote, if it is of this folder, else listed.

    Walking ImageNet's 1.28 million files takes minutes, and the order of the pictures must not
    change during a run. Raises ValueError for a damaged list.
    """
    if kept.exists():
        try:
            with gzip.open(kept, "rt", encoding="utf-8") as file:
                root, rows = json.load(file)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise ValueError(
                f"{kept}, the run's list of pictures, is damaged: delete it if {folder} is as it was when the run "
                "began, or restart with -restart"
            ) from error
        if root == str(folder):
            return [Picture(*row) for row in rows]
    return list_pictures(folder)


def keep_index(pictures: Sequence[Picture], folder: Path, *, kept: Path) -> None:
    """Write a run's list of pictures to a file, from which a resumed run reads it."""
    with (
        whole_file(kept) as part,
        gzip.open(part, "wt", encoding="utf-8", compresslevel=1) as file,
    ):
        json.dump([str(folder), pictures], file)

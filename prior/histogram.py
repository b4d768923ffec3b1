"""Histograms of pictures over the color bins: counted in batches, added, stored as mergeable shards."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Floats, Mask
from prior.batches import Batch
from prior.dataset import Picture, PictureError, Problem, Rgb, Shard, read_rgb
from prior.lab import rgb2lab
from prior.qspace import QSpace
from runtime.files import whole_file

Counts: TypeAlias = NDArray[np.int64]

GRAY_CHROMA = 4.0  # below: gray with JPEG noise
MUTED_CHROMA = 20.0  # below: usually called muted
COLORED_SHARE = 0.005  # a picture with a smaller share of colored pixels is gray
# Classes of chroma within each bin: gray, muted, vivid.
CLASSES = 3
GRAY_REASON = "gray"
# Exceptions of NumPy and JSON for truncated, damaged or foreign files.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Histogram:
    """The color histogram of some pictures.

    counts : (Q, 3) int64, pixels per bin and class of chroma (gray, muted, vivid)
    pictures : number of pictures processed, problems included
    """

    counts: Counts
    pictures: int = 0
    problems: tuple[Problem, ...] = ()

    @classmethod
    def empty(cls, bins: int) -> "Histogram":
        return cls(np.zeros((bins, CLASSES), np.int64))

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(
            self.counts + other.counts,
            self.pictures + other.pictures,
            self.problems + other.problems,
        )

    @property
    def per_bin(self) -> Counts:
        """Number of pixels (Q,) per bin."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def muted_share(self) -> float:
        """Share of pixels with a chroma below 20."""
        return float(self.counts[:, :2].sum() / max(1, self.counts.sum()))


def count_pixels(rgb: Rgb, bins: NDArray[Any]) -> Counts:
    """Count the pixels (Q, 3) of rgb (H, W, 3) uint8 per bin and class of chroma."""
    table = _code_table(np.asarray(bins, np.float32).tobytes())
    packed = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2RGBA).view("<u4")
    codes = np.take(table, packed & 0xFFFFFF)
    return np.bincount(codes.ravel(), minlength=CLASSES * len(bins)).reshape(-1, CLASSES)


def count_batch(batch: Batch, *, bins: Floats, every: int) -> Histogram:
    """Read and count pictures; report unreadable or gray ones as problems.

    every : subsampling factor of rows and columns
    """
    counts = np.zeros((len(bins), CLASSES), np.int64)
    problems = []
    for picture in batch.pictures:
        try:
            found = count_pixels(read_rgb(picture)[::every, ::every], bins)
        except PictureError as error:
            problems.append(Problem(picture.name, str(error)))
            continue
        if found[:, 1:].sum() < COLORED_SHARE * found.sum():
            problems.append(Problem(picture.name, GRAY_REASON))
        else:
            counts += found
    return Histogram(counts, len(batch.pictures), tuple(problems))


def fingerprint(pictures: Iterable[Picture], *, every: int) -> str:
    """Hash a list of pictures, independent of their folder, and the subsampling of the counts."""
    digest = hashlib.sha256(f"every {every}\n".encode())
    for picture in pictures:
        digest.update(f"{picture.name}\0{picture.size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


class CountedShard(NamedTuple):
    """The histogram of one shard of a list, and which of its batches are done."""

    histogram: Histogram
    done: Mask
    list_id: str
    shard: Shard
    every: int


def write_counted(path: Path, counted: CountedShard) -> None:
    """Write a shard's counts atomically."""
    record = {"list": counted.list_id, "shard": counted.shard.number, "shards": counted.shard.count}
    record |= {"every": counted.every, "pictures": counted.histogram.pictures}
    record |= {"problems": counted.histogram.problems}
    text = np.array(json.dumps(record))
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, counts=counted.histogram.counts, done=counted.done, record=text)


def read_counted(path: Path) -> CountedShard:
    """Read a shard's counts. Raises ValueError for a missing or unreadable file."""
    try:
        with path.open("rb") as content, np.load(content) as file:
            record = json.loads(str(file["record"]))
            problems = tuple(Problem(*problem) for problem in record["problems"])
            found = Histogram(file["counts"], record["pictures"], problems)
            shard = Shard(record["shard"], record["shards"])
            return CountedShard(found, file["done"], record["list"], shard, record["every"])
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist") from error
    except UNREADABLE as error:
        raise ValueError(
            f"{path} has no counts from getExperience.py -shard, or is truncated: count that shard again"
        ) from error


def merge(shards: Sequence[tuple[Path, CountedShard]]) -> CountedShard:
    """Add the shards of one list. Raises ValueError unless each occurs once and is complete."""
    _, first = shards[0]
    for path, counted in shards:
        if (counted.list_id, counted.shard.count) != (first.list_id, first.shard.count):
            raise ValueError(
                f"{path} was counted from other pictures or with another number of shards than {shards[0][0]}"
            )
        if not counted.done.all():
            raise ValueError(f"{path} is not finished: run its -shard command again")
    ordered = sorted((counted for _, counted in shards), key=lambda counted: counted.shard.number)
    have = [counted.shard.number for counted in ordered]
    if have != list(range(1, first.shard.count + 1)):
        wanted = f"each of 1 to {first.shard.count} once"
        raise ValueError(f"got shards {have}: expected {wanted}")
    total = sum(
        (counted.histogram for counted in ordered), Histogram.empty(len(first.histogram.counts))
    )
    return first._replace(histogram=total, done=np.ones(1, bool), shard=Shard())


@lru_cache(maxsize=1)
def _code_table(bins: bytes) -> NDArray[np.uint16]:
    """Return a table of bin * CLASSES + class of chroma, indexed by R + 256 G + 65536 B (33 MB)."""
    space = QSpace(np.frombuffer(bins, np.float32).reshape(-1, 2))
    green, red = np.divmod(np.arange(1 << 16), 256)
    rgb = np.stack([red, green, np.zeros_like(red)], axis=-1).astype(np.uint8)
    table = np.empty((256, 1 << 16), np.uint16)
    for blue in range(256):
        rgb[:, 2] = blue
        _, a, b = rgb2lab(rgb).T
        squared = a * a + b * b
        table[blue] = space.nearest(np.stack([a, b], axis=-1)) * CLASSES
        table[blue] += squared >= GRAY_CHROMA**2
        table[blue] += squared >= MUTED_CHROMA**2
    return table.ravel()

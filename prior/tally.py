"""How many pixels of which pictures fall into which bin: counted, added, kept on disk."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from prior.files import whole_file
from prior.lab import rgb2lab
from prior.pictures import Picture, PictureError, Rgb, read_rgb
from prior.qspace import QSpace

Counts: TypeAlias = NDArray[np.int64]

GRAY_CHROMA = 4.0  # below it a color is gray with JPEG noise
MUTED_CHROMA = 20.0  # what is usually called a muted color
COLORED_SHARE = 0.005  # a picture with fewer colored pixels is gray
# Classes of chroma that are counted beside the bins: gray, muted, vivid.
CLASSES = 3
GRAY_REASON = "gray"


class Problem(NamedTuple):
    """A picture that was not counted."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Tally:
    """The sum of some pictures.

    counts : (Q, 3) int64, pixels per bin and class of chroma (gray, muted, vivid)
    pictures : how many were looked at, problems included
    """

    counts: Counts
    pictures: int = 0
    problems: tuple[Problem, ...] = ()

    @classmethod
    def empty(cls, bins: int) -> "Tally":
        return cls(np.zeros((bins, CLASSES), np.int64))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.counts + other.counts,
            self.pictures + other.pictures,
            self.problems + other.problems,
        )

    @property
    def per_bin(self) -> Counts:
        """Pixels (Q,) per bin."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def muted_share(self) -> float:
        """Share of the pixels with a chroma under 20."""
        return float(self.counts[:, :2].sum() / max(1, self.counts.sum()))


class Work(NamedTuple):
    """Some pictures to count, as they travel to a worker.

    bins : (Q, 2), to count into
    every : only each such row and column is counted
    """

    pictures: Sequence[Picture]
    bins: NDArray[np.float32]
    every: int = 1


def count(rgb: Rgb, bins: NDArray[Any]) -> Counts:
    """Count the pixels (Q, 3) of rgb (H, W, 3) uint8 per bin and class of chroma."""
    table = _code_table(np.asarray(bins, np.float32).tobytes())
    packed = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2RGBA).view("<u4")
    codes = np.take(table, packed & 0xFFFFFF)
    return np.bincount(codes.ravel(), minlength=CLASSES * len(bins)).reshape(-1, CLASSES)


def tally(work: Work) -> Tally:
    """Read and count pictures; those unreadable or gray become problems instead."""
    counts = np.zeros((len(work.bins), CLASSES), np.int64)
    problems = []
    for picture in work.pictures:
        try:
            found = count(read_rgb(picture)[:: work.every, :: work.every], work.bins)
        except PictureError as error:
            problems.append(Problem(picture.name, str(error)))
            continue
        if found[:, 1:].sum() < COLORED_SHARE * found.sum():
            problems.append(Problem(picture.name, GRAY_REASON))
        else:
            counts += found
    return Tally(counts, len(work.pictures), tuple(problems))


def fingerprint(pictures: Iterable[Picture], *, every: int) -> str:
    """Name a list of pictures and how it is counted, wherever on which machine they lie."""
    digest = hashlib.sha256(f"every {every}\n".encode())
    for picture in pictures:
        digest.update(f"{picture.name}\0{picture.size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


class Part(NamedTuple):
    """A tally of a part of a list: shard `shard` of `shards`, and which of its tasks are in it."""

    tally: Tally
    done: NDArray[np.bool_]
    list_id: str
    shard: int
    shards: int
    every: int


def write_part(path: Path, part: Part) -> None:
    """Write a part whole or not at all."""
    record = {"list": part.list_id, "shard": part.shard, "shards": part.shards}
    record |= {"every": part.every, "pictures": part.tally.pictures}
    record |= {"problems": part.tally.problems}
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file, counts=part.tally.counts, done=part.done, record=np.array(json.dumps(record))
        )


def read_part(path: Path) -> Part:
    """Read a part. Raises PictureError if it is none."""
    try:
        with np.load(path) as file:
            record = json.loads(str(file["record"]))
            problems = tuple(Problem(*problem) for problem in record["problems"])
            found = Tally(file["counts"], record["pictures"], problems)
            where = (record["list"], record["shard"], record["shards"], record["every"])
            return Part(found, file["done"], *where)
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise PictureError(f"{path} holds no counts of getExperience.py -shard") from error


def merge(parts: Sequence[tuple[Path, Part]]) -> Part:
    """Add the shards of one list. Raises PictureError unless each is there once and whole."""
    _, first = parts[0]
    for path, part in parts:
        if (part.list_id, part.shards) != (first.list_id, first.shards):
            raise PictureError(f"{path} is of other pictures or another split than {parts[0][0]}")
        if not part.done.all():
            raise PictureError(f"{path} is not finished: run its -shard command again")
    have = sorted(part.shard for _, part in parts)
    if have != list(range(1, first.shards + 1)):
        wanted = f"each of 1 to {first.shards} once"
        raise PictureError(f"the shards given are {have}: expected {wanted}")
    ordered = [part for _, part in sorted(parts, key=lambda each: each[1].shard)]
    total = Tally.empty(len(first.tally.counts))
    for part in ordered:
        total += part.tally
    return first._replace(tally=total, done=np.ones(1, bool), shard=1, shards=1)


@lru_cache(maxsize=1)
def _code_table(bins: bytes) -> NDArray[np.uint16]:
    """For each 8-bit color, at R + 256 G + 65536 B: bin * CLASSES + class of chroma (33 MB)."""
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

"""Empirical distribution of photographs over the color bins: pictures -> Experience.npy."""

import logging
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

from prior.batches import DATA, PictureOptions, batches, map_batches
from prior.command import run_script
from prior.dataset import PictureError, Shard, list_all
from prior.histogram import (
    GRAY_REASON,
    CountedShard,
    Histogram,
    count_batch,
    fingerprint,
    merge,
    read_counted,
    write_counted,
)
from prior.qspace import read_bins, write_per_bin
from runtime.files import write_json, write_table
from runtime.options import option

HERE = Path(__file__).resolve().parent
OUT = HERE / "Experience.npy"
TRAIN = DATA / "train"
BATCH_SIZE = 64
SAVE_EVERY_S = 20.0
EVERY = 4  # the network predicts at a quarter of the size, and counting is then cheap
DESCRIPTION = """\
Count the pixels of pictures in each of the 261 color bins. Reads a folder tree of pictures or .tar shards;
writes Experience.npy (pixels per bin) and, beside it, a .json file (sources and settings) and a .csv file (skipped
pictures, with the reasons). After an interruption, run the same command to continue."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CountOptions(PictureOptions):
    """Options of input, counting, output and cluster."""

    data: tuple[Path, ...] = option(
        (TRAIN,),
        "folders or .tar files of pictures",
        metavar="PATH",
        shown="data/train of this project",
    )
    out: Path = option(
        OUT,
        "file to write; a different existing one is kept as Experience.previous.npy",
        metavar="FILE.npy",
        shown="prior/Experience.npy",
    )
    every: int = option(
        EVERY, "count only every Nth row and column; 1 counts every pixel", low=1, metavar="N"
    )
    shard: Shard = option(
        Shard(),
        "count only the Kth of N parts of the pictures, into -out FILE.npz, or beside -out FILE.npy into FILE.K-of-N.npz",
        read=Shard.read,
        metavar="K/N",
        shown="",
    )
    merge: tuple[Path, ...] = option(
        (), "add the counts of all N shards instead of counting", metavar="FILE.npz"
    )
    scheduler: str = option(
        "",
        "count on this Dask cluster; its workers must have the same paths, and whoever reaches a Dask scheduler can run any "
        "code on its machines",
        metavar="tcp://HOST:PORT",
    )
    plot: bool = option(False, "also plot the distribution as Experience.png")
    note: str = option("", "description of the pictures, for the .json file", metavar="TEXT")
    restart: bool = option(False, "discard the counts of an earlier run")

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = (".npy", ".npz") if self.shard.count > 1 else (".npy",)
        if self.out.suffix not in kinds:
            raise ValueError(f"-out must end in {' or '.join(kinds)}, got {self.out}")

    @property
    def counted_path(self) -> Path:
        """Path of the shard's counts, complete or not: -out itself if that is an .npz."""
        if self.out.suffix == ".npz":
            return self.out
        name = f"{self.out.stem}.{self.shard.number}-of-{self.shard.count}.npz"
        return self.out.with_name(name)


def count_pictures(options: CountOptions) -> CountedShard:
    """Count the pictures of one shard, continuing an interrupted run."""
    # A cluster's workers have different working directories.
    pictures = list_all([path.absolute() for path in options.data])
    chosen = options.shard.of(pictures)
    counted = _earlier(options, fingerprint(pictures, every=options.every), len(chosen))
    count = partial(count_batch, bins=read_bins(), every=options.every)
    started = saved = time.monotonic()
    for batch, found in map_batches(
        count,
        (b for b in batches(chosen, size=BATCH_SIZE) if not counted.done[b.number]),
        work="counting",
        total=len(chosen),
        earlier=counted.histogram.pictures,
        processes=options.processes,
        scheduler=options.scheduler,
    ):
        counted = counted._replace(histogram=counted.histogram + found)
        counted.done[batch.number] = True
        if time.monotonic() - saved > SAVE_EVERY_S:
            write_counted(options.counted_path, counted)
            saved = time.monotonic()
    log.info("counted in %.1f s", time.monotonic() - started)
    write_counted(options.counted_path, counted)
    return counted


def _earlier(options: CountOptions, list_id: str, pictures: int) -> CountedShard:
    """Read the counts of an interrupted run, or start new ones."""
    path = options.counted_path
    if path.exists() and not options.restart:
        counted = read_counted(path)
        if (counted.list_id, counted.shard) != (list_id, options.shard):
            raise ValueError(
                f"{path} was started with other pictures or settings: "
                "restart with -restart, or choose another -out"
            )
        log.info(
            "continuing %s: %d of %d pictures done", path, counted.histogram.pictures, pictures
        )
        return counted
    done = np.zeros(-(-pictures // BATCH_SIZE), bool)
    counted = CountedShard(
        Histogram.empty(len(read_bins())), done, list_id, options.shard, options.every
    )
    write_counted(path, counted)  # fail now, not hours later, if the output cannot be written
    return counted


def write_experience(
    counted: CountedShard, options: CountOptions, *, command: str
) -> dict[str, Any]:
    """Write the counts, the report of skipped pictures, and the record; return the record."""
    found, problems = counted.histogram, sorted(counted.histogram.problems)
    if not found.counts.any():
        reasons = sorted({problem.reason for problem in problems})
        raise PictureError(f"none of {found.pictures} pictures could be counted: {reasons}")
    per_bin = found.per_bin
    central = int(per_bin[~read_bins().any(axis=1)].sum())
    gray = sum(problem.reason == GRAY_REASON for problem in problems)
    record = {
        "made from": options.note or ", ".join(p.name for p in options.merge or options.data),
        "pictures counted": found.pictures - len(problems),
        "gray pictures left out": gray,
        "unreadable pictures left out": len(problems) - gray,
        "pixels counted": int(per_bin.sum()),
        "rows and columns counted": f"1 of {counted.every}",
        "share in the central bin": round(central / int(per_bin.sum()), 4),
        "share with chroma under 20": round(found.muted_share, 4),
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
    }
    report = options.out.with_suffix(".csv")
    report.unlink(missing_ok=True)
    if problems:
        write_table(report, ("picture", "reason"), problems)
        log.info("skipped pictures, with reasons: %s", report)
    write_json(options.out.with_suffix(".json"), record)
    write_per_bin(options.out, per_bin)
    return record


def _run(options: CountOptions) -> int:
    if options.merge:
        counted = merge([(path, read_counted(path)) for path in options.merge])
    else:
        counted = count_pictures(options)
        if options.shard.count > 1:
            log.info(
                "shard %d of %d: %s",
                options.shard.number,
                options.shard.count,
                options.counted_path,
            )
            return 0
    record = write_experience(counted, options, command=_command(sys.argv[1:]))
    if not options.merge:
        options.counted_path.unlink()
    for name, value in record.items():
        log.info("%s: %s", name, value)
    if options.plot:
        _draw(options.out)
    log.info("%s", options.out)
    return 0


def _draw(experience: Path) -> None:
    """Plot an Experience.npy as a PNG beside it."""
    from prior.plot import write_plot  # Matplotlib is slow to import, and workers do not need it

    counts, picture = np.load(experience), experience.with_suffix(".png")
    title, unit = "Frequency of each color in photographs", "share of all pixels"
    write_plot(picture, read_bins(), counts / counts.sum(), title=title, unit=unit)
    log.info("%s", picture)


def _command(words: Sequence[str]) -> str:
    """Return the command line without folders of paths, independent of this machine."""
    bare = [Path(w).name if Path(w).is_absolute() or Path(w).exists() else w for w in words]
    return shlex.join(["python", "prior/getExperience.py", *bare])


def main() -> int:
    """Parse the command line and count."""
    return run_script("prior/getExperience.py", _run, CountOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

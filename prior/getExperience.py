"""How often nature uses each color bin: pictures -> Experience.npy."""

import argparse
import logging
import re
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
from tqdm import tqdm

from prior.crew import add_source_options, exit_code, run_on_cluster, run_tasks
from prior.files import write_array, write_record, write_table
from prior.pictures import Picture, PictureError, list_all
from prior.qspace import read_bins
from prior.tally import (
    GRAY_REASON,
    Part,
    Tally,
    Work,
    fingerprint,
    merge,
    read_part,
    tally,
    write_part,
)

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "train"
OUT = HERE / "Experience.npy"
PICTURES_PER_TASK = 64
SAVE_EVERY_S = 20.0
EVERY = 4  # the network paints at a quarter of the size; and counting then costs little

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to count, where to and with whose hands; the words of `--help`."""

    data: tuple[Path, ...] = (DATA,)
    out: Path = OUT
    every: int = EVERY
    shard: int = 1
    shards: int = 1
    processes: int = 1
    scheduler: str | None = None
    restart: bool = False
    note: str = ""
    command: str = ""


def count_pictures(options: Options) -> Part:
    """Count the pictures of one shard, continuing what an interrupted run has left."""
    pictures = list_all(list(options.data))
    name = fingerprint(pictures, every=options.every)
    mine = pictures[options.shard - 1 :: options.shards]
    part = _earlier(options, name, len(mine))
    started = saved = time.monotonic()
    with tqdm(total=len(mine), initial=part.tally.pictures, unit="picture", disable=None) as bar:
        for number, found in _tallies(options, mine, part):
            part = part._replace(tally=part.tally + found)
            part.done[number] = True
            bar.update(found.pictures)
            if time.monotonic() - saved > SAVE_EVERY_S:
                write_part(part_path(options), part)
                saved = time.monotonic()
    log.info("counted in %.1f s", time.monotonic() - started)
    write_part(part_path(options), part)
    return part


def _earlier(options: Options, list_id: str, pictures: int) -> Part:
    """Read the part that an interrupted run has left, or begin a new one."""
    path = part_path(options)
    tasks = -(-pictures // PICTURES_PER_TASK)
    if path.exists() and not options.restart:
        part = read_part(path)
        if (part.list_id, part.shard, part.shards) != (list_id, options.shard, options.shards):
            raise PictureError(
                f"{path} was begun with other pictures or settings: "
                "give -restart to begin again, or another -out"
            )
        log.info("continuing %s: %d of %d pictures done", path, part.tally.pictures, pictures)
        return part
    empty = Tally.empty(len(read_bins()))
    where = (list_id, options.shard, options.shards, options.every)
    part = Part(empty, np.zeros(tasks, bool), *where)
    write_part(path, part)  # an output that cannot be written shows now, not hours later
    return part


def _tallies(
    options: Options, pictures: Sequence[Picture], part: Part
) -> Iterator[tuple[int, Tally]]:
    """Yield (task, tally) of the tasks that are not done yet, as they finish."""
    bins = read_bins()
    tasks = (
        (
            number,
            Work(
                pictures[number * PICTURES_PER_TASK : (number + 1) * PICTURES_PER_TASK],
                bins,
                options.every,
            ),
        )
        for number in np.flatnonzero(~part.done).tolist()
    )
    if options.scheduler:
        return run_on_cluster(tally, tasks, scheduler=options.scheduler)
    return run_tasks(tally, tasks, processes=options.processes)


def write_experience(part: Part, options: Options) -> dict[str, Any]:
    """Write the counts, the report of what was left out, and the record, which is returned."""
    found, problems = part.tally, sorted(part.tally.problems)
    if not found.counts.any():
        reasons = sorted({problem.reason for problem in problems})
        raise PictureError(f"none of {found.pictures} pictures could be counted: {reasons}")
    bins, per_bin = read_bins(), found.per_bin
    central = int(per_bin[~bins.any(axis=1)].sum())
    gray = sum(problem.reason == GRAY_REASON for problem in problems)
    record = {
        "made from": options.note,
        "pictures counted": found.pictures - len(problems),
        "gray pictures left out": gray,
        "unreadable pictures left out": len(problems) - gray,
        "pixels counted": int(per_bin.sum()),
        "rows and columns counted": f"1 of {part.every}",
        "share in the central bin": round(central / int(per_bin.sum()), 4),
        "share with chroma under 20": round(found.muted_share, 4),
        "date": datetime.now(UTC).date().isoformat(),
        "command": options.command,
    }
    report = options.out.with_suffix(".csv")
    report.unlink(missing_ok=True)
    if problems:
        write_table(report, ("picture", "reason"), problems)
        log.info("left out, with reasons: %s", report)
    write_record(options.out.with_suffix(".json"), record)
    write_array(options.out, per_bin)
    return record


def part_path(options: Options) -> Path:
    """Where the counts of a shard, finished or not, lie."""
    return options.out.with_name(f"{options.out.stem}.{options.shard}-of-{options.shards}.npz")


def _run(options: Options, parts: Sequence[Path], plot: bool) -> int:
    if parts:
        part = merge([(path, read_part(path)) for path in parts])
    else:
        part = count_pictures(options)
        if options.shards > 1:
            log.info("shard %d of %d: %s", options.shard, options.shards, part_path(options))
            return 0
    record = write_experience(part, options)
    if not parts:
        part_path(options).unlink()
    for name, value in record.items():
        log.info("%s: %s", name, value)
    if plot:
        draw(options.out)
    log.info("%s", options.out)
    return 0


def draw(experience: Path) -> None:
    """Draw an Experience.npy beside it, as a PNG."""
    from prior.plot import write_plot  # Matplotlib is slow to import, and workers need none

    counts = np.load(experience)
    share = counts / counts.sum()
    title = "How often photographs use each color"
    write_plot(
        experience.with_suffix(".png"), read_bins(), share, title=title, unit="share of all pixels"
    )
    log.info("%s", experience.with_suffix(".png"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Count how often pictures use each of the 261 color bins. Reads a folder tree "
        "of pictures or .tar shards of them; writes Experience.npy (pixels per bin), beside it "
        ".json (what it was made from) and .csv (pictures left out, with the reason). "
        "Interrupted, the same command continues.",
    )
    add = parser.add_argument
    add_source_options(add, default=[DATA], shown="data/train of this project")
    add(
        "-out",
        "--out",
        type=Path,
        default=OUT,
        metavar="FILE.npy",
        help="default: prior/Experience.npy; another one there is kept as Experience.previous.npy",
    )
    add(
        "-every",
        "--every",
        type=int,
        default=EVERY,
        metavar="N",
        help="count each Nth row and column (default: %(default)s; 1: every pixel)",
    )
    add(
        "-shard",
        "--shard",
        default="1/1",
        metavar="I/N",
        help="count only the Ith of N shares of the pictures, into Experience.I-of-N.npz",
    )
    add(
        "-merge",
        "--merge",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE.npz",
        help="add the counts of all N shards instead of counting",
    )
    add(
        "-scheduler",
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="count on this Dask cluster, whose workers see the same paths",
    )
    add("-plot", "--plot", action="store_true", help="draw the distribution as Experience.png, too")
    add(
        "-note",
        "--note",
        default="",
        metavar="TEXT",
        help="what the pictures are, in words, for the record",
    )
    add("-restart", "--restart", action="store_true", help="forget what was counted before")
    return parser


def main() -> int:
    """Read the command line and count."""
    parser = _parser()
    given = parser.parse_args()
    shard = re.fullmatch(r"(\d+)/(\d+)", given.shard)
    if not shard or not 1 <= int(shard[1]) <= int(shard[2]):
        parser.error(f"-shard wants I/N with 1 <= I <= N, got {given.shard}")
    if given.every < 1 or given.processes < 1:
        parser.error("-every and -processes want at least 1")
    if given.out.suffix != ".npy":
        parser.error(f"-out wants a name that ends in .npy, got {given.out}")
    options = Options(
        data=tuple(given.data),
        out=given.out.absolute(),
        every=given.every,
        shard=int(shard[1]),
        shards=int(shard[2]),
        processes=given.processes,
        scheduler=given.scheduler,
        restart=given.restart,
        note=given.note or ", ".join(path.name for path in given.merge or given.data),
        command=_command(sys.argv),
    )
    return exit_code(lambda: _run(options, given.merge, given.plot))


def _command(words: Sequence[str]) -> str:
    """The command as another machine would give it: paths without their folders."""
    bare = [
        Path(word).name if Path(word).is_absolute() or Path(word).exists() else word
        for word in words[1:]
    ]
    return shlex.join(["python", "prior/getExperience.py", *bare])


if __name__ == "__main__":
    raise SystemExit(main())

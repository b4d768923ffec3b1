"""List the pictures that teach no color: unreadable, not JPEG, gray or toned; remove on request."""

import argparse
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from prior.crew import add_source_options, exit_code, run_tasks
from prior.files import write_table
from prior.lab import rgb2lab
from prior.pictures import (
    Picture,
    PictureError,
    Rgb,
    decode_rgb,
    format_of,
    is_jpeg,
    list_all,
    read_bytes,
)
from prior.tally import COLORED_SHARE, GRAY_CHROMA

DATA = Path(__file__).resolve().parent.parent / "data"
ROOTS = (DATA / "train", DATA / "test")
PICTURES_PER_TASK = 64
SAMPLE_PX = 48  # a picture's short side when its color is judged; averaging removes JPEG noise
# A toned picture's hue depends on its lightness alone; a curve through it leaves only noise.
TONE_DEGREE = 6
TONE_SPREAD = 5.0  # ab units from that curve

Floats: TypeAlias = NDArray[np.float32]
log = logging.getLogger(__name__)


class Finding(NamedTuple):
    """A picture that does not belong into training, why, and what was done about it."""

    picture: Picture
    reason: str
    action: str = "kept"


def lack_of_color(rgb: Rgb) -> str | None:
    """Say in which way rgb (H, W, 3) uint8 has no color of its own, or None if it has."""
    lab = rgb2lab(_sample(rgb)).reshape(-1, 3)
    if (np.hypot(lab[:, 1], lab[:, 2]) >= GRAY_CHROMA).mean() < COLORED_SHARE:
        return "grayscale"
    if (_off_tone(lab) >= TONE_SPREAD).mean() < COLORED_SHARE:
        return "one tone (sepia or the like)"
    return None


def fault(picture: Picture) -> str | None:
    """Say why a picture cannot teach color, or None if it can."""
    try:
        data = read_bytes(picture)
        with _native_stderr() as complaints:
            rgb = decode_rgb(data, at_least_px=SAMPLE_PX)
        if "Corrupt" in complaints() and "extraneous bytes" not in complaints():
            return f"corrupt JPEG ({complaints().splitlines()[0].split(': ')[-1]})"
    except PictureError as error:
        return str(error)
    if not is_jpeg(data):
        return f"not JPEG but {format_of(data)}"
    return lack_of_color(rgb)


def faults(pictures: Sequence[Picture]) -> list[Finding]:
    """Look at some pictures and return those with a fault."""
    reasons = ((picture, fault(picture)) for picture in pictures)
    return [Finding(picture, reason) for picture, reason in reasons if reason]


def find_faults(pictures: Sequence[Picture], *, processes: int) -> list[Finding]:
    """Look at all pictures with all hands; findings in the order of the list."""
    tasks = (
        (start, pictures[start : start + PICTURES_PER_TASK])
        for start in range(0, len(pictures), PICTURES_PER_TASK)
    )
    found: dict[int, list[Finding]] = {}
    with tqdm(total=len(pictures), unit="picture", disable=None) as bar:
        for start, findings in run_tasks(faults, tasks, processes=processes):
            found[start] = findings
            bar.update(min(PICTURES_PER_TASK, len(pictures) - start))
    return [finding for start in sorted(found) for finding in found[start]]


def clear(finding: Finding, *, folder: Path | None) -> Finding:
    """Move a picture below `folder`, its tree kept, or delete it if there is none."""
    picture = finding.picture
    if picture.offset >= 0:
        return finding._replace(action=f"kept: inside {picture.file}")
    source = Path(picture.file)
    if folder is None:
        source.unlink()
        return finding._replace(action="deleted")
    target = folder / picture.name
    if target.exists():
        return finding._replace(action=f"kept: {target} exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    return finding._replace(action=f"moved to {target}")


def _sample(rgb: Rgb) -> Rgb:
    scale = SAMPLE_PX / min(rgb.shape[:2])
    if scale >= 1:
        return rgb
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _off_tone(lab: Floats) -> Floats:
    """Distance in ab (n,) of colors (n, 3) from the best curve over their lightness."""
    powers = np.vander(lab[:, 0] / 50 - 1, TONE_DEGREE + 1)
    curve = powers @ np.linalg.lstsq(powers, lab[:, 1:], rcond=None)[0]
    return np.asarray(np.linalg.norm(lab[:, 1:] - curve, axis=1))


@contextmanager
def _native_stderr() -> Iterator[Callable[[], str]]:
    """Collect what C libraries say on stderr: libjpeg goes on after damage and only mentions it."""
    with tempfile.TemporaryFile() as file:
        said: list[str] = []
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: said[0]
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said.append(file.read().decode(errors="replace"))


def _run(given: argparse.Namespace) -> list[Finding]:
    roots = given.data or [root for root in ROOTS if root.exists()] or [ROOTS[0]]
    if given.move:
        _check_apart(given.move, roots)
    pictures = list_all(roots)
    findings = find_faults(pictures, processes=given.processes)
    if given.move or given.delete:
        findings = [clear(finding, folder=given.move) for finding in findings]
    if given.report:
        rows = [(found.picture.name, found.reason, found.action) for found in findings]
        write_table(given.report, ("picture", "reason", "action"), rows)
        log.info("%s", given.report)
    log.info("%d pictures, %d of them to clear", len(pictures), len(findings))
    return findings


def _check_apart(folder: Path, roots: Sequence[Path]) -> None:
    for root in roots:
        if folder.resolve().is_relative_to(root.resolve()):
            raise PictureError(f"-move {folder} lies inside {root}: give a folder outside")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="List the pictures that cannot be read, are truncated, not JPEG, or without "
        "color (grayscale, sepia), with the reason. Reads folder trees and .tar shards; writes "
        "nothing and changes nothing unless asked to.",
    )
    add = parser.add_argument
    add_source_options(add, default=[], shown="data/train and data/test")
    add("-report", "--report", type=Path, metavar="FILE.csv", help="write the list as CSV, too")
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "-move",
        "--move",
        type=Path,
        metavar="FOLDER",
        help="move the listed pictures there, their tree kept",
    )
    action.add_argument(
        "-delete", "--delete", action="store_true", help="delete the listed pictures"
    )
    return parser


def main() -> int:
    """Read the command line, look, and print the list."""
    parser = _parser()
    given = parser.parse_args()
    if given.processes < 1:
        parser.error("-processes wants at least 1")

    def work() -> int:
        for finding in _run(given):
            line = f"{finding.picture.name}\t{finding.reason}\t{finding.action}"
            print(line.encode(errors="surrogateescape").decode(errors="replace"))
        return 0

    return exit_code(work)


if __name__ == "__main__":
    raise SystemExit(main())

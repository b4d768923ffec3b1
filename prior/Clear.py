"""List pictures unsuitable for training: unreadable, not JPEG, gray or toned; remove them on request."""

import logging
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
import numpy as np

from color.arrays import Floats
from prior.batches import Batch, PictureOptions, batches, map_batches
from prior.command import run_script
from prior.dataset import (
    Picture,
    PictureError,
    Rgb,
    decode_rgb,
    format_of,
    is_jpeg,
    list_all,
    read_bytes,
)
from prior.histogram import COLORED_SHARE, GRAY_CHROMA
from prior.lab import rgb2lab
from runtime.files import check_folder, write_table
from runtime.options import option
from runtime.standard_error import captured_stderr

BATCH_SIZE = 64
SAMPLE_PX = 48  # short side at which color is checked; averaging removes JPEG noise
# The color of a toned picture is a function of its lightness alone: a polynomial fit leaves only noise.
TONE_DEGREE = 6
TONE_SPREAD = 5.0  # ab units from the fitted curve
DESCRIPTION = """\
List pictures that are unreadable, truncated, not JPEG, or without color (grayscale, sepia), with the
reason. Reads folder trees and .tar shards; writes and changes nothing unless an option asks for it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClearOptions(PictureOptions):
    """Options of input, report, and removal of unsuitable pictures."""

    report: Path | None = option(None, "also write the list as CSV", metavar="FILE.csv")
    move: Path | None = option(
        None, "move the listed pictures to this folder, keeping their tree", metavar="FOLDER"
    )
    delete: bool = option(False, "delete the listed pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.move and self.delete:
            raise ValueError("-move is not allowed with -delete: use one of them")


class Finding(NamedTuple):
    """A picture unsuitable for training, the reason, and the action taken."""

    picture: Picture
    reason: str
    action: str = "kept"


def lack_of_color(rgb: Rgb) -> str | None:
    """Return why rgb (H, W, 3) uint8 counts as colorless, or None if it has color."""
    lab = rgb2lab(_sample(rgb)).reshape(-1, 3)
    if (np.hypot(lab[:, 1], lab[:, 2]) >= GRAY_CHROMA).mean() < COLORED_SHARE:
        return "grayscale"
    if (_off_tone(lab) >= TONE_SPREAD).mean() < COLORED_SHARE:
        return "one tone (sepia or the like)"
    return None


def fault(picture: Picture) -> str | None:
    """Return why a picture is unsuitable for training, or None if it is suitable."""
    try:
        data = read_bytes(picture)
        warnings: list[str] = []
        with captured_stderr(warnings.append):  # libjpeg continues after damage with a warning only
            rgb = decode_rgb(data, at_least_px=SAMPLE_PX)
        text = "\n".join(warnings)
        if "Corrupt" in text and "extraneous bytes" not in text:
            return f"corrupt JPEG ({warnings[0].split(': ')[-1]})"
    except PictureError as error:
        return str(error)
    if not is_jpeg(data):
        return f"not JPEG but {format_of(data)}"
    return lack_of_color(rgb)


def faults(batch: Batch) -> list[Finding]:
    """Check a batch of pictures and return those with a fault."""
    reasons = ((picture, fault(picture)) for picture in batch.pictures)
    return [Finding(picture, reason) for picture, reason in reasons if reason]


def find_faults(pictures: Sequence[Picture], *, processes: int) -> list[Finding]:
    """Check all pictures; return findings in the order of the list."""
    items = batches(pictures, size=BATCH_SIZE)
    found = {
        batch.number: findings
        for batch, findings in map_batches(
            faults, items, work="checking", total=len(pictures), processes=processes
        )
    }
    return [finding for number in sorted(found) for finding in found[number]]


def clear(finding: Finding, *, folder: Path | None) -> Finding:
    """Move a picture into the same tree below `folder`, or delete it if `folder` is None; record the action."""
    try:
        action = _clear(finding.picture, folder)
    except OSError as error:  # continue, because pictures already removed must be listed
        action = f"kept: {error.strerror or error}"
    return finding._replace(action=action)


def _clear(picture: Picture, folder: Path | None) -> str:
    if picture.offset >= 0:
        return f"kept: inside {picture.file}"
    source = Path(picture.file)
    if folder is None:
        source.unlink()
        return "deleted"
    target = folder / picture.name
    if target.exists():
        return f"kept: {target} exists"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)
    return f"moved to {target}"


def _sample(rgb: Rgb) -> Rgb:
    scale = SAMPLE_PX / min(rgb.shape[:2])
    if scale >= 1:
        return rgb
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def _off_tone(lab: Floats) -> Floats:
    """Return the distance in ab (n,) of colors (n, 3) from a polynomial fit over their lightness."""
    powers = np.vander(lab[:, 0] / 50 - 1, TONE_DEGREE + 1)
    curve = powers @ np.linalg.lstsq(powers, lab[:, 1:], rcond=None)[0]
    return np.asarray(np.linalg.norm(lab[:, 1:] - curve, axis=1))


def _run(options: ClearOptions, *, show: Callable[[Finding], object]) -> int:
    folders = options.folders()
    _check_places(options, folders)
    pictures = list_all(folders)
    findings = find_faults(pictures, processes=options.processes)
    try:
        for number, finding in enumerate(findings):
            if options.move or options.delete:
                findings[number] = clear(finding, folder=options.move)
            show(findings[number])
    finally:  # even after an error, list the pictures removed so far
        if options.report:
            rows = [(found.picture.name, found.reason, found.action) for found in findings]
            write_table(options.report, ("picture", "reason", "action"), rows)
            log.info("%s", options.report)
    log.info("%d pictures, %d of them unsuitable", len(pictures), len(findings))
    return 0


def _check_places(options: ClearOptions, folders: Sequence[Path]) -> None:
    """Raise ValueError, before anything is moved, for outputs that cannot be written."""
    if options.move:
        _check_apart(options.move, folders)
        check_folder(options.move, option="-move")
    if options.report:
        if options.report.is_dir():
            raise ValueError(f"-report {options.report} is a folder: expected a file")
        if not options.report.parent.exists():
            raise ValueError(
                f"-report {options.report}: folder {options.report.parent} does not exist: create it"
            )
        check_folder(options.report.parent, option="-report")


def _check_apart(move: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if move.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"-move {move} is inside {folder}: use a folder outside it")


def main() -> int:
    """Parse the command line, check the pictures, and print the list."""

    def show(finding: Finding) -> None:
        line = f"{finding.picture.name}\t{finding.reason}\t{finding.action}"
        print(line.encode(errors="surrogateescape").decode(errors="replace"))

    work = partial(_run, show=show)
    return run_script("prior/Clear.py", work, ClearOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

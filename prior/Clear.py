"""List the pictures that training cannot use: unreadable, not JPEG, gray or toned; remove them on request."""

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
SAMPLE_PX = 48  # a picture's short side when its color is judged; averaging removes JPEG noise
# A toned picture's hue depends on its lightness alone; a curve through it leaves only noise.
TONE_DEGREE = 6
TONE_SPREAD = 5.0  # ab units from that curve
DESCRIPTION = """\
List the pictures that cannot be read, are truncated, not JPEG, or without color (grayscale, sepia), with
the reason. Reads folder trees and .tar shards; writes nothing and changes nothing unless asked to."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClearOptions(PictureOptions):
    """Which pictures to judge, and what to do with those that training cannot use."""

    report: Path | None = option(None, "write the list as CSV, too", metavar="FILE.csv")
    move: Path | None = option(
        None, "move the listed pictures there, their tree kept", metavar="FOLDER"
    )
    delete: bool = option(False, "delete the listed pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.move and self.delete:
            raise ValueError("-move is not allowed with -delete: give one of them")


class Finding(NamedTuple):
    """A picture that training cannot use, why, and what was done about it."""

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
        warnings: list[str] = []
        with captured_stderr(warnings.append):  # libjpeg goes on after damage and only warns of it
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
    """Judge some pictures and return those with a fault."""
    reasons = ((picture, fault(picture)) for picture in batch.pictures)
    return [Finding(picture, reason) for picture, reason in reasons if reason]


def find_faults(pictures: Sequence[Picture], *, processes: int) -> list[Finding]:
    """Judge all pictures; findings in the order of the list."""
    items = batches(pictures, size=BATCH_SIZE)
    found = {
        batch.number: findings
        for batch, findings in map_batches(
            faults, items, work="judging", total=len(pictures), processes=processes
        )
    }
    return [finding for number in sorted(found) for finding in found[number]]


def clear(finding: Finding, *, folder: Path | None) -> Finding:
    """Move a picture below `folder`, its tree kept, or delete it if there is none; say so, or why it was kept."""
    try:
        action = _clear(finding.picture, folder)
    except OSError as error:  # this picture's alone: those before it are gone, and must be listed
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
    """Distance in ab (n,) of colors (n, 3) from the best curve over their lightness."""
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
    finally:  # whatever stops it, what was cleared until then is on the list
        if options.report:
            rows = [(found.picture.name, found.reason, found.action) for found in findings]
            write_table(options.report, ("picture", "reason", "action"), rows)
            log.info("%s", options.report)
    log.info("%d pictures, %d of them to clear", len(pictures), len(findings))
    return 0


def _check_places(options: ClearOptions, folders: Sequence[Path]) -> None:
    """Refuse, before anything is moved, places that cannot be written to. Raises ValueError."""
    if options.move:
        _check_apart(options.move, folders)
        check_folder(options.move, option="-move")
    if options.report:
        if options.report.is_dir():
            raise ValueError(f"-report {options.report} is a folder: name a file")
        if not options.report.parent.exists():
            raise ValueError(
                f"-report {options.report}: there is no folder {options.report.parent}"
            )
        check_folder(options.report.parent, option="-report")


def _check_apart(move: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        if move.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"-move {move} lies inside {folder}: give a folder outside")


def main() -> int:
    """Read the command line, judge, and print the list."""

    def show(finding: Finding) -> None:
        line = f"{finding.picture.name}\t{finding.reason}\t{finding.action}"
        print(line.encode(errors="surrogateescape").decode(errors="replace"))

    work = partial(_run, show=show)
    return run_script("prior/Clear.py", work, ClearOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

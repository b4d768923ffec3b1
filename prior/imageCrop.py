"""Shrink and center-crop pictures to one size into another folder, so that training reads fast."""

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2

from image.crop import center_square
from prior.batches import DATA, Batch, PictureOptions, batches, map_batches
from prior.command import run_script
from prior.dataset import Picture, PictureError, Problem, Rgb, list_all, read_rgb
from runtime.files import write_bytes, write_json, write_table
from runtime.options import option

OUT = DATA / "cropped"
BATCH_SIZE = 32
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe")
MARK = ".imageCrop.json"  # the settings that an output folder was started with
DESCRIPTION = """\
Shrink pictures and cut their middle square. Reads folder trees and .tar shards; writes JPEG into another
folder, the tree kept, and imageCrop.csv with what could not be read. Pictures that are there already
are left: the same command continues."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CropOptions(PictureOptions):
    """Which pictures to crop, how, and where to."""

    out: Path = option(
        OUT, "folder to write", metavar="FOLDER", shown="data/cropped of this project"
    )
    size: int = option(256, "side of the squares, in pixels", low=1, metavar="PX")
    quality: int = option(95, "of the JPEG", low=1, high=100, metavar="1-100")


class CropSettings(NamedTuple):
    """How the pictures in one folder are made."""

    size_px: int
    quality: int


class Cropped(NamedTuple):
    """How many pictures were written and were there before, and those that could not be read."""

    written: int = 0
    found: int = 0
    problems: tuple[Problem, ...] = ()


def target_of(picture: Picture, out: Path) -> Path:
    """Name the cropped picture: the tree is kept, and what was no JPEG gets .jpg appended."""
    name = picture.name if picture.name.lower().endswith(JPEG_SUFFIXES) else f"{picture.name}.jpg"
    return out / name


def crop_batch(batch: Batch, *, out: Path, settings: CropSettings) -> Cropped:
    """Crop some pictures; those that exist are finished, those unreadable become problems."""
    written = found = 0
    problems = []
    for picture in batch.pictures:
        target = target_of(picture, out)
        if target.exists():
            found += 1
            continue
        try:
            rgb = read_rgb(picture, at_least_px=settings.size_px)
        except PictureError as error:
            problems.append(Problem(picture.name, str(error)))
            continue
        square = center_square(rgb, side_px=settings.size_px)
        _write_jpeg(target, square, settings.quality)
        written += 1
    return Cropped(written, found, tuple(problems))


def crop_all(
    pictures: Sequence[Picture], out: Path, *, settings: CropSettings, processes: int
) -> Cropped:
    """Crop all pictures into `out`, continuing what is there."""
    crop = partial(crop_batch, out=out, settings=settings)
    items = batches(pictures, size=BATCH_SIZE)
    results = [
        result
        for _, result in map_batches(
            crop, items, work="cropping", total=len(pictures), processes=processes
        )
    ]
    problems = sorted(problem for result in results for problem in result.problems)
    written, found = sum(r.written for r in results), sum(r.found for r in results)
    return Cropped(written, found, tuple(problems))


def _write_jpeg(path: Path, rgb: Rgb, quality: int) -> None:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, f"no JPEG from {rgb.shape}"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Flushing each to the disk takes fifteen times as long as cropping it.
    write_bytes(path, data.tobytes(), durable=False)


def _check_settings(out: Path, settings: CropSettings) -> None:
    """Record how the pictures of this folder are made, or check that earlier ones were made so."""
    out.mkdir(parents=True, exist_ok=True)
    mark = out / MARK
    if not mark.exists():
        write_json(mark, settings._asdict())
        return
    earlier = json.loads(mark.read_text("utf-8"))
    if earlier != settings._asdict():
        words = f"-size {earlier['size_px']} -quality {earlier['quality']}"
        raise ValueError(f"{out} was started with {words}: give the same or another -out")


def _check_apart(out: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        inner, outer = sorted((out.resolve(), folder.resolve()), key=lambda path: -len(path.parts))
        # The default layout has data/cropped beside data/train: only nesting is a danger.
        if inner.is_relative_to(outer):
            raise ValueError(f"-out {out} and {folder} lie inside each other: give another -out")


def _run(options: CropOptions) -> int:
    folders = options.folders()
    _check_apart(options.out, folders)
    pictures = list_all(folders, named=None if options.data else True)
    settings = CropSettings(options.size, options.quality)
    _check_settings(options.out, settings)
    done = crop_all(pictures, options.out, settings=settings, processes=options.processes)
    log.info("%d written, %d were there, %d failed", done.written, done.found, len(done.problems))
    if done.problems:
        report = options.out / "imageCrop.csv"
        write_table(report, ("picture", "reason"), done.problems)
        log.info("failed, with reasons: %s", report)
    return 0


def main() -> int:
    """Read the command line and crop."""
    return run_script("prior/imageCrop.py", _run, CropOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

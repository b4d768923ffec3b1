"""Downscale and center-crop pictures to one size into another folder, for fast reading in training."""

import errno
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

from image.resize import center_square
from prior.batches import DATA, Batch, PictureOptions, batches, map_batches
from prior.command import run_script
from prior.dataset import Picture, PictureError, Problem, Rgb, list_all, read_rgb
from runtime.files import write_bytes, write_json, write_table
from runtime.options import option

OUT = DATA / "cropped"
BATCH_SIZE = 32
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe")
MARK = ".imageCrop.json"  # settings of an output folder
DESCRIPTION = """\
Downscale pictures and crop their central square. Reads folder trees and .tar shards; writes JPEGs into another
folder with the same tree, and unreadable pictures to imageCrop.csv. Existing pictures are skipped, so the same
command continues an interrupted run."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CropOptions(PictureOptions):
    """Options of input, cropping and output."""

    out: Path = option(
        OUT, "folder to write", metavar="FOLDER", shown="data/cropped of this project"
    )
    size: int = option(256, "side of the squares, in pixels", low=1, metavar="PX")
    quality: int = option(95, "JPEG quality", low=1, high=100, metavar="1-100")


class CropSettings(NamedTuple):
    """Settings of the pictures in one output folder."""

    size_px: int
    quality: int


class Cropped(NamedTuple):
    """Numbers of pictures written and of pictures that existed, and the unreadable ones."""

    written: int = 0
    found: int = 0
    problems: tuple[Problem, ...] = ()


def target_of(picture: Picture, out: Path) -> Path:
    """Return the path of the cropped picture: same tree, with .jpg appended unless the name is a JPEG's."""
    name = picture.name if picture.name.lower().endswith(JPEG_SUFFIXES) else f"{picture.name}.jpg"
    return out / name


def crop_batch(batch: Batch, *, out: Path, settings: CropSettings) -> Cropped:
    """Crop a batch of pictures; skip existing ones, and report unreadable ones as problems."""
    written = found = 0
    problems = []
    for picture in batch.pictures:
        target = target_of(picture, out)
        try:
            if _exists(target):
                found += 1
                continue
            rgb = read_rgb(picture, at_least_px=settings.size_px)
        except PictureError as error:
            problems.append(Problem(picture.name, str(error)))
            continue
        square = center_square(rgb, side_px=settings.size_px)
        _write_jpeg(target, square, settings.quality)
        written += 1
    return Cropped(written, found, tuple(problems))


def _exists(target: Path) -> bool:
    """Return whether a file exists. Raises PictureError for a name, with its suffix, that no file can have."""
    try:
        target.stat()
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise PictureError(f"its name is too long with {target.suffix}: shorten it") from error
    return True


def crop_all(
    pictures: Sequence[Picture], out: Path, *, settings: CropSettings, processes: int
) -> Cropped:
    """Crop all pictures into `out`, continuing an interrupted run."""
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
    assert done, f"cannot encode {rgb.shape} as JPEG"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Flushing each file to disk takes fifteen times as long as cropping it.
    write_bytes(path, data.tobytes(), durable=False)


def _check_settings(out: Path, settings: CropSettings) -> None:
    """Record the settings of the output folder, or check that they match those of an earlier run."""
    out.mkdir(parents=True, exist_ok=True)
    mark = out / MARK
    if not mark.exists():
        write_json(mark, settings._asdict())
        return
    earlier = json.loads(mark.read_text("utf-8"))
    if earlier != settings._asdict():
        words = f"-size {earlier['size_px']} -quality {earlier['quality']}"
        raise ValueError(f"{out} was started with {words}: use the same settings, or another -out")


def _check_apart(out: Path, folders: Sequence[Path]) -> None:
    for folder in folders:
        inner, outer = sorted((out.resolve(), folder.resolve()), key=lambda path: -len(path.parts))
        # In the default layout, data/cropped is beside data/train: only nesting is dangerous.
        if inner.is_relative_to(outer):
            raise ValueError(f"-out {out} and {folder} overlap: choose another -out")


def _run(options: CropOptions) -> int:
    folders = options.folders()
    _check_apart(options.out, folders)
    pictures = list_all(folders, named=None if options.data else True)
    settings = CropSettings(options.size, options.quality)
    _check_settings(options.out, settings)
    done = crop_all(pictures, options.out, settings=settings, processes=options.processes)
    log.info("%d written, %d existed, %d failed", done.written, done.found, len(done.problems))
    if done.problems:
        report = options.out / "imageCrop.csv"
        write_table(report, ("picture", "reason"), done.problems)
        log.info("failed pictures, with reasons: %s", report)
    return 0


def main() -> int:
    """Parse the command line and crop."""
    return run_script("prior/imageCrop.py", _run, CropOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

"""Shrink and center-crop pictures to one size into another folder, so that training reads fast."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
from tqdm import tqdm

from image.crop import center_square
from prior.crew import add_source_options, exit_code, run_tasks
from prior.files import whole_file, write_record, write_table
from prior.pictures import Picture, PictureError, Rgb, list_all, read_rgb

DATA = Path(__file__).resolve().parent.parent / "data"
ROOTS = (DATA / "train", DATA / "test")
OUT = DATA / "cropped"
SIZE_PX, QUALITY = 256, 95
PICTURES_PER_TASK = 32
JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe")
MARK = ".imageCrop.json"  # the settings an output folder was begun with

log = logging.getLogger(__name__)


class Settings(NamedTuple):
    """How the pictures in one folder are made."""

    size_px: int = SIZE_PX
    quality: int = QUALITY


class Work(NamedTuple):
    """Some pictures to crop, as they travel to a worker."""

    pictures: Sequence[Picture]
    out: Path
    settings: Settings


class Done(NamedTuple):
    """How many pictures were written and were there before, and those that could not be."""

    written: int
    found: int
    problems: list[tuple[str, str]]


def target_of(picture: Picture, out: Path) -> Path:
    """Name the cropped picture: the tree is kept, and what was no JPEG gets .jpg appended."""
    name = picture.name if picture.name.lower().endswith(JPEG_SUFFIXES) else f"{picture.name}.jpg"
    return out / name


def crop_some(work: Work) -> Done:
    """Crop some pictures; those that exist are finished, those unreadable become problems."""
    written = found = 0
    problems = []
    for picture in work.pictures:
        target = target_of(picture, work.out)
        if target.exists():
            found += 1
            continue
        try:
            rgb = read_rgb(picture, at_least_px=work.settings.size_px)
        except PictureError as error:
            problems.append((picture.name, str(error)))
            continue
        square = center_square(rgb, side_px=work.settings.size_px)
        _write_jpeg(target, square, work.settings.quality)
        written += 1
    return Done(written, found, problems)


def crop_all(pictures: Sequence[Picture], out: Path, *, settings: Settings, processes: int) -> Done:
    """Crop all pictures into `out`, continuing what is there."""
    tasks = (
        (start, Work(pictures[start : start + PICTURES_PER_TASK], out, settings))
        for start in range(0, len(pictures), PICTURES_PER_TASK)
    )
    written, found, problems = 0, 0, list[tuple[str, str]]()
    with tqdm(total=len(pictures), unit="picture", disable=None) as bar:
        for _, done in run_tasks(crop_some, tasks, processes=processes):
            written, found = written + done.written, found + done.found
            problems += done.problems
            bar.update(done.written + done.found + len(done.problems))
    return Done(written, found, sorted(problems))


def _write_jpeg(path: Path, rgb: Rgb, quality: int) -> None:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, f"no JPEG from {rgb.shape}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _mark(out: Path, settings: Settings) -> None:
    """Write down how this folder is made, or check that it was made so before."""
    out.mkdir(parents=True, exist_ok=True)
    mark = out / MARK
    if not mark.exists():
        write_record(mark, settings._asdict())
        return
    earlier = json.loads(mark.read_text("utf-8"))
    if earlier != settings._asdict():
        words = f"-size {earlier['size_px']} -quality {earlier['quality']}"
        raise PictureError(f"{out} was begun with {words}: give the same or another -out")


def _check_apart(out: Path, roots: Sequence[Path]) -> None:
    for root in roots:
        inner, outer = sorted((out.resolve(), root.resolve()), key=lambda path: -len(path.parts))
        # The default layout has data/cropped beside data/train: only nesting is a danger.
        if inner.is_relative_to(outer):
            raise PictureError(f"-out {out} and {root} lie inside each other: give another -out")


def _run(given: argparse.Namespace) -> int:
    roots = given.data or [root for root in ROOTS if root.exists()] or [ROOTS[0]]
    _check_apart(given.out, roots)
    pictures = list_all(roots, named=None if given.data else True)
    settings = Settings(given.size, given.quality)
    _mark(given.out, settings)
    done = crop_all(pictures, given.out, settings=settings, processes=given.processes)
    log.info("%d written, %d were there, %d failed", done.written, done.found, len(done.problems))
    if done.problems:
        report = given.out / "imageCrop.csv"
        write_table(report, ("picture", "reason"), done.problems)
        log.info("failed, with reasons: %s", report)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Shrink pictures and cut their middle square. Reads folder trees and .tar "
        "shards; writes JPEG into another folder, the tree kept, and imageCrop.csv with what could "
        "not be read. Pictures that are there already are left: the same command continues.",
    )
    add = parser.add_argument
    add_source_options(add, default=[], shown="data/train and data/test")
    add(
        "-out",
        "--out",
        type=Path,
        default=OUT,
        metavar="FOLDER",
        help="default: data/cropped of this project",
    )
    add("-size", "--size", type=int, default=SIZE_PX, metavar="PX", help="default: %(default)s")
    add(
        "-quality",
        "--quality",
        type=int,
        default=QUALITY,
        metavar="1-100",
        help="of the JPEG (default: %(default)s)",
    )
    return parser


def main() -> int:
    """Read the command line and crop."""
    parser = _parser()
    given = parser.parse_args()
    if given.size < 1 or given.processes < 1:
        parser.error("-size and -processes want at least 1")
    if not 1 <= given.quality <= 100:
        parser.error(f"-quality wants 1 to 100, got {given.quality}")
    return exit_code(lambda: _run(given))


if __name__ == "__main__":
    raise SystemExit(main())

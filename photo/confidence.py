"""Confidence maps: their paths and marks, and writing them as gray pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from color.arrays import Floats
from photo.inputs import Output, Result, Task, name_results
from photo.read import SOFTWARE
from runtime.files import open_for_library, whole_file

MAP_SUFFIX = ".png"
MAP = ".confidence"  # NAME.confidence.png in a folder
OPTION = "-confidence"


def map_tasks(
    tasks: Sequence[Task], named: Path, places: Mapping[Path, Path]
) -> tuple[list[Task], list[Result]]:
    """Return each photo with its map's path, the named PNG file or one in the named folder, and photos without one.

    places : of the photos, below a folder of results
    Raises ValueError for one file with several photos, and for a file that is not a PNG.
    """
    is_file = named.suffix.lower() == MAP_SUFFIX and not named.is_dir()
    if is_file and len(tasks) > 1:
        raise ValueError(f"{OPTION} {named} is one file for {len(tasks)} photos: name a folder")
    if not is_file and named.suffix and not named.is_dir():
        raise ValueError(f"{OPTION} {named} is not a {MAP_SUFFIX} file: name one, or a folder")
    if is_file:
        return [Task(task.source, named) for task in tasks], []
    return name_results(
        [(task.source, places[task.source]) for task in tasks],
        lambda path, place: named / place.with_name(f"{place.stem}{MAP}{MAP_SUFFIX}"),
    )


def map_outputs(maps: Sequence[Task]) -> list[Output]:
    """List the maps as output files."""
    return [Output(task.target, task.source, "a map", OPTION) for task in maps]


def map_mark(mark: str) -> str:
    """Return the mark of a photo's map: that of its result, but for a word that tells them apart."""
    return mark.replace(": of ", ": confidence of ", 1)


def write_map(path: Path, confidence: Floats, *, mark: str = "") -> None:
    """Write a confidence (H, W) 0..1 as an 8-bit gray picture, white for 1, with its mark."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if mark:
        exif[SOFTWARE] = mark
    with whole_file(path) as part, open_for_library(part) as file:
        picture = Image.fromarray(np.rint(confidence * 255).astype(np.uint8))
        picture.save(file, format="PNG", exif=exif)

"""Confidence maps: their paths, and writing them as gray pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from color.arrays import Floats
from photo.inputs import Output, Task
from runtime.files import open_for_library, whole_file

MAP_SUFFIX = ".png"
MAP = ".confidence"  # NAME.confidence.png in a folder
OPTION = "-confidence"


def map_paths(tasks: Sequence[Task], named: Path) -> dict[Task, Path]:
    """Return each photo's map path: the named PNG file, or a file in the named folder.

    Raises ValueError for one file with several photos, and for a file that is not a PNG.
    """
    is_file = named.suffix.lower() == MAP_SUFFIX and not named.is_dir()
    if is_file and len(tasks) > 1:
        raise ValueError(f"{OPTION} {named} is one file for {len(tasks)} photos: name a folder")
    if not is_file and named.suffix and not named.is_dir():
        raise ValueError(f"{OPTION} {named} is not a {MAP_SUFFIX} file: name one, or a folder")
    if is_file:
        return {task: named for task in tasks}
    return {task: named / f"{task.source.stem}{MAP}{MAP_SUFFIX}" for task in tasks}


def map_outputs(maps: dict[Task, Path]) -> list[Output]:
    """List the maps as output files."""
    return [Output(path, task.source, "a map", OPTION) for task, path in maps.items()]


def write_map(path: Path, confidence: Floats) -> None:
    """Write a confidence (H, W) 0..1 as an 8-bit gray picture, white for 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part, open_for_library(part) as file:
        Image.fromarray(np.rint(confidence * 255).astype(np.uint8)).save(file, format="PNG")

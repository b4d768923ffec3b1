"""What the network knows of a photo, printed and written: a map of its confidence, places where a hint would help."""

from collections.abc import Callable, Iterator, Sequence
from os.path import realpath
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from color.arrays import Floats, Picture
from color.guidance import Guidance
from color.likely import Suggestion
from photo.batch import failures_of
from photo.inputs import Result, Task, check_collisions
from photo.options import PhotoOptions
from photo.read import read_photo
from runtime.console import one_line
from runtime.files import check_folder, whole_file, write_json

MAP_SUFFIX = ".png"
MAP = ".confidence"  # NAME.confidence.png, in a folder


class Analyzer(Protocol):
    """What tells of a gray picture (H, W), guided or not: `gray2color.Colorizer`."""

    def confidence(self, gray: Picture, guidance: Guidance) -> Floats: ...

    def suggest(self, gray: Picture, n: int, guidance: Guidance) -> Sequence[Suggestion]: ...


def check_analysis(tasks: Sequence[Task], options: PhotoOptions, *, overwrite: bool) -> None:
    """Refuse, before any work, places that maps and suggestions cannot be written to. Raises ValueError."""
    maps = map_paths(tasks, options.confidence) if options.confidence else {}
    written = [Task(task.source, path) for task, path in maps.items()]
    check_collisions(written, option="-confidence")
    if options.suggest_json and tasks:
        if realpath(options.suggest_json) in {realpath(path) for path in maps.values()}:
            raise ValueError(
                f"{options.suggest_json} is a map's place: name another with -suggest_json"
            )
        written.append(Task(tasks[0].source, options.suggest_json))
    # Not Path.resolve, which raises RuntimeError for a link to itself before Python 3.13.
    inputs = {realpath(task.source) for task in tasks}
    results = {realpath(task.target) for task in tasks}
    for task in written:
        if realpath(task.target) in inputs:
            raise ValueError(f"{task.target} is an input: name another place")
        if realpath(task.target) in results:
            raise ValueError(f"{task.target} is the result's place: name another")
        if task.target.is_dir():
            raise ValueError(f"{task.target} is a folder: name a file")
        if task.target.exists() and not overwrite:
            raise ValueError(f"{task.target} exists already: add -overwrite, or name another place")
    for folder in {path.parent for path in maps.values()}:
        check_folder(folder, option="-confidence")
    if options.suggest_json:
        check_folder(options.suggest_json.parent, option="-suggest_json")


def map_paths(tasks: Sequence[Task], named: Path) -> dict[Task, Path]:
    """Decide where each photo's map goes: the PNG file that is named, or a file in the folder.

    Raises ValueError for one file and several photos, and for a file that is no PNG.
    """
    is_file = named.suffix.lower() == MAP_SUFFIX and not named.is_dir()
    if is_file and len(tasks) > 1:
        raise ValueError(
            f"-confidence {named} is one file, here are {len(tasks)} photos: name a folder"
        )
    if not is_file and named.suffix and not named.is_dir():
        raise ValueError(f"-confidence {named}: name a {MAP_SUFFIX} file, or a folder")
    if is_file:
        return {task: named for task in tasks}
    return {task: named / f"{task.source.stem}{MAP}{MAP_SUFFIX}" for task in tasks}


def analyze_photos(
    tasks: Sequence[Task],
    factory: Callable[[], Analyzer],
    *,
    options: PhotoOptions,
    guidance: Guidance,
) -> Iterator[Result]:
    """Write each photo's map, yield its suggestions as lines; then write them all as JSON. A failure stops no other.

    factory : called once, at the first photo
    """
    analyzer: Analyzer | None = None
    maps = map_paths(tasks, options.confidence) if options.confidence else {}
    found: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        failures: list[str] = []
        lines: list[str] = []
        with failures_of(task, failures):
            gray = read_photo(task.source).gray
        if not failures:
            analyzer = analyzer or factory()
            with failures_of(task, failures):
                if task in maps:
                    write_map(maps[task], analyzer.confidence(gray, guidance))
                    lines.append(str(maps[task]))
                if options.suggest:
                    places = analyzer.suggest(gray, options.suggest, guidance)
                    lines += [_line(task.source, place) for place in places]
                    found[str(task.source)] = [_record(place) for place in places]
        yield Result(task, error=failures[0]) if failures else Result(task, output=tuple(lines))
    if path := options.suggest_json:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, found)
        except OSError as error:
            yield Result(Task(path, path), error=one_line(path, error))


def write_map(path: Path, confidence: Floats) -> None:
    """Write a confidence (H, W) 0..1 as a gray picture of 8 bits, white where it is 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        Image.fromarray(np.rint(confidence * 255).astype(np.uint8)).save(part, format="PNG")


def _line(photo: Path, place: Suggestion) -> str:
    colors = "  ".join(f"{one.color} {one.share:.0%}" for one in place.colors)
    return f"{photo}: {place.x},{place.y}  {colors}"


def _record(place: Suggestion) -> dict[str, Any]:
    colors = [{"color": one.color, "share": round(one.share, 3)} for one in place.colors]
    return {"x": place.x, "y": place.y, "colors": colors}

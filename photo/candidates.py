"""Several colorizations of one photo as numbered files and on one contact sheet."""

import os
from collections.abc import Sequence
from pathlib import Path

from image.sheet import contact_sheet
from photo.candidate_file import write_candidate
from photo.compose import Composition
from photo.inputs import Kind, Output, Result, Task, check_places
from photo.options import PhotoOptions
from photo.read import Photo
from photo.standing import Standing, judged, log_standing, occupied
from photo.write import write_photo

SHEET = "candidates"  # NAME.candidates.EXT
TILE_PX = 480  # width of a tile on the sheet, large enough to choose by


def candidate_path(target: Path, number: int) -> Path:
    """Return a candidate's path: NAME.1.EXT for NAME.EXT."""
    return target.with_name(f"{target.stem}.{number}{target.suffix}")


def sheet_path(target: Path) -> Path:
    """Return the sheet's path: NAME.candidates.EXT for NAME.EXT."""
    return target.with_name(f"{target.stem}.{SHEET}{target.suffix}")


def standing_candidates(
    tasks: Sequence[Task], number: int, *, kind: Kind, overwrite: bool
) -> Standing:
    """Tell the tasks without a finished sheet, which is written last, from those that are done.

    What an earlier run left of an unfinished task carries the photo's mark, and is made again.
    Raises ValueError for outputs that would replace an input or each other, and for folders that are not writable.
    """
    check_places(candidate_outputs(tasks, number), inputs=[task.source for task in tasks])
    of_source = {task.source: task for task in tasks}
    sheets = [Task(task.source, sheet_path(task.target)) for task in tasks]
    now = judged(sheets, kind=kind, overwrite=overwrite)
    found = Standing(done=[of_source[sheet.source] for sheet in now.done], failures=now.failures)
    again = {sheet.source for sheet in now.redone}
    for task in (of_source[sheet.source] for sheet in now.waiting):
        pictures = [Task(task.source, path) for path in candidate_files(task, number)[:-1]]
        parts = judged(pictures, kind=kind, overwrite=overwrite)
        refused = [failure.error for failure in parts.failures]
        refused += [] if overwrite else map(occupied, _strays(pictures))
        if refused:
            found.failures.append(Result(task, error=refused[0]))
            continue
        found.waiting.append(task)
        if task.source in again or parts.redone:
            found.redone.append(task)
    log_standing(found)
    return found


def _strays(pictures: Sequence[Task]) -> list[Task]:
    """Return files in the place of what makes a candidate that is not there, so that they are not ours."""
    makers = [
        Task(one.source, _made_by(one.target))
        for one in pictures
        if not os.path.lexists(one.target)
    ]
    return [maker for maker in makers if os.path.lexists(maker.target)]


def candidate_outputs(tasks: Sequence[Task], number: int) -> list[Output]:
    """List the output files for a number of candidates of each photo, sheets included."""
    return [Output(path, task.source) for task in tasks for path in _files_of(task, number)]


def candidate_files(task: Task, number: int) -> list[Path]:
    """List the paths of a photo's candidates, then the sheet's; not all need to exist."""
    target = task.target
    return [*(candidate_path(target, i + 1) for i in range(number)), sheet_path(target)]


def _files_of(task: Task, number: int) -> list[Path]:
    *pictures, sheet = candidate_files(task, number)
    return [*pictures, *map(_made_by, pictures), sheet]


def _made_by(picture: Path) -> Path:
    """Return the path of what makes a candidate: NAME.1.json for NAME.1.EXT."""
    return picture.with_suffix(".json")


def write_candidates(
    target: Path, pictures: Sequence[Composition], *, like: Photo, options: PhotoOptions
) -> tuple[list[Path], list[str]]:
    """Write each candidate and what makes it, then the sheet; return the pictures' paths and the metadata that was dropped."""
    paths = [candidate_path(target, i + 1) for i in range(len(pictures))]
    dropped: list[str] = []
    for path, picture in zip(paths, pictures, strict=True):
        dropped = write_photo(path, picture, like=like, quality=options.quality)
        if picture.candidate:
            write_candidate(_made_by(path), picture.candidate)
    tiles = [picture.small(2 * TILE_PX / picture.gray.shape[1]) for picture in pictures]
    sheet = contact_sheet(tiles, _captions(len(pictures)), width=TILE_PX)
    write_photo(sheet_path(target), sheet, like=like, quality=options.quality, alpha=False)
    return [*paths, sheet_path(target)], dropped


def _captions(number: int) -> list[str]:
    return ["1 (without -candidates)", *map(str, range(2, number + 1))]

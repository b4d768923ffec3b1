"""Finds the inputs and the path of each result, for photos and films alike.

Files, folders and globs become tasks. A result must not replace an input or another result, and an existing result
counts as finished only if the mark in it identifies this input.
"""

import glob
import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.files import check_folder
from runtime.options import named, option

log = logging.getLogger(__name__)

BESIDE = ".color"  # name.color.jpg: a result beside its input
LONGEST_NAME = 255  # bytes, on every common file system


@dataclass(frozen=True)
class InputOptions:
    """The inputs, and the place of the results."""

    img_in: tuple[str, ...] = option(
        (), "photos: files, folders, globs", read=named, metavar="INPUT"
    )
    movie_in: tuple[str, ...] = option(
        (),
        "films: files, folders, globs, image sequences (scan_%06d.dpx), or - for standard input (mkv, y4m)",
        read=named,
        metavar="INPUT",
    )
    save: str | None = option(
        None, "a file for one input, a folder otherwise (default: name.color.ext beside the input); for films also "
        "pictures (out_%06d.tif), or - for standard output",
        read=named, metavar="OUT",
    )  # fmt: skip
    recursive: bool = option(False, "include all subfolders of folders")
    overwrite: bool = option(False, "replace existing results")


def _none(path: Path) -> str:
    """Take no folder and no pattern as one input."""
    return ""


@dataclass(frozen=True)
class Kind:
    """The differences between photo files and film files.

    suffixes : suffixes of the inputs in folders and globs
    written : suffixes of results; ``fallback`` is used if the input's is not among them
    in_folder : added to the name of a result in a -save folder
    mark_of : (input) -> the mark of its complete result
    mark_in : (file) -> the mark in it, "" for a file that is not a result
    as_one : (input) -> the file name that stands for a folder or pattern that is one input, "" for all others
    """

    name: str
    suffixes: Collection[str]
    written: Collection[str]
    fallback: str
    mark_of: Callable[[Path], str]
    mark_in: Callable[[Path], str]
    in_folder: str = ""
    as_one: Callable[[Path], str] = _none


@dataclass(frozen=True)
class Task:
    """One photo or film: its path and its result's path."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Output:
    """A file that a command will write.

    source : the input it is made from
    what : its name in messages
    option : the option that sets its path
    """

    path: Path
    source: Path
    what: str = "the result"
    option: str = "-save"


@dataclass(frozen=True)
class Result:
    """The outcome of a task: lines of output, notes on its reference and on dropped metadata, or its failure in one line."""

    task: Task
    output: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None


def plan(
    inputs: Sequence[str], *, kind: Kind, save: str | None = None, recursive: bool = False
) -> tuple[list[Task], list[str]]:
    """Convert files, folders and globs to tasks; return them, and one line for each input without any.

    Raises ValueError, as a usage error, for results that would replace an input or each other.
    """
    places: dict[str, tuple[Path, Path]] = {}  # each file's path, and its path below the folder
    failures: list[str] = []
    for text in inputs:
        found = list(_files_of(text, kind=kind, recursive=recursive))
        for path, place in found:
            places.setdefault(os.path.realpath(path), (path, place))
        if not found:
            failures.append(_why_none(text, kind))
    folders = (text for text in inputs if os.path.isdir(text) and not kind.as_one(Path(text)))
    several = len(places) + len(failures) > 1 or any(folders)
    tasks = [
        Task(path, _target(path, place, kind, save, several)) for path, place in places.values()
    ]
    check_places(
        [Output(task.target, task.source) for task in tasks],
        inputs=[path for path, _ in places.values()],
    )
    return tasks, failures


def unfinished(
    tasks: Sequence[Task], *, kind: Kind, overwrite: bool = False
) -> tuple[list[Task], list[str]]:
    """Return the tasks without a result, and one line for each that is unreadable or whose path another file occupies.

    Raises ValueError for a folder that is not writable.
    """
    waiting, failures = [], []
    for task in tasks:
        if len(os.fsencode(task.target.name)) > LONGEST_NAME:
            failures.append(f"{task.target}: the name is too long: give a shorter one with -save")
        elif overwrite or not os.path.lexists(task.target):
            waiting.append(task)
        elif failure := _why_not_done(task, kind):
            failures.append(failure)
    for folder in {task.target.parent for task in waiting}:
        check_folder(folder, option="-save")
    if done := len(tasks) - len(waiting) - len(failures):
        log.info("skipped %d already finished; -overwrite replaces existing results", done)
    return waiting, failures


def _why_not_done(task: Task, kind: Kind) -> str | None:
    """Return why the file at a task's target is not its result, or None if it is."""
    try:
        if kind.mark_in(task.target) == kind.mark_of(task.source):
            return None
    except OSError as error:
        return f"{error.filename or task.source} cannot be read ({error.strerror})"
    return (
        f"{task.target} exists already and is not the complete result of {task.source}: "
        "add -overwrite, or choose another path with -save"
    )


def _files_of(text: str, *, kind: Kind, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """Yield (file, path below the target folder) for a file, a folder or a glob."""
    path = Path(text)
    if name := kind.as_one(path):
        yield path, Path(name)
    elif os.path.isdir(text):
        for file in sorted(path.rglob("*") if recursive else path.iterdir()):
            if _is_input(file, kind):
                yield file, file.relative_to(path)
    elif os.path.lexists(text):
        yield path, Path(path.name)
    else:
        for match in sorted(map(Path, glob.glob(text, recursive=True))):
            if _is_input(match, kind):
                yield match, Path(match.name)


def _is_input(path: Path, kind: Kind) -> bool:
    """Return whether a file is an input by its suffix; hidden files and our own results are not."""
    known = path.suffix.lower() in kind.suffixes and not path.name.startswith(".")
    return known and path.is_file() and not kind.mark_in(path)


def _why_none(text: str, kind: Kind) -> str:
    if os.path.isdir(text):
        known = ", ".join(kind.suffixes)
        return f"{text}: no {kind.name}s in this folder ({known}); -recursive includes subfolders"
    if glob.has_magic(text):
        return f"{text}: no file matches"
    return f"{text}: no such file"


def _target(path: Path, place: Path, kind: Kind, save: str | None, several: bool) -> Path:
    """Return the path of a result."""
    suffix = path.suffix if path.suffix.lower() in kind.written else kind.fallback
    if save is None:
        return path.with_name(f"{place.stem}{BESIDE}{suffix}")
    out, known = Path(save), ", ".join(kind.written)
    if several or os.path.isdir(save) or save.endswith(("/", os.sep)):
        if not os.path.isdir(save) and (os.path.isfile(save) or out.suffix.lower() in kind.written):
            raise ValueError(
                f"-save {save} is a file, but several inputs need a folder: name a folder/"
            )
        return out / place.with_name(f"{place.stem}{kind.in_folder}{suffix}")
    if out.suffix.lower() not in kind.written:
        end = f"ends in {out.suffix}" if out.suffix else "has no extension"
        raise ValueError(f"-save {save} {end}: name a file with {known}, or a folder/")
    return out


def check_places(outputs: Iterable[Output], *, inputs: Iterable[Path]) -> None:
    """Raise ValueError for outputs that would replace an input, under any of its names, or each other."""
    read = {identity for path in inputs for identity in _identities(path)}
    taken: dict[str, Output] = {}
    for output in outputs:
        if read.intersection(_identities(output.path)):
            raise ValueError(f"{output.path} is an input: choose another path with {output.option}")
        # By name only: writing replaces one name of a file, never its other names.
        first = taken.setdefault(os.path.realpath(output.path), output)
        if first is output:
            continue
        if first.option != output.option:
            raise ValueError(
                f"{output.path} is the path of {first.what}: choose another with {output.option}"
            )
        raise ValueError(
            f"{first.source} and {output.source} would both become {output.path}: "
            f"run them one by one, each with its own {output.option}"
        )


def check_outputs(
    outputs: Sequence[Output],
    *,
    inputs: Iterable[Path],
    overwrite: bool,
    others: Sequence[Output] = (),
) -> None:
    """Raise ValueError, before any work, for files that a command must not or cannot write; create nothing.

    A command never replaces an input, writes each file once, and replaces an existing file only with `overwrite`;
    missing folders are created when the file is written.
    others : outputs of the same command that are checked elsewhere
    """
    check_places([*others, *outputs], inputs=inputs)
    for path in (output.path for output in outputs):
        if path.is_dir():
            raise ValueError(f"{path} is a folder: name a file")
        if path.exists() and not overwrite:
            raise ValueError(f"{path} exists already: add -overwrite, or choose another path")
    for folder, named_by in dict.fromkeys((one.path.parent, one.option) for one in outputs):
        check_folder(folder, option=named_by)


def _identities(path: Path) -> set[object]:
    """Identify a file by its name and, if it exists, by device and inode, because hard links have several names."""
    # Path.resolve raises RuntimeError for a link to itself before Python 3.13.
    name: object = os.path.realpath(path)
    try:
        status = os.stat(path)
    except OSError:
        return {name}
    return {name, (status.st_dev, status.st_ino)}

"""Which files are meant and where each result goes, for photos and films alike.

Files, folders and globs become tasks. No result may replace an input or another result, and a result that is there
already counts as done only when what is written in it says that it is of this input.
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
    """What to color, and where to."""

    img_in: tuple[str, ...] = option(
        (), "photos: files, folders, globs", read=named, metavar="INPUT"
    )
    movie_in: tuple[str, ...] = option(
        (), "films: files, folders, globs", read=named, metavar="INPUT"
    )
    save: str | None = option(
        None, "a file for one input, a folder otherwise (default: name.color.ext beside the input)",
        read=named, metavar="OUT",
    )  # fmt: skip
    recursive: bool = option(False, "folders with all their subfolders")
    overwrite: bool = option(False, "replace results that are there already")


@dataclass(frozen=True)
class Kind:
    """What photos and films differ in, as files.

    suffixes : those that folders and globs are searched for
    written : those that results can have; ``fallback`` where the input's is not among them
    in_folder : added to the name of a result in a -save folder
    mark_of : (input) -> what a whole result of it carries
    mark_in : (file) -> the mark it carries, "" for a file that is not a result
    """

    name: str
    suffixes: Collection[str]
    written: Collection[str]
    fallback: str
    mark_of: Callable[[Path], str]
    mark_in: Callable[[Path], str]
    in_folder: str = ""


@dataclass(frozen=True)
class Task:
    """One photo or film: where it is, where its result goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Output:
    """A file that a command is going to write.

    source : the input that it is made of
    what : how a message calls it
    option : the one that names its place
    """

    path: Path
    source: Path
    what: str = "the result"
    option: str = "-save"


@dataclass(frozen=True)
class Result:
    """What became of a task: lines of output, notes on what it lacks, or its failure in one line."""

    task: Task
    output: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None


def plan(
    inputs: Sequence[str], *, kind: Kind, save: str | None = None, recursive: bool = False
) -> tuple[list[Task], list[str]]:
    """Turn files, folders and globs into tasks, and one line for every input that gives none.

    Raises ValueError for results that would replace an input or each other: this is about the command.
    """
    places: dict[str, tuple[Path, Path]] = {}  # of each file: its path, its place below the folder
    failures: list[str] = []
    for text in inputs:
        found = list(_files_of(text, kind=kind, recursive=recursive))
        for path, place in found:
            places.setdefault(os.path.realpath(path), (path, place))
        if not found:
            failures.append(_why_none(text, kind))
    several = len(places) + len(failures) > 1 or any(os.path.isdir(text) for text in inputs)
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
    """Leave out the tasks whose results are there; one line for each that is unreadable or whose place another file has.

    Raises ValueError for a folder that cannot be written to.
    """
    waiting, failures = [], []
    for task in tasks:
        if len(os.fsencode(task.target.name)) > LONGEST_NAME:
            failures.append(f"{task.target}: the name is too long; give a shorter one with -save")
        elif overwrite or not os.path.lexists(task.target):
            waiting.append(task)
        elif failure := _why_not_done(task, kind):
            failures.append(failure)
    for folder in {task.target.parent for task in waiting}:
        check_folder(folder, option="-save")
    if done := len(tasks) - len(waiting) - len(failures):
        log.info("%d there already and left as they are; -overwrite replaces them", done)
    return waiting, failures


def _why_not_done(task: Task, kind: Kind) -> str | None:
    """Say why the file at a task's target is not taken for its result, or None if it is."""
    try:
        if kind.mark_in(task.target) == kind.mark_of(task.source):
            return None
    except OSError as error:
        return f"{error.filename or task.source} cannot be read ({error.strerror})"
    return (
        f"{task.target} exists already and is not the whole result of {task.source}; "
        "add -overwrite, or name another place with -save"
    )


def _files_of(text: str, *, kind: Kind, recursive: bool) -> Iterator[tuple[Path, Path]]:
    """Yield (file, place below the target folder) for a file, a folder or a glob."""
    path = Path(text)
    if os.path.isdir(text):
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
    """Tell an input by its name; hidden files and our own results are none."""
    known = path.suffix.lower() in kind.suffixes and not path.name.startswith(".")
    return known and path.is_file() and not kind.mark_in(path)


def _why_none(text: str, kind: Kind) -> str:
    if os.path.isdir(text):
        known = ", ".join(kind.suffixes)
        return f"{text}: no {kind.name}s in this folder ({known}); see -recursive"
    if glob.has_magic(text):
        return f"{text}: nothing matches"
    return f"{text}: no such file"


def _target(path: Path, place: Path, kind: Kind, save: str | None, several: bool) -> Path:
    """Decide where a result goes."""
    suffix = path.suffix if path.suffix.lower() in kind.written else kind.fallback
    if save is None:
        return path.with_name(f"{path.stem}{BESIDE}{suffix}")
    out, known = Path(save), ", ".join(kind.written)
    if several or os.path.isdir(save) or save.endswith(("/", os.sep)):
        if not os.path.isdir(save) and (os.path.isfile(save) or out.suffix.lower() in kind.written):
            raise ValueError(f"-save {save} is a file, but several inputs need a folder")
        return out / place.with_name(f"{place.stem}{kind.in_folder}{suffix}")
    if out.suffix.lower() not in kind.written:
        end = f"ends in {out.suffix}" if out.suffix else "has no extension"
        raise ValueError(f"-save {save} {end}: name a file with {known}, or a folder/")
    return out


def check_places(outputs: Iterable[Output], *, inputs: Iterable[Path]) -> None:
    """Refuse outputs that would replace an input, under any of its names, or each other. Raises ValueError."""
    read = {identity for path in inputs for identity in _identities(path)}
    taken: dict[str, Output] = {}
    for output in outputs:
        if read.intersection(_identities(output.path)):
            raise ValueError(f"{output.path} is an input: name another place with {output.option}")
        # By its name alone: what is written takes the place of one name, never of a file's other names.
        first = taken.setdefault(os.path.realpath(output.path), output)
        if first is output:
            continue
        if first.option != output.option:
            raise ValueError(
                f"{output.path} is {first.what}'s place: name another with {output.option}"
            )
        raise ValueError(
            f"{first.source} and {output.source} would both become {output.path}: "
            f"give them one by one, each with its own {output.option}"
        )


def check_outputs(
    outputs: Sequence[Output],
    *,
    inputs: Iterable[Path],
    overwrite: bool,
    others: Sequence[Output] = (),
) -> None:
    """Refuse, before any work, files that a command must not write, or cannot; create nothing.

    A command never replaces an input, writes no file twice, and replaces a file that exists only with `overwrite`;
    folders that are missing are made when the file is written. Raises ValueError.
    others : outputs of the same command that are checked elsewhere
    """
    check_places([*others, *outputs], inputs=inputs)
    for path in (output.path for output in outputs):
        if path.is_dir():
            raise ValueError(f"{path} is a folder: name a file")
        if path.exists() and not overwrite:
            raise ValueError(f"{path} exists already: add -overwrite, or name another place")
    for folder, named_by in dict.fromkeys((one.path.parent, one.option) for one in outputs):
        check_folder(folder, option=named_by)


def _identities(path: Path) -> set[object]:
    """Identify a file by its name and, if it exists, by where it lies on the disk, as hard links have many names."""
    # Not Path.resolve, which raises RuntimeError for a link to itself before Python 3.13.
    name: object = os.path.realpath(path)
    try:
        status = os.stat(path)
    except OSError:
        return {name}
    return {name, (status.st_dev, status.st_ino)}

"""Finds the inputs and the path of each result, for photos and films alike.

Files, folders and globs become tasks. A result must not replace an input or another result, and an existing result
counts as finished only if the mark in it identifies this input.
"""

import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from photo.folders import (
    Found,
    Passed,
    cannot_be_read,
    drop_results,
    folders_below,
    found_in,
    identities,
    told_apart,
    why_none,
)
from photo.suffixes import Group, is_input
from runtime.files import check_folder
from runtime.options import named, option

log = logging.getLogger(__name__)

BESIDE = ".color"  # name.color.jpg: a result beside its input


@dataclass(frozen=True)
class InputOptions:
    """The inputs, and the place of the results."""

    inputs: tuple[str, ...] = option(
        (), "photos and films: files, and folders of them", read=named, metavar="INPUT",
        positional=True,
    )  # fmt: skip
    img_in: tuple[str, ...] = option(
        (), "photos: files, folders, globs", read=named, metavar="INPUT"
    )
    movie_in: tuple[str, ...] = option(
        (), "films: files, folders, globs, image sequences (scan_%06d.dpx), or - for standard input (mkv, y4m)",
        read=named, metavar="INPUT",
    )  # fmt: skip
    save: str | None = option(
        None, "a file for one input, a folder otherwise (default: name.color.ext beside the input); for films also "
        "pictures (out_%06d.tif), or - for standard output",
        read=named, metavar="OUT",
    )  # fmt: skip
    recursive: bool = option(False, "include all subfolders of folders")
    overwrite: bool = option(False, "replace existing results")
    report: Path | None = option(
        None, "write what became of each input: FILE.csv or FILE.json, kept up to date while the work goes on",
        metavar="FILE",
    )  # fmt: skip
    dry_run: bool = option(False, "only show what would be done with each input")
    print0: bool = option(False, "end each name of a result with NUL, for xargs -0")

    def __post_init__(self) -> None:
        if self.dry_run and self.report:
            raise ValueError("-dry_run writes nothing: leave out -report")

    def beside(self, group: Group) -> tuple[str, ...]:
        """Return the inputs that the same command reads for those of the other group."""
        return self.movie_in if group == "photo" else self.img_in


@dataclass(frozen=True)
class Kind:
    """The differences between photo files and film files.

    group : which files of folders and globs are inputs, see `photo.suffixes`
    written : suffixes of results; if the input's is not among them, ``fallback_of`` it or ``fallback`` is used
    written_by : the option that decides `written`, for messages
    in_folder : added to the name of a result in a -save folder
    mark_of : (input) -> the mark of its complete result
    mark_in : (file) -> the mark in it, "" for a file that is not a result
    as_one : (input) -> the file name that stands for a folder or pattern that is one input, "" for all others
    """

    name: str
    group: Group
    written: Collection[str]
    fallback: str
    mark_of: Callable[[Path], str]
    mark_in: Callable[[Path], str]
    written_by: str = ""
    in_folder: str = ""
    as_one: Callable[[Path], str] = lambda path: ""
    fallback_of: Callable[[Path], str | None] = lambda path: None


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
class Facts:
    """What a report says of a result.

    width, height : pixels
    depth : bits per sample of the input
    kept : what the result has of the input besides its picture
    left_out : what the result lacks of it
    confidence : 0..1, the network's, on average; None where it does not say
    seconds : the work took
    in_color : the input has color and was left as it is
    pages : number of pictures in the result
    warnings : what was said while the work went on
    details : a record of the work, as JSON values
    """

    width: int
    height: int
    depth: int
    kept: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    confidence: float | None = None
    seconds: float = 0.0
    in_color: bool = False
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The outcome of a task: lines of output, notes on its reference and on dropped metadata, or its failure in one line."""

    task: Task
    output: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    facts: Facts | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Plan:
    """What a command's inputs amount to.

    tasks : the photos or films, each with its result's path
    failures : inputs that name nothing, and files whose result has no path of its own
    passed : what is in folders and globs besides, in order
    places : the path of each task's source below a folder of results
    """

    tasks: list[Task] = field(default_factory=list)
    failures: list[Result] = field(default_factory=list)
    passed: dict[Passed, None] = field(default_factory=dict)
    places: dict[Path, Path] = field(default_factory=dict, compare=False)


def plan(
    inputs: Sequence[str],
    *,
    kind: Kind,
    save: str | None = None,
    recursive: bool = False,
    beside: Sequence[str] = (),
) -> Plan:
    """Convert files, folders and globs to tasks.

    Results of one name are told apart by their inputs' suffix or folder; only a file for which that does not suffice
    fails. Raises ValueError, as a usage error, for a `save` that cannot hold the results, and if no file has a path.
    beside : the inputs of the other group, which the same command reads, too
    """
    places: dict[str, Found] = {}
    failures: list[Result] = []
    passed: dict[Passed, None] = {}
    below, several = folders_below([*inputs, *beside]), bool(beside)
    for text in inputs:
        name = kind.as_one(Path(text))
        files, others, unread = found_in(
            text, group=kind.group, is_result=kind.mark_in, as_one=name, recursive=recursive
        )
        if text in beside:
            others = _neither(others, kind)
            unread = unread if kind.group == "photo" else []  # said once
        passed |= dict.fromkeys(others)
        for path, place in files:
            places.setdefault(os.path.realpath(path), (path, below.get(text, Path()) / place))
        errors = [(path, cannot_be_read(path, reason)) for path, reason in unread]
        if not files and not unread:
            errors.append((Path(text), why_none(text, kind.name)))
        failures += [Result(Task(path, path), error=line) for path, line in errors]
        several = several or (os.path.isdir(text) and not name)
    passed |= dict.fromkeys(drop_results(places, named=inputs, is_result=kind.mark_in))
    several = several or len(places) + len(failures) > 1
    tasks, refused = name_results(
        places.values(), lambda path, place: _target(path, place, kind, save, several)
    )
    if refused and not tasks:
        raise ValueError(refused[0].error)
    return Plan(tasks, failures + refused, passed, dict(places.values()))


def _neither(others: Sequence[Passed], kind: Kind) -> list[Passed]:
    """Return what is neither a photo nor a film, of a folder that is searched for both; counted once, with photos."""
    if kind.group != "photo":
        return []
    left = [one for one in others if not is_input(one.path, group="film")]
    own = "not a photo"
    return [replace(one, why="neither photo nor film") if one.why == own else one for one in left]


def name_results(
    places: Iterable[Found], target: Callable[[Path, Path], Path]
) -> tuple[list[Task], list[Result]]:
    """Return a task or a failure for each file; no result may replace an input or another result.

    target : (path, path below the folder of results) -> the result's path
    """
    places = list(places)
    read = {identity for path, _ in places for identity in identities(path)}
    taken: dict[str, Task] = {}
    failures = []
    for path, place in places:
        task = Task(path, target(path, place))
        for _ in range(2):  # the folder tells which, then the suffix
            if first := taken.get(os.path.realpath(task.target)):
                place = told_apart(path, place, first.source)
                task = Task(path, target(path, place))
        # By name only: writing replaces one name of a file, never its other names.
        first = taken.get(os.path.realpath(task.target))
        if first:
            line = f"{first.source} and {path} would both become {task.target}: give {path} its own -save"
        elif read.intersection(identities(task.target)):
            line = f"{task.target} is an input: choose another path with -save"
        else:
            taken[os.path.realpath(task.target)] = task
            continue
        failures.append(Result(task, error=line))
    return list(taken.values()), failures


def _target(path: Path, place: Path, kind: Kind, save: str | None, several: bool) -> Path:
    """Return the path of a result."""
    own = path.suffix if path.suffix.lower() in kind.written else kind.fallback
    suffix = kind.fallback_of(path) or own
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
        by = f"with {kind.written_by}, " if kind.written_by else ""
        raise ValueError(f"-save {save} {end}: {by}name a file with {known}, or a folder/")
    return out


def check_places(outputs: Iterable[Output], *, inputs: Iterable[Path]) -> None:
    """Raise ValueError for outputs that would replace an input, under any of its names, or each other."""
    read = {identity for path in inputs for identity in identities(path)}
    taken: dict[str, Output] = {}
    for output in outputs:
        if read.intersection(identities(output.path)):
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

    A command never replaces an input, writes each file once, and replaces an existing file only with `overwrite`.
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

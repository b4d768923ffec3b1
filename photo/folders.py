"""Walks given folders and globs: which files are inputs by their suffix, what is passed over, and paths below folders."""

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from photo.suffixes import Group, is_ignored, is_input, why_passed

Found: TypeAlias = tuple[Path, Path]  # a file, and its path below the folder of results
ALONE = "give it as an input of its own"


@dataclass(frozen=True)
class Passed:
    """A file or folder in a given folder or glob that is no input: as what it is counted, and why it is none."""

    path: Path
    name: str
    why: str


def found_in(
    text: str,
    *,
    group: Group,
    is_result: Callable[[Path], object],
    as_one: str = "",
    recursive: bool = False,
) -> tuple[list[Found], list[Passed]]:
    """Return the inputs of a file, a folder or a glob, and what is passed over.

    Sidecars, hidden files and results of this program are neither.
    as_one : the file name that stands for the numbered pictures in the folder or of the pattern, which are one input
    """
    path = Path(text)
    if as_one:
        return [(path, Path(as_one))], _beside_pictures(path, Path(as_one).suffix, group)
    if os.path.isdir(text):
        files = sorted(path.rglob("*") if recursive else path.iterdir())
        found = [(file, file.relative_to(path)) for file in files]
    elif os.path.lexists(text):
        return [(path, Path(path.name))], []
    else:
        matches = sorted(map(Path, glob.glob(text, recursive=True)))
        found, recursive = [(file, Path(file.name)) for file in matches], recursive or "**" in text
    inputs, passed = [], []
    for file, place in found:
        if is_ignored(place):
            continue
        if why := _why_passed(file, group=group, recursive=recursive):
            passed.append(why)
        elif file.is_file() and not is_result(file):
            inputs.append((file, place))
    return inputs, passed


def _beside_pictures(path: Path, suffix: str, group: Group) -> list[Passed]:
    """Return what is passed over in a folder besides the pictures of one suffix; nothing for a pattern."""
    if not path.is_dir():
        return []
    others = [one for one in sorted(path.iterdir()) if one.suffix != suffix or one.is_dir()]
    found = (
        _why_passed(one, group=group, recursive=False)
        for one in others
        if not is_ignored(Path(one.name))
    )
    return [replace(one, why=ALONE) if one.name == "folder" else one for one in found if one]


def _why_passed(path: Path, *, group: Group, recursive: bool) -> Passed | None:
    """Return why a file or folder is no input by its suffix; None for inputs, and for folders that are looked into."""
    if path.is_dir():
        return None if recursive else Passed(path, "folder", "add -recursive")
    if not path.is_file():
        return Passed(path, "broken link" if path.is_symlink() else "device", "not a file")
    if not is_input(path, group=group):
        return Passed(path, *why_passed(path, wanted=group))
    return None


def folders_below(inputs: Sequence[str]) -> dict[str, Path]:
    """Return the path below the folder of results of each given folder, if there are several, as `cp` would.

    Not only for folders that share a name, so that a result's path does not depend on what else the folders hold.
    """
    folders = {text: os.path.abspath(text) for text in inputs if os.path.isdir(text)}
    if len(set(folders.values())) < 2:
        return {}
    common = os.path.commonpath(folders.values())
    return {text: Path(os.path.relpath(path, common)) for text, path in folders.items()}


def told_apart(path: Path, place: Path, first: Path) -> Path:
    """Return another path below the folder of results for a file whose result would be named like that of the first."""
    here, there = (os.path.dirname(os.path.abspath(each)) for each in (path, first))
    if path.is_dir():  # an image sequence named like that of another folder: the folder tells which
        return place.with_name(f"{Path(os.path.abspath(path)).name}{place.suffix}")
    if here == there:  # one.avi and one.wmv: the name tells which
        return place.with_name(place.name + place.suffix)
    return Path(os.path.relpath(here, os.path.commonpath((here, there))), place.name)


def identities(path: Path) -> set[object]:
    """Identify a file by its name and, if it exists, by device and inode, because hard links have several names."""
    # Path.resolve raises RuntimeError for a link to itself before Python 3.13.
    name: object = os.path.realpath(path)
    try:
        status = path.stat()
    except OSError:
        return {name}
    return {name, (status.st_dev, status.st_ino)}


def why_none(text: str, noun: str) -> str:
    """Say why a given text has no inputs; noun : one of those that it should have."""
    if os.path.isdir(text):
        return f"{text}: no {noun}s in this folder; -recursive includes subfolders"
    if glob.has_magic(text):
        return f"{text}: no file matches"
    return f"{text}: no such file"

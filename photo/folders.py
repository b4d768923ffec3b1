"""Walks given folders and globs: which files are inputs by their suffix, what is passed over, and paths below folders."""

import errno
import glob
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from photo.suffixes import Group, is_ignored, is_input, why_passed

Found: TypeAlias = tuple[Path, Path]  # a file, and its path below the folder of results
NOWHERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)  # of links to nothing or to themselves
ALONE = "give it as an input of its own"


@dataclass(frozen=True)
class Passed:
    """A file or folder in a given folder or glob that is no input: as what it is counted, and why it is none."""

    path: Path
    name: str
    why: str


class Listing(NamedTuple):
    """What a given file, folder or glob has.

    unread : folders and files that cannot be looked into, each with the system's reason
    """

    inputs: list[Found]
    passed: list[Passed]
    unread: list[tuple[Path, str]]


def found_in(
    text: str,
    *,
    group: Group,
    is_result: Callable[[Path], object],
    as_one: str = "",
    recursive: bool = False,
) -> Listing:
    """Return the inputs of a file, a folder or a glob, what is passed over, and what cannot be read.

    Sidecars, hidden files and results of this program are neither.
    as_one : the file name that stands for the numbered pictures in the folder or of the pattern, which are one input
    """
    path, unread = Path(text), list[tuple[Path, str]]()
    is_folder = os.path.isdir(text)
    if as_one:
        inputs, found, recursive = [(path, Path(as_one))], _beside_pictures(path, as_one), False
    elif is_folder:
        inputs, found = [], _walk(path, recursive=recursive, unread=unread)
    elif os.path.lexists(text):
        return Listing([(path, Path(path.name))], [], [])
    else:
        matches = sorted(map(Path, glob.glob(text, recursive=True)))
        inputs, found = [], _listed((one, Path(one.name)) for one in matches)
        recursive = "**" in text
    passed = []
    walked = is_folder and not as_one
    for file, place in found:
        try:
            why = _why_passed(file, group=group, walked=walked, recursive=recursive)
        except OSError as error:
            unread.append((file, error.strerror or ""))
            continue
        if why:
            passed.append(why)
        elif not as_one and file.is_file() and not is_result(file):
            inputs.append((file, place))
    return Listing(inputs, passed, unread)


def _walk(folder: Path, *, recursive: bool, unread: list[tuple[Path, str]]) -> list[Found]:
    """List a folder, in order, with paths below it; add to those that cannot be read. Links are not followed."""

    def note(error: OSError) -> None:
        path = Path(error.filename)
        if not is_ignored(path.relative_to(folder)):
            unread.append((path, error.strerror or ""))

    found: list[Path] = []
    for here, folders, files in os.walk(folder, onerror=note):
        found += [Path(here, name) for name in (*folders, *files)]
        if not recursive:
            break
    return _listed((path, path.relative_to(folder)) for path in sorted(found))


def _beside_pictures(path: Path, as_one: str) -> list[Found]:
    """List a folder besides the pictures of one suffix; nothing for a pattern."""
    if not path.is_dir():
        return []
    suffix = Path(as_one).suffix
    others = [one for one in sorted(path.iterdir()) if one.suffix != suffix or one.is_dir()]
    return _listed((one, Path(one.name)) for one in others)


def _listed(found: Iterable[Found]) -> list[Found]:
    return [(path, place) for path, place in found if not is_ignored(place)]


def _why_passed(path: Path, *, group: Group, walked: bool, recursive: bool) -> Passed | None:
    """Return why a file or folder is no input by its suffix; None for inputs, and for folders that are looked into.

    walked : it was found in a folder, in which links to folders are not followed
    Raises OSError for what cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno not in NOWHERE:
            raise
        return Passed(path, "broken link", "not a file")
    if stat.S_ISDIR(mode):
        if walked and path.is_symlink():
            return Passed(path, "linked folder", ALONE)
        return None if recursive else Passed(path, "folder", "add -recursive" if walked else ALONE)
    if not stat.S_ISREG(mode):
        return Passed(path, "device", "not a file")
    if not is_input(path, group=group):
        return Passed(path, *why_passed(path, wanted=group))
    return None


def drop_results(
    found: dict[str, Found], *, named: Sequence[str], is_result: Callable[[Path], object]
) -> list[Passed]:
    """Remove the results among named files if anything else is an input, as in a shell's `*.jpg`; return what is removed.

    found : by each file's real path
    """
    keys = dict.fromkeys(map(os.path.realpath, named)) if len(found) > 1 else ()
    files = [key for key in keys if key in found and found[key][0].is_file()]
    results = [key for key in files if is_result(found[key][0])]
    if len(results) == len(found):
        return []
    return [
        Passed(found.pop(key)[0], "result", "give only results to colorize them") for key in results
    ]


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


def cannot_be_read(path: Path, reason: str) -> str:
    """Say that a file or folder cannot be read; reason : the system's."""
    return f"{path} cannot be read ({reason})"


def why_none(text: str, noun: str) -> str:
    """Say why a given text has no inputs; noun : one of those that it should have."""
    if os.path.isdir(text):
        return f"{text}: no {noun}s in this folder; -recursive includes subfolders"
    if reason := _denied(text):
        return cannot_be_read(Path(text), reason)
    if glob.has_magic(text):
        return f"{text}: no file matches"
    return f"{text}: no such file"


def _denied(text: str) -> str:
    """Return the system's reason why a path must not be looked at, "" for any other."""
    try:
        os.lstat(text)
    except PermissionError as error:
        return error.strerror or ""
    except (OSError, ValueError):
        return ""
    return ""

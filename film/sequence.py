"""Image sequences: numbered pictures in a folder, or named by a pattern (scan_%06d.dpx, scan_####.tif), as one film."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from film import FilmError
from photo.suffixes import is_input
from runtime.console import counted

READ = (".dpx", ".tif", ".tiff", ".png", ".exr", ".jpg", ".jpeg")
WRITTEN = (".tif", ".tiff", ".png", ".dpx", ".jpg", ".jpeg")
PATTERN = re.compile(r"%(?:0(\d+))?d|(#+)")
NUMBERED = re.compile(r"(.*?)(\d+)(\.\w+)", re.DOTALL)
SPARSE = 10  # numbers per picture from which the numbers are considered wrong, not gaps
SHOWN = 5  # runs of frames named in a message


@dataclass(frozen=True)
class Numbering:
    """How the names of a sequence are numbered: head, number of at least `digits` digits, tail (the suffix in it)."""

    head: str
    digits: int
    tail: str

    def name(self, number: int) -> str:
        """Return the name of a picture."""
        return f"{self.head}{number:0{self.digits}d}{self.tail}"

    def number_of(self, name: str) -> int | None:
        """Return the number of a picture; None for a name of another kind."""
        digits = name[len(self.head) : len(name) - len(self.tail)]
        whole = re.fullmatch("[0-9]+", digits) and self.name(int(digits)) == name
        return int(digits) if whole else None


@dataclass(frozen=True)
class PictureSequence:
    """Pictures of one film.

    names : number -> file name, ascending
    """

    folder: Path
    numbering: Numbering
    names: Mapping[int, str]

    @property
    def title(self) -> str:
        """Return what the pictures' names have in common, or else their folder's name."""
        return self.numbering.head.rstrip("_-. ") or self.folder.resolve().name or "film"

    @property
    def first(self) -> int:
        """Return the number of the first picture."""
        return next(iter(self.names))

    @property
    def paths(self) -> list[Path]:
        """Return the paths of the pictures that are there."""
        return [self.folder / name for name in self.names.values()]

    def gaps(self) -> list[int]:
        """Return the numbers of missing pictures."""
        return sorted({*range(self.first, max(self.names) + 1)} - self.names.keys())


def numbering_of(path: Path) -> Numbering | None:
    """Return the numbering that a name like out_%06d.tif or out_####.tif describes; None for another name."""
    found = list(PATTERN.finditer(path.name))
    if len(found) != 1 or is_input(path, group="film") or os.path.lexists(path):
        return None
    digits = int(found[0][1] or 1) if not found[0][2] else len(found[0][2])
    return Numbering(path.name[: found[0].start()], digits, path.name[found[0].end() :])


def is_pattern(path: Path) -> bool:
    """Return whether a path names the pictures of a sequence."""
    return numbering_of(path) is not None


def sequence_of(path: Path) -> PictureSequence | None:
    """Return the sequence that a folder holds or a pattern names; None for any other path.

    A folder is a sequence if its pictures all have numbers and one name, and there is no film among them. Raises FilmError
    for a pattern without pictures, and for pictures of several sequences.
    """
    try:
        if path.is_dir():
            return _in_folder(path)
    except OSError:  # no name of a file, as one that is too long
        return None
    numbering = numbering_of(path)
    if numbering is None:
        return None
    if Path(numbering.tail).suffix.lower() not in READ and numbering.tail.lower() not in READ:
        raise FilmError(f"{path}: the pictures of a film are read as {', '.join(READ)}")
    return _checked(path, path.parent, numbering, _names(path.parent))


def _in_folder(folder: Path) -> PictureSequence | None:
    names = _names(folder)
    if any(is_input(Path(name), group="film") for name in names):
        return None
    pictures = [name for name in names if Path(name).suffix.lower() in READ]
    matches = [NUMBERED.fullmatch(name) for name in pictures]
    parts = [match.groups() for match in matches if match]
    if len(parts) < 2 or len(parts) < len(pictures):
        return None
    kinds = sorted({(head, tail) for head, _, tail in parts})
    digits = min(len(number) for _, number, _ in parts)
    if len(kinds) > 1:
        raise FilmError(
            f"{folder} holds {len(kinds)} image sequences: name one, such as "
            f"{folder / f'{kinds[0][0]}%0{digits}d{kinds[0][1]}'}"
        )
    return _checked(folder, folder, Numbering(kinds[0][0], digits, kinds[0][1]), pictures)


def _names(folder: Path) -> list[str]:
    """Return the names of a folder's files, hidden ones left out."""
    with os.scandir(folder) as entries:
        return [one.name for one in entries if not one.name.startswith(".") and one.is_file()]


def _checked(
    path: Path, folder: Path, numbering: Numbering, names: Sequence[str]
) -> PictureSequence:
    """Return the sequence of the names that fit a numbering."""
    numbers = {number: name for name in names if (number := _number(numbering, name)) is not None}
    if not numbers:
        there = next((name for name in sorted(names) if name.endswith(numbering.tail)), "")
        raise FilmError(
            f"{path}: no picture has such a name" + (f"; there is {there}" if there else "")
        )
    span = max(numbers) - min(numbers) + 1
    if span > SPARSE * len(numbers) + SPARSE:
        raise FilmError(
            f"{path}: {counted(len(numbers), 'picture')} with numbers from {min(numbers)} to {max(numbers)}: "
            "number them one by one"
        )
    return PictureSequence(folder, numbering, dict(sorted(numbers.items())))


def _number(numbering: Numbering, name: str) -> int | None:
    fits = name.startswith(numbering.head) and name.endswith(numbering.tail)
    return numbering.number_of(name) if fits else None


def runs_of(numbers: Sequence[int]) -> str:
    """Describe ascending numbers by their runs: "12, 40-41"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] + 1 == number:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs[:SHOWN]]
    return ", ".join([*shown, "..."] if len(runs) > SHOWN else shown)

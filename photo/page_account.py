"""What is said of the pages of a file once they are written: the same of several pages once, with their numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from photo.decoder import Several
from photo.options import Span
from photo.pages import Colored, Written

LEFT = "has color and was left: -recolor colorizes it"
ALL_LEFT = "have color and were left: -recolor colorizes them"

Said: TypeAlias = dict[str, list[int]]  # what is said, with the numbers of the pages, from 1


def several_left(several: Several, number: int = 0) -> tuple[str, ...]:
    """Return a note that only one picture of a file, by its number from 0, is taken, if it has several."""
    if several.total == 1:
        return ()
    return (f"{several.what} {number + 1} of {several.total}: the others left out",)


@dataclass
class PageAccount:
    """What is said of the pages of a file.

    what : a picture of the file, see `Several`
    """

    what: str
    size: tuple[int, ...] = ()
    depth: int = 0
    pages: int = 0
    _notes: Said = field(default_factory=dict)
    _dropped: Said = field(default_factory=dict)
    _kept: dict[str, None] = field(default_factory=dict)
    _confidences: list[float] = field(default_factory=list)
    _in_color: list[int] = field(default_factory=list)

    def add(self, number: int, page: Colored, dropped: Iterable[str], kept: Iterable[str]) -> None:
        """Account for a page, by its number from 0, and what its result lacks and has."""
        self.pages += 1
        if not self.size:
            self.size, self.depth = page.photo.gray.shape, 8 * page.photo.gray.itemsize
        for note in (*page.photo.notes, "" if page.in_color else page.note):
            if note:
                self._notes.setdefault(note, []).append(number + 1)
        for what in dropped:
            self._dropped.setdefault(what, []).append(number + 1)
        self._kept |= dict.fromkeys(kept)
        if page.in_color:
            self._in_color.append(number + 1)
        elif page.confidence is not None:
            self._confidences.append(page.confidence)

    def written(self, target: Path) -> Written:
        """Return the account of the whole file."""
        notes = [f"{self._where(pages, '{}: ')}{note}" for note, pages in self._notes.items()]
        if count := len(self._in_color):
            of = f" ({count} of {self.pages})" if count > 1 else ""
            notes.append(f"{self._named(self._in_color)}{of} {ALL_LEFT if count > 1 else LEFT}")
        dropped = [f"{what}{self._where(pages, ' of {}')}" for what, pages in self._dropped.items()]
        return Written(
            [target], self.size, self.depth, notes, dropped, [*self._kept],
            float(np.mean(self._confidences)) if self._confidences else None,
            in_color=count == self.pages, pages=self.pages,
        )  # fmt: skip

    def _named(self, numbers: Sequence[int]) -> str:
        return f"{self.what}{'s'[: len(numbers) > 1]} {', '.join(map(str, spans(numbers)))}"

    def _where(self, numbers: Sequence[int], form: str) -> str:
        return "" if len(numbers) == self.pages else form.format(self._named(numbers))


def spans(numbers: Iterable[int]) -> list[Span]:
    """Join numbers in ascending order to spans."""
    found: list[Span] = []
    for number in numbers:
        if found and found[-1].last == number - 1:
            found[-1] = Span(found[-1].first, number)
        else:
            found.append(Span(number, number))
    return found

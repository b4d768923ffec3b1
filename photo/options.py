"""The options for photos, as data.

Imports nothing heavy, so that help and usage errors do not wait for picture libraries.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runtime.options import check, option


class Span(NamedTuple):
    """Pages of a file, counted from 1; last : None for all that follow."""

    first: int
    last: int | None

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"{self.first}-{self.last or ''}"


FIRST = (Span(1, 1),)


def read_span(text: str) -> Span:
    """Read "3", "3-5" or "3-". Raises ValueError."""
    found = re.fullmatch(r"([1-9]\d{0,8})(-([1-9]\d{0,8})?)?", text, re.ASCII)
    if found:
        first, last = int(found[1]), int(found[3] or 0) or (None if found[2] else int(found[1]))
        if last is None or first <= last:
            return Span(first, last)
    raise ValueError(f"{text!r} names no pages: write 3, 3-5 or 3-, counted from 1")


def is_one(spans: Sequence[Span]) -> bool:
    """Return whether spans choose one page."""
    return bool(spans) and all(span.first == span.last == spans[0].first for span in spans)


@dataclass(frozen=True)
class PhotoOptions:
    """Which outputs photos have, and how they are written.

    compare : write gray and color side by side
    made_with : ends the mark of each result, see `photo.standing`
    recolor : also colorize photos that already have color
    """

    candidates: int | None = option(
        None,
        "write at most N plausible, visibly different colorizations of each photo: OUT.1.png (the default one), "
        "OUT.2.png, ..., and all of them on one sheet, OUT.candidates.png",
        low=2,
        high=9,
        metavar="N",
    )
    confidence: Path | None = option(
        None,
        "write the network's confidence at each pixel as a gray picture, white for confident; for several photos name a "
        "folder. Photos are colorized only if -save or -candidates is given",
        metavar="MAP.png",
    )
    suggest: int | None = option(
        None,
        "print the N points where a hint would help most, as X,Y, each with its likely colors and their shares. Photos "
        "are colorized only if -save or -candidates is given",
        low=1,
        high=50,
        metavar="N",
    )
    suggest_json: Path | None = option(
        None,
        "also write the points of -suggest to FILE as JSON; - prints the JSON instead of lines",
        metavar="FILE",
    )
    quality: int = option(
        95, "quality of JPEG and WebP files, 1 to 100", low=1, high=100, metavar="N"
    )
    pages: tuple[Span, ...] = option(
        (), "of a file of several pages, pictures or frames, only these: 1 3-5 8-", read=read_span, metavar="PAGE"
    )  # fmt: skip
    compare: bool = False
    recolor: bool = False
    made_with: str = ""

    def __post_init__(self) -> None:
        check(self)
        if self.candidates and self.compare:
            raise ValueError("-compare cannot be combined with -candidates: leave one out")
        if self.suggest_json and not self.suggest:
            raise ValueError("-suggest_json writes the points of -suggest: add -suggest N")

    @property
    def analyzes(self) -> bool:
        """Return whether photos are analyzed, besides or instead of being colorized."""
        return bool(self.confidence or self.suggest)

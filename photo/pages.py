"""Which pictures of a file are to be colorized, and what each of them is: pages, pictures, or frames.

Reduced copies, masks and previews are no pages: they are never counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from color.guidance import Guidance
from photo.compose import Composition
from photo.decoder import ONE, Raster, Several, check_file, decoding, opened
from photo.formats import pictures_of_heic
from photo.frames import read_frames
from photo.options import Span
from photo.read import (
    TIFF,
    Photo,
    from_pillow,
    mark_of,
    photo_of,
    read_photo,
    reader_of_photo,
    several_of,
)
from photo.write import Picture
from runtime.console import counted

Numbered: TypeAlias = Callable[[Path, int], Raster]
Counter: TypeAlias = Callable[[Path], Several]


class Colored(NamedTuple):
    """A photo and how it was colorized.

    picture : rgb (H, W, 3), composed on demand or not, or candidates
    note : on how, for users; confidence : 0..1, the network's, None where it does not say
    in_color : it has color and was left as it is
    """

    photo: Photo
    picture: Picture | Sequence[Composition]
    note: str
    confidence: float | None
    in_color: bool


@dataclass(frozen=True)
class Written:
    """What was written of a file.

    notes, dropped : as text; kept : what the result has of the metadata
    size : (H, W) of the picture, the first of several; depth : its bits per sample
    pages : number of pictures in the result
    """

    files: Sequence[Path]
    size: tuple[int, ...]
    depth: int
    notes: Sequence[str] = ()
    dropped: Sequence[str] = ()
    kept: Sequence[str] = ()
    confidence: float | None = None
    in_color: bool = False
    pages: int = 1


class Choice(NamedTuple):
    """The chosen pictures of a file, by their numbers from 0, of all that it has."""

    numbers: Sequence[int]
    several: Several


def check_animated(guidance: Guidance) -> None:
    """Raise ValueError for a way of using a reference that is for pictures, not for the frames of an animation."""
    if guidance.reference is not None and guidance.reference_by != "auto":
        raise ValueError("-reference_by is for single pictures: leave it out for an animation")


def several_in(path: Path) -> Several:
    """Return how many pictures a file has, without decoding any; one if it cannot be read.

    Raises FileNotFoundError, or ValueError for a file that is empty or needs a package that is missing.
    """
    check_file(path)
    with decoding(path):
        if is_tiff(path):
            from photo.tiff import pages_of_tiff

            return pages_of_tiff(path)
        if readers := _readers(path):
            return readers[1](path)
    with suppress(ValueError), opened(path) as image:
        return several_of(path, image)
    return ONE


def choose(path: Path, several: Several, spans: Iterable[Span]) -> Choice:
    """Return the pictures of a file that spans choose, all without any. Raises ValueError for one that it has not."""
    numbers: set[int] = set()
    for span in spans:
        last = span.last or max(several.total, span.first)
        if last > several.total:
            has = counted(several.total, several.what)
            raise ValueError(f"{path} has {has}, but -pages {span} asks for others")
        numbers.update(range(span.first - 1, last))
    return Choice(sorted(numbers) or range(several.total), several)


def read_chosen(path: Path, spans: Iterable[Span]) -> Photo:
    """Read the first of the chosen pictures of a file; if it is the only one, as if it were alone in the file."""
    choice = choose(path, several_in(path), spans)
    photo = read_page(path, choice.numbers[0], choice.several)
    alone = len(choice.numbers) == 1
    mark, several = photo.mark or mark_of(path), ONE if alone else choice.several
    return replace(photo, mark=mark, several=several)


def read_page(path: Path, number: int, several: Several) -> Photo:
    """Read a picture of a file, by its number from 0: see `read_pages`."""
    return next(read_pages(path, [number], several))


def read_pages(path: Path, numbers: Sequence[int], several: Several) -> Iterator[Photo]:
    """Yield pictures of a file, by their ascending numbers from 0; of the first, if it is truncated, what is left.

    Only the first has a mark, as it takes reading the whole file.
    Raises ValueError, which says how to leave out a picture that cannot be read.
    """
    if numbers[0] == 0:
        yield read_photo(path)
        numbers = numbers[1:]
    photos = _further(path, numbers, several.what)
    for number in numbers:
        try:
            photo = next(photos)
        except ValueError as error:
            others = _others(number, several.total)
            raise ValueError(
                f"{several.what} {number + 1} of {several.total}: {error}; -pages {others} leaves it out"
            ) from None
        yield replace(photo, several=several)


def _others(number: int, count: int) -> str:
    """Return the pages but one, as -pages names them."""
    parts = [Span(1, number), Span(number + 2, count)]
    return " ".join(str(span) for span in parts if span.last and span.first <= span.last)


def _further(path: Path, numbers: Sequence[int], what: str) -> Iterator[Photo]:
    """Yield pictures that are not the first of their file."""
    if is_tiff(path):
        from photo.tiff_pages import tiff_pages

        rasters = tiff_pages(path, numbers)
        for _ in numbers:
            with decoding(path):
                photo = photo_of(next(rasters))
            yield photo
    elif what == "frame":
        like = read_photo(path)
        for frame, _ in read_frames(path, numbers):
            yield replace(like, gray=frame.gray, alpha=frame.alpha, rgb=frame.rgb, lost=None)
    else:
        yield from (_picture(path, number) for number in numbers)


def _picture(path: Path, number: int) -> Photo:
    """Read a page of a PDF, or a picture of a HEIC or MPO file."""
    if readers := _readers(path):
        with decoding(path):
            return photo_of(readers[0](path, number))
    from photo.mpo import pictures_of

    with opened(path) as image:
        image.seek(pictures_of(path)[number])
        return photo_of(from_pillow(path, image))


def is_tiff(path: Path) -> bool:
    """Return whether a file is a TIFF, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) in TIFF


def _readers(path: Path) -> tuple[Numbered, Counter] | None:
    """Return what reads any picture of a file and what counts them, None for a file that Pillow reads."""
    reader = reader_of_photo(path)
    if reader is None:
        return None
    from photo.optional import pages_of_pdf, read_heic, read_pdf

    pairs = ((read_heic, _pictures_of_heic), (read_pdf, pages_of_pdf))
    return next((pair for pair in pairs if pair[0] is reader), None)


def _pictures_of_heic(path: Path) -> Several:
    return Several(pictures_of_heic(path))

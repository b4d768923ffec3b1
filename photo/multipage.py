"""Colorizes a file of several pages or pictures into one result, a page at a time.

Independent of how one photo is colorized: that comes from `photo.batch`.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeAlias

from color.guidance import Guidance
from photo.decoder import Several, decoding
from photo.formats import MPO, check_held
from photo.inputs import Task
from photo.mpo import kinds_of
from photo.opened import size_of
from photo.options import PhotoOptions
from photo.page_account import PageAccount
from photo.pages import (
    Choice,
    Colored,
    Written,
    check_animated,
    choose,
    is_tiff,
    read_pages,
    several_in,
)
from photo.read import Photo
from photo.write_pages import WritePage, mpo_pictures, tiff_pages
from runtime.console import counted

CHANNELS = (
    4  # of pages whose files do not say how many: one byte each, or three of 16 bits, roughly
)

ColorPage: TypeAlias = Callable[[Photo], Colored]
Kept: TypeAlias = Callable[[Photo, Sequence[str]], Iterable[str]]


def checked_pages(task: Task, several: Several, options: PhotoOptions) -> Choice:
    """Return the pictures of a file that its result is to have.

    Raises ValueError for pages that it has not, and for a result that cannot have several.
    """
    choice = choose(task.source, several, options.pages)
    count = len(choice.numbers)
    check_held(task.source, task.target, count, several.what)
    if options.candidates and count > 1:
        raise ValueError(
            f"-candidates are of one picture, but {task.source} has {counted(count, several.what)}: "
            "choose one with -pages 1"
        )
    return choice


def rehearsed(task: Task, options: PhotoOptions, guidance: Guidance) -> str:
    """Return what a dry run says of a photo besides its result: how many pages this has, "" for one.

    Raises FileNotFoundError or ValueError for a photo that would be refused.
    """
    size_of(task.source)
    choice = checked_pages(task, several_in(task.source), options)
    count = len(choice.numbers)
    if choice.several.what == "frame" and count > 1:
        check_animated(guidance)
    return counted(count, choice.several.what) if count > 1 else ""


def colorize_pages(
    task: Task,
    several: Several,
    *,
    mark: str,
    color: ColorPage,
    kept: Kept,
    options: PhotoOptions,
) -> Written:
    """Colorize the chosen pages of a file, one at a time, and write them as one file.

    mark : of the result, see `photo.read.mark_of`
    kept : (photo, what was dropped of it) -> what the result has of it
    Raises OSError or ValueError; then nothing is written.
    """
    choice = checked_pages(task, several, options)
    account = PageAccount(several.what)
    with _writer(task, choice, options) as write:
        photos = read_pages(task.source, choice.numbers, several)
        for number, photo in zip(choice.numbers, photos, strict=True):
            page = color(replace(photo, mark=mark))
            assert not isinstance(page.picture, Sequence), "candidates are refused"
            dropped = write(page.picture, page.photo)
            account.add(number, page, dropped, kept(page.photo, dropped))
    done = account.written(task.target)
    return replace(done, notes=[*several.remarks, *done.notes])


def _writer(task: Task, choice: Choice, options: PhotoOptions) -> AbstractContextManager[WritePage]:
    total = len(choice.numbers)
    if task.target.suffix.lower() in MPO:
        with decoding(task.source):
            kinds = kinds_of(task.source, choice.numbers)
        return mpo_pictures(task.target, kinds=kinds, quality=options.quality)
    if is_tiff(task.source):
        from photo.tiff_pages import stored_pages

        with decoding(task.source):
            size, packed = stored_pages(task.source, choice.numbers)
    else:
        height, width = size_of(task.source)
        size, packed = height * width * CHANNELS * total, True
    return tiff_pages(task.target, total=total, size=size, packed=packed, alpha=not options.compare)

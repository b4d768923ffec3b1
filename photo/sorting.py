"""Tells photos from films among inputs that are given without saying which they are."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from photo.folders import found_in
from photo.suffixes import Group, is_film


def sorted_inputs(
    inputs: Sequence[str], *, is_one_film: Callable[[Path], bool], recursive: bool
) -> tuple[list[str], list[str]]:
    """Return those of files, folders and globs that are or have photos, and those that are or have films.

    A folder or glob with both is in both lists, and what has neither is in the first.
    is_one_film : whether a path that is no file is a film, as a pattern of numbered pictures
    """
    photos, films = [], []
    for text in inputs:
        groups = _groups(text, is_one_film, recursive=recursive)
        if "film" in groups:
            films.append(text)
        if "photo" in groups or not groups:
            photos.append(text)
    return photos, films


def _groups(text: str, is_one_film: Callable[[Path], bool], *, recursive: bool) -> set[Group]:
    path = Path(text)
    if os.path.lexists(text) and not os.path.isdir(text):  # a file, or what will be refused as none
        return {"film" if _is_film(path) else "photo"}
    kinds: tuple[Group, ...] = ("photo", "film")
    found = {kind for kind in kinds if _any_input(text, kind, recursive=recursive)}
    if not found and not os.path.isdir(text) and (is_one_film(path) or _is_film(path)):
        return {"film"}
    return found


def _is_film(path: Path) -> bool:
    try:
        return is_film(path)
    except OSError:  # which whoever reads it names
        return False


def _any_input(text: str, group: Group, *, recursive: bool) -> bool:
    return bool(found_in(text, group=group, is_result=lambda path: "", recursive=recursive).inputs)

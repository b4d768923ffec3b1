"""Marks that identify results, in their metadata or at their ends: of which film they are, and of what part of it."""

import os
import re
from pathlib import Path

from film import FilmError
from film.ffmpeg import open_film
from film.options import FilmOptions
from film.source import source_of
from photo.standing import input_of
from runtime.places import VERSION

MARK = re.compile(rb"colorizer(?: [\w.+]{1,20})?: of [0-9a-f]{16}[ -~]*")
# A Matroska tag; the other containers cannot hold a custom tag beside the standard ones.
MARK_TAG = "COLORIZED"
TAIL_BYTES = 256  # at the end of a file, which hold its mark


def mark_of(source: Path, options: FilmOptions) -> str:
    """Return the mark of a film's result, which also states the span of an excerpt and what else changes it."""
    only = [f"start {options.start:g} s"] * (options.start > 0) + ["compare"] * options.compare
    only += [] if options.duration is None else [f"duration {options.duration:g} s"]
    if not options.encoder.pictures:
        only += [f"fps {options.fps}"] if options.fps else []
        only += [f"audio {source_of(options.audio).digest[:8]}"] if options.audio else []
    mark = f"colorizer {VERSION}: of {source_of(source).digest[:16]}{options.made_with}"
    return ", ".join([mark, *only])


def is_result_of(target: Path, source: Path) -> bool:
    """Return whether a file is a result of a film, with whatever settings."""
    if not target.is_file():
        return False
    return input_of(mark_in(target)) == source_of(source).digest[:16]


def mark_in(path: Path) -> str:
    """Return a film's mark, "" if it has none."""
    try:
        with open_film(path) as container:
            text = container.metadata.get(MARK_TAG, "")
    except FilmError:
        return ""
    # Search the end of the file, not box by box: the mark is written last, and is short.
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        found = MARK.search(file.read() + text.encode())
    return found[0].decode() if found else ""

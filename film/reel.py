"""Which files are films, and the mark by which a finished one is recognized as a result of this program."""

import os
import re
from pathlib import Path
from uuid import UUID

from film.encoder import CONTAINERS_OF
from film.job import Source
from film.source import FilmError, open_film

FILMS = (".mp4", ".m4v", ".mkv", ".mov", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".flv")
FALLBACK = (
    ".mkv"  # of results, where the film's own container cannot be written: it holds every codec
)
MARK = re.compile(rb"colorizer: of [0-9a-f]{16}[ -~]*")
UUID_BOX = UUID("6f2f1d3c-5a0e-4c67-9b1d-5d0f6f0f3a77").bytes  # says whose box it is
MARK_TAG = (
    "COLORIZED"  # of Matroska; the others have no place for tags of one's own beside the usual ones
)


def written_suffixes(codec: str) -> tuple[str, ...]:
    """Return the suffixes of the containers that films of a codec are written in."""
    return tuple(f".{name}" for name in CONTAINERS_OF[codec])


def mark_of(
    source: Source, *, start_s: float = 0.0, duration_s: float | None = None, compare: bool = False
) -> str:
    """Return what a result of a film carries; one of a part, or half gray, says so."""
    only = [f"start {start_s:g} s"] * (start_s > 0) + ["compare"] * compare
    only += [] if duration_s is None else [f"duration {duration_s:g} s"]
    return ", ".join([f"colorizer: of {source.digest[:16]}", *only])


def append_mark(path: Path, mark: str) -> None:
    """Write a mark behind a finished MP4 or QuickTime film, in a box that every player skips."""
    text = mark.encode()
    size = 8 + len(UUID_BOX) + len(text)
    with path.open("ab") as file:
        file.write(size.to_bytes(4, "big") + b"uuid" + UUID_BOX + text)


def mark_in(path: Path) -> str:
    """Return the mark that a film carries, "" when it has none."""
    try:
        with open_film(path) as container:
            text = container.metadata.get(MARK_TAG, "")
    except FilmError:
        return ""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 128))
        found = MARK.search(file.read() + text.encode())
    return found[0].decode() if found else ""

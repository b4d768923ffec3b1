"""Finished shots + everything else of the source -> one container. No packet is re-encoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from film.probe import Film


@dataclass(frozen=True)
class Joined:
    """What was written: frames, streams copied beside the video (by kind), bytes."""

    frames: int
    streams: dict[str, int]
    size_bytes: int


def join(
    film: Film,
    pieces: Sequence[Path],
    path: Path,
    *,
    first: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Joined:
    """Write the pieces, in order, and the film's other streams to `path` (.mp4, .mkv or .mov).

    The pieces hold frames first, first + 1, ... in presentation order. A try-out (fewer frames than the
    film) takes the sound, subtitles and chapters of the same span. The file appears under its name only
    when it is whole.
    """
    raise NotImplementedError


def extract_audio(film: Film, folder: Path) -> list[Path]:
    """Copy every sound track out unchanged, one .mka file each; finished files are not written again."""
    raise NotImplementedError

"""Takes streams out of a film with the ffmpeg program: sound unchanged, text subtitles in a container's own format."""

import logging
from collections.abc import Sequence
from pathlib import Path

import ffmpeg

from film import FilmError
from film.ffmpeg import command_of, run
from film.info import CONTAINERS, TEXT_CODECS, Film
from runtime.files import whole_file

log = logging.getLogger(__name__)


def extract_audio(film: Film, folder: Path) -> list[Path]:
    """Copy every sound track unchanged to its own .mka file; finished files are not rewritten.

    They are for the user; joining does not need them, so a failed copy is only a warning.
    """
    written = []
    for stream in film.streams:
        if stream.kind == "audio":
            language = "".join(filter(str.isalnum, stream.language))
            path = folder / f"{'-'.join(filter(None, ('track', str(stream.index), language)))}.mka"
            if path.exists() or _extract(film, stream.index, path):
                written.append(path)
    return written


def _extract(film: Film, index: int, path: Path) -> bool:
    try:
        with whole_file(path) as part:
            run(copy_command(film.streams_path, [index], part))
    except FilmError as error:
        log.warning("sound track %d cannot be copied to %s: %s", index, path.parent, error)
        return False
    return True


def copy_command(source: Path, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies streams to a Matroska file, unchanged and on the same clock."""
    # copyts: otherwise ffmpeg shifts each file to start at 0, and sound and picture would be out of sync.
    film = ffmpeg.input(str(source.resolve()), copyts=None)
    streams = [film[str(index)] for index in indices]
    arguments = {"c": "copy", "f": "matroska", "fflags": "+bitexact"}
    return command_of(ffmpeg.output(*streams, str(path.resolve()), **arguments))


def text_command(source: Path, indices: Sequence[int], path: Path, *, container: str) -> list[str]:
    """Build the ffmpeg command that converts text subtitles for a container, on the same clock."""
    film = ffmpeg.input(str(source.resolve()), copyts=None)
    streams = [film[str(index)] for index in indices]
    arguments: dict[str, object] = {
        "c": TEXT_CODECS[container],
        "f": CONTAINERS[container],
        "fflags": "+bitexact",
    }
    arguments |= {"map_chapters": -1}  # QuickTime would store them as one more track
    return command_of(ffmpeg.output(*streams, str(path.resolve()), **arguments))


def convert_texts(film: Film, indices: Sequence[int], path: Path, *, container: str) -> bool:
    """Convert text subtitles for a container; return whether it succeeded.

    A failure is only a warning: the picture is worth more than they are.
    """
    try:
        run(text_command(film.streams_path, indices, path, container=container))
    except FilmError as error:
        log.warning("the subtitles cannot be converted, so they are left out: %s", error)
        return False
    return True

"""Copies a film's sound out with the ffmpeg program, unchanged, into Matroska files."""

import logging
from collections.abc import Sequence
from pathlib import Path

import ffmpeg

from film.facts import Film
from film.process import run
from film.source import FilmError, ffmpeg_path, publish

log = logging.getLogger(__name__)

# Known to Matroska by their numbers in Microsoft's RIFF; PyAV asks for names only.
RIFF_SOUND = {"wmav1", "wmav2", "wmapro", "wmavoice", "adpcm_ms", "adpcm_ima_wav", "gsm_ms"}


def extract_audio(film: Film, folder: Path) -> list[Path]:
    """Copy every sound track out unchanged, one .mka file each; finished files are not written again.

    They are for people to use, and the film is joined without them: one that cannot be copied is a warning.
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
    temporary = path.with_name(f".{path.name}.part")
    try:
        run(copy_command(film.path, [index], temporary))
        publish(temporary, path)
        return True
    except FilmError as error:
        log.warning("sound track %d is not copied to %s: %s", index, path.parent, error)
        return False
    finally:
        temporary.unlink(missing_ok=True)


def copy_command(source: Path, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies streams out, unchanged and on the same clock, into Matroska."""
    film = ffmpeg.input(str(source.resolve()), copyts=None)
    streams = [film[str(index)] for index in indices]
    output = ffmpeg.output(
        *streams, str(path.resolve()), c="copy", f="matroska", fflags="+bitexact"
    )
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))


def foreign_sound(film: Film) -> list[int]:
    """List the sound tracks that PyAV will not put into Matroska, though Matroska holds them."""
    return [s.index for s in film.streams if s.kind == "audio" and s.codec in RIFF_SOUND]


def complete_command(joined: Path, film: Film, indices: Sequence[int], path: Path) -> list[str]:
    """Build the ffmpeg command that copies a joined Matroska film, adds sound tracks and the pixels' shape."""
    shape = film.video.sar * film.video.width / film.video.height
    both = [ffmpeg.input(str(p.resolve()), copyts=None) for p in (joined, film.path)]
    streams = [both[0], *(both[1][str(index)] for index in indices)]
    words = {"c": "copy", "f": "matroska", "avoid_negative_ts": "disabled", "map_chapters": 0}
    words |= {"map_metadata": 0, "aspect:v:0": f"{shape.numerator}:{shape.denominator}"}
    output = ffmpeg.output(*streams, str(path.resolve()), **words)
    output = output.global_args("-hide_banner", "-nostdin", "-loglevel", "error")
    return list(ffmpeg.compile(output, cmd=ffmpeg_path(), overwrite_output=True))

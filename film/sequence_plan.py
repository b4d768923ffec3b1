"""Plans what concerns image sequences in a film command, before any work: their names, options and finished results."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from film import FilmError
from film.mark import mark_of
from film.options import EncoderOptions, FilmOptions
from film.picture_files import check_pictures
from film.sequence import is_pattern, sequence_of
from photo.inputs import Task
from photo.standing import Standing

log = logging.getLogger(__name__)


def sequence_name(path: Path) -> str:
    """Return a file name that stands for an image sequence, "" for any other input."""
    sequence = sequence_of(path)
    return f"{sequence.title}{sequence.numbering.tail}" if sequence else ""


def pictures_target(save: str | None) -> Path | None:
    """Return the pattern of the pictures to write; None for a film."""
    return Path(save) if save is not None and is_pattern(Path(save)) else None


def options_for(options: FilmOptions, pictures: Path | None) -> FilmOptions:
    """Return the options of a result, which the pictures of an image sequence leave no choice of a codec."""
    if not pictures or options.encoder.pictures:
        return options
    encoder = options.encoder
    plain = EncoderOptions(threads=encoder.threads, deinterlace=encoder.deinterlace)
    if encoder not in (plain, replace(plain, codec="ffv1")):
        raise FilmError(f"{pictures}: pictures have no codec: leave out -codec, -crf and -preset")
    return replace(options, encoder=replace(encoder, codec="ffv1", pictures=True))


def check_sequences(sources: Sequence[Path], pictures: Path | None, options: FilmOptions) -> None:
    """Raise FilmError for several films as one image sequence, and for options of sequences with other films."""
    if pictures and len(sources) > 1:
        raise FilmError(f"-save {pictures} is for one film, got {len(sources)}: give one input")
    for name in ("fps", "audio"):
        if getattr(options, name) is None:
            continue
        for source in sources:
            if sequence_of(source) is None:
                raise FilmError(
                    f"-{name} is for image sequences, and {source} is a film: leave it out"
                )
    if options.audio and not options.audio.is_file():
        raise FilmError(f"-audio {options.audio}: no such file")


def standing_pictures(tasks: Sequence[Task], options: FilmOptions, *, overwrite: bool) -> Standing:
    """Tell the tasks whose pictures are not all there yet; raise FilmError for other pictures in their place."""
    now = Standing([], [], [])
    for task in tasks:
        done = is_complete(task.source, task.target, options, overwrite=overwrite)
        (now.done if done else now.waiting).append(task)
    if now.done:
        log.info("skipped 1 already finished; -overwrite replaces existing results")
    return now


def is_complete(source: Path, target: Path, options: FilmOptions, *, overwrite: bool) -> bool:
    """Return whether an image sequence is the complete result of a film; see `check_pictures`."""
    sequence = sequence_of(source)
    inputs = sequence.paths if sequence else [source]
    return check_pictures(target, mark_of(source, options), inputs=inputs, overwrite=overwrite)

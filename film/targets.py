"""Checks, before any work, that the result of a film can be written as wanted, and may be."""

from pathlib import Path

from film.encode import encoding_of, try_encoder
from film.info import Film, span
from film.mark import is_result_of
from film.options import FilmOptions, check_suffix
from film.sequence import is_pattern
from film.sequence_plan import is_complete, options_for
from photo.inputs import Output, check_outputs


def checked_options(source: Path, target: Path, options: FilmOptions) -> FilmOptions:
    """Return the options of a result; raise ValueError if it cannot or must not be written."""
    if is_pattern(target):
        options = options_for(options, target)
        is_complete(source, target, options, overwrite=options.overwrite)
        return options
    check_suffix(target, options.encoder.codec)
    overwrite = options.overwrite or is_result_of(target, source)
    check_outputs([Output(target, source)], inputs=[source], overwrite=overwrite)
    return options


def check_film(film: Film, target: Path, options: FilmOptions) -> None:
    """Raise OSError or ValueError for a film that cannot be written as wanted, or a file that must not be replaced."""
    options = checked_options(film.path, target, options)
    span(film, options)
    try_encoder(options, encoding_of(film, options.encoder))

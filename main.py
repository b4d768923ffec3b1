"""The command line for colorizing photographs and films: parses and checks options, and calls the packages.

Checks run before Paddle is imported, and slow modules are imported where they are used, so that a usage error takes a
tenth of a second.
"""

if __name__ == "__main__":  # before the imports below, which take a tenth of a second
    from runtime.startup import quit_on_interrupt

    quit_on_interrupt()

import argparse
import dataclasses
import functools
import itertools
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from color.options import GuidanceOptions
from film.options import EncoderOptions, FilmCommand, FilmOptions, unsupported
from model.options import ColorOptions, RunOptions
from photo.inputs import InputOptions
from photo.options import PhotoOptions
from runtime.console import DONE, exit_code, log_to_stderr, usage_errors
from runtime.options import (
    OneLineParser,
    add_options,
    given,
    named_after_dashes,
    options_from,
    spellings,
)
from runtime.places import COMMAND, IN_SOURCE_TREE, VERSION
from runtime.startup import leave, one_blas_thread, open_stderr
from web.options import Settings, WebOptions

if TYPE_CHECKING:  # slow modules
    from film.command import FilmWork
    from photo.command import PhotoWork

EXAMPLES = """\
examples:
  python main.py photo.jpg                                writes photo.color.jpg beside it
  python main.py album/ film.mp4 -save colored/           photos and films, told apart by what they are
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in photos/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
  python main.py -movie_in film.mp4 -save out.mp4         run it again to resume an interrupted job
  python main.py -movie_in film.mp4 -start 1:30 -duration 10 -save try.mp4
  python main.py -web                                     opens a page in the browser
"""
FILM_OPTIONS = (FilmCommand, FilmOptions, EncoderOptions)
# Percentiles import numpy.ma.
WORKERS_MODULES = ("main", "gray2color", "film.steps", "numpy.ma", "model.compiled_paddle")
SHARED = ("quality",)  # of photos' options, with films beside them


def main(argv: Sequence[str] | None = None, *, alone: bool = False) -> int:
    """Run the command line and return the exit code.

    alone : it is all that this process does
    """
    parser = _parser()
    args = parser.parse_intermixed_args(named_after_dashes(sys.argv[1:] if argv is None else argv))
    _check_options(parser, args)
    log_to_stderr(quiet=args.quiet)
    if alone and _starts_workers(args):
        from runtime.pool import fork_from_server

        fork_from_server(WORKERS_MODULES)
    piped = bool(args.movie_in) and "-" in (*args.movie_in, args.save)
    colorize = run_pipe if piped else run_inputs
    run = run_page if args.web else run_jobs if args.jobs else colorize
    return exit_code(parser.prog, functools.partial(run, args), resumes=not piped)


def _parser() -> argparse.ArgumentParser:
    spelled = "python main.py" if IN_SOURCE_TREE else COMMAND
    parser = OneLineParser(
        prog=COMMAND,
        usage=f"{COMMAND} INPUT ... [-save OUT] [options]",
        description="Colorize black-and-white photographs and films.\n"
        "Each option can be written with one dash or two.",
        epilog=EXAMPLES.replace("python main.py", spelled),
    )
    add_options(parser, InputOptions, title="inputs and results")
    color: Any = parser.add_argument_group("color")
    add_options(color, ColorOptions)
    side_by_side = "write gray and color side by side"
    color.add_argument(*spellings("compare"), action="store_true", help=side_by_side)
    again = "also colorize photos and shots that already have color"
    color.add_argument(*spellings("recolor"), action="store_true", help=again)
    add_options(parser, GuidanceOptions, title="guidance")
    add_options(parser, PhotoOptions, title="photos")
    films: Any = parser.add_argument_group("films")
    for kind in FILM_OPTIONS:
        add_options(films, kind)
    add_options(parser, WebOptions, title="page on this machine")
    add_options(parser, RunOptions, title="execution")
    version = f"colorizer {VERSION}"
    parser.add_argument(*spellings("version"), action="version", version=version)
    return parser


def _check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check combinations of options; exit with a usage error for invalid ones."""
    commands = [args.inputs, args.img_in, args.movie_in, args.web, args.jobs]
    if not any(commands):
        parser.error("nothing to colorize: name photos, films or folders, or give -web")
    if sum(map(bool, commands)) > 1:
        parser.error(
            "inputs without an option, -img_in, -movie_in, -web and -jobs are separate commands: give only one of them"
        )
    _sort_inputs(args)
    for kind, what in _others(args):
        for name in given(args, kind):
            if name not in SHARED or not args.img_in:
                parser.error(f"-{name} is for {what}: leave it out here")
    if args.web and args.pages:
        parser.error("-pages is for the command, not the page: leave it out here")
    try:
        options_from(args, RunOptions)
    except ValueError as error:
        parser.error(str(error))
    for mistake in unsupported(args.codec, given(args, EncoderOptions)):
        parser.error(mistake)


def _sort_inputs(args: argparse.Namespace) -> None:
    """Tell photos from films among the inputs that are given without an option."""
    if "-" in args.inputs:
        args.movie_in = args.inputs
    elif args.inputs:
        from film.sequence import is_pattern
        from photo.sorting import sorted_inputs

        args.img_in, args.movie_in = sorted_inputs(
            args.inputs, is_one_film=is_pattern, recursive=args.recursive
        )


def _others(args: argparse.Namespace) -> list[tuple[type, str]]:
    """List the options that do not apply to this command, each group with what it applies to."""
    films: list[tuple[type, str]] = [(kind, "films") for kind in FILM_OPTIONS]
    if args.jobs:
        kinds = (InputOptions, ColorOptions, GuidanceOptions, PhotoOptions, WebOptions)
        return [(kind, "the commands, not -jobs") for kind in kinds]
    if args.web:
        named = "the commands, not the page"
        return [(kind, named) for kind in (InputOptions, GuidanceOptions, FilmCommand)]
    if args.img_in and args.movie_in:
        films = [(FilmCommand, "films alone"), (PhotoOptions, "photos alone")]
        return [(WebOptions, "-web"), (GuidanceOptions, "one photo or one film"), *films]
    return [(WebOptions, "-web"), *(films if args.img_in else [(PhotoOptions, "photos")])]


def _starts_workers(args: argparse.Namespace) -> bool:
    """Tell whether films are colorized by several processes on this machine, as far as the options say."""
    return (
        bool(args.movie_in)
        and not (args.scheduler or args.probe)
        and 1 not in (args.workers, args.threads)
    )


def run_jobs(args: argparse.Namespace) -> int:
    """List the jobs of films, or delete those at rest; return the exit code."""
    from film.jobs import jobs_results
    from photo.inputs import Plan
    from photo.ledger import Ledger
    from runtime.outcomes import finish

    results = jobs_results(args.cache, clean=args.jobs == "clean")
    return finish(Ledger(Plan()), results, quiet=args.quiet)


def run_page(args: argparse.Namespace) -> int:
    """Serve the page; return the exit code."""
    from gray2color import film_colorization
    from model.chosen_network import check_network
    from web.server import serve

    color, run, film = options_from(args, ColorOptions), options_from(args, RunOptions), _film(args)
    with usage_errors():
        check_network(run, vars(args))
        colorization = functools.partial(film_colorization, run=run, steady=film.steady)
        settings = Settings(run, color, _photo(args), film, colorization)
        return serve(options_from(args, WebOptions), settings)


def run_inputs(args: argparse.Namespace) -> int:
    """Colorize photos, then films; return the exit code. A failure does not stop the others.

    All is checked before any work. Films may also be previewed or described, and photos analyzed.
    """
    from runtime.outcomes import finish

    with usage_errors():
        photos = _planned_photos(args) if args.img_in else None
        films = _planned_films(args) if args.movie_in else None
    if photos and films:
        films.ledger.before = photos.ledger
    works = [work for work in (photos, films) if work]
    results = itertools.chain.from_iterable(work.results() for work in works)
    return finish(works[-1].ledger, results, quiet=args.quiet, print0=args.print0)


def _planned_photos(args: argparse.Namespace) -> "PhotoWork":
    from gray2color import colorize_photo_files, colorizer_factory
    from model.chosen_network import photo_settings
    from photo.command import PhotoColorization, plan_photos

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    colorization = PhotoColorization(
        check=functools.partial(photo_settings, color, run, vars(args)),
        analyzer=lambda: colorizer_factory(color, run, threads=run.threads)(),
        colorize=functools.partial(colorize_photo_files, color=color, run=run),
    )
    inputs, guidance = options_from(args, InputOptions), options_from(args, GuidanceOptions)
    return plan_photos(inputs, _photo(args), guidance, colorization)


def _planned_films(args: argparse.Namespace) -> "FilmWork":
    from conversion import color_films
    from film.command import FilmColorization, plan_films
    from gray2color import film_colorization
    from runtime.progress import progress_for

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    options, progress = _film(args), progress_for(quiet=run.quiet)
    colorization = FilmColorization(
        load=functools.partial(film_colorization, color, run, steady=options.steady),
        colorize=functools.partial(color_films, progress=progress),
        weights=run.network or run.weights,
        progress=progress,
    )
    inputs, guidance = options_from(args, InputOptions), options_from(args, GuidanceOptions)
    return plan_films(inputs, options_from(args, FilmCommand), options, guidance, colorization)


def run_pipe(args: argparse.Namespace) -> int:
    """Colorize a film from standard input, or to standard output, and return the exit code."""
    from conversion import workers_for
    from film.ffmpeg import use_ffmpeg
    from film.pipe import check_pipe, color_stream
    from gray2color import film_colorization
    from model.weights_file import check_weights

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    options, inputs = _film(args), options_from(args, InputOptions)
    with usage_errors():
        guidance = options_from(args, GuidanceOptions)
        check_pipe(inputs, options_from(args, FilmCommand), options, guidance)
        use_ffmpeg(options.ffmpeg)
        check_weights(run.weights)
        loaded = film_colorization(color, run, steady=options.steady)
    film, save = inputs.movie_in[0], inputs.save or "-"
    with workers_for(loaded, options) as workers:
        color_stream(film, save, colorization=loaded, options=options, run=workers)
    return DONE


def _photo(args: argparse.Namespace) -> PhotoOptions:
    chosen = options_from(args, PhotoOptions)
    return dataclasses.replace(chosen, compare=args.compare, recolor=args.recolor)


def _film(args: argparse.Namespace) -> FilmOptions:
    from model.chosen_network import processes_that_fit
    from model.paddle_import import uses_gpu

    run = options_from(args, RunOptions)
    workers = 1 if uses_gpu(run.device) else args.workers or args.threads or processes_that_fit(run)
    return dataclasses.replace(
        options_from(args, FilmOptions), workers=workers,
        encoder=options_from(args, EncoderOptions), compare=args.compare, recolor=args.recolor,
        overwrite=args.overwrite,
    )  # fmt: skip


def command() -> NoReturn:
    """Run the command line as a process."""
    open_stderr()
    one_blas_thread()
    leave(main(alone=True))


if __name__ == "__main__":
    command()

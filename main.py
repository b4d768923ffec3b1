"""The command line for colorizing photographs and films: parses and checks options, and calls the packages.

Checks run before Paddle is imported, and slow modules are imported where they are used, so that a usage error takes a
tenth of a second.
"""

import argparse
import dataclasses
import functools
import sys
from collections.abc import Sequence
from typing import Any

from color.options import GuidanceOptions
from film.options import EncoderOptions, FilmCommand, FilmOptions, unsupported
from model.options import ColorOptions, RunOptions
from photo.inputs import InputOptions
from photo.options import PhotoOptions
from runtime.console import exit_code, log_to_stderr, usage_errors
from runtime.options import OneLineParser, add_options, given, options_from, spellings
from runtime.places import COMMAND, IN_SOURCE_TREE
from web.options import Settings, WebOptions

VERSION = "0.2.0"
EXAMPLES = """\
examples:
  python main.py -img_in photo.jpg                        writes photo.color.jpg beside it
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in photos/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
  python main.py -movie_in film.mp4 -save out.mp4         run it again to resume an interrupted job
  python main.py -movie_in film.mp4 -start 1:30 -duration 10 -save try.mp4
  python main.py -web                                     opens a page in the browser
"""
FILM_OPTIONS = (FilmCommand, FilmOptions, EncoderOptions)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    _check_options(parser, args)
    log_to_stderr(quiet=args.quiet)
    run = run_page if args.web else run_photos if args.img_in else run_films
    return exit_code(parser.prog, functools.partial(run, args))


def _parser() -> argparse.ArgumentParser:
    spelled = "python main.py" if IN_SOURCE_TREE else COMMAND
    parser = OneLineParser(
        prog=COMMAND,
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
    if not args.img_in and not args.movie_in and not args.web:
        parser.error("nothing to colorize: give -img_in, -movie_in or -web")
    if bool(args.img_in) + bool(args.movie_in) + args.web > 1:
        parser.error("-img_in, -movie_in and -web are separate commands: give only one of them")
    for kind, what in _others(args):
        for name in given(args, kind):
            parser.error(f"-{name} is for {what}: leave it out here")
    for mistake in unsupported(args.codec, given(args, EncoderOptions)):
        parser.error(mistake)


def _others(args: argparse.Namespace) -> list[tuple[type, str]]:
    """List the options that do not apply to this command, each group with what it applies to."""
    films = [(kind, "films") for kind in FILM_OPTIONS]
    if args.web:
        named = "the commands, not the page"
        return [(kind, named) for kind in (InputOptions, GuidanceOptions, FilmCommand)]
    return [(WebOptions, "-web"), *(films if args.img_in else [(PhotoOptions, "photos")])]


def run_page(args: argparse.Namespace) -> int:
    """Serve the page; return the exit code."""
    from gray2color import film_colorization
    from model.weights_file import check_weights
    from web.server import serve

    color, run, film = options_from(args, ColorOptions), options_from(args, RunOptions), _film(args)
    with usage_errors():
        check_weights(run.weights)
        colorization = functools.partial(film_colorization, run=run, steady=film.steady)
        settings = Settings(run, color, _photo(args), film, colorization)
        return serve(options_from(args, WebOptions), settings)


def run_photos(args: argparse.Namespace) -> int:
    """Colorize photographs and return the exit code; a failure does not stop the others."""
    from gray2color import colorize_photo_files, colorizer_factory
    from model.weights_file import check_weights
    from photo.command import PhotoColorization, plan_photos
    from runtime.outcomes import finish

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    colorization = PhotoColorization(
        check=functools.partial(check_weights, run.weights),
        analyzer=colorizer_factory(color, run, threads=run.threads),
        colorize=functools.partial(colorize_photo_files, color=color, run=run),
    )
    with usage_errors():
        inputs, guidance = options_from(args, InputOptions), options_from(args, GuidanceOptions)
        work = plan_photos(inputs, _photo(args), guidance, colorization)
    return finish(work.failures, work.results(), quiet=run.quiet)


def run_films(args: argparse.Namespace) -> int:
    """Colorize, preview or describe films and return the exit code; a failure does not stop the others."""
    from conversion import color_films
    from film.command import FilmColorization, plan_films
    from film.guidance_files import GuidanceError
    from gray2color import film_colorization
    from runtime.outcomes import finish
    from runtime.progress import progress_for

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    options, progress = _film(args), progress_for(quiet=run.quiet)
    colorization = FilmColorization(
        load=functools.partial(film_colorization, color, run, steady=options.steady),
        colorize=functools.partial(color_films, progress=progress),
        weights=run.weights,
        progress=progress,
    )
    with usage_errors():
        inputs, guidance = options_from(args, InputOptions), options_from(args, GuidanceOptions)
        work = plan_films(inputs, options_from(args, FilmCommand), options, guidance, colorization)
    with usage_errors((GuidanceError,)):
        return finish(work.failures, work.results(), quiet=run.quiet)


def _photo(args: argparse.Namespace) -> PhotoOptions:
    chosen = options_from(args, PhotoOptions)
    return dataclasses.replace(chosen, compare=args.compare, recolor=args.recolor)


def _film(args: argparse.Namespace) -> FilmOptions:
    from model.paddle_import import uses_gpu

    return dataclasses.replace(
        options_from(args, FilmOptions),
        workers=1 if uses_gpu(args.device) else args.workers or args.threads,
        encoder=options_from(args, EncoderOptions), compare=args.compare, recolor=args.recolor,
        overwrite=args.overwrite,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

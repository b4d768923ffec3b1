"""The command line: black-and-white photographs and films in, color out. Parse, check, call.

Everything that can be checked is checked before Paddle is imported, and what is slow to import is imported where it is
used, so that a mistake costs a tenth of a second.
"""

import argparse
import dataclasses
import functools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from color.options import GuidanceOptions
from color.segment import WORKING_SIDE, Colorization
from film.options import (
    CODECS_WITH,
    EncoderOptions,
    FilmCommand,
    FilmOptions,
    check_films_outputs,
)
from model.options import ColorOptions, RunOptions
from photo.inputs import InputOptions, Result, Task, plan, unfinished
from photo.options import PhotoOptions
from runtime.console import DONE, FAILED, USAGE, complain, exit_code, log_to_stderr, printable
from runtime.options import OneLineParser, add_options, given, options_from, spellings
from web.options import Settings, WebOptions

VERSION = "0.2.0"
EXAMPLES = """\
examples:
  python main.py -img_in photo.jpg                        writes photo.color.jpg beside it
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in photos/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
  python main.py -movie_in film.mp4 -save out.mp4         the same again continues after a stop
  python main.py -movie_in film.mp4 -start 1:30 -duration 10 -save try.mp4
  python main.py -web                                     all of it on a page in the browser
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
    parser = OneLineParser(
        prog="main.py",
        description="Colorize black-and-white photographs and films.\n"
        "Every option may also be spelled with two dashes.",
        epilog=EXAMPLES,
    )
    add_options(parser, InputOptions, title="what to color, and where to")
    color: Any = parser.add_argument_group("color")
    add_options(color, ColorOptions)
    side_by_side = "gray and color side by side"
    color.add_argument(*spellings("compare"), action="store_true", help=side_by_side)
    add_options(parser, GuidanceOptions, title="guidance")
    add_options(parser, PhotoOptions, title="photos")
    films: Any = parser.add_argument_group("films")
    for kind in FILM_OPTIONS:
        add_options(films, kind)
    add_options(parser, WebOptions, title="a page on this machine")
    add_options(parser, RunOptions, title="how to run")
    version = f"colorizer {VERSION}"
    parser.add_argument(*spellings("version"), action="version", version=version)
    return parser


def _check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what no single option can refuse by itself."""
    if not args.img_in and not args.movie_in and not args.web:
        parser.error("nothing to color: give -img_in, -movie_in or -web")
    if bool(args.img_in) + bool(args.movie_in) + args.web > 1:
        parser.error(
            "photos, films and the page are three commands: give -img_in, -movie_in or -web"
        )
    for kind, what in _others(args):
        for name in given(args, kind):
            parser.error(f"-{name} is for {what}: leave it out here")
    for name, codecs in CODECS_WITH.items():
        if args.codec not in codecs and name in given(args, EncoderOptions):
            named = ", ".join(codecs)
            parser.error(f"-{name} is for {named}: leave it out with -codec {args.codec}")


def _others(args: argparse.Namespace) -> list[tuple[type, str]]:
    """List the options that are not for this command, each with what they are for."""
    films = [(kind, "films") for kind in FILM_OPTIONS]
    if args.web:
        named = "the commands, on the page it is chosen"
        return [(kind, named) for kind in (InputOptions, GuidanceOptions, FilmCommand)]
    return [(WebOptions, "-web"), *(films if args.img_in else [(PhotoOptions, "photos")])]


def run_page(args: argparse.Namespace) -> int:
    """Serve the page; return the exit code."""
    from gray2color import check_weights
    from web.server import serve

    color, run, film = options_from(args, ColorOptions), options_from(args, RunOptions), _film(args)
    try:
        check_weights(run.weights)
        colorization = functools.partial(_colorization, run=run, steady=film.steady)
        photo = dataclasses.replace(options_from(args, PhotoOptions), compare=args.compare)
        return serve(
            options_from(args, WebOptions), Settings(run, color, photo, film, colorization)
        )
    except (OSError, ValueError) as error:
        complain(f"main.py: {error}")
        return USAGE


def run_photos(args: argparse.Namespace) -> int:
    """Colorize photographs; return the exit code. One that fails stops no other."""
    from gray2color import check_weights, colorize_photo_files, colorizer_factory
    from photo.analysis import analyze_photos, check_analysis
    from photo.batch import PHOTOS
    from photo.guidance import read_guidance

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    try:
        options = dataclasses.replace(options_from(args, PhotoOptions), compare=args.compare)
        planned, failures = plan(args.img_in, kind=PHOTOS, save=args.save, recursive=args.recursive)
        check_analysis(planned, options, overwrite=args.overwrite)
        tasks, occupied = _waiting(planned, options, save=args.save, overwrite=args.overwrite)
        check_weights(args.weights)
        guided = options_from(args, GuidanceOptions)
        if (guided.hint or guided.hints) and len(planned) > 1:
            raise ValueError(f"hints are for one photo, here are {len(planned)}")
        guidance = read_guidance(guided, planned[0].source if planned else None)
    except (OSError, ValueError) as error:
        complain(f"main.py: {error}")
        return USAGE
    failures += occupied
    for line in failures:
        complain(line)
    try:
        if options.analyzes:
            load = colorizer_factory(color, run, threads=run.threads)
            analyzed = analyze_photos(planned, load, options=options, guidance=guidance)
            failures += _report(analyzed, quiet=run.quiet)
        if tasks:
            results = colorize_photo_files(tasks, options, color=color, run=run, guidance=guidance)
            failures += _report(results, quiet=run.quiet)
    except RuntimeError as error:  # the network cannot run here
        complain(f"main.py: {error}")
        return FAILED
    return _finish(failures)


def _waiting(
    planned: Sequence[Task], options: PhotoOptions, *, save: str | None, overwrite: bool
) -> tuple[list[Task], list[str]]:
    """Choose the photos that are still to be colorized; a line for each whose place is taken."""
    from photo.batch import PHOTOS
    from photo.candidates import unfinished_candidates

    if options.candidates:
        return unfinished_candidates(planned, options.candidates, kind=PHOTOS, overwrite=overwrite)
    if options.analyzes and save is None:
        return [], []
    return unfinished(planned, kind=PHOTOS, overwrite=overwrite)


def run_films(args: argparse.Namespace) -> int:
    """Colorize films, or only describe them; return the exit code. One that fails stops no other."""
    from conversion import color_films, film_kind, try_encoder
    from film.guidance import GuidanceError, read_guidance
    from photo.guidance import read_reference
    from runtime.progress import progress_for

    command, color = options_from(args, FilmCommand), options_from(args, ColorOptions)
    run, options = options_from(args, RunOptions), _film(args)
    try:
        kind = film_kind(options)
        planned, failures = plan(args.movie_in, kind=kind, save=args.save, recursive=args.recursive)
        tasks = planned
        if not command.probe and not command.preview:  # which write nothing to where results go
            tasks, occupied = unfinished(planned, kind=kind, overwrite=args.overwrite)
            failures += occupied
            if tasks:
                try_encoder(options)
        command = dataclasses.replace(command, several=len(planned) > 1)
        inputs = [*(task.source for task in planned), *([run.weights] if run.weights else [])]
        films = [(task.source, task.target) for task in tasks]
        check_films_outputs(films, command, inputs=inputs, overwrite=args.overwrite)
        colorization = _colorization(color, run, steady=options.steady)
        guidance = read_guidance(options_from(args, GuidanceOptions), command, read=read_reference)
        if guidance and command.several:
            raise ValueError(f"hints and references are for one film, here are {len(planned)}")
        colorization = dataclasses.replace(colorization, guidance=guidance)
    except (OSError, ValueError) as error:
        complain(f"main.py: {error}")
        return USAGE
    for line in failures:
        complain(line)
    results = color_films(
        tasks, command, colorization=colorization, options=options,
        progress=progress_for(quiet=run.quiet),
    )  # fmt: skip
    try:
        return _finish(failures + _report(results, quiet=run.quiet))
    except GuidanceError as error:
        complain(f"main.py: {error}")
        return USAGE


def _film(args: argparse.Namespace) -> FilmOptions:
    from gray2color import uses_gpu

    return dataclasses.replace(
        options_from(args, FilmOptions),
        workers=1 if uses_gpu(args.device) else args.workers or args.threads,
        encoder=options_from(args, EncoderOptions), compare=args.compare, overwrite=args.overwrite,
    )  # fmt: skip


def _colorization(color: ColorOptions, run: RunOptions, *, steady: float) -> Colorization:
    """Describe how films are colorized: by one network of one thread in each worker process."""
    from gray2color import check_weights, color_settings, colorizer_factory

    return Colorization(
        colorizer_factory(color, run, threads=1, steady=steady, films=True),
        weights=check_weights(run.weights),
        settings=color_settings(color, run, steady=steady),
        working_side=color.working_size or WORKING_SIDE,
        whole_shots=steady > 0,
    )


def _report(results: Iterable[Result], *, quiet: bool) -> list[str]:
    """Print what becomes of each photo or film; return a line for each failure."""
    from runtime.progress import print_line

    failures = []
    for result in results:
        if result.error is not None:
            failures.append(result.error)
            print_line(result.error, file=sys.stderr)
            continue
        for line in result.output:
            print_line(line, file=sys.stdout)
        for line in result.notes if not quiet else ():
            print_line(line, file=sys.stderr)
    return failures


def _finish(failures: Sequence[str]) -> int:
    """List the failures once more when there are several; return the exit code."""
    if len(failures) > 1:
        complain(f"{len(failures)} failed:")
        for line in failures:
            complain(f"  {printable(line)}")
    return FAILED if failures else DONE


if __name__ == "__main__":
    sys.exit(main())

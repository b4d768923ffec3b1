"""The command line: black-and-white photographs and films in, color out. Parse, check, call.

Everything that can be checked is checked before Paddle is imported, and what is slow to import is imported where it is
used, so that a mistake costs a tenth of a second.
"""

import argparse
import contextlib
import dataclasses
import errno
import functools
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from film.options import (
    WORKING_SIDE,
    Colorization,
    EncoderOptions,
    FilmOptions,
    check_outputs,
)
from photo.inputs import InputOptions, Kind, Task, plan, unfinished
from photo.options import PhotoOptions
from runtime.options import (
    DONE,
    FAILED,
    USAGE,
    OneLineParser,
    RunOptions,
    add_options,
    check,
    complain,
    exit_code,
    given,
    log_to_stderr,
    option,
    options_from,
    printable,
    spellings,
)

if TYPE_CHECKING:
    from photo.batch import PhotoResult
    from runtime.workers import Map

VERSION = "0.1.0"
EXAMPLES = """\
examples:
  python main.py -img_in photo.jpg                        writes photo.color.jpg beside it
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in photos/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
  python main.py -movie_in film.mp4 -save out.mp4         the same again continues after a stop
  python main.py -movie_in film.mp4 -start 1:30 -duration 10 -save try.mp4
"""


@dataclass(frozen=True)
class ColorOptions:
    """How colors are taken from the network's prediction; None is as released."""

    temperature: float | None = option(
        None, "below 1 purer and bolder, 1 the mean color (0.05 to 2; default: as released)",
        low=0.05, high=2, metavar="T",
    )  # fmt: skip
    saturation: float | None = option(
        None, "times the network's chroma (0 to 4; default: as released)",
        low=0, high=4, metavar="S",
    )  # fmt: skip
    working_size: int | None = option(
        None, "short side the network sees, in pixels (64 to 1024; default: as released)",
        low=64, high=1024, metavar="PX",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    _check_options(parser, args)
    log_to_stderr(quiet=args.quiet)
    run = run_photos if args.img_in else run_films
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
    add_options(parser, PhotoOptions, title="photos")
    films: Any = parser.add_argument_group("films")
    for kind in FILM_OPTIONS:
        add_options(films, kind)
    add_options(parser, RunOptions, title="how to run")
    version = f"colorizer {VERSION}"
    parser.add_argument(*spellings("version"), action="version", version=version)
    return parser


def _check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what no single option can refuse by itself."""
    if not args.img_in and not args.movie_in:
        parser.error("nothing to color: give -img_in or -movie_in")
    if args.img_in and args.movie_in:
        parser.error("photos and films are two commands: give -img_in or -movie_in")
    others, what = (FILM_OPTIONS, "films") if args.img_in else ((PhotoOptions,), "photos")
    for kind in others:
        for name in given(args, kind):
            parser.error(f"-{name} is for {what}: leave it out here")
    if args.codec in {"ffv1", "prores"}:
        for name in {"crf", "preset"}.intersection(given(args, EncoderOptions)):
            parser.error(f"-{name} is for h264 and h265: leave it out with -codec {args.codec}")


def run_photos(args: argparse.Namespace) -> int:
    """Colorize photographs; return the exit code. One that fails stops no other."""
    options = dataclasses.replace(options_from(args, PhotoOptions), compare=args.compare)
    try:
        tasks, failures, guidance = _checked_photos(args, options)
    except (OSError, ValueError) as error:
        complain(f"main.py: {error}")
        return USAGE
    for line in failures:
        complain(line)
    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    try:
        for result in _colorized(tasks, options, color, run, guidance):
            failures += _reported(result, quiet=run.quiet)
    except RuntimeError as error:  # the network cannot run here
        complain(f"main.py: {error}")
        return FAILED
    if len(failures) > 1:
        complain(f"{len(failures)} failed:")
        for line in failures:
            complain(f"  {line}")
    return FAILED if failures else DONE


def _checked_photos(
    args: argparse.Namespace, options: PhotoOptions
) -> tuple[list[Task], list[str], dict[str, Any]]:
    """Return the photos to colorize, a line for each input that cannot be, and what guides the colors."""
    from gray2color import check_weights
    from photo.batch import PHOTOS
    from photo.guidance import read_guidance

    planned, failures = plan(args.img_in, kind=PHOTOS, save=args.save, recursive=args.recursive)
    tasks, occupied = unfinished(planned, kind=PHOTOS, overwrite=args.overwrite)
    check_weights(args.weights)
    guidance = read_guidance(options)
    if options.hints and len(planned) > 1:
        raise ValueError(f"-hints are for one photo, here are {len(planned)}")
    return tasks, failures + occupied, guidance


def _colorized(
    tasks: Sequence[Task],
    options: PhotoOptions,
    color: ColorOptions,
    run: RunOptions,
    guidance: Mapping[str, Any],
) -> Iterator["PhotoResult"]:
    """Colorize photos in processes of one thread each, or all in this one: for a GPU, or when they are few."""
    from gray2color import guided, prepare, uses_gpu
    from photo.batch import FEW, colorize_photos
    from runtime.progress import progress_for
    from runtime.workers import cores

    alone = len(tasks) <= FEW or run.device == "gpu" or uses_gpu(run.device)
    processes = 1 if alone else run.threads or cores()
    factory = colorizer_factory(color, run, threads=run.threads if processes == 1 else 1)
    if guidance:
        factory = functools.partial(guided, factory, **guidance)
    if processes > 1:
        prepare(run.weights)  # once, before every process wants it
    progress = progress_for(quiet=run.quiet)
    return colorize_photos(tasks, factory, options=options, processes=processes, progress=progress)


def _reported(result: "PhotoResult", *, quiet: bool) -> list[str]:
    """Print what became of a photo; return its failure, if it is one."""
    from runtime.progress import print_line

    if result.error is not None:
        print_line(result.error, file=sys.stderr)
        return [result.error]
    print_line(result.task.target, file=sys.stdout)
    for what in result.dropped if not quiet else ():
        print_line(f"{result.task.target} lacks {what}", file=sys.stderr)
    return []


def colorizer_factory(
    color: ColorOptions, run: RunOptions, *, threads: int | None
) -> Callable[[], Any]:
    """Return a picklable function that loads the network as the options say."""
    from gray2color import Colorizer

    options = {**dataclasses.asdict(color), "weights": run.weights}
    chosen = {name: value for name, value in options.items() if value is not None}
    return functools.partial(
        Colorizer, device=run.device, precision=run.precision, threads=threads, **chosen
    )


# Films


@dataclass(frozen=True)
class FilmCommand:
    """What a command does with films besides colorizing them, or instead."""

    probe: str | None = option(
        None, "show stream information and what would be done, as text or json",
        choices=("text", "json"), const="text",
    )  # fmt: skip
    preview: Path | None = option(None, "only colorize one frame of each shot", metavar="PNG")
    report: Path | None = option(None, "write what was done to this file", metavar="JSON")


FILM_OPTIONS = (FilmCommand, FilmOptions, EncoderOptions)


def run_films(args: argparse.Namespace) -> int:
    """Colorize films, or only describe them; return the exit code. One that fails stops no other."""
    try:
        kind = _film_kind(args)
        planned, failures = plan(args.movie_in, kind=kind, save=args.save, recursive=args.recursive)
        tasks = planned
        if not args.probe and not args.preview:  # which write nothing to where results go
            tasks, occupied = unfinished(planned, kind=kind, overwrite=args.overwrite)
            failures += occupied
        _check_films_outputs(planned, tasks, args)
    except (OSError, ValueError) as error:
        complain(f"main.py: {error}")
        return USAGE
    for line in failures:
        complain(line)
    with contextlib.ExitStack() as stack:
        # Started when the first film needs them, and kept for the next: loading the network takes seconds.
        workers = functools.cache(lambda: stack.enter_context(_workers(args)))
        for task in tasks:
            try:
                _run_film(task, args, workers, several=len(planned) > 1)
            except Exception as error:
                logging.debug("%s", task.source, exc_info=True)
                failures.append(_in_one_line(task.source, error))
                complain(failures[-1])
    if len(failures) > 1:
        complain(f"{len(failures)} failed; all others are done")
    return FAILED if failures else DONE


def _workers(args: argparse.Namespace) -> contextlib.AbstractContextManager["Map"]:
    from conversion import workers_for
    from gray2color import uses_gpu

    options = _film_options(args)
    if uses_gpu(args.device):
        options = dataclasses.replace(options, workers=1)
    return workers_for(_colorization(args), options)


def _film_kind(args: argparse.Namespace) -> Kind:
    from conversion import film_kind

    return film_kind(_film_options(args))


def _check_films_outputs(
    planned: Sequence[Task], tasks: Sequence[Task], args: argparse.Namespace
) -> None:
    """Refuse, before any work, files that this command must not write."""
    if args.probe:
        return
    several = len(planned) > 1
    outputs: list[Path] = []
    folders = [path for path in (args.preview, args.report) if path and several]
    for task in tasks:
        if args.preview:
            outputs.append(_named_after(task.source, args.preview, ".png", several=several))
            continue
        outputs.append(task.target)
        folders.append(task.target.parent)
        if args.report:
            outputs.append(_named_after(task.source, args.report, ".json", several=several))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    inputs = [*(task.source for task in planned), *([args.weights] if args.weights else [])]
    check_outputs(outputs, inputs=inputs, overwrite=args.overwrite)


def _named_after(film: Path, path: Path, suffix: str, *, several: bool) -> Path:
    """Return the file to write for a film: the one that was named, or one in that folder for each of several."""
    return path / f"{film.stem}{suffix}" if several else path


def _run_film(
    task: Task, args: argparse.Namespace, workers: Callable[[], "Map"], *, several: bool
) -> None:
    from conversion import color_film, film_info, preview
    from runtime.progress import progress_for

    source, target, options = task.source, task.target, _film_options(args)
    if args.probe:
        text, values = film_info(source, target, options=options)
        lines = text if args.probe == "text" else json.dumps(values, indent=1, ensure_ascii=False)
        print(*map(printable, lines.split("\n")), sep="\n")
    elif args.preview:
        sheet = _named_after(source, args.preview, ".png", several=several)
        shots = preview(source, sheet, colorization=_colorization(args), options=options)
        logging.info("%s: %d shots", sheet, shots)
        print(printable(sheet))
    else:
        done = color_film(
            source, target, colorization=_colorization(args), options=options, run=workers(),
            progress=progress_for(quiet=args.quiet),
        )  # fmt: skip
        logging.info("%s", done.line())
        if args.report:
            report = _named_after(source, args.report, ".json", several=several)
            report.write_text(json.dumps(done.as_json(), indent=1, ensure_ascii=False) + "\n")
        print(printable(target))


def _film_options(args: argparse.Namespace) -> FilmOptions:
    options = options_from(args, FilmOptions)
    return dataclasses.replace(
        options,
        workers=options.workers or args.threads,
        encoder=options_from(args, EncoderOptions),
        compare=args.compare,
        overwrite=args.overwrite,
    )


def _colorization(args: argparse.Namespace) -> Colorization:
    """Describe how films are colorized: by one network of one thread in each worker process."""
    from gray2color import SATURATION, TEMPERATURE, WORKING_SIZE, check_weights

    color, run = options_from(args, ColorOptions), options_from(args, RunOptions)
    settings = {
        "temperature": TEMPERATURE if color.temperature is None else color.temperature,
        "saturation": SATURATION if color.saturation is None else color.saturation,
        "working_size": color.working_size or WORKING_SIZE,
        "precision": run.precision,
    }
    factory = colorizer_factory(color, run, threads=1)
    return Colorization(
        factory, weights=check_weights(run.weights), settings=settings,
        working_side=color.working_size or WORKING_SIDE,
    )  # fmt: skip


def _in_one_line(source: Path, error: Exception) -> str:
    """Say what went wrong; the same command continues once it is put right."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{source}: the disk is full; free some space and run the same command to continue"
    text = str(error)
    if not isinstance(error, OSError | ValueError):
        return f"{source}: {type(error).__name__} ({text})"
    return text if str(source) in text else f"{source}: {text}"


if __name__ == "__main__":
    sys.exit(main())

"""The command line: black-and-white photographs and films in, color out.

Words in, one function called, words out. Everything that can be checked is checked before Paddle
is imported, so that a mistake costs a tenth of a second.
"""

import argparse
import contextlib
import dataclasses
import errno
import functools
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from conversion import Each, FilmOptions, Painting
    from photo.inputs import Kind, Task
    from photo.options import PhotoOptions

VERSION = "0.1.0"
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
PRESETS = tuple(
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]
)
PHOTOS_ONLY = frozenset(("hints", "reference", "quality"))
FILMS_ONLY = frozenset(
    (
        *("probe", "preview", "start", "duration", "recolor", "deinterlace", "codec", "crf"),
        *("preset", "workers", "scheduler", "cache", "keep_cache", "restart", "report"),
    )
)

EXAMPLES = """\
examples:
  python main.py -img_in photo.jpg                        writes photo.color.jpg beside it
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in photos/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
  python main.py -movie_in film.mp4 -save out.mp4         the same again continues after a stop
  python main.py -movie_in film.mp4 -start 1:30 -duration 10 -save try.mp4
"""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {_printable(message)}; see {self.prog} --help\n")


class OneLineFormatter(logging.Formatter):
    """A log formatter whose messages are one printable line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return _printable(super().formatMessage(record))


class ShortHelp(argparse.RawDescriptionHelpFormatter):
    """Help that names each option once, in the owner's spelling."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        metavar = self._format_args(action, (action.dest or "").upper())
        return f"{action.option_strings[0]} {metavar}".rstrip()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    _check_options(parser, args)
    level = logging.ERROR if args.quiet else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    try:
        return run_photos(args) if args.img_in else run_films(args)
    except KeyboardInterrupt:
        _complain("interrupted: run the same command to continue")
        return INTERRUPTED


def _printable(text: object) -> str:
    """Return a text as one line that no terminal obeys: file names may hold anything."""
    letters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
    return "".join(letters)


def _complain(text: str) -> None:
    print(_printable(text), file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog="main.py",
        description="Bring black-and-white photographs and films to color.\n"
        "Every option may also be spelled with two dashes.",
        epilog=EXAMPLES,
        formatter_class=ShortHelp,
        allow_abbrev=False,
    )
    _input_options(parser)
    _color_options(parser)
    _photo_options(parser)
    _film_options(parser)
    _run_options(parser)
    return parser


def _input_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to color, and where to")
    _option(group, "img_in", nargs="+", type=_named, metavar="INPUT",
            help="photos: files, folders, globs")  # fmt: skip
    _option(group, "movie_in", nargs="+", type=_named, metavar="INPUT",
            help="films: files, folders, globs")  # fmt: skip
    _option(
        group,
        "save",
        type=_named,
        metavar="OUT",
        help="a file for one input, a folder otherwise (default: name.color.ext beside the input)",
    )
    _option(group, "recursive", action="store_true", help="folders with all their subfolders")
    _option(group, "overwrite", action="store_true", help="replace results that are there already")


def _color_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("color")
    _option(
        group,
        "temperature",
        type=_number(0.05, 2),
        metavar="T",
        help="below 1 purer and bolder, 1 the mean color (0.05 to 2; default: as released)",
    )
    _option(
        group,
        "saturation",
        type=_number(0, 4),
        metavar="S",
        help="times the network's chroma (0 to 4; default: as released)",
    )
    _option(
        group,
        "working_size",
        type=_whole(64, 1024),
        metavar="PX",
        help="short side the network sees, in pixels (64 to 1024; default: as released)",
    )
    _option(group, "compare", action="store_true", help="gray and color side by side")


def _photo_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("photos")
    _option(
        group,
        "hints",
        type=_path,
        metavar="FILE",
        help='color points for one photo, JSON: [[x, y, "#rrggbb"], ...] in its pixels',
    )
    _option(
        group,
        "reference",
        type=_path,
        metavar="PICTURE",
        help="a color picture with the colors that are wanted",
    )
    _option(
        group,
        "quality",
        type=_whole(1, 100),
        default=95,
        metavar="N",
        help="of JPEG and WebP files, 1 to 100 (default: %(default)s)",
    )


def _film_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("films")
    _option(
        group,
        "probe",
        nargs="?",
        const="text",
        choices=["text", "json"],
        help="only tell what the film has and what would be done, as text or json",
    )
    _option(group, "preview", type=_path, metavar="PNG", help="only paint one frame of each shot")
    _option(group, "start", type=_seconds, default=0.0, metavar="T", help="begin at s or h:mm:ss")
    _option(group, "duration", type=_seconds, metavar="T", help="do only so much, s or h:mm:ss")
    _option(group, "recolor", action="store_true", help="paint shots that have color already, too")
    _option(group, "deinterlace", action="store_true", help="make whole frames of woven fields")
    _option(
        group,
        "codec",
        choices=["h264", "h265", "ffv1", "prores"],
        default="h264",
        help="of the picture (default: %(default)s)",
    )
    _option(
        group,
        "crf",
        type=_whole(0, 51),
        metavar="N",
        help="of h264 and h265: 0 lossless, 51 worst (default: the codec's own)",
    )
    _option(
        group,
        "preset",
        choices=PRESETS,
        default="medium",
        metavar="NAME",
        help="of h264 and h265: ultrafast to veryslow (default: %(default)s)",
    )
    _option(
        group,
        "workers",
        type=_whole(1, 1024),
        metavar="N",
        help="processes (default: one per core; a GPU is always given one)",
    )
    _option(group, "scheduler", default="", metavar="URL", help="Dask cluster: tcp://host:8786")
    _option(group, "cache", type=_path, metavar="DIR", help="where jobs live (default: cache/)")
    _option(group, "keep_cache", action="store_true", help="keep the frames and shots of a job")
    _option(group, "restart", action="store_true", help="forget what was begun, begin anew")
    _option(group, "report", type=_path, metavar="JSON", help="write what was done to this file")


def _run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how to run")
    _option(
        group,
        "device",
        choices=["auto", "cpu", "gpu"],
        default="auto",
        help="auto takes a GPU when there is one (default: %(default)s)",
    )
    _option(
        group,
        "precision",
        choices=["auto", "fp32", "bf16"],
        default="auto",
        help="auto takes bf16 where the processor has it (default: %(default)s)",
    )
    _option(
        group, "threads", type=_whole(1, 1024), metavar="N", help="processor cores (default: all)"
    )
    _option(group, "weights", type=_path, metavar="FILE", help="other weights than the released")
    _option(group, "quiet", action="store_true", help="errors only")
    parser.add_argument("-version", "--version", action="version", version=f"colorizer {VERSION}")


def _option(group: Any, name: str, **settings: Any) -> None:
    """Add an option in the owner's spelling, -name, and in the usual one, --name."""
    group.add_argument(f"-{name}", f"--{name}", **settings)


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty name names no file: leave the option out")
    return text


def _path(text: str) -> Path:
    return Path(_named(text))


def _number(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
        return value

    return number


def _whole(low: int, high: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return whole


def _seconds(text: str) -> float:
    """Read 90, 90.5, 1:30 or 0:01:30."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: give seconds or h:mm:ss")
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def _check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what no single option can refuse by itself."""
    if not args.img_in and not args.movie_in:
        parser.error("nothing to color: give -img_in or -movie_in")
    if args.img_in and args.movie_in:
        parser.error("photos and films are two commands: give -img_in or -movie_in")
    given = {name for name, value in vars(args).items() if value != parser.get_default(name)}
    foreign, what = (FILMS_ONLY, "films") if args.img_in else (PHOTOS_ONLY, "photos")
    for name in given & foreign:
        parser.error(f"-{name} is for {what}: leave it out here")
    for name in given & {"crf", "preset"} if args.codec in {"ffv1", "prores"} else ():
        parser.error(f"-{name} is for h264 and h265: leave it out with -codec {args.codec}")


def colorizer_factory(args: argparse.Namespace, *, threads: int | None) -> Callable[[], Any]:
    """Return a picklable function that loads the network as the options say."""
    from gray2color import Colorizer

    options = {
        "weights": args.weights,
        "temperature": args.temperature,
        "saturation": args.saturation,
        "working_size": args.working_size,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return functools.partial(
        Colorizer,
        device=args.device,
        precision=args.precision,
        threads=threads,
        **given,
    )


def _planned(
    inputs: Sequence[str], args: argparse.Namespace, kind: "Kind"
) -> tuple[list["Task"], list["Task"], list[str]]:
    """Return the tasks, those that wait to be done, and one line for each input that cannot be."""
    from photo.inputs import plan, unfinished

    tasks, lost = plan(inputs, kind=kind, save=args.save, recursive=args.recursive)
    if args.probe or args.preview:  # nothing is written to where results go
        return tasks, tasks, lost
    waiting, occupied = unfinished(tasks, kind=kind, overwrite=args.overwrite)
    return tasks, waiting, lost + occupied


def run_photos(args: argparse.Namespace) -> int:
    """Colorize photographs; return the exit code. One that fails stops no other."""
    from gray2color import check_weights
    from photo.batch import PHOTOS
    from photo.guidance import read_guidance
    from photo.options import PhotoOptions

    options = PhotoOptions(args.hints, args.reference, args.quality, compare=args.compare)
    try:
        planned, tasks, failures = _planned(args.img_in, args, PHOTOS)
        check_weights(args.weights)
        guidance = read_guidance(options)
        if args.hints and len(planned) > 1:
            raise ValueError(f"-hints are for one photo, here are {len(planned)}")
    except (OSError, ValueError) as error:
        _complain(f"main.py: {error}")
        return USAGE
    for line in failures:
        _complain(line)
    try:
        failures += _colorize_photos(tasks, args, options, guidance)
    except (OSError, ValueError, RuntimeError) as error:  # the network cannot run here
        _complain(f"main.py: {error}")
        return FAILED
    if len(failures) > 1:
        lines = [f"{len(failures)} failed:", *map(_printable, failures)]
        print(*lines, sep="\n  ", file=sys.stderr)
    return FAILED if failures else DONE


def _colorize_photos(
    tasks: Sequence["Task"],
    args: argparse.Namespace,
    options: "PhotoOptions",
    guidance: dict[str, Any],
) -> list[str]:
    """Colorize the photos that are waiting, with one progress bar; return a line for each failure."""
    from gray2color import guided, prepare, uses_gpu
    from photo.batch import FEW, colorize_photos
    from runtime.progress import print_line, progress_for

    few = len(tasks) <= FEW
    one = few or args.device == "gpu" or uses_gpu(args.device)
    processes = 1 if one else args.threads or os.cpu_count() or 1
    factory = colorizer_factory(args, threads=args.threads if processes == 1 else 1)
    if guidance:
        factory = functools.partial(guided, factory, **guidance)
    if processes > 1:
        prepare(args.weights)  # once, before every process wants it
    progress = progress_for(quiet=args.quiet)
    results = colorize_photos(
        tasks, factory, options=options, processes=processes, progress=progress
    )
    failures = []
    for result in results:
        if result.error is None:
            print_line(result.task.target, file=sys.stdout)
            for words in result.dropped if not args.quiet else ():
                print_line(f"{result.task.target} lacks {words}", file=sys.stderr)
        else:
            failures.append(result.error)
            print_line(result.error, file=sys.stderr)
    return failures


def run_films(args: argparse.Namespace) -> int:
    """Color films, or only tell about them; return the exit code. One that fails stops no other."""
    try:
        planned, tasks, failures = _planned(args.movie_in, args, _films(args))
        _check_films_outputs(planned, tasks, args)
    except (OSError, ValueError) as error:
        _complain(f"main.py: {error}")
        return USAGE
    for line in failures:
        _complain(line)
    with contextlib.ExitStack() as stack:
        # Lent when the first film needs them, and kept for the next: loading the network takes seconds.
        workers = functools.cache(lambda: stack.enter_context(_workers(args)))
        for task in tasks:
            try:
                _run_film(task, args, workers, several=len(planned) > 1)
            except Exception as error:
                logging.debug("%s", task.source, exc_info=True)
                failures.append(_in_one_line(task.source, error))
                _complain(failures[-1])
    if len(failures) > 1:
        _complain(f"{len(failures)} failed; all others are done")
    return FAILED if failures else DONE


def _workers(args: argparse.Namespace) -> contextlib.AbstractContextManager["Each"]:
    from conversion import workers_for
    from gray2color import uses_gpu

    options = _wishes_for_films(args)
    if uses_gpu(args.device):
        options = dataclasses.replace(options, workers=1)
    return workers_for(_painting(args), options)


def _films(args: argparse.Namespace) -> "Kind":
    from conversion import FALLBACK, FILMS, mark_in, result_mark, written_suffixes
    from photo.inputs import BESIDE, Kind

    return Kind(
        "film",
        FILMS,
        written_suffixes(args.codec),
        FALLBACK,
        mark_of=functools.partial(result_mark, options=_wishes_for_films(args)),
        mark_in=mark_in,
        in_folder=BESIDE,
    )


def _check_films_outputs(
    planned: Sequence["Task"], tasks: Sequence["Task"], args: argparse.Namespace
) -> None:
    """Refuse, before any work, files that this command must not write."""
    from conversion import check_outputs

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
    task: "Task", args: argparse.Namespace, workers: Callable[[], "Each"], *, several: bool
) -> None:
    from conversion import color_film, facts, preview

    source, target, options = task.source, task.target, _wishes_for_films(args)
    if args.probe:
        text, told = facts(source, target, options=options)
        lines = text if args.probe == "text" else json.dumps(told, indent=1, ensure_ascii=False)
        print(*map(_printable, lines.split("\n")), sep="\n")
    elif args.preview:
        sheet = _named_after(source, args.preview, ".png", several=several)
        shots = preview(source, sheet, painting=_painting(args), options=options)
        logging.info("%s: %d shots", sheet, shots)
        print(_printable(sheet))
    else:
        done = color_film(source, target, painting=_painting(args), options=options, each=workers())
        logging.info("%s", done.line())
        if args.report:
            report = _named_after(source, args.report, ".json", several=several)
            report.write_text(json.dumps(done.as_json(), indent=1, ensure_ascii=False) + "\n")
        print(_printable(target))


def _wishes_for_films(args: argparse.Namespace) -> "FilmOptions":
    from conversion import EncoderOptions, FilmOptions

    return FilmOptions(
        cache=args.cache or Path(__file__).resolve().parent / "cache",
        encoder=EncoderOptions(args.codec, args.crf, args.preset, args.deinterlace),
        recolor=args.recolor,
        compare=args.compare,
        start_s=args.start,
        duration_s=args.duration,
        workers=args.workers or args.threads or os.cpu_count() or 1,
        scheduler=args.scheduler,
        keep_cache=args.keep_cache,
        restart=args.restart,
        overwrite=args.overwrite,
    )


def _painting(args: argparse.Namespace) -> "Painting":
    """Say how films are painted: by one network of one thread in each worker process."""
    from conversion import Painting
    from gray2color import (
        SATURATION,
        TEMPERATURE,
        WORKING_SIZE,
        check_weights,
        lab2rgb_in_gamut,
    )

    factory = colorizer_factory(args, threads=1)
    wishes = {"working_side": args.working_size} if args.working_size else {}
    settings = {
        "temperature": TEMPERATURE if args.temperature is None else args.temperature,
        "saturation": SATURATION if args.saturation is None else args.saturation,
        "working_size": args.working_size or WORKING_SIZE,
        "precision": args.precision,
    }
    return Painting(
        factory,
        lab2rgb_in_gamut,
        weights=check_weights(args.weights),
        settings=settings,
        **wishes,
    )


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

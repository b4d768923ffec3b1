"""The command line: black-and-white photographs and films in, color out.

Words in, one function called, words out. Everything that can be checked is checked before Paddle
is imported, so that a mistake costs a tenth of a second.
"""

import argparse
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

VERSION = "0.1.0"
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

EXAMPLES = """\
examples:
  python main.py -img_in photo.jpg                        writes photo.color.jpg beside it
  python main.py -img_in photo.jpg -save out.png
  python main.py -img_in album/ -recursive -save colored/
  python main.py -img_in "scans/*.tif" -save colored/ -saturation 1.2
"""


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


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
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    try:
        return run_photos(args) if args.img_in else run_films(args)
    except KeyboardInterrupt:
        print("interrupted: run the same command to continue", file=sys.stderr)
        return INTERRUPTED


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
    _option(group, "img_in", nargs="+", metavar="INPUT", help="photos: files, folders, globs")
    _option(
        group,
        "save",
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
        type=_pixels,
        metavar="PX",
        help="short side the network sees, in pixels (64 to 1024; default: as released)",
    )


def _photo_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("photos")
    _option(group, "compare", action="store_true", help="gray and color side by side")
    _option(
        group,
        "quality",
        type=int,
        default=95,
        metavar="N",
        help="of JPEG and WebP files, 1 to 100 (default: %(default)s)",
    )


def _film_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of films."""


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
    _option(group, "threads", type=_count, metavar="N", help="processor cores (default: all)")
    _option(group, "weights", type=Path, metavar="FILE", help="other weights than the released")
    _option(group, "quiet", action="store_true", help="errors only")
    parser.add_argument("-version", "--version", action="version", version=f"colorizer {VERSION}")


def _option(group: Any, name: str, **settings: Any) -> None:
    """Add an option in the owner's spelling, -name, and in the usual one, --name."""
    group.add_argument(f"-{name}", f"--{name}", **settings)


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


def _pixels(text: str) -> int:
    return int(_number(64, 1024)(text))


def _count(text: str) -> int:
    return int(_number(1, 1024)(text))


def _check_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse what no single option can refuse by itself."""
    if not args.img_in:
        parser.error("nothing to color: give -img_in")
    if not 1 <= args.quality <= 100:
        parser.error(f"-quality {args.quality} is not within 1 to 100")


def colorizer_factory(args: argparse.Namespace, *, threads: int | None) -> Callable[[], Any]:
    """Return a picklable function that loads the network as the options say."""
    from gray2color import Colorizer

    wishes = {
        "weights": args.weights,
        "temperature": args.temperature,
        "saturation": args.saturation,
        "working_size": args.working_size,
    }
    given = {name: value for name, value in wishes.items() if value is not None}
    return functools.partial(
        Colorizer, device=args.device, precision=args.precision, threads=threads, **given
    )


def run_photos(args: argparse.Namespace) -> int:
    """Color photographs; return the exit code."""
    raise NotImplementedError


def run_films(args: argparse.Namespace) -> int:
    """Color films; return the exit code."""
    raise NotImplementedError


if __name__ == "__main__":
    sys.exit(main())

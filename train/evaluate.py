"""Weights and pictures, or a film -> a table of metrics beside the all-gray row, a sheet, a plot."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from model.contract import STRIDE
from model.options import STEADY
from model.program import Precision
from model.weights_file import RELEASED
from prior.dataset import Shard
from prior.qspace import QSpace, read_bins
from runtime.console import exit_code, log_to_stderr
from runtime.files import write_json
from runtime.options import OneLineParser, add_options, check, option
from runtime.places import WORK
from runtime.progress import progress_for
from train.config import prepare_environment
from train.evaluation_images import IMAGE_PX, read_evaluation_images
from train.measure_films import (
    STRIP_FRAMES,
    STRIP_SHOT,
    colorize_shot,
    measure_film,
    read_frames,
)
from train.measure_photos import measure_photos, sheet
from train.method import GRAY, SETTINGS, SHIPPED, Method, open_network
from train.plots import write_image, write_tradeoff
from train.table import FILM_COLUMNS, PICTURE_COLUMNS, Row, records, table

log = logging.getLogger(__name__)

SHEET_ROWS = 12
IMAGE_SUFFIXES = frozenset((".png", ".jpg"))
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")
FILMS = frozenset((".mp4", ".m4v", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".wmv"))
DESCRIPTION = """\
Weights and pictures, or a film -> a table of metrics beside the all-gray row, a sheet, a plot. Of several
values, such as -hints 0,10, every combination is a row."""


def _several(name: str, text: str, **details: Any) -> Any:
    """Make an option of several values of a setting."""
    picture, shipped = getattr(GRAY, name), getattr(SHIPPED, name)
    shown = f"{picture:g}" if picture == shipped else f"{picture:g}, as shipped {shipped:g}"
    return option((), text, separator=",", metavar="N,...", shown=shown, **details)


def _read_precision(text: str) -> Precision:
    for precision in PRECISIONS:
        if text == precision:
            return precision
    raise ValueError(f"{text!r} is not one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to measure, in which settings, and what to write."""

    weights: tuple[Path, ...] = option(
        (),
        "released weights, one or more, side by side",
        metavar="FILE",
        shown="this program's; with -film none, the film's own colors only",
    )
    data: Path = option(
        WORK / "data" / "test",
        "folder or .tar of color pictures",
        metavar="FOLDER",
        shown="data/test",
    )
    film: Path | None = option(
        None,
        "measure a film instead, from a gray copy: how steady its colors are and, with -weights, what the program "
        "makes of it; also when -data is a film",
        metavar="FILE",
    )
    working_size: tuple[int, ...] = _several(
        "working_size",
        f"short side of the network's input in pixels, multiples of {STRIDE}",
        low=STRIDE,
    )
    temperature: tuple[float, ...] = _several(
        "temperature", "of the annealed mean: 1 safe, 0.38 vivid", low=0
    )
    hints: tuple[int, ...] = _several(
        "hints",
        "points of the true color revealed, 5x5 pixels each; of films, on the first frame of each shot",
        low=0,
    )
    palette: tuple[int, ...] = _several(
        "palette",
        "1: the truth is given as a reference; 2 and more: so many of its colors, as a palette",
        low=0,
    )
    guidance: tuple[float, ...] = _several(
        "guidance", "how much palettes and references count", low=0, high=1
    )
    saturation: tuple[float, ...] = _several("saturation", "times the chroma", low=0)
    smoothing: tuple[int, ...] = _several(
        "smoothing",
        "1: smooth colors where the network is undecided, as the program does",
        low=0,
        high=1,
    )
    contrast: tuple[float, ...] = _several(
        "contrast", "times the distance of colors from their mean over the picture", low=0
    )
    neutral: tuple[float, ...] = _several(
        "neutral", "chroma that is halved, as gray is likely there", low=0
    )
    shipped: bool = option(
        False, "what is not given is as the program ships it, of films in any case"
    )
    aged: tuple[int, ...] = _several(
        "aged", "1: the network sees each picture aged, as in training", low=0, high=1
    )
    reference: tuple[int, ...] = option(
        (),
        "of films: 1 gives each shot its first frame in color as a reference",
        separator=",",
        metavar="N,...",
        shown="0",
        low=0,
        high=1,
    )
    steady: tuple[float, ...] = option(
        (),
        "of films: 1 links colors along the motion, 0 colorizes frame by frame",
        separator=",",
        metavar="N,...",
        shown=f"{STEADY:g}",
        low=0,
        high=1,
    )
    precision: tuple[Precision, ...] = option(
        ("fp32",),
        f"of the network: {', '.join(PRECISIONS)}",
        separator=",",
        metavar="P,...",
        read=_read_precision,
    )
    shard: Shard = option(
        Shard(),
        "measure only every N-th picture, from the K-th on: choose on one half, report on the other",
        read=Shard.read,
        metavar="K/N",
        shown="",
    )
    limit: int = option(
        0,
        "measure only N pictures, evenly spread, or the first N frames",
        low=0,
        metavar="N",
        shown="0, all",
    )
    json: Path | None = option(None, "write the figures there, too", metavar="FILE")
    curve: Path | None = option(
        None,
        "draw PSNR and AuC over colorfulness there: a line for each combination of other settings, through its saturations",
        metavar="FILE",
    )
    sheet: Path | None = option(
        None,
        f"write a picture there: gray, each network, truth; {SHEET_ROWS} pictures, or {STRIP_FRAMES} frames of the "
        f"first shot that has {STRIP_SHOT}",
        metavar="FILE",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.data.suffix.lower() in FILMS:
            object.__setattr__(self, "film", self.data)
        self.settings()
        for path in filter(None, (self.json, self.sheet, self.curve)):
            if not path.parent.is_dir():
                raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")
        for name, drawn in (("sheet", self.sheet), ("curve", self.curve)):
            if drawn and drawn.suffix.lower() not in IMAGE_SUFFIXES:
                raise ValueError(f"-{name} {drawn}: name it {' or '.join(sorted(IMAGE_SUFFIXES))}")
        for name in (
            ("curve", "aged", "palette", "guidance") if self.film else ("steady", "reference")
        ):
            if getattr(self, name):
                what = "pictures have it, leave out -film" if self.film else "films have it"
                raise ValueError(f"-{name}: only {what}")

    def settings(self) -> list[Method]:
        """Combine every value of each option with every other; the methods have no network yet."""
        default = SHIPPED if self.film or self.shipped else Method()
        several = [getattr(self, name, None) or (getattr(default, name),) for name in SETTINGS]
        return [
            Method(**dict(zip(SETTINGS, combined, strict=True))) for combined in product(*several)
        ]


def picture_rows(options: EvaluateOptions) -> list[Row]:
    """Measure pictures; write the sheet and the plot that are asked for."""
    source = partial(read_evaluation_images, options.data, shard=options.shard)
    images = source(limit=options.limit, progress=progress_for(quiet=False))
    qspace, settings = QSpace(read_bins()), options.settings()
    names, methods = _methods(options.weights or [RELEASED], options.precision, settings)
    if options.sheet:
        shown = sheet(methods[1 :: len(settings)], source(limit=SHEET_ROWS), qspace=qspace)
        write_image(options.sheet, shown)
    found = measure_photos(methods, images, qspace=qspace)
    rows = records(names, [method.settings for method in methods], found)
    if options.curve:
        write_tradeoff(options.curve, rows, settings=("weights", *SETTINGS))
    return rows


def film_rows(options: EvaluateOptions, film: Path) -> list[Row]:
    """Measure a film's own colors, and those that the program gives its gray copy; write the sheet asked for."""
    names, methods = _methods(options.weights, options.precision, options.settings())
    frames = read_frames(
        film, short_px=IMAGE_PX, limit=options.limit, progress=progress_for(quiet=False)
    )
    colorizers = [partial(colorize_shot, method) for method in methods]
    found, strip = measure_film(colorizers, frames)
    if options.sheet and strip is not None:
        write_image(options.sheet, strip)
    elif options.sheet:
        log.warning("%s is not written: no shot has %d frames", options.sheet, STRIP_SHOT)
    settings = [{}, *(method.settings for method in methods)]
    return records(["the film", *names], settings, found)


def _methods(
    weights: Sequence[Path], precisions: Sequence[Precision], settings: Sequence[Method]
) -> tuple[list[str], list[Method]]:
    """Name and list the rows: gray, then every network in every precision and setting."""
    names, methods = ["all gray"], [GRAY]
    alone = len({path.stem for path in weights}) == len(set(weights))
    for path, precision in product(weights, precisions):
        network = open_network(path, precision)
        name = path.stem if alone else str(path)
        names += [name if precision == "fp32" else f"{name}, {precision}"] * len(settings)
        methods += [replace(setting, network=network) for setting in settings]
    return names, methods


def main(words: list[str] | None = None) -> int:
    """Read the command line, measure, and print the table."""
    parser = OneLineParser(prog="train/evaluate.py", description=DESCRIPTION)
    add_options(parser, EvaluateOptions)
    options = parser.collect(parser.parse_args(words), EvaluateOptions)
    log_to_stderr()

    def work() -> int:
        prepare_environment()
        rows = film_rows(options, options.film) if options.film else picture_rows(options)
        if options.json:
            write_json(options.json, rows)
        print(table(rows, FILM_COLUMNS if options.film else PICTURE_COLUMNS))
        return 0

    return exit_code(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())

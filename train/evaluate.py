"""Evaluation of weights on pictures or a film: a table of metrics with an all-gray row, a sheet, a plot."""

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
from model.program import Engine
from model.weights_file import RELEASED, check_weights
from prior.dataset import Shard
from prior.qspace import QSpace, read_bins
from runtime.console import exit_code, log_to_stderr, usage_errors
from runtime.files import check_output, write_json
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
PRECISIONS: tuple[Engine, ...] = ("fp32", "bf16", "int8")
FILMS = frozenset((".mp4", ".m4v", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".wmv"))
DESCRIPTION = """\
Evaluate weights on pictures or a film: a table of metrics with an all-gray row, a sheet, a plot. For options
with several values, such as -hints 0,10, every combination is a row."""


def _several(name: str, text: str, **details: Any) -> Any:
    """Make an option that takes several values of a setting."""
    picture, shipped = getattr(GRAY, name), getattr(SHIPPED, name)
    shown = f"{picture:g}" if picture == shipped else f"{picture:g}, as shipped {shipped:g}"
    return option((), text, separator=",", metavar="N,...", shown=shown, **details)


def _read_precision(text: str) -> Engine:
    for precision in PRECISIONS:
        if text == precision:
            return precision
    raise ValueError(f"{text!r} is not one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Options of input, settings and output."""

    weights: tuple[Path, ...] = option(
        (),
        "weights files to compare",
        metavar="FILE",
        shown="the released ones; with -film, none: only the film's own colors",
    )
    data: Path = option(
        WORK / "data" / "test",
        "folder or .tar of color pictures",
        metavar="FOLDER",
        shown="data/test",
    )
    film: Path | None = option(
        None,
        "measure a film instead: the consistency of its colors and, with -weights, the colorization of its gray copy; "
        "-data may also be a film",
        metavar="FILE",
    )
    working_size: tuple[int, ...] = _several(
        "working_size",
        f"short side of the network's input in pixels, multiples of {STRIDE}",
        low=STRIDE,
    )
    temperature: tuple[float, ...] = _several(
        "temperature", "temperature of the annealed mean: 1 safe, 0.38 vivid", low=0
    )
    hints: tuple[int, ...] = _several(
        "hints",
        "points with the true color, 5x5 pixels each; in films, on the first frame of each shot",
        low=0,
    )
    palette: tuple[int, ...] = _several(
        "palette",
        "1: the true picture as a reference; 2 or more: a palette of that many of its colors",
        low=0,
    )
    guidance: tuple[float, ...] = _several(
        "guidance", "strength of palettes and references", low=0, high=1
    )
    saturation: tuple[float, ...] = _several("saturation", "factor of the chroma", low=0)
    smoothing: tuple[int, ...] = _several(
        "smoothing",
        "1: smooth colors where the network is undecided, as in the program",
        low=0,
        high=1,
    )
    contrast: tuple[float, ...] = _several(
        "contrast", "factor of the deviation of colors from their mean over the picture", low=0
    )
    neutral: tuple[float, ...] = _several(
        "neutral", "chroma that is halved; fainter colors, likely gray, are reduced more", low=0
    )
    shipped: bool = option(
        False, "use the released settings for options not given; always used for films"
    )
    aged: tuple[int, ...] = _several(
        "aged", "1: the network's input is aged as in training", low=0, high=1
    )
    reference: tuple[int, ...] = option(
        (),
        "for films: 1 uses each shot's first frame in color as its reference",
        separator=",",
        metavar="N,...",
        shown="0",
        low=0,
        high=1,
    )
    steady: tuple[float, ...] = option(
        (),
        "for films: 1 propagates colors along the motion, 0 colorizes frame by frame",
        separator=",",
        metavar="N,...",
        shown=f"{STEADY:g}",
        low=0,
        high=1,
    )
    precision: tuple[Engine, ...] = option(
        ("fp32",),
        f"precision of the network: {', '.join(PRECISIONS)}",
        separator=",",
        metavar="P,...",
        read=_read_precision,
    )
    shard: Shard = option(
        Shard(),
        "measure only every N-th picture, from the K-th on: tune on one half, report on the other",
        read=Shard.read,
        metavar="K/N",
        shown="",
    )
    limit: int = option(
        0,
        "measure only N evenly spaced pictures, or the first N frames",
        low=0,
        metavar="N",
        shown="0, all",
    )
    json: Path | None = option(None, "also write the metrics as JSON", metavar="FILE")
    curve: Path | None = option(
        None,
        "plot PSNR and AuC over colorfulness: for each combination of the other settings, a line through its saturations",
        metavar="FILE",
    )
    sheet: Path | None = option(
        None,
        f"write a sheet of gray, each network's colors, and true colors: {SHEET_ROWS} pictures, or {STRIP_FRAMES} "
        f"frames of the first shot of at least {STRIP_SHOT} frames",
        metavar="FILE",
    )

    def __post_init__(self) -> None:
        check(self)
        if self.data.suffix.lower() in FILMS:
            object.__setattr__(self, "film", self.data)
        self.settings()
        for path in filter(None, (self.json, self.sheet, self.curve)):
            check_output(path)
        for name, drawn in (("sheet", self.sheet), ("curve", self.curve)):
            if drawn and drawn.suffix.lower() not in IMAGE_SUFFIXES:
                raise ValueError(
                    f"-{name} must end in {' or '.join(sorted(IMAGE_SUFFIXES))}, got {drawn}"
                )
        for name in (
            ("curve", "aged", "palette", "guidance") if self.film else ("steady", "reference")
        ):
            if getattr(self, name):
                what = "pictures: omit it or -film" if self.film else "films: omit it or add -film"
                raise ValueError(f"-{name} is only for {what}")

    def settings(self) -> list[Method]:
        """Return methods, still without network, for all combinations of the options' values."""
        default = SHIPPED if self.film or self.shipped else Method()
        several = [getattr(self, name, None) or (getattr(default, name),) for name in SETTINGS]
        return [
            Method(**dict(zip(SETTINGS, combined, strict=True))) for combined in product(*several)
        ]


def picture_rows(options: EvaluateOptions) -> list[Row]:
    """Measure pictures; write the requested sheet and plot."""
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
    """Measure a film's own colors, and the colorizations of its gray copy; write the requested sheet."""
    names, methods = _methods(options.weights, options.precision, options.settings())
    frames = read_frames(
        film, short_px=IMAGE_PX, limit=options.limit, progress=progress_for(quiet=False)
    )
    colorizers = [partial(colorize_shot, method) for method in methods]
    found, strip = measure_film(colorizers, frames)
    if options.sheet and strip is not None:
        write_image(options.sheet, strip)
    elif options.sheet:
        log.warning("%s is not written: no shot has at least %d frames", options.sheet, STRIP_SHOT)
    settings = [{}, *(method.settings for method in methods)]
    return records(["the film", *names], settings, found)


def _methods(
    weights: Sequence[Path], precisions: Sequence[Engine], settings: Sequence[Method]
) -> tuple[list[str], list[Method]]:
    """Return names and methods of the rows: gray, then every network in every precision and setting."""
    names, methods = ["all gray"], [GRAY]
    alone = len({path.stem for path in weights}) == len(set(weights))
    for path, precision in product(weights, precisions):
        network = open_network(path, precision)
        name = path.stem if alone else str(path)
        names += [name if precision == "fp32" else f"{name}, {precision}"] * len(settings)
        methods += [replace(setting, network=network) for setting in settings]
    return names, methods


def main(words: list[str] | None = None) -> int:
    """Parse the command line, measure, and print the table."""
    parser = OneLineParser(prog="train/evaluate.py", description=DESCRIPTION)
    add_options(parser, EvaluateOptions)
    options = parser.collect(parser.parse_args(words), EvaluateOptions)
    log_to_stderr()

    def work() -> int:
        prepare_environment()
        with usage_errors():
            for path in options.weights:
                check_weights(path)
        rows = film_rows(options, options.film) if options.film else picture_rows(options)
        if options.json:
            write_json(options.json, rows)
        print(table(rows, FILM_COLUMNS if options.film else PICTURE_COLUMNS))
        return 0

    return exit_code(parser.prog, work)


if __name__ == "__main__":
    sys.exit(main())

"""Weights and pictures, or a film -> a table of metrics beside the all-gray row, a sheet, a curve."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tqdm import tqdm

from model.weights_file import RELEASED
from prior.qspace import QSpace, read_bins
from train.config import prepare_environment
from train.curve import write_tradeoff
from train.evaluation import GRAY, Method, Setting, colorize, evaluate_all, load, sheet
from train.evaluation_images import TRUTH_PX, read_evaluation_images
from train.flicker import measure_film, read_frames
from train.report import FILM_COLUMNS, PICTURE_COLUMNS, Row, records, table, write_sheet

ROOT = Path(__file__).resolve().parent.parent
SHEET_ROWS = 12
DRAWN = frozenset((".png", ".jpg"))
FILMS = frozenset((".mp4", ".m4v", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".wmv"))
# Fields of `Setting` in their order: each option takes several values, and every combination is a row.
SETTING_OPTIONS: tuple[tuple[str, type[int] | type[float], float, str], ...] = (
    ("working_size", int, 160, "short side of the network's input in pixels, multiples of 32"),
    ("temperature", float, 1.0, "of the annealed mean: 1 safe, 0.38 vivid"),
    ("hints", int, 0, "points of the true color revealed, 5x5 pixels each"),
    ("saturation", float, 1.0, "times the chroma"),
    ("smoothing", int, 0, "1: smooth colors where the network is undecided, as the program does"),
    ("aged", int, 0, "1: the network sees each picture aged, as in training"),
)


def main(words: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_environment()
    if options.data.suffix.lower() in FILMS:
        options.film = options.data
    try:
        settings = _settings(options)
    except ValueError as error:
        parser.error(str(error))
    try:
        rows = (_film_rows if options.film else _picture_rows)(options, settings)
        if options.json:
            options.json.write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n")
    except (ValueError, OSError) as error:
        print(f"evaluate.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evaluate.py: interrupted, nothing was written", file=sys.stderr)
        return 130
    print(table(rows, FILM_COLUMNS if options.film else PICTURE_COLUMNS))
    return 0


def _settings(options: argparse.Namespace) -> list[Setting]:
    if options.limit < 0:
        raise ValueError(f"-limit {options.limit}: give 0 for all, or how many")
    for path in filter(None, (options.json, options.sheet, options.curve)):
        if not path.parent.is_dir():
            raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")
    for name in ("sheet", "curve"):
        path = getattr(options, name)
        if path and options.film:
            raise ValueError(f"-{name} {path}: only pictures have one, leave out -film")
        if path and path.suffix.lower() not in DRAWN:
            raise ValueError(f"-{name} {path}: name it {' or '.join(sorted(DRAWN))}")
    every = product(*(getattr(options, name) for name, *_ in SETTING_OPTIONS))
    return [Setting(*values) for values in every]


def _methods(
    weights: Sequence[Path], settings: Sequence[Setting]
) -> tuple[list[str], list[Method]]:
    """Lay out the rows: gray, then every network in every setting."""
    names, methods = ["all gray"], [GRAY]
    alone = len({path.stem for path in weights}) == len(set(weights))
    for path in weights:
        predict = load(path)
        names += [path.stem if alone else str(path)] * len(settings)
        methods += [(predict, setting) for setting in settings]
    return names, methods


def _picture_rows(options: argparse.Namespace, settings: Sequence[Setting]) -> list[Row]:
    images = read_evaluation_images(options.data, limit=options.limit, shard=options.shard)
    qspace = QSpace(read_bins())
    names, methods = _methods(options.weights or [RELEASED], settings)
    if options.sheet:
        columns = methods[1 :: len(settings)]
        few = read_evaluation_images(options.data, limit=SHEET_ROWS, shard=options.shard)
        shown = sheet(columns, few, qspace=qspace)
        write_sheet(options.sheet, shown)
    found = evaluate_all(methods, images, qspace=qspace)
    rows = records(names, [setting for _, setting in methods], found)
    if options.curve:
        write_tradeoff(options.curve, rows)
    return rows


def _film_rows(options: argparse.Namespace, settings: Sequence[Setting]) -> list[Row]:
    names, methods = _methods(options.weights or [], settings)
    frames = tqdm(
        read_frames(options.film, short_px=TRUTH_PX, limit=options.limit),
        unit=" frames",
        disable=None,
    )
    qspace = QSpace(read_bins())
    found = measure_film([partial(colorize, method, qspace=qspace) for method in methods], frames)
    return records(["the film", *names], [None, *(setting for _, setting in methods)], found)


def shard(text: str) -> tuple[int, int]:
    """Read K/N, 1 <= K <= N, as an option gives it."""
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r}: give K/N with K from 1 to N, such as 1/2")
    return int(number), int(count)


def _numbers(kind: type[int] | type[float]) -> Callable[[str], list[Any]]:
    def numbers(text: str) -> list[Any]:
        return [kind(part) for part in text.split(",")]

    return numbers


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train/evaluate.py", description=__doc__, allow_abbrev=False
    )

    def option(name: str, **how: Any) -> None:
        parser.add_argument(f"-{name}", f"--{name}", **how)

    path: dict[str, Any] = {"type": Path, "metavar": "FILE"}
    option(
        "weights",
        nargs="+",
        **path,
        help="released weights, one or more, side by side "
        "(default: this program's; with -film: none, the film's own colors only)",
    )
    option(
        "data",
        type=Path,
        default=ROOT / "data" / "test",
        metavar="FOLDER",
        help="folder or .tar of color pictures (default: data/test)",
    )
    option(
        "film",
        **path,
        help="measure a film instead: how steady its colors are, and, with "
        "-weights, a network's frame by frame; also when -data is a film",
    )
    for name, kind, default, text in SETTING_OPTIONS:
        option(
            name,
            type=_numbers(kind),
            default=[default],
            metavar="N,...",
            help=f"{text} (default: {default:g})",
        )
    option(
        "shard",
        type=shard,
        default=(1, 1),
        metavar="K/N",
        help="measure only every N-th picture, from the K-th on: choose on one half, report on the other",
    )
    option(
        "limit",
        type=int,
        default=0,
        metavar="N",
        help="measure only N pictures, evenly spread, or the first N frames (default: 0, all)",
    )
    option("json", **path, help="write the figures there too")
    option(
        "curve",
        **path,
        help="draw PSNR and AuC over colorfulness there: a line for each temperature, through its saturations",
    )
    option("sheet", **path, help="write a picture there: gray, each network, truth; 12 rows")
    return parser


if __name__ == "__main__":
    sys.exit(main())

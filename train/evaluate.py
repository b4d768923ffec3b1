"""Weights and pictures, or a film -> a table of metrics beside the all-gray row, and a sheet.

The truth is a picture's central square at 256 pixels. The network sees its lightness at the
working size; its colors are brought back to 256 pixels and compared there.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any, TypeAlias

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.decode import shrunk_lightness, smooth_undecided, upsample
from model.hints import random_hints
from model.store import RELEASED
from prior.lab import fit_gamut, lab2rgb, rgb2lab
from prior.qspace import QSpace, read_bins
from train.config import prepare_environment
from train.flicker import measure_film, read_frames
from train.metrics import Metrics, Tally
from train.report import FILM_COLUMNS, PICTURE_COLUMNS, Row, records, table, tile, write_sheet
from train.squares import TRUTH_PX, read_squares

logger = logging.getLogger(__name__)

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
# planes (N, 4, H, W), palette (N, Q + 1), temperature -> mean a, b and chroma (N, 3, H/4, W/4)
Predict: TypeAlias = Callable[[Floats, Floats, float], Floats]

ROOT = Path(__file__).resolve().parent.parent
STRIDE = 32  # of the network: its input's sides are multiples of it
HINT_PX = 5  # side of the revealed squares
BATCH = 8  # pictures through the network at once
SHEET_ROWS = 12
NEUTRAL = np.array([1, 0, 0], np.float32)  # times Lab: the same lightness without color
SHEETS = frozenset((".png", ".jpg"))
FILMS = frozenset((".mp4", ".m4v", ".mkv", ".avi", ".mov", ".webm", ".mpg", ".mpeg", ".wmv"))


@dataclass(frozen=True)
class Setting:
    """How a network is used: one row of the table."""

    working_size: int = 160  # pixels, short side of the network's input
    temperature: float = 1.0  # of the annealed mean
    hints: int = 0  # random points of the truth that are revealed
    saturation: float = 1.0  # times the chroma
    smoothing: int = 0  # 1: smooth where the network is undecided, as the program does
    seed: int = 0  # of the points

    def __post_init__(self) -> None:
        if self.working_size < STRIDE or self.working_size % STRIDE:
            raise ValueError(f"working size {self.working_size}: give a multiple of {STRIDE}")
        if self.smoothing not in {0, 1}:
            raise ValueError(f"smoothing {self.smoothing}: give 0 or 1")
        if not (self.temperature > 0 and self.saturation >= 0 and self.hints >= 0):
            raise ValueError(
                f"{self}: give a temperature above 0, saturation and hints of 0 or more"
            )


# One row of the table: a network in a setting, or neither: the all-gray baseline.
Way: TypeAlias = tuple[Predict, Setting] | tuple[None, None]
GRAY: Way = (None, None)


def eager(network: Any, *, qspace: QSpace) -> Predict:
    """Let a Paddle network, in evaluation mode, predict from arrays."""
    import paddle

    from model.export import AnnealedNet

    annealed = AnnealedNet(network, qspace.bins)

    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        assert not network.training, "the network must be in evaluation mode"
        inputs = (planes, palette, np.array([temperature], np.float32))
        with paddle.no_grad():
            means: Floats = annealed(*map(paddle.to_tensor, inputs)).numpy()
        return means

    return predict


def load(weights: Path) -> Predict:
    """Open released weights as the program that painting photos uses, in fp32.

    Raises ValueError or OSError for a file that is missing, truncated or foreign.
    """
    prepare_environment()
    from model.export import open_program, program_for, run_program

    program = open_program(program_for(weights), engine="fp32")

    def predict(planes: Floats, palette: Floats, temperature: float) -> Floats:
        return run_program(program, planes, palette, temperature=temperature)

    return predict


def evaluate(
    predict: Predict, pictures: Iterable[Bytes], *, qspace: QSpace, setting: Setting = Setting()
) -> Metrics:
    """Measure a network on pictures: squares of one size, (S, S, 3) uint8, as `square` cuts them.

    Raises ValueError when there are none.
    """
    return evaluate_all([(predict, setting)], pictures, qspace=qspace)[0]


def evaluate_all(
    ways: Sequence[Way], pictures: Iterable[Bytes], *, qspace: QSpace
) -> list[Metrics]:
    """Measure several networks or settings on the same pictures, each read once."""
    tallies = [Tally(bins=len(qspace)) for _ in ways]
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        bins = qspace.nearest(truth[..., 1:])
        for way, tally in zip(ways, tallies, strict=True):
            labs = paint(way, truth, qspace=qspace, first=first)
            for i, lab in enumerate(labs):
                tally.add((lab2rgb(lab), lab), (rgb[i], truth[i]), bins[i])
    if not tallies or not tallies[0].means:
        raise ValueError("no picture to evaluate")
    return [tally.metrics() for tally in tallies]


def paint(way: Way, truth: Floats, *, qspace: QSpace, first: int = 0) -> Floats:
    """Give pictures (N, H, W, 3) in Lab, of which the lightness is seen, a network's colors.

    `first` is the number of the first picture in its set: the points revealed of a picture depend
    on nothing but the seed and its number.
    """
    predict, setting = way
    if predict is None or setting is None:
        return truth * NEUTRAL
    size = _input_size(truth.shape[1:3], setting.working_size)
    planes = np.stack(
        [_planes(lab, size, setting, number) for number, lab in enumerate(truth, first)]
    )
    palette = np.zeros((len(planes), len(qspace) + 1), np.float32)
    painted = truth.copy()
    predicted = predict(planes, palette, setting.temperature).transpose(0, 2, 3, 1)
    grays = lab2rgb(truth * NEUTRAL)[..., 0]
    for lab, plane, means, gray in zip(painted, planes[:, 0], predicted, grays, strict=True):
        ab = (
            smooth_undecided(means, shrunk_lightness(plane, means.shape))
            if setting.smoothing
            else means[..., :2]
        )
        lab[..., 1:] = upsample(np.ascontiguousarray(setting.saturation * ab, np.float32), gray)
    return fit_gamut(painted)


def _input_size(shape: tuple[int, ...], working_size: int) -> tuple[int, int]:
    """Return the network's (H, W): the short side as wished, the other to a multiple of 32."""
    height, width = (
        STRIDE * round(length * working_size / min(shape) / STRIDE) for length in shape
    )
    return height, width


def _planes(lab: Floats, size: tuple[int, int], setting: Setting, number: int) -> Floats:
    how = cv2.INTER_AREA if size[0] < lab.shape[0] else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(lab, size[::-1], interpolation=how), np.float32)
    planes = np.zeros((4, *size), np.float32)
    planes[0] = small[..., 0] / 50 - 1
    if setting.hints:
        rng = np.random.default_rng((setting.seed, number))
        sides = (HINT_PX, HINT_PX)
        planes[1:] = random_hints(small[..., 1:], rng, points=setting.hints, sides_px=sides)
    return planes


def _batches(pictures: Iterable[Bytes]) -> Iterator[tuple[int, Bytes]]:
    """Yield (number of the first, up to BATCH pictures stacked)."""
    remaining, first = iter(pictures), 0
    while batch := list(islice(remaining, BATCH)):
        yield first, np.stack(batch)
        first += len(batch)


def sheet(ways: Sequence[Way], pictures: Iterable[Bytes], *, qspace: QSpace) -> Bytes:
    """Tile pictures, one per row: gray, what each network makes of it, truth."""
    rows: list[Sequence[Bytes]] = []
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        columns = [lab2rgb(paint(way, truth, qspace=qspace, first=first)) for way in (GRAY, *ways)]
        rows.extend(zip(*columns, rgb, strict=True))
    return tile(rows)


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
    for path in filter(None, (options.json, options.sheet)):
        if not path.parent.is_dir():
            raise ValueError(f"{path} cannot be written: there is no folder {path.parent}")
    if options.sheet and options.film:
        raise ValueError(f"-sheet {options.sheet}: only pictures have a sheet, leave out -film")
    if options.sheet and options.sheet.suffix.lower() not in SHEETS:
        raise ValueError(f"-sheet {options.sheet}: name it {' or '.join(sorted(SHEETS))}")
    every = product(
        *(
            getattr(options, name)
            for name in ("working_size", "temperature", "hints", "saturation", "smoothing")
        )
    )
    return [Setting(*values) for values in every]


def _ways(weights: Sequence[Path], settings: Sequence[Setting]) -> tuple[list[str], list[Way]]:
    """Lay out the rows: gray, then every network in every setting."""
    names, ways = ["all gray"], [GRAY]
    alone = len({path.stem for path in weights}) == len(set(weights))
    for path in weights:
        predict = load(path)
        names += [path.stem if alone else str(path)] * len(settings)
        ways += [(predict, setting) for setting in settings]
    return names, ways


def _picture_rows(options: argparse.Namespace, settings: Sequence[Setting]) -> list[Row]:
    squares = read_squares(options.data, limit=options.limit)
    qspace = QSpace(read_bins())
    names, ways = _ways(options.weights or [RELEASED], settings)
    if options.sheet:
        columns = ways[1 :: len(settings)]
        shown = sheet(columns, read_squares(options.data, limit=SHEET_ROWS), qspace=qspace)
        write_sheet(options.sheet, shown)
    found = evaluate_all(ways, squares, qspace=qspace)
    return records(names, [setting for _, setting in ways], found)


def _film_rows(options: argparse.Namespace, settings: Sequence[Setting]) -> list[Row]:
    names, ways = _ways(options.weights or [], settings)
    frames = tqdm(
        read_frames(options.film, short_px=TRUTH_PX, limit=options.limit),
        unit=" frames",
        disable=None,
    )
    qspace = QSpace(read_bins())
    found = measure_film([partial(paint, way, qspace=qspace) for way in ways], frames)
    return records(["the film", *names], [None, *(setting for _, setting in ways)], found)


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
    for name, kind, default, text in (
        ("working_size", int, 160, "short side of the network's input in pixels, multiples of 32"),
        ("temperature", float, 1.0, "of the annealed mean: 1 safe, 0.38 vivid"),
        ("saturation", float, 1.0, "times the chroma"),
        ("hints", int, 0, "points of the true color revealed, 5x5 pixels each"),
        (
            "smoothing",
            int,
            0,
            "1: smooth colors where the network is undecided, as the program does",
        ),
    ):
        option(
            name,
            type=_numbers(kind),
            default=[default],
            metavar="N,...",
            help=f"{text} (default: {default:g})",
        )
    option(
        "limit",
        type=int,
        default=0,
        metavar="N",
        help="measure only N pictures, evenly spread, or the first N frames (default: 0, all)",
    )
    option("json", **path, help="write the figures there too")
    option("sheet", **path, help="write a picture there: gray, each network, truth; 12 rows")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""How a network is used and measured: settings, pictures in, metrics and sheets out.

The truth is a picture's central square at 256 pixels. The network sees its lightness at the working size, made
into planes as everywhere; its colors are brought back to 256 pixels and compared there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from image.upsample import upsample
from model.contract import STRIDE, Predictor, network_planes, resized, working_shape
from model.decode import smooth_undecided
from model.hints import random_hints
from model.predictor import Program
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from prior.qspace import QSpace
from train.aging import age_lightness
from train.config import prepare_environment
from train.metrics import Metrics, Tally
from train.report import tile

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]

HINT_PX = 5  # side of the revealed squares
BATCH = 8  # pictures through the network at once
NEUTRAL = np.array([1, 0, 0], np.float32)  # times Lab: the same lightness without color


@dataclass(frozen=True)
class Setting:
    """How a network is used: one row of the table."""

    working_size: int = 160  # pixels, short side of the network's input
    temperature: float = 1.0  # of the annealed mean
    hints: int = 0  # random points of the truth that are revealed
    saturation: float = 1.0  # times the chroma
    smoothing: int = 0  # 1: smooth where the network is undecided, as the program does
    aged: int = 0  # 1: the network sees the picture aged as in training
    seed: int = 0  # of the points and the aging

    def __post_init__(self) -> None:
        if self.working_size < STRIDE or self.working_size % STRIDE:
            raise ValueError(f"working size {self.working_size}: give a multiple of {STRIDE}")
        if not {self.smoothing, self.aged} <= {0, 1}:
            raise ValueError(f"smoothing {self.smoothing}, aged {self.aged}: give 0 or 1")
        if not (self.temperature > 0 and self.saturation >= 0 and self.hints >= 0):
            raise ValueError(
                f"{self}: give a temperature above 0, saturation and hints of 0 or more"
            )


# One row of the table: a network in a setting, or neither: the all-gray baseline.
Way: TypeAlias = tuple[Predictor, Setting] | tuple[None, None]
GRAY: Way = (None, None)


def load(weights: Path) -> Predictor:
    """Open released weights as the program that painting photos uses, in fp32.

    Raises ValueError or OSError for a file that is missing, truncated or foreign.
    """
    prepare_environment()
    from model.export import program_for

    return Program(partial(program_for, weights), device="cpu", precision="fp32")


def evaluate(
    predict: Predictor, pictures: Iterable[Bytes], *, qspace: QSpace, setting: Setting = Setting()
) -> Metrics:
    """Measure a network on pictures: squares of one size, (S, S, 3) uint8, as `center_square` cuts them.

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
    size = working_shape(truth.shape[1:3], short=setting.working_size, grid=STRIDE)
    planes = np.stack(
        [_planes(lab, size, setting, number) for number, lab in enumerate(truth, first)]
    )
    palette = np.zeros((len(planes), len(qspace) + 1), np.float32)
    painted = truth.copy()
    predicted = predict(planes, palette, temperature=setting.temperature).transpose(0, 2, 3, 1)
    grays = lab2rgb(truth * NEUTRAL)[..., 0]
    for lab, plane, means, gray in zip(painted, planes[:, 0], predicted, grays, strict=True):
        ab = smooth_undecided(means, plane) if setting.smoothing else means[..., :2]
        ab = np.ascontiguousarray(setting.saturation * ab, np.float32)
        lab[..., 1:] = upsample(ab, gray, to_lightness=gray2lightness)
    return fit_gamut(painted)


def _planes(lab: Floats, size: tuple[int, int], setting: Setting, number: int) -> Floats:
    small = resized(lab, size)
    lightness, hints = small[..., 0], None
    if setting.aged:
        lightness = age_lightness(lightness, np.random.default_rng((setting.seed, number, 1)))
    if setting.hints:
        rng = np.random.default_rng((setting.seed, number))
        sides = (HINT_PX, HINT_PX)
        hints = random_hints(small[..., 1:], rng, points=setting.hints, sides_px=sides)[None]
    return np.asarray(network_planes(lightness[None], hints=hints)[0], np.float32)


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

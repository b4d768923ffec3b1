"""How a network is used and measured: settings, pictures in, metrics and sheets out.

The truth is a picture's central square at 256 pixels. `gray2color.Colorizer` predicts colors for its lightness at
the working size; they are upsampled to 256 pixels and compared there. Films are measured in `film_evaluation`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np

from color.arrays import Bytes, Floats
from gray2color import Colorizer
from image.kmeans import kmeans, starts
from image.sheet import tile
from image.upsample import upsample
from model.contract import STRIDE, Predictor, resized, working_shape
from model.hints import palette_vector, random_hints
from model.options import (
    CONTRAST,
    GUIDANCE,
    NEUTRAL,
    SATURATION,
    STEADY,
    TEMPERATURE,
    WORKING_SIZE,
)
from model.program import Precision, Program
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from prior.qspace import QSpace
from train.aging import age_lightness
from train.config import prepare_environment
from train.film_evaluation import HINT_PX, WITHOUT_COLOR, Shot, hinted, referenced
from train.metrics import MetricAccumulator, Metrics

BATCH = 8  # pictures through the network at once
STEPS = 30  # of k-means


@dataclass(frozen=True)
class Setting:
    """How a network is used: one row of the table."""

    working_size: int = 160  # pixels, short side of the network's input
    temperature: float = 1.0  # of the annealed mean
    # Random points whose true color is given; of films, on the first frame of each shot.
    hints: int = 0
    saturation: float = 1.0  # times the chroma
    smoothing: int = 0  # 1: smooth where the network is undecided, as the program does
    contrast: float = 1.0  # times the distance of colors from their mean, where there are no hints
    neutral: float = 0.0  # chroma that is halved, as gray is likely there
    palette: int = 0  # 1: the truth is a reference, 2 and more: a palette of so many of its colors
    reference: int = 0  # of films: 1 gives each shot its first frame in color
    guidance: float = GUIDANCE  # how much palettes and references count
    aged: int = 0  # 1: the network gets the picture aged as in training
    seed: int = 0  # of the hints and the aging
    steady: float = 0.0  # of films: 1 links colors along the motion, 0 colorizes frame by frame

    def __post_init__(self) -> None:
        if self.working_size < STRIDE or self.working_size % STRIDE:
            raise ValueError(f"working size {self.working_size}: give a multiple of {STRIDE}")
        if not {self.smoothing, self.aged, self.reference} <= {0, 1}:
            raise ValueError(
                f"smoothing {self.smoothing}, aged {self.aged}, reference {self.reference}: give 0 or 1"
            )
        counts = min(self.saturation, self.hints, self.palette, self.contrast, self.neutral)
        if not (self.temperature > 0 and counts >= 0):
            raise ValueError(
                f"{self}: give a temperature above 0, saturation, contrast, neutral, hints and palette of 0 or more"
            )
        if not (0 <= self.steady <= 1 and 0 <= self.guidance <= 1):
            raise ValueError(f"steady {self.steady}, guidance {self.guidance}: give 0 to 1")


# The program as released: of films, and of pictures where that is asked for.
SHIPPED = Setting(
    WORKING_SIZE, TEMPERATURE, saturation=SATURATION, smoothing=1, contrast=CONTRAST,
    neutral=NEUTRAL, steady=STEADY,
)  # fmt: skip
# One row of the table: a network in a setting, or neither: the all-gray baseline.
Method: TypeAlias = tuple[Predictor, Setting] | tuple[None, None]
GRAY: Method = (None, None)


def load(weights: Path, precision: Precision = "fp32") -> Predictor:
    """Open the inference program of released weights, as `Colorizer` does, on the CPU.

    Raises ValueError or OSError for a file that is missing, truncated or foreign.
    """
    prepare_environment()
    from model.program_cache import program_for

    return Program(partial(program_for, weights), device="cpu", precision=precision)


def evaluate(
    predictor: Predictor, pictures: Iterable[Bytes], *, qspace: QSpace, setting: Setting = Setting()
) -> Metrics:
    """Measure a network on pictures: squares of one size, (S, S, 3) uint8, as `center_square` cuts them.

    Raises ValueError when there are none.
    """
    return evaluate_all([(predictor, setting)], pictures, qspace=qspace)[0]


def evaluate_all(
    methods: Sequence[Method], pictures: Iterable[Bytes], *, qspace: QSpace
) -> list[Metrics]:
    """Measure several networks or settings on the same pictures, each read once."""
    accumulators = [MetricAccumulator(bins=len(qspace)) for _ in methods]
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        bins = qspace.nearest(truth[..., 1:])
        for method, accumulator in zip(methods, accumulators, strict=True):
            labs = colorize(method, truth, qspace=qspace, first=first)
            for i, lab in enumerate(labs):
                accumulator.add((lab2rgb(lab), lab), (rgb[i], truth[i]), bins[i])
    if not accumulators or not accumulators[0].means:
        raise ValueError("no picture to evaluate")
    return [accumulator.metrics() for accumulator in accumulators]


def colorize(method: Method, truth: Floats, *, qspace: QSpace, first: int = 0) -> Floats:
    """Colorize pictures (N, H, W, 3) in Lab by their lightness alone, as `Colorizer` does photographs.

    first : number of the first picture in its set: its hints and aging depend on nothing but the seed and its number.
    """
    predictor, setting = method
    if predictor is None or setting is None:
        return truth * WITHOUT_COLOR
    lightness, hints = _inputs(truth, setting, first=first)
    ab = _predicted(predictor, setting, truth, lightness, hints, qspace)
    grays = lab2rgb(truth * WITHOUT_COLOR)[..., 0]
    colorized = truth.copy()
    for lab, small, gray in zip(colorized, ab, grays, strict=True):
        lab[..., 1:] = upsample(small, gray, to_lightness=gray2lightness)
    return fit_gamut(colorized)


def _predicted(
    predictor: Predictor,
    setting: Setting,
    truth: Floats,
    lightness: Floats,
    hints: Floats | None,
    qspace: QSpace,
) -> Floats:
    """Predict small ab (N, h, w, 2); picture by picture where each has a palette of its own."""
    if not setting.palette:
        return _colorizer(predictor, setting).predict(lightness, hints=hints).ab
    ab = []
    for i, lab in enumerate(truth):
        one = slice(i, i + 1)
        given, histogram, colors = None if hints is None else hints[one], None, []
        if setting.palette == 1:
            histogram = palette_vector(lab[..., 1:], qspace)
        else:
            colors = dominant_colors(lab, setting.palette)
        colorizer = _colorizer(predictor, setting, palette=colors)
        ab.append(colorizer.predict(lightness[one], hints=given, palette=histogram).ab)
    return np.concatenate(ab)


def dominant_colors(lab: Floats, count: int) -> list[str]:
    """Find so many colors #rrggbb that stand for a picture (H, W, 3) in Lab: k-means of its a and b."""
    places = np.ascontiguousarray(lab[..., 1:].reshape(-1, 2))
    labels = kmeans(places, starts(places, count), steps=STEPS)
    flat = lab.reshape(-1, 3)
    means = [flat[labels == i].mean(axis=0) for i in range(count) if (labels == i).any()]
    return [f"#{bytes(rgb).hex()}" for rgb in lab2rgb(fit_gamut(np.stack(means)))]


def colorize_shot(method: Method, shot: Shot) -> Floats:
    """Predict small ab (n, h, w, 2) for a shot of a film, as `Colorizer` does."""
    predictor, setting = method
    if predictor is None or setting is None:
        return np.zeros((len(shot.own), 1, 1, 2), np.float32)
    if setting.hints:
        shot = hinted(shot, setting.hints, seed=setting.seed)
    if setting.reference:
        shot = referenced(shot)
    return _colorizer(predictor, setting).colorize(shot.segment)


def _colorizer(predictor: Predictor, setting: Setting, *, palette: Sequence[str] = ()) -> Colorizer:
    return Colorizer(
        predictor=predictor,
        palette=palette,
        guidance=setting.guidance,
        temperature=setting.temperature,
        saturation=setting.saturation,
        working_size=setting.working_size,
        steady=setting.steady,
        smoothing=bool(setting.smoothing),
        contrast=setting.contrast,
        neutral=setting.neutral,
    )


def _inputs(truth: Floats, setting: Setting, *, first: int) -> tuple[Floats, Floats | None]:
    """Lightness (N, h, w) at the working size, not rounded to the codes of a gray file; hints (N, 3, h, w), if any."""
    shape = working_shape(truth.shape[1:3], short=setting.working_size, grid=STRIDE)
    small = np.stack([resized(lab, shape) for lab in truth])
    lightness, hints = small[..., 0], np.zeros((len(small), 3, *shape), np.float32)
    for i, number in enumerate(range(first, first + len(small))):
        if setting.aged:
            rng = np.random.default_rng((setting.seed, number, 1))
            lightness[i] = age_lightness(lightness[i], rng)
        rng = np.random.default_rng((setting.seed, number))
        sides = (HINT_PX, HINT_PX)
        hints[i] = random_hints(small[i, ..., 1:], rng, points=setting.hints, sides_px=sides)
    return lightness, hints if setting.hints else None


def _batches(pictures: Iterable[Bytes]) -> Iterator[tuple[int, Bytes]]:
    """Yield (number of the first, up to BATCH pictures stacked)."""
    remaining, first = iter(pictures), 0
    while batch := list(islice(remaining, BATCH)):
        yield first, np.stack(batch)
        first += len(batch)


def sheet(methods: Sequence[Method], pictures: Iterable[Bytes], *, qspace: QSpace) -> Bytes:
    """Tile pictures, one per row: gray, what each network makes of it, truth."""
    rows: list[Sequence[Bytes]] = []
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        columns = [
            lab2rgb(colorize(method, truth, qspace=qspace, first=first))
            for method in (GRAY, *methods)
        ]
        rows.extend(zip(*columns, rgb, strict=True))
    return tile(rows)

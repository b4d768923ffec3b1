"""Metrics and sheets of colorized pictures.

The ground truth is a picture's central square at 256 pixels. `gray2color.Colorizer` predicts colors from its lightness
at the working size; they are upsampled to 256 pixels and compared there.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from color.arrays import Bytes, Floats
from image.kmeans import kmeans, starts
from image.resize import upsample
from image.sheet import tile
from model.contract import STRIDE, resized, working_shape
from model.hints import palette_vector, random_hints
from model.objects import LIKE_LIGHTNESS, described
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from prior.qspace import QSpace
from train.aging import age_lightness
from train.color_regions import OBJECT
from train.method import GRAY, HINT_PX, WITHOUT_COLOR, Method
from train.metrics import MetricAccumulator, Metrics

BATCH = 8  # pictures per batch
STEPS = 30  # k-means iterations
EDGE = 4.0  # L that separates the objects of neighbors as one unit of the embedding does


def measure_photos(
    methods: Sequence[Method], pictures: Iterable[Bytes], *, qspace: QSpace
) -> list[Metrics]:
    """Measure several networks or settings on the same pictures, reading each once.

    pictures : (S, S, 3) uint8, squares of one size, from `center_square`
    Raises ValueError if there are no pictures.
    """
    accumulators = [MetricAccumulator(bins=len(qspace)) for _ in methods]
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        bins = qspace.nearest(truth[..., 1:])
        regions = [object_regions(lab[..., 0]) for lab in truth]
        for method, accumulator in zip(methods, accumulators, strict=True):
            labs = colorize(method, truth, qspace=qspace, first=first)
            for i, lab in enumerate(labs):
                accumulator.add((lab2rgb(lab), lab), (rgb[i], truth[i]), bins[i], regions[i])
    if not accumulators or not accumulators[0].means:
        raise ValueError("no picture to evaluate: choose another -data")
    return [accumulator.metrics() for accumulator in accumulators]


def colorize(method: Method, truth: Floats, *, qspace: QSpace, first: int = 0) -> Floats:
    """Colorize pictures (N, H, W, 3) in Lab from their lightness alone, as `Colorizer` does with photographs.

    first : number of the first picture in its set; a picture's hints and aging depend only on its number and the seed
    """
    if method.network is None:
        return truth * WITHOUT_COLOR
    lightness, hints = _inputs(truth, method, first=first)
    ab = _predicted(method, truth, lightness, hints, qspace)
    grays = lab2rgb(truth * WITHOUT_COLOR)[..., 0]
    colorized = truth.copy()
    for lab, small, gray in zip(colorized, ab, grays, strict=True):
        lab[..., 1:] = upsample(small, gray, to_lightness=gray2lightness)
    return fit_gamut(colorized)


def object_regions(lightness: Floats) -> NDArray[np.int32]:
    """Number the pixels of each object of L (H, W) from 1; 0 where there is none.

    Objects are segments of 2 to 20 % of the picture by lightness and the classifier's features, without the colors.
    """
    picture = described(np.ascontiguousarray(lightness))
    features = np.dstack([picture.tones[..., 0] * (LIKE_LIGHTNESS / EDGE), picture.embedding])
    smallest = round(OBJECT[0] * features.shape[0] * features.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # more channels than a picture has
        segments = felzenszwalb(features, sigma=0, min_size=smallest)
    shares = np.bincount(segments.ravel()) / segments.size
    numbers = np.where(shares <= OBJECT[1], np.arange(len(shares)) + 1, 0).astype(np.int32)
    small = numbers[segments].astype(np.float32)
    sized = cv2.resize(small, lightness.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(sized, np.int32)


def _predicted(
    method: Method,
    truth: Floats,
    lightness: Floats,
    hints: Floats | None,
    qspace: QSpace,
) -> Floats:
    """Predict small ab (N, h, w, 2); picture by picture if each has its own palette."""
    if not method.palette:
        return method.colorizer().predict(lightness, hints=hints).ab
    ab = []
    for i, lab in enumerate(truth):
        one = slice(i, i + 1)
        given, histogram, colors = None if hints is None else hints[one], None, []
        if method.palette == 1:
            histogram = palette_vector(lab[..., 1:], qspace)
        else:
            colors = dominant_colors(lab, method.palette)
        colorizer = method.colorizer(palette=colors)
        ab.append(colorizer.predict(lightness[one], hints=given, palette=histogram).ab)
    return np.concatenate(ab)


def dominant_colors(lab: Floats, count: int) -> list[str]:
    """Find up to `count` dominant colors #rrggbb of a picture (H, W, 3) in Lab by k-means of its a and b."""
    places = np.ascontiguousarray(lab[..., 1:].reshape(-1, 2))
    labels = kmeans(places, starts(places, count), steps=STEPS)
    flat = lab.reshape(-1, 3)
    means = [flat[labels == i].mean(axis=0) for i in range(count) if (labels == i).any()]
    return [f"#{bytes(rgb).hex()}" for rgb in lab2rgb(fit_gamut(np.stack(means)))]


def _inputs(truth: Floats, method: Method, *, first: int) -> tuple[Floats, Floats | None]:
    """Return lightness (N, h, w) at the working size, not quantized like a gray file; hints (N, 3, h, w) or None."""
    shape = working_shape(truth.shape[1:3], short=method.working_size, grid=STRIDE)
    small = np.stack([resized(lab, shape) for lab in truth])
    lightness, hints = small[..., 0], np.zeros((len(small), 3, *shape), np.float32)
    for i, number in enumerate(range(first, first + len(small))):
        if method.aged:
            rng = np.random.default_rng((method.seed, number, 1))
            lightness[i] = age_lightness(lightness[i], rng)
        rng = np.random.default_rng((method.seed, number))
        sides = (HINT_PX, HINT_PX)
        hints[i] = random_hints(small[i, ..., 1:], rng, points=method.hints, sides_px=sides)
    return lightness, hints if method.hints else None


def _batches(pictures: Iterable[Bytes]) -> Iterator[tuple[int, Bytes]]:
    """Yield (number of the first picture, up to BATCH stacked pictures)."""
    remaining, first = iter(pictures), 0
    while batch := list(islice(remaining, BATCH)):
        yield first, np.stack(batch)
        first += len(batch)


def sheet(methods: Sequence[Method], pictures: Iterable[Bytes], *, qspace: QSpace) -> Bytes:
    """Tile pictures, one per row: gray, each network's colorization, truth."""
    rows: list[Sequence[Bytes]] = []
    for first, rgb in _batches(pictures):
        truth = rgb2lab(rgb)
        columns = [
            lab2rgb(colorize(method, truth, qspace=qspace, first=first))
            for method in (GRAY, *methods)
        ]
        rows.extend(zip(*columns, rgb, strict=True))
    return tile(rows)

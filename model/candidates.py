"""Alternative plausible colorizations of a picture.

A picture is segmented into regions of similar lightness and similar predicted distributions, and the distribution is
averaged over each region. The modes of the average become hints at points of the region, and the network, run again,
spreads them as it spreads a user's hints. Among these colorizations, the set that best represents the predicted
distribution is selected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from color.arrays import Doubles, Floats, Indices, Mask
from color.guidance import ColoredRegion
from image.kmeans import kmeans, starts
from model.contract import AB_SCALE, REDUCTION
from model.decode import AbPredictor
from model.distribution import ColorDistribution, Mode, features, modes, variance
from model.hints import POINT_RADIUS_PX

CHANGED = 4  # regions that get other colors: the most uncertain ones
PAIRS = 6  # colorizations in which two regions change
# Hint points in a region as large as the picture; proportional to the square root of the area.
POINTS = 20
APART = 10.0  # ab units: least difference of two candidates in some region
BARELY_APART = 5.0  # the same, if no candidate reaches APART
DRAWN = 400  # colorings sampled from the distribution, which the candidates should represent
DEVIATIONS = 1.0  # largest change of a position's color, in standard deviations of its distribution
SEED = 0
REPLACED = 0.25  # of the short side: later hints replace a candidate's colors so near them

REGIONS = 7  # at most
VOTE_CELLS = 5  # side of the majority filter
STEPS = 29  # k-means iterations


@dataclass(frozen=True, eq=False)
class _Region:
    """A part of a picture: its mask (h, w), its share of the area, points inside, its distribution (Q,)."""

    mask: Mask
    area: float
    points: Sequence[tuple[int, int]]
    shares: Floats

    def colored(self, mode: Mode, size: tuple[int, int]) -> ColoredRegion:
        """Return the region with another color at its points; size : (H, W) of the network's input."""
        places = tuple(
            (_percent(column, size[1]), _percent(row, size[0])) for row, column in self.points
        )
        return ColoredRegion((float(mode.a), float(mode.b)), places)


def _percent(cell: int, side: int) -> float:
    """Return the center of a position's middle pixel, in percent of a side."""
    return (min(cell * REDUCTION + REDUCTION // 2, side - 1) + 0.5) / side * 100


def candidates(
    predicted: ColorDistribution,
    predict: AbPredictor,
    number: int,
    *,
    lightness: Floats,
    hints: Floats | None = None,
    palette: Floats | None = None,
) -> list[tuple[Floats, tuple[ColoredRegion, ...]]]:
    """Return up to `number` small ab (h, w, 2) and what makes them, the default first; fewer if no others differ visibly.

    lightness : (1, H, W)
    hints : (1, 3, H, W), as in `AbPredictor`
    palette : (Q + 1,), as in `AbPredictor`
    """
    default = predict(lightness, hints=hints, palette=palette).ab[0]
    parts = _regions(predicted)
    made: list[tuple[ColoredRegion, ...]] = [()]
    size = (lightness.shape[1], lightness.shape[2])
    made += _alternatives(parts, default, predicted, size=size) if number > 1 else []
    pool = [default]
    for changed in made[1:]:
        drawn = _drawn(changed, None if hints is None else hints[0], lightness.shape[1:])[None]
        ab = predict(lightness, hints=drawn, palette=palette).ab[0]
        pool.append(_within_reach(ab, default, predicted))
    chosen = _chosen(_means(np.stack(pool), parts), parts, predicted.bins, number)
    return [(pool[i], made[i]) for i in chosen]


def as_candidate(
    changed: Sequence[ColoredRegion],
    predicted: ColorDistribution,
    predict: AbPredictor,
    *,
    lightness: Floats,
    hints: Floats | None = None,
    palette: Floats | None = None,
) -> Floats:
    """Return small ab (h, w, 2) as one of `candidates`, by what makes it."""
    default: Floats = predict(lightness, hints=hints, palette=palette).ab[0]
    if not changed:
        return default
    drawn = _drawn(changed, None if hints is None else hints[0], lightness.shape[1:])[None]
    ab = predict(lightness, hints=drawn, palette=palette).ab[0]
    return _within_reach(ab, default, predicted)


def _regions(predicted: ColorDistribution) -> list[_Region]:
    """Segment a picture into regions, the most uncertain first."""
    numbers, uncertainty = (
        regions(features(predicted.shares, predicted.lightness)),
        predicted.uncertainty(),
    )
    masks = [numbers == i for i in range(int(numbers.max()) + 1)]
    masks.sort(key=lambda mask: -float(uncertainty[mask].sum()))
    found = []
    for mask in masks:
        area, shares = float(mask.mean()), predicted.shares[mask].mean(axis=0)
        points = inner_points(mask, max(round(POINTS * area**0.5), 2))
        found.append(_Region(mask, area, points, shares / shares.sum()))
    return found


def _alternatives(
    parts: Sequence[_Region],
    default: Floats,
    predicted: ColorDistribution,
    *,
    size: tuple[int, int],
) -> list[tuple[ColoredRegion, ...]]:
    """Return other colors of each of the first regions, then of pairs of regions."""
    single: list[tuple[int, float, ColoredRegion]] = []  # number, share, the region
    for i, part in enumerate(parts[:CHANGED]):
        now = default[part.mask].mean(axis=0)
        for mode in modes(part.shares, predicted.bins):
            if np.hypot(mode.a - now[0], mode.b - now[1]) >= APART:
                single.append((i, mode.share, part.colored(mode, size)))
    pairs = [pair for pair in combinations(single, 2) if pair[0][0] != pair[1][0]]
    pairs.sort(key=lambda pair: -pair[0][1] * pair[1][1])
    found: list[tuple[ColoredRegion, ...]] = [(region,) for _, _, region in single]
    return found + [(other[2], one[2]) for one, other in pairs[:PAIRS]]


def drawn_over(
    changed: Sequence[ColoredRegion], later: Floats, hints: Floats | None = None
) -> Floats:
    """Draw a candidate, without its colors near later hints, which these replace, and the later hints over it.

    later, hints : (3, H, W), the later hints, and those that the candidate was found with
    Returns hints (3, H, W).
    """
    height, width = later.shape[1:]
    far = cv2.distanceTransform(np.asarray(later[2] == 0, np.uint8), cv2.DIST_L2, 5)
    apart = far > REPLACED * min(height, width)
    kept = [
        region._replace(points=tuple(p for p in region.points if apart[_pixel(p, apart.shape)]))
        for region in changed
    ]
    below = _drawn(kept, hints, (height, width))
    return np.where(later[2:] > 0, later, below)


def _drawn(changed: Sequence[ColoredRegion], hints: Floats | None, size: tuple[int, ...]) -> Floats:
    """Draw colors at the points of regions, and the user's hints (3, H, W) over them: hints (3, H, W)."""
    planes = np.zeros((3, *size), np.float32)
    for (a, b), points in changed:
        color = np.array([a / AB_SCALE, b / AB_SCALE, 1], np.float32)
        for point in points:
            around = (
                slice(max(i - POINT_RADIUS_PX, 0), i + POINT_RADIUS_PX + 1)
                for i in _pixel(point, size)
            )
            planes[:, *around] = color[:, None, None]
    return planes if hints is None else np.where(hints[2:] > 0, hints, planes)


def _pixel(percent: tuple[float, float], size: tuple[int, ...]) -> tuple[int, int]:
    """Return the row and the column of a point, of a size (H, W)."""
    x, y = percent
    return min(int(y / 100 * size[0]), size[0] - 1), min(int(x / 100 * size[1]), size[1] - 1)


def _within_reach(ab: Floats, default: Floats, predicted: ColorDistribution) -> Floats:
    """Limit the difference from the default (h, w, 2) where that is certain, so that hints do not bleed into the sky."""
    most = DEVIATIONS * np.sqrt(variance(predicted.shares, predicted.bins))
    change = ab - default
    far = np.hypot(change[..., 0], change[..., 1])
    share = np.minimum(1, most / np.maximum(far, 1e-6))
    return np.asarray(default + share[..., None] * change, np.float32)


def _means(pool: Floats, parts: Sequence[_Region]) -> Floats:
    """Average colorizations (n, h, w, 2) over regions: (n, regions, 2)."""
    return np.stack([pool[:, part.mask].mean(axis=1) for part in parts], axis=1)


def _chosen(means: Floats, parts: Sequence[_Region], bins: Floats, number: int) -> list[int]:
    """Select colorizations greedily by their means (n, regions, 2): the first, then those that lower the cost most.

    The cost is the mean squared distance of colorings, sampled from the distribution of each region independently, to
    the nearest selected colorization.
    """
    rng = np.random.default_rng(SEED)
    drawn = np.stack(
        [bins[rng.choice(len(bins), DRAWN, p=_exact(part.shares))] for part in parts], axis=1
    )
    areas = np.array([part.area for part in parts])
    squared = np.stack([((drawn - mean) ** 2).sum(axis=-1) @ areas for mean in means])
    apart = np.hypot(*np.moveaxis(means[:, None] - means, -1, 0)).max(axis=-1)
    chosen = [0]
    while len(chosen) < number:
        nearest, differs = squared[chosen].min(axis=0), apart[chosen].min(axis=0)
        if (differs >= APART).any():
            costs = np.minimum(squared, nearest).mean(axis=1)
            best = int(np.argmin(np.where(differs >= APART, costs, np.inf)))
        else:
            best = int(np.argmax(differs))
        if differs[best] < BARELY_APART:
            break
        chosen.append(best)
    return chosen


def _exact(shares: Floats) -> Doubles:
    """Normalize shares (Q,) in float64, as `Generator.choice` requires."""
    exact = shares.astype(np.float64)
    return np.asarray(exact / exact.sum())


def regions(described: Floats, *, number: int = REGIONS) -> Indices:
    """Cluster positions (h, w, F) into at most `number` regions by k-means; return labels (h, w) from 0."""
    height, width, _ = described.shape
    places = described.reshape(height * width, -1)
    groups = kmeans(places, starts(places, number), steps=STEPS)
    return _smoothed(groups.reshape(height, width), number)


def _smoothed(numbers: Indices, count: int) -> Indices:
    """Apply a majority filter twice; renumber the remaining regions from 0."""
    side = (VOTE_CELLS, VOTE_CELLS)
    for _ in range(2):
        votes = [cv2.blur((numbers == i).astype(np.float32), side) for i in range(count)]
        numbers = np.argmax(votes, axis=0)
    kept = np.unique(numbers, return_inverse=True)[1]
    return np.asarray(kept.reshape(numbers.shape), np.intp)


def inner_points(mask: Mask, number: int) -> list[tuple[int, int]]:
    """Choose 1 to `number` cells (row, column) deep inside a mask (h, w) and far from each other."""
    depth = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rows, columns = np.indices(mask.shape)
    far = np.full(mask.shape, np.inf)
    points: list[tuple[int, int]] = []
    while len(points) < number:
        score = np.where(mask, np.minimum(depth, far / 2), 0)
        row, column = (int(i) for i in np.unravel_index(score.argmax(), mask.shape))
        if points and score[row, column] < 1:
            break
        points.append((row, column))
        far = np.minimum(far, np.hypot(rows - row, columns - column))
    return points

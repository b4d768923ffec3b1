"""Other colorizations of a picture that the network finds plausible.

A picture is cut into regions of like lightness for which the network predicts alike, and the predicted distribution is
averaged over each. Its likely colors there are given as hints at points of the region, and the network, run again,
spreads them as it spreads a person's. Of all these colorizations those are chosen that together come nearest to what
the distribution expects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from color.arrays import Doubles, Floats, Indices, Mask
from image.kmeans import kmeans, starts
from model.contract import AB_SCALE, REDUCTION
from model.decode import AbPredictor
from model.distribution import ColorDistribution, Mode, features, modes, variance
from model.hints import POINT_RADIUS_PX

CHANGED = 4  # regions that get other colors, those with the most to gain
PAIRS = 6  # colorizations in which two regions change
# In a region of the size of the picture; fewer in a smaller one, by the root of its area.
POINTS = 20
APART = 10.0  # ab units that two candidates differ by in some region, at least
BARELY_APART = 5.0  # where there are none such
DRAWN = 400  # colorings drawn from the distribution, which candidates should come near to
DEVIATIONS = 1.0  # standard deviations of a place's colors, by which they change at most
SEED = 0

REGIONS = 7  # at most
VOTE_CELLS = 5  # side of the vote among neighbors
STEPS = 29  # of k-means, by which regions move


@dataclass(frozen=True, eq=False)
class _Region:
    """A part of a picture: its cells (h, w), its share of them, points inside, its distribution (Q,)."""

    mask: Mask
    area: float
    points: Sequence[tuple[int, int]]
    shares: Floats


def candidates(
    predicted: ColorDistribution,
    predict: AbPredictor,
    number: int,
    *,
    lightness: Floats,
    hints: Floats | None = None,
    palette: Floats | None = None,
) -> list[Floats]:
    """Return up to so many small ab (h, w, 2), the default first; fewer where no others differ visibly.

    lightness : (1, H, W), with hints (1, 3, H, W) and a palette (Q + 1,), as `AbPredictor` has them
    """
    default = predict(lightness, hints=hints, palette=palette).ab[0]
    parts = _regions(predicted)
    added = _alternatives(parts, default, predicted, size=lightness.shape[1:])
    pool = [default]
    for drawn in added if number > 1 else ():
        if hints is not None:
            drawn = np.where(hints[0, 2:] > 0, hints[0], drawn)
        ab = predict(lightness, hints=drawn[None], palette=palette).ab[0]
        pool.append(_within_reach(ab, default, predicted))
    chosen = _chosen(_means(np.stack(pool), parts), parts, predicted.bins, number)
    return [pool[i] for i in chosen]


def _regions(predicted: ColorDistribution) -> list[_Region]:
    """Cut a picture into regions, those first in which most may change."""
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
) -> list[Floats]:
    """Draw hints (3, H, W) for other colors of each of the first regions, then of two at once."""
    single: list[tuple[int, float, Floats]] = []  # region, share, hints
    for i, part in enumerate(parts[:CHANGED]):
        now = default[part.mask].mean(axis=0)
        for mode in modes(part.shares, predicted.bins):
            if np.hypot(mode.a - now[0], mode.b - now[1]) >= APART:
                single.append((i, mode.share, _hint_planes(part, mode, size=size)))
    pairs = [pair for pair in combinations(single, 2) if pair[0][0] != pair[1][0]]
    pairs.sort(key=lambda pair: -pair[0][1] * pair[1][1])
    joined = [np.where(one[2][2:] > 0, one[2], other[2]) for one, other in pairs[:PAIRS]]
    return [hints for _, _, hints in single] + joined


def _hint_planes(part: _Region, mode: Mode, *, size: tuple[int, int]) -> Floats:
    """Draw one color at the points of a region: hints (3, H, W)."""
    planes = np.zeros((3, *size), np.float32)
    color = np.array([mode.a / AB_SCALE, mode.b / AB_SCALE, 1], np.float32)
    for row, column in part.points:
        y, x = (i * REDUCTION + REDUCTION // 2 for i in (row, column))
        rows, columns = (
            slice(max(i - POINT_RADIUS_PX, 0), i + POINT_RADIUS_PX + 1) for i in (y, x)
        )
        planes[:, rows, columns] = color[:, None, None]
    return planes


def _within_reach(ab: Floats, default: Floats, predicted: ColorDistribution) -> Floats:
    """Keep a colorization (h, w, 2) near the default where that is sure: a hint's color does not spill into the sky."""
    most = DEVIATIONS * np.sqrt(variance(predicted.shares, predicted.bins))
    change = ab - default
    far = np.hypot(change[..., 0], change[..., 1])
    share = np.minimum(1, most / np.maximum(far, 1e-6))
    return np.asarray(default + share[..., None] * change, np.float32)


def _means(pool: Floats, parts: Sequence[_Region]) -> Floats:
    """Average colorizations (n, h, w, 2) over regions: (n, regions, 2)."""
    return np.stack([pool[:, part.mask].mean(axis=1) for part in parts], axis=1)


def _chosen(means: Floats, parts: Sequence[_Region], bins: Floats, number: int) -> list[int]:
    """Choose colorizations by their means (n, regions, 2), one by one: the first, then what helps most.

    What helps is measured on colorings drawn from the distribution, each region by itself: the mean squared distance
    of each to the nearest that is chosen.
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
    """Make shares (Q,) sum to 1 as exactly as drawing wants it."""
    exact = shares.astype(np.float64)
    return np.asarray(exact / exact.sum())


def regions(described: Floats, *, number: int = REGIONS) -> Indices:
    """Group places (h, w, F) into so many regions at most, by k-means: their numbers (h, w), from 0 on."""
    height, width, _ = described.shape
    places = described.reshape(height * width, -1)
    groups = kmeans(places, starts(places, number), steps=STEPS)
    return _smoothed(groups.reshape(height, width), number)


def _smoothed(numbers: Indices, count: int) -> Indices:
    """Let neighbors vote, twice; number the regions that are left from 0 on."""
    side = (VOTE_CELLS, VOTE_CELLS)
    for _ in range(2):
        votes = [cv2.blur((numbers == i).astype(np.float32), side) for i in range(count)]
        numbers = np.argmax(votes, axis=0)
    kept = np.unique(numbers, return_inverse=True)[1]
    return np.asarray(kept.reshape(numbers.shape), np.intp)


def inner_points(mask: Mask, number: int) -> list[tuple[int, int]]:
    """Choose up to so many cells (row, column) deep inside a mask (h, w) and far from each other, at least one."""
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

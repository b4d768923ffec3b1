"""Tells real color from toned, stained and noisy black and white, in a photo or a film's frame.

In a toned print, chroma follows from luma: by one curve for the whole picture, plus a tint that changes slowly in
space, as paper yellows. What a fit of these leaves is noise, which is unrelated over a distance, or is confined to a
small place, like a station's logo. In a picture in color, the rest is large, coherent, and follows the objects.
Pictures whose subject has one hue (a blue night, fog, sand) look like toned ones, and cannot be told from them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Doubles, Floats

SIDE = 48  # long side of the grid in which chroma is examined, cells
FINE = 5  # luma samples along a cell, on which the curve is evaluated: within a cell it is not a straight line
ENOUGH = 4  # pixels of a photo along a sample of luma; of a large photo, every nth is taken
CODES_APART = 4  # least distance of the curve's knots, 8-bit codes
TINTS, OFFSETS = (
    4,
    2,
)  # cosines along a side: of a tint, which scales with luma as paper's does, and of an offset
BLURS = (1.0, 2.5)  # cells; chroma is coded less sharply than luma
RIDGE = 1e-3  # keeps the fit of a picture with few luma codes solvable
FITS = 6  # rounds of fitting, each with less weight on what the last one left
SMALL_PLACE = 0.1  # share of the picture that is ignored: may be colored in black and white
VIVID = 60.0  # range of the middle half of chroma, 8-bit codes, that no toning has: flat colors may follow luma
TYPICAL = 7  # among the measures
LEAST = 0.08  # typical rest of chroma, 8-bit codes, below which nothing is left: less than the codes' rounding
NOTHING_LEFT = (
    -1.0
)  # evidence of a picture without chroma: weak, as a frame of a fade from black has none
SUREST = 8.0  # bound of the evidence, so that no frame outvotes all others of its shot
WINDOW = 7  # cells along a side, in which chroma is compared with luma
STEEP = 40.0  # luma codes per cell from which one edge counts as much as another
STAIN = np.array([-0.86, 0.5], np.float32)  # direction in Cb, Cr from white to the brown of stains
STAIN_CELLS = 1.5  # standard deviation of the blur that finds stains
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG
# (knot, weight): a measure has this weight up to the knot. Fitted to half of 445 photographs and five clips by
# tests/benchmarks/toned.py --fit.
HINGES = np.array((
    ((-1.61, 3.3), (-0.993, -0.44), (-0.332, -2.06), (0.544, -0.013)),
    ((-1.08, 1.72), (-0.514, 1.18), (0.056, 1.21), (0.919, 0.905)),
    ((-1.2, 2.94), (-0.719, -3.58), (-0.125, -4.39), (0.703, -5.7)),
    ((-1.94, -1.81), (-1.54, 0.626), (-1.13, -0.327), (-0.644, 3.41)),
    ((0.056, -14.5), (0.124, 29.6), (0.178, 23.7), (0.285, 3.36)),
    ((0.099, 16.5), (0.165, -12.2), (0.247, 5.91), (0.354, 1.69)),
    ((0.414, -0.259), (1.08, 1.46), (1.72, 1.47), (2.61, 2.12)),
    ((-1.41, 5.3), (-0.928, -0.428), (-0.453, 5.86), (0.278, 1.31)),
    ((-1.81, -4.23), (-1.23, -1.46), (-0.636, 2.25), (0.251, 1.62)),
    ((-3.28, 2.29), (-1.94, -0.964), (-1.12, -1.18), (-0.098, 1.89)),
    ((0.086, 4.39), (0.204, 1.27), (0.34, -3.81), (0.487, 6.94)),
    ((0.059, -5.44), (0.144, 16.6), (0.246, -8.17), (0.414, -0.376)),
))  # fmt: skip
BIAS = 3.219


def photo_color_evidence(rgb: NDArray[Any]) -> float:
    """Return the evidence of color in a photo (H, W, 3) uint8 or uint16: see `color_evidence`."""
    step = max(max(rgb.shape[:2]) // (ENOUGH * SIDE * FINE), 1)
    rgb = rgb[::step, ::step]
    longest = max(rgb.shape[:2])
    if longest > SIDE * FINE:
        scale = SIDE * FINE / longest
        height, width = (max(round(side * scale), 1) for side in rgb.shape[:2])
        rgb = cv2.resize(np.ascontiguousarray(rgb), (width, height), interpolation=cv2.INTER_AREA)
    codes = rgb.astype(np.float32) / (257 if rgb.dtype == np.uint16 else 1)
    if np.ptp(codes, axis=-1).max() < 1:
        return NOTHING_LEFT
    luma = codes @ LUMA
    chroma = ((codes[..., 2] - luma) / 1.772, (codes[..., 0] - luma) / 1.402)
    return color_evidence(np.rint(luma).astype(np.uint8), chroma)


def color_evidence(luma: NDArray[Any], chroma: Sequence[NDArray[Any]], *, depth: int = 8) -> float:
    """Return the evidence, in log-odds, that a picture shows real color: above 0 it probably does.

    luma : (H, W), codes of ``depth`` bits
    chroma : Cb and Cr (h, w), likewise
    """
    fine, small, colors = _grids(luma, chroma, depth)
    if np.linalg.norm(np.subtract(*np.quantile(colors, (0.75, 0.25), axis=(0, 1)))) > VIVID:
        return SUREST
    found = np.array([*_measured(fine, small, colors)])
    if found[TYPICAL] < np.log(LEAST + 0.05):
        return NOTHING_LEFT
    hinged = np.minimum(found[:, None], HINGES[..., 0])
    return float(np.clip((hinged * HINGES[..., 1]).sum() + BIAS, -SUREST, SUREST))


def measures(luma: NDArray[Any], chroma: Sequence[NDArray[Any]], *, depth: int = 8) -> Doubles:
    """Measure what toning does not explain of a picture's chroma: (12,), see `_measured`. Parameters as above."""
    return np.array([*_measured(*_grids(luma, chroma, depth))])


def _grids(
    luma: NDArray[Any], chroma: Sequence[NDArray[Any]], depth: int
) -> tuple[Bytes, Floats, Floats]:
    """Reduce a picture to fine luma (H, W), and to luma (h, w) and chroma (h, w, 2) of the grid, in 8-bit codes."""
    height, width = luma.shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    unit = 1 / (1 << (depth - 8))
    if max(luma.shape) > SIDE * FINE:
        luma = _reduced(luma, (size[0] * FINE, size[1] * FINE))
    fine = np.asarray(cv2.convertScaleAbs(luma, alpha=unit), np.uint8)
    planes = [_reduced(plane, size).astype(np.float32) * np.float32(unit) for plane in chroma]
    return fine, _reduced(fine, size).astype(np.float32), np.stack(planes, axis=-1)


def _reduced(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA))


def _unexplained(fine: Bytes, luma: Floats, chroma: Floats) -> tuple[Floats, Floats]:
    """Fit chroma (h, w, 2) robustly; return what is left of it (h, w, 2), and 1 or 0 (h, w) where it counts."""
    height, width = luma.shape
    light = luma / np.float32(255)
    terms = [
        *_curve(fine, (width, height)),
        *_cosines(height, width, OFFSETS),
        *(light * wave for wave in _cosines(height, width, TINTS)),
        *(cv2.GaussianBlur(light, (0, 0), cells) - light for cells in BLURS),
    ]
    basis = np.stack(terms, axis=-1).reshape(luma.size, -1).astype(np.float64)
    wanted = chroma.reshape(-1, 2).astype(np.float64)
    wanted -= np.median(wanted, axis=0)  # what the ridge pulls toward
    weights, size = np.ones(luma.size), np.zeros(luma.size)
    left = wanted
    for _ in range(FITS):
        weighted = basis.T * weights
        square = weighted @ basis + RIDGE * np.eye(basis.shape[1])
        left = wanted - basis @ np.linalg.solve(square, weighted @ wanted)
        size = cv2.blur(np.hypot(*left.T).reshape(luma.shape), (3, 3)).ravel()
        weights = 1 / (1 + (size / (2 * np.median(size) + 0.1)) ** 2) ** 2
    counted = np.ones(luma.size, np.float32)
    counted[np.argsort(size, kind="stable")[int(luma.size * (1 - SMALL_PLACE)) :]] = 0
    rest = left.reshape(chroma.shape).astype(np.float32)
    # Stains are brown, have no structure of their own, and scale with luma as all paper does.
    brown = np.maximum(rest @ STAIN, 0)
    stain = cv2.GaussianBlur(brown, (0, 0), STAIN_CELLS) / cv2.GaussianBlur(
        light + np.float32(0.02), (0, 0), STAIN_CELLS
    )
    rest -= (stain * light)[..., None] * STAIN
    return rest, counted.reshape(luma.shape)


def _curve(fine: Bytes, size: tuple[int, int]) -> Iterator[Floats]:
    """Yield the terms of a piecewise linear curve of luma: its hat functions, averaged over cells."""
    spread = np.quantile(fine[::2, ::2], np.linspace(0.02, 0.98, 8))  # knots where the luma is
    knots = np.unique(np.rint([*np.linspace(0, 255, 9), *spread]))
    knots = knots[np.diff(knots, prepend=-CODES_APART) >= CODES_APART]
    for hat in np.eye(len(knots)):
        table = np.interp(np.arange(256), knots, hat).astype(np.float32)
        yield _reduced(cv2.LUT(fine, table), size)


def _cosines(height: int, width: int, count: int) -> Iterator[Floats]:
    """Yield slowly varying fields (h, w), the constant one left out."""
    down, across = (
        np.cos(np.pi * np.outer(np.arange(count), (np.arange(side) + 0.5) / side))
        for side in (height, width)
    )
    for i, j in np.ndindex(count, count):
        if 0 < i + j <= count:
            yield np.outer(down[i], across[j]).astype(np.float32)


def _measured(fine: Bytes, luma: Floats, chroma: Floats) -> Iterator[float]:
    """Yield the measures, in the order of HINGES: how much is left, how coherent it is, how it follows the objects."""
    left, counted = _unexplained(fine, luma, chroma)
    energy = _products(left, counted, 0, 0) + 1e-4
    below, below2 = (_products(left, counted, rows, 0) for rows in (1, 2))
    brown = left - np.maximum(left @ STAIN, 0)[..., None] * STAIN
    ignored = (left**2).sum(axis=-1) * (1 - counted)
    total = _products(chroma - chroma[counted > 0].mean(axis=0), counted, 0, 0)
    yield _log(below2, 0.003)  # noise is unrelated two rows below
    yield _log(below, 0.003)
    yield _log(_products(brown, counted, 2, 0), 0.003)  # a stain is brown
    yield _log(energy / (total + 1e-4), 0)
    yield below2 / energy
    yield _products(left, counted, 0, 2) / energy
    yield _log(float(ignored.sum() / (1 - counted).sum()), 0.05)
    typical = np.median(np.linalg.norm(cv2.blur(left * counted[..., None], (3, 3)), axis=-1))
    yield 2 * _log(float(typical), 0.05)  # TYPICAL
    flipped = [np.ascontiguousarray(luma[::-1]), np.ascontiguousarray(luma[:, ::-1])]
    by_line, share = _followed(luma, left, counted)
    chance = np.mean([_followed(other, left, counted)[1] for other in flipped])
    yield _log(by_line, 0.003)
    yield _log(energy * float(share - chance), 0.0003)
    edges = _edge_agreement(luma, left, counted)
    yield edges
    yield edges - float(np.mean([_edge_agreement(other, left, counted) for other in flipped]))


def _log(energy: float, least: float) -> float:
    """Return the logarithm of an amplitude, given its square."""
    return 0.5 * float(np.log(max(energy, 0) + least))


def _products(left: Floats, counted: Floats, down: int, right: int) -> float:
    """Return the mean product of what is left (h, w, 2) at counted cells and at those so many cells away."""
    height, width = counted.shape
    here, there = np.s_[: height - down, : width - right], np.s_[down:, right:]
    pairs = counted[here] * counted[there]
    products = (left[here] * left[there]).sum(axis=-1)
    return float((products * pairs).sum() / max(pairs.sum(), 1))


def _followed(luma: Floats, left: Floats, counted: Floats) -> tuple[float, float]:
    """Return the energy that a straight line of luma explains in each window, and its share of that in the windows."""

    def mean(field: Floats) -> Floats:
        return np.asarray(cv2.blur(field, (WINDOW, WINDOW)), np.float32)

    count = mean(counted) + np.float32(1e-6)
    light = mean(counted * luma) / count
    spread = mean(counted * luma * luma) / count - light**2 + np.float32(0.5)
    explained = every = 0.0
    for plane in np.moveaxis(left, -1, 0):
        level = mean(counted * plane) / count
        both = mean(counted * plane * luma) / count - level * light
        explained += float((both**2 / spread).mean())
        every += float((mean(counted * plane * plane) / count - level**2).mean())
    return explained, explained / (every + 1e-6)


def _edge_agreement(luma: Floats, left: Floats, counted: Floats) -> float:
    """Return the correlation of the edges of what is left with those of luma."""
    inside = counted[1:, 1:] * counted[1:, :-1] * counted[:-1, 1:] > 0
    ours, its = _edges(left)[inside], np.minimum(_edges(luma[..., None]), STEEP)[inside]
    if min(float(ours.std()), float(its.std())) < 1e-6:
        return 0.0
    return float(np.corrcoef(ours, its)[0, 1])


def _edges(field: Floats) -> Floats:
    """Return the gradient's length (h - 1, w - 1) of a field (h, w, C)."""
    across, down = field[1:, 1:] - field[1:, :-1], field[1:, 1:] - field[:-1, 1:]
    return np.asarray(np.sqrt((across**2 + down**2).sum(axis=-1)), np.float32)

"""Tells real color from toned, stained and noisy black and white, in a photo or a film's frame.

In a toned print, chroma follows from luma: by one curve for the whole picture, plus a tint that changes slowly in
space, as paper yellows. Where the curve is steep, because toning clips a channel in the lights, a small error of luma
shifts chroma, so less is concluded. What a fit of these leaves is noise, which is unrelated over a distance, or confined
to a small place, like a station's logo; or it is stains, all of one brown, so nothing is left across that direction in
Cb, Cr. In a picture in color, the rest is large and coherent in every direction. Pictures whose subject has one hue (a
blue night, fog, sand) look like toned ones, and cannot be told from them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Doubles, Floats

SIDE = 48  # long side of the grid in which chroma is examined, cells; less for a small picture
FINE = 5  # least pixels along a cell; the curve is evaluated on so many, as within a cell it is not a straight line
ENOUGH = 4  # pixels of a photo along a sample of luma; of a large photo, every nth is taken
LIGHTS = (240, 246, 251)  # further knots: where a channel is clipped, chroma is steep in luma
STEEP = 1.0  # chroma codes per luma code, from which on the curve is that of a clipped channel
LUMA_ERROR = 1.5  # standard deviation of coded luma, codes
CODES_APART = 4  # least distance of the curve's knots, 8-bit codes
# Cosines along a side: of a tint, which scales with luma as paper's does, and of an offset.
TINTS, OFFSETS = 4, 2
BLURS = (1.0, 2.5)  # cells; chroma is coded less sharply than luma
RIDGE = 1e-3  # keeps the fit of a picture with few luma codes solvable
FITS = 4  # rounds of fitting, each with less weight on what the last one left
SMALL_PLACE = 0.1  # share of the picture that is ignored: may be colored in black and white
VIVID = 60.0  # range of the middle half of chroma, 8-bit codes, that no toning has: flat colors may follow luma
FAR = 4  # cells: more than chroma noise is smeared, less than the objects
TYPICAL = 6  # among the measures
LEAST = 0.08  # typical rest of chroma, 8-bit codes, below which nothing is left: less than the codes' rounding
# Evidence of a picture without chroma: weak, as a frame of a fade from black has none.
NOTHING_LEFT = -1.0
SUREST = 8.0  # bound of the evidence, so that no frame outvotes all others of its shot
STAIN = np.array([-0.86, 0.5], np.float32)  # direction in Cb, Cr from white to the brown of stains
BROWNS = 0.35  # radians by which a stain's color may differ from that
STAIN_CELLS = 1.5  # standard deviation of the blur that finds stains
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG
# (knot, weight): a measure has this weight up to the knot. Fitted by tests/benchmarks/toned.py --fit to half of 445
# photographs, 351 smaller ones and 17 clips.
HINGES = np.array((
    ((-1.01, 1.95), (-0.466, -1.54), (0.122, 0.226), (0.999, -0.737)),
    ((-1.9, -1.65), (-1.5, -0.548), (-1.09, 1.53), (-0.649, 1.45)),
    ((0.018, -12.9), (0.101, 12.1), (0.177, 20.1), (0.289, -6.38)),
    ((0.088, 4.73), (0.165, -10.3), (0.245, -0.908), (0.362, 7.49)),
    ((0.093, 1.65), (0.172, 18.7), (0.246, 6.36), (0.375, -4.72)),
    ((0.564, -6.61), (1.11, 2.01), (1.76, 3), (2.67, 3.36)),
    ((-1.39, 3.12), (-0.944, -0.931), (-0.466, 2.95), (0.289, 0.206)),
    ((-1.62, 4.61), (-1.23, -1.48), (-0.716, 2.14), (0.13, -1.82)),
    ((-2.86, -3.62), (-2.4, 2.36), (-1.95, -0.045), (-1.41, -0.204)),
    ((-0.043, -13), (0.035, 2.24), (0.119, -4.63), (0.258, 13.7)),
    ((0.026, 2.41), (0.11, 2.24), (0.191, -4.42), (0.323, 14.3)),
    ((-0.112, -1), (-0.032, 4.84), (0.042, -3.72), (0.181, 2.42)),
    ((-0.456, -3.91), (0.063, 5.61), (0.801, 2.53), (1.79, -2.8)),
    ((-0.008, 5.16), (0.403, -1.64), (0.877, -0.676), (1.71, -2.77)),
))  # fmt: skip
BIAS = -3.419


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
    """Measure what toning does not explain of a picture's chroma: (14,), see `_measured`. Parameters as above."""
    return np.array([*_measured(*_grids(luma, chroma, depth))])


def _grids(
    luma: NDArray[Any], chroma: Sequence[NDArray[Any]], depth: int
) -> tuple[Bytes, Floats, Floats]:
    """Reduce a picture to fine luma (H, W), and to luma (h, w) and chroma (h, w, 2) of the grid, in 8-bit codes."""
    height, width = luma.shape
    scale = min(SIDE / max(height, width), 1 / FINE)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    unit = 1 / (1 << (depth - 8))
    if max(luma.shape) > SIDE * FINE:
        luma = _reduced(luma, (size[0] * FINE, size[1] * FINE))
    fine = np.asarray(cv2.convertScaleAbs(luma, alpha=unit), np.uint8)
    planes = [_reduced(plane, size).astype(np.float32) * np.float32(unit) for plane in chroma]
    return fine, _reduced(fine, size).astype(np.float32), np.stack(planes, axis=-1)


def _reduced(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA))


def _unexplained(fine: Bytes, luma: Floats, chroma: Floats) -> tuple[Floats, Floats, Floats]:
    """Fit chroma (h, w, 2) robustly, and find what is left of it.

    Return what is left without stains (h, w, 2), what of it no stain can cause (h, w, 1), and 1 or 0 (h, w) where these
    count. Both are less where a small error of luma explains much.
    """
    height, width = luma.shape
    light = luma / np.float32(255)
    knots = _knots(fine)
    terms = [
        *_curve(fine, knots, (width, height)),
        *_cosines(height, width, OFFSETS),
        *(light * wave for wave in _cosines(height, width, TINTS)),
        *(cv2.GaussianBlur(light, (0, 0), cells) - light for cells in BLURS),
    ]
    basis = np.stack(terms, axis=-1).reshape(luma.size, -1).astype(np.float64)
    wanted = chroma.reshape(-1, 2).astype(np.float64)
    wanted -= np.median(wanted, axis=0)  # what the ridge pulls toward
    left = wanted  # a logo, which is far from all other chroma, has little weight from the first round on
    for _ in range(FITS):
        size = cv2.blur(np.hypot(*left.T).reshape(luma.shape), (3, 3))
        weights = (1 / (1 + (size / (2 * np.median(size) + 0.1)) ** 2) ** 2).ravel()
        weighted = basis.T * weights
        square = weighted @ basis + RIDGE * np.eye(basis.shape[1])
        factors = np.linalg.solve(square, weighted @ wanted)
        left = wanted - basis @ factors
    size = cv2.blur(np.hypot(*left.T).reshape(luma.shape), (3, 3))
    steep = np.maximum(_steepness(knots, factors[: len(knots)]) - STEEP, 0)
    error = LUMA_ERROR * _reduced(cv2.LUT(fine, steep), (width, height))
    trust = (1 / np.sqrt(1 + error**2)).astype(np.float32)
    rising = np.argsort((size * trust).ravel(), kind="stable")
    counted = np.ones(luma.shape, np.float32)
    counted.flat[rising[int(luma.size * (1 - SMALL_PLACE)) :]] = 0
    rest = left.reshape(chroma.shape).astype(np.float32)
    across = rest @ _across(rest * trust[..., None])
    # Stains are brown, have no structure of their own, and scale with luma as all paper does.
    brown = np.maximum(rest @ STAIN, 0)
    stain = cv2.GaussianBlur(brown, (0, 0), STAIN_CELLS) / cv2.GaussianBlur(
        light + np.float32(0.02), (0, 0), STAIN_CELLS
    )
    rest -= (stain * light)[..., None] * STAIN
    return rest * trust[..., None], (across * trust)[..., None], counted


def _across(left: Floats) -> Floats:
    """Return the direction in Cb, Cr that is perpendicular to the color of a picture's stains."""
    smooth = cv2.blur(left, (3, 3))
    brown = np.maximum(smooth @ STAIN, 0)
    color = (smooth * brown[..., None]).sum(axis=(0, 1))
    usual = float(np.arctan2(STAIN[1], STAIN[0]))
    turned = (float(np.arctan2(color[1], color[0])) - usual + np.pi) % (2 * np.pi) - np.pi
    angle = usual + float(np.clip(turned, -BROWNS, BROWNS))
    return np.array([np.sin(angle), -np.cos(angle)], np.float32)


def _knots(fine: Bytes) -> Doubles:
    """Return the codes at which the curve bends: more where the luma is, and in the lights."""
    spread = np.quantile(fine[::2, ::2], np.linspace(0.02, 0.98, 8))
    kept = [0.0]
    for knot in np.unique(np.rint([*np.linspace(0, 255, 9), *LIGHTS, *spread])):
        if knot - kept[-1] >= CODES_APART:
            kept.append(float(knot))
    return np.array(kept)


def _curve(fine: Bytes, knots: Doubles, size: tuple[int, int]) -> Iterator[Floats]:
    """Yield the terms of a piecewise linear curve of luma: its hat functions, averaged over cells."""
    for hat in np.eye(len(knots)):
        table = np.interp(np.arange(256), knots, hat).astype(np.float32)
        yield _reduced(cv2.LUT(fine, table), size)


def _steepness(knots: Doubles, factors: Doubles) -> Floats:
    """Return how much chroma changes along the curve with a code of luma (256,)."""
    curves = [np.interp(np.arange(256), knots, plane) for plane in factors.T]
    blue, red = (np.gradient(curve) for curve in curves)
    return np.asarray(np.hypot(blue, red), np.float32)


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
    """Yield the measures, in the order of HINGES: of what is left without stains, and of what no stain can cause."""
    *fields, counted = _unexplained(fine, luma, chroma)
    total = _products(chroma - chroma[counted > 0].mean(axis=0), counted, 0, 0)
    for left in fields:
        energy = _products(left, counted, 0, 0) + 1e-4
        below, below2 = (_products(left, counted, rows, 0) for rows in (1, 2))
        ignored = (left**2).sum(axis=-1) * (1 - counted)
        typical = np.median(np.linalg.norm(cv2.blur(left * counted[..., None], (3, 3)), axis=-1))
        yield _log(below, 0.003)
        yield _log(energy / (total + 1e-4), 0)
        yield below2 / energy  # noise is unrelated two rows below
        yield _products(left, counted, 0, 2) / energy
        far = _products(left, counted, FAR, 0) + _products(left, counted, 0, FAR)
        yield far / energy  # smeared noise, too, is unrelated so far away
        yield _log(float(ignored.sum() / (1 - counted).sum()), 0.05)
        yield 2 * _log(float(typical), 0.05)  # TYPICAL


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

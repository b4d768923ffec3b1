"""Hints carried over the object they lie on and no further: a screened, edge-aware Poisson system.

The network takes hints as advice: it misses the wanted color by some units, and tints what only looks alike. So the
influence of the hints diffuses from them between neighbors of like lightness and like predicted color (as in
"Colorization using optimization", Levin et al. 2004), and decays with distance (the screening). Where it is strong, the
prediction with hints holds, corrected by what it misses of the wanted colors; where it is weak, the one without.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Doubles, Floats
from model.contract import AB_SCALE

# Chosen on 100 validation photographs, one hint each: `tests/benchmarks/guidance.py`.
LIKE_LIGHTNESS = 4.0  # differences of L and of predicted ab within which neighbors are alike
LIKE_COLOR = 8.0
LEAST_LIKENESS = 1e-3  # of neighbors: keeps the system well conditioned
SCREENING, SCREENED_SIDE = 0.005, 48  # decay of the influence, for a short side of so many places
HINT_WEIGHT = 100.0  # of a place that a hint covers, beside its neighbors' 1 at most
FULL_INFLUENCE = 0.3  # from which on a place is colored by the hints alone
NEIGHBORS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5), (1, -1, 0.5))  # down, right, and their weight


def propagate(
    free: Floats, hinted: Floats, *, hints: Floats, lightness: Floats, saturation: float = 1.0
) -> tuple[Floats, Floats]:
    """Join ab (h, w, 2) predicted without and with hints, so that the hints are honored on their objects alone.

    hints : planes (3, H, W), as `network_planes` has them
    lightness : (H, W), L 0..100
    saturation : times the chroma of the hints
    Returns ab (h, w, 2), and (h, w) the influence of the hints, 0..1; without any hint `free` as it is, and 0.
    """
    size = free.shape[:2]
    wanted, covered = _hints_at(size, hints)
    if not covered.any():
        return free, np.zeros(size, np.float32)
    light = _shrunk(lightness, size)
    weight = covered * _trust(light, _shrunk(lightness * hints[2], size), covered)
    diffuse = _diffusion(light, free, HINT_WEIGHT * weight)
    reach = diffuse(np.ones(size, np.float32))
    influence = np.clip(reach / FULL_INFLUENCE, 0, 1)[..., None]
    ab = free + influence * (hinted - free)
    missed = np.dstack([diffuse(plane) for plane in cv2.split(wanted * saturation - ab)])
    ab += influence * missed / np.maximum(reach, np.finfo(np.float32).tiny)[..., None]
    return np.asarray(ab, np.float32), np.asarray(influence[..., 0], np.float32)


def _hints_at(size: tuple[int, int], hints: Floats) -> tuple[Floats, Floats]:
    """Average hint planes (3, H, W) over the places (h, w) of the output: ab (h, w, 2), share covered (h, w)."""
    a, b, covered = (_shrunk(plane, size) for plane in hints)
    ab = np.stack([a, b], -1) * np.float32(AB_SCALE)
    return ab / np.where(covered > 0, covered, np.float32(1))[..., None], covered


def _shrunk(plane: Floats, size: tuple[int, int]) -> Floats:
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _trust(light: Floats, covered_light: Floats, covered: Floats) -> Floats:
    """Return how far the hint at each place (h, w) is about the whole place: less on an edge than beside it.

    light, covered_light : L of the place, and of what the hint covers, times the share `covered`
    """
    difference = covered_light / np.where(covered > 0, covered, np.float32(1)) - light
    alike = np.exp(-((difference / LIKE_LIGHTNESS) ** 2) / 2) + np.finfo(np.float32).tiny
    alike = np.asarray(alike * (covered > 0), np.float32)
    best = cv2.dilate(alike, np.ones((3, 3), np.uint8))
    return np.asarray(alike / np.maximum(best, np.finfo(np.float32).tiny), np.float32)


def _diffusion(lightness: Floats, ab: Floats, weight: Floats) -> Callable[[NDArray[Any]], Doubles]:
    """Return what diffuses values (h, w) from where they have weight (h, w), over like lightness and ab.

    The system is factorized once; x minimizes sum w (x - v)^2 + sum likeness (x_i - x_j)^2 + screening sum x^2.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    size, flat = lightness.shape, weight.ravel().astype(np.float64)
    features = np.dstack([lightness / LIKE_LIGHTNESS, ab / LIKE_COLOR]).astype(np.float64)
    screening = SCREENING * (SCREENED_SIDE / min(size)) ** 2
    matrix = (_laplacian(features) + diags_array(flat + screening)).tocsc()
    system = splu(matrix, permc_spec="MMD_AT_PLUS_A")  # for symmetric ones: half the time

    def diffuse(values: NDArray[Any]) -> Doubles:
        solution: Doubles = system.solve(flat * values.ravel())
        return solution.reshape(size)

    return diffuse


def _laplacian(features: Doubles) -> Any:
    """Graph Laplacian (h w, h w), sparse, of the eight neighbors' likeness in features (h, w, c)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import laplacian

    height, width = features.shape[:2]
    places = np.arange(height * width).reshape(height, width)
    pairs, likeness = [], []
    for down, right, share in NEIGHBORS:
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width - max(-right, 0)]
        squared = ((features[here] - features[there]) ** 2).sum(axis=-1)
        pairs.append(np.stack([places[here].ravel(), places[there].ravel()]))
        likeness.append(share * (np.exp(-squared / 2) + LEAST_LIKENESS).ravel())
    rows, columns = np.concatenate(pairs, axis=1)
    weights = np.concatenate(likeness)
    graph = coo_array((weights, (rows, columns)), shape=(places.size, places.size))
    return laplacian((graph + graph.T).tocsr())

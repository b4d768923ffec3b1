"""One object, one color: which positions of a gray picture belong to the same object, and how colors agree within it.

A position is described by features of the published classifier at strides 4 to 32, projected to a few numbers, and by
its lightness and texture. A small network, fitted on photographs, whose colors show their objects, compares a position
with another one, such as a hint's. Within objects, colors diffuse between neighbors of similar lightness and
description. The classifier is the one in `model/weights/efficientnet_lite0.npz`, whichever network colorizes, so
training leaves the objects as they are.
`train/objects.py` makes the weights.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from color.arrays import Doubles, Floats
from model.contract import STRIDE, network_planes, resized, working_shape
from model.engine_choice import choose_engine
from model.lapack import lapack
from model.program import Program
from model.program_cache import program_for
from model.weights_file import RELEASED
from prior.qspace import read_bins

OBJECTS = RELEASED.with_name("objects.npz")
# Short sides of the classifier's input, in pixels: to find a hint's object; for colors to agree, where fewer pixels cost
# no accuracy (`train/evaluate.py -shipped`); and for frames of films, which agree at half the resolution.
SIDE, AGREEMENT_SIDE, QUICK_SIDE = 256, 160, 128
GRID = 48  # short side of the described grid, in positions
SCALES = ((4, 24), (8, 40), (16, 80), (16, 112), (32, 192), (32, 320))  # stride and channels
CHANNELS = sum(channels for _, channels in SCALES)
LIKE_LIGHTNESS, LIKE_TEXTURE = 20.0, 5.0  # units of lightness and of its standard deviation, in L
TONES = 3  # lightness, lightness around, texture
# Data weight of a sure color without hints. With the confidence squared and half the weight, colors agree more, but
# vivid things tint plain walls around them.
AGREEMENT = 0.1
LEAST_SURE = 0.05  # confidence below which places have the same weight
# Standard deviation of the similarity of neighbors in L; in the embedding it is 1.
LIKE_NEIGHBORS = 4.0
LEAST_LIKENESS = 1e-3  # least similarity of neighbors, keeps the system well conditioned
NEIGHBORS = ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.5), (1, -1, 0.5))  # down, right, and their weight
KEPT = 4  # described pictures: the page asks for the same one with every new hint


class Described(NamedTuple):
    """The positions of a picture, to be compared with each other.

    embedding : (h, w, D), of the classifier's features
    tones : (h, w, 3), lightness, mean lightness around, and texture
    """

    embedding: Floats
    tones: Floats


class LikenessWeights(NamedTuple):
    """The weights of the projection and of the comparison, as stored.

    project, offset : (C, D), (D,), of the features at all scales
    squared, apart, tones, distance, bias : (D, H), (3, H), (3, H), (H,), (H,), of the squared difference of embeddings,
        the absolute difference of tones, the tones of the position compared with, and the distance
    out, level : (H,), ()
    """

    project: Floats
    offset: Floats
    squared: Floats
    apart: Floats
    tones: Floats
    distance: Floats
    bias: Floats
    out: Floats
    level: Floats


@functools.cache
def likeness_weights(path: Path = OBJECTS) -> LikenessWeights:
    """Read the weights of the comparison."""
    with np.load(path, allow_pickle=False) as file:
        return LikenessWeights(*(file[name].astype(np.float32) for name in LikenessWeights._fields))


def described(lightness: Floats, *, side: int = SIDE) -> Described:
    """Describe the positions of L (H, W) 0..100; side : the short side of the classifier's input, in pixels."""
    return _described(np.ascontiguousarray(lightness, np.float32).tobytes(), lightness.shape, side)


@functools.lru_cache(maxsize=KEPT)
def _described(data: bytes, shape: tuple[int, int], side: int) -> Described:
    lightness = np.frombuffer(data, np.float32).reshape(shape)
    weights, grid = likeness_weights(), grid_of(shape)
    embedding = np.zeros((*grid, len(weights.offset)), np.float32) + weights.offset
    first = 0
    for features in classifier_features(lightness, side=side):
        used = slice(first, first + features.shape[-1])
        embedding += _onto(grid, features @ weights.project[used])
        first = used.stop
    return Described(embedding, tones_of(lightness, grid))


def grid_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the size (h, w) of the described grid of a picture (H, W)."""
    return working_shape(shape, short=GRID, grid=1)


def classifier_features(lightness: Floats, *, side: int = SIDE) -> Iterator[Floats]:
    """Yield the classifier's features (h, w, C) of L (H, W) 0..100 at each of `SCALES`."""
    height, width = working_shape(lightness.shape, short=side, grid=STRIDE)
    planes = network_planes(resized(lightness, (height, width))[None])
    classifier, palette = _classifier()
    flat = classifier(planes, palette, temperature=1.0).ravel()
    for stride, channels in SCALES:
        size = (height // stride, width // stride)
        taken, flat = np.split(flat, [channels * size[0] * size[1]])
        yield np.ascontiguousarray(np.moveaxis(taken.reshape(channels, *size), 0, -1))


def open_classifier() -> None:
    """Open the classifier's program, ahead of its use in several threads."""
    _classifier()


@functools.cache
def _classifier() -> tuple[Program, Floats]:
    """Open the classifier on one core, as it takes 10 ms and workers have one core each; return an empty palette, too."""
    folder = functools.partial(program_for, output="classifier")
    program = Program(folder, engine=choose_engine("cpu", "auto"), threads=1)
    return program, np.zeros((1, len(read_bins()) + 1), np.float32)


def _onto(grid: tuple[int, int], planes: Floats) -> Floats:
    return np.asarray(cv2.resize(planes, grid[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def tones_of(lightness: Floats, grid: tuple[int, int]) -> Floats:
    """Return the lightness, the lightness around and the texture (h, w, 3) of each position of L (H, W) 0..100."""
    size = grid[::-1]
    mean = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA)
    squares = cv2.resize(lightness * lightness, size, interpolation=cv2.INTER_AREA)
    texture = cv2.blur(np.sqrt(np.maximum(squares - mean * mean, 0)), (3, 3))
    planes = (mean / LIKE_LIGHTNESS, cv2.blur(mean, (3, 3)) / LIKE_LIGHTNESS)
    return np.asarray(np.dstack([*planes, texture / LIKE_TEXTURE]), np.float32)


def likeness(picture: Described, places: Sequence[Floats]) -> Floats:
    """Return the probability that each position belongs to the object of each of k places: (k, h, w).

    places : k weights (h, w), of the positions that a place consists of
    """
    weights, (embedding, tones) = likeness_weights(), picture
    height, width = tones.shape[:2]
    scale = np.float32(2 / min(height, width))
    rows, columns = (side.astype(np.float32) * scale for side in np.ogrid[:height, :width])
    # Products are taken row by row: BLAS then runs in this thread; its own threads would compete with ours.
    squares = (embedding * embedding) @ weights.squared + weights.bias
    found = np.empty((len(places), height, width), np.float32)
    for one, place in zip(found, places, strict=True):
        share = (place / place.sum())[..., None]
        own, own_tones = ((share * part).sum(axis=(0, 1)) for part in (embedding, tones))
        hidden = squares - embedding @ (2 * own[:, None] * weights.squared)
        hidden += np.abs(tones - own_tones) @ weights.apart
        hidden += (own * own) @ weights.squared + own_tones @ weights.tones
        row, column = ((share[..., 0] * side).sum() for side in (rows, columns))
        hidden += np.hypot(rows - row, columns - column)[..., None] * weights.distance
        one[:] = np.maximum(hidden, 0) @ weights.out + weights.level
    return np.asarray(1 / (1 + np.exp(-found)), np.float32)


def agreed(
    ab: Floats, confidence: Floats, lightness: Floats, *, side: int = AGREEMENT_SIDE
) -> Floats:
    """Average ab (h, w, 2), predicted with a confidence (h, w) 0..1, within the objects of L (H, W) 0..100.

    side : as in `described`
    """
    size = ab.shape[:2]
    weight = np.maximum(confidence, np.float32(LEAST_SURE))
    weight *= np.float32((GRID / min(size)) ** 2 * AGREEMENT)
    embedding = sized(described(lightness, side=side).embedding, size)
    solve = solver(shrunk(lightness, size), embedding, weight)
    return np.dstack([solve(weight * plane) for plane in cv2.split(ab)])


def agreed_quickly(ab: Floats, confidence: Floats, lightness: Floats) -> Floats:
    """Average ab (h, w, 2) of a film's frame within objects as `agreed` does, at half its resolution."""
    size = ab.shape[:2]
    half = (max(size[0] // 2, 1), max(size[1] // 2, 1))
    small, sure = (shrunk(plane, half) for plane in (ab, confidence))
    return np.asarray(
        ab + sized(agreed(small, sure, lightness, side=QUICK_SIDE) - small, size), np.float32
    )


def shrunk(plane: Floats, size: tuple[int, int]) -> Floats:
    """Average a plane (H, W) or planes (H, W, c) over the positions of a smaller size (h, w)."""
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def sized(planes: Floats, size: tuple[int, int]) -> Floats:
    """Interpolate planes (h, w, ...) at another size (h, w)."""
    if planes.shape[:2] == size:
        return planes
    return np.asarray(cv2.resize(planes, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def solver(lightness: Floats, cues: Floats, weight: Floats) -> Callable[[NDArray[Any]], Floats]:
    """Return a function that solves for x (h, w) with data terms d (h, w), values times their weights.

    The system is factorized once (banded Cholesky, a sixth of the time of SuperLU at these sizes); x minimizes
    sum weight x^2 - 2 d x + sum likeness (x_i - x_j)^2.
    """
    wide = lightness.shape[1] > lightness.shape[0]

    def turned(planes: NDArray[Any]) -> NDArray[Any]:
        """Turn planes (h, w, ...) so that rows are the short side, for the narrowest band; or turn them back."""
        return planes.swapaxes(0, 1) if wide else planes

    features = turned(np.dstack([lightness / LIKE_NEIGHBORS, cues]))
    bands = _banded(features.astype(np.float64), turned(weight).astype(np.float64))
    factor, failed = lapack().dpbtrf(bands, lower=1)
    assert not failed, f"the system is not positive definite at {failed}"

    def solve(data: NDArray[Any]) -> Floats:
        values = turned(data).astype(np.float64)
        solution, _ = lapack().dpbtrs(factor, values.ravel(), lower=1)
        return np.ascontiguousarray(turned(solution.reshape(values.shape)), np.float32)

    return solve


def _banded(features: Doubles, weight: Doubles) -> Doubles:
    """Return the system's lower bands (w + 2, h w), by distance from the diagonal, of features (h, w, c)."""
    height, width = weight.shape
    bands = np.zeros((width + 2, weight.size))
    diagonal = weight.copy()
    for down, right, share in NEIGHBORS:
        here = np.s_[: height - down, max(-right, 0) : width - max(right, 0)]
        there = np.s_[down:, max(right, 0) : width - max(-right, 0)]
        squared = ((features[here] - features[there]) ** 2).sum(axis=-1)
        likeness = share * (np.exp(-squared / 2) + LEAST_LIKENESS)
        bands[down * width + right].reshape(height, width)[here] = -likeness
        diagonal[here] += likeness
        diagonal[there] += likeness
    bands[0] = diagonal.ravel()
    return bands

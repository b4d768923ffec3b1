"""The Q in-gamut bins of the ab plane: grid, nearest bin, soft encoding, files with one number per bin."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from color.arrays import Bytes, Floats, Indices
from prior.lab import rgb2lab
from runtime.files import whole_file

BINS_PATH = Path(__file__).resolve().parent / "Q.npy"
WEIGHT_PATH = BINS_PATH.with_name("Weight.npy")
STEP = 10  # width of a bin in ab units
SIGMA = 5.0  # of the soft encoding, in ab units (Zhang, Isola, Efros 2016)
NEIGHBORS = 5
REACH = 128  # the tables cover -128..128
PATCH = 16  # side, in cells, of a patch that shares one search among the same few bins
CELLS_PER_UNIT = 2  # borders of bins are at multiples of 5, so no cell crosses one


def in_gamut_bins() -> Floats:
    """Find every bin (Q, 2) that contains some 8-bit color, sorted by a, then b."""
    used = np.zeros((2 * REACH // STEP + 1,) * 2, bool)
    middle = REACH // STEP
    for red in range(256):
        cells = np.rint(rgb2lab(_plane(red))[:, 1:] / STEP).astype(np.intp) + middle
        used[cells[:, 0], cells[:, 1]] = True
    return ((np.argwhere(used) - middle) * STEP).astype(np.float32)


def read_bins(path: Path = BINS_PATH) -> Floats:
    """Read bins (Q, 2) float32, as computed by `in_gamut_bins`. Raises ValueError."""
    remedy = "copy prior/Q.npy of this project there"
    values = _read_numbers(path, missing=remedy, damaged=remedy)
    if values.ndim != 2 or values.shape[1] != 2 or not np.isfinite(values).all():
        raise ValueError(f"{path}: expected finite bins (Q, 2), got {values.shape}: {remedy}")
    return np.asarray(values, np.float32)


def read_per_bin(path: Path, *, bins: int, made_by: str) -> NDArray[Any]:
    """Read a .npy file of one finite number >= 0 per bin, not all 0. Raises ValueError."""
    values = _read_numbers(
        path, missing=f"run {made_by} first", damaged=f"recreate it with {made_by}"
    )
    if values.shape != (bins,) or not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(
            f"{path}: expected one number >= 0 for each of the {bins} bins, got {values.shape}: "
            f"recreate it with {made_by}"
        )
    if not values.any():
        raise ValueError(f"{path} has only zeros: recreate it with {made_by}")
    return values


def _read_numbers(path: Path, *, missing: str, damaged: str) -> NDArray[Any]:
    """Read a .npy file of numbers. Raises ValueError, which says what to do if it is missing or damaged."""
    if not path.exists():
        raise ValueError(f"{path} does not exist: {missing}")
    try:
        with path.open("rb") as file:
            values: NDArray[Any] = np.load(file)
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
            raise ValueError(f"expected an array of numbers, got {values!r}")  # a .npz, or text
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a .npy array of numbers: {damaged}") from error
    return values


def write_per_bin(path: Path, values: NDArray[Any]) -> None:
    """Write a .npy file; keep a different existing one, which may have taken hours, as NAME.previous.npy."""
    with whole_file(path) as part:
        with part.open("wb") as file:
            np.save(file, values)
        if path.exists() and path.read_bytes() != part.read_bytes():
            path.replace(path.with_suffix(".previous.npy"))


class QSpace:
    """Nearest bin and soft encoding over fixed bins (Q, 2), by table lookup."""

    def __init__(self, bins: NDArray[Any]) -> None:
        if bins.ndim != 2 or bins.shape[1] != 2 or len(bins) < NEIGHBORS:
            raise ValueError(f"expected bins (Q, 2) with Q >= {NEIGHBORS}, got {bins.shape}")
        self.bins: Floats = np.asarray(bins, np.float32)
        self._neighbors = _neighbor_table(self.bins)
        self._nearest = self._neighbors[:, 0].copy()  # small enough for the processor's cache

    def __len__(self) -> int:
        return len(self.bins)

    def nearest(self, ab: NDArray[Any]) -> Indices:
        """Return the index (...) of the bin nearest to ab (..., 2).

        It is exact where the 10-unit cell of ab is a bin, as for every sRGB color; elsewhere to half a unit.
        """
        return np.asarray(np.take(self._nearest, _cells(ab)), np.intp)

    def encode(self, ab: NDArray[Any]) -> tuple[Indices, Floats]:
        """Soft-encode ab (..., 2) over its 5 nearest bins, nearest first: indices and weights (..., 5).

        Weights are Gaussian in the exact distance (sigma 5) and sum to 1.
        """
        indices = self._neighbors[_cells(ab)].astype(np.intp)
        ab = np.asarray(ab, np.float32)
        squared = (self.bins[indices, 0] - ab[..., 0, None]) ** 2
        squared += (self.bins[indices, 1] - ab[..., 1, None]) ** 2
        # Otherwise, far outside the bins, all weights would underflow to 0.
        squared -= squared.min(axis=-1, keepdims=True)
        weights = np.exp(squared / np.float32(-2 * SIGMA**2))
        return indices, weights / weights.sum(axis=-1, keepdims=True)


def _plane(red: int) -> Bytes:
    """Return all 65536 colors (n, 3) with this red value."""
    green, blue = np.divmod(np.arange(1 << 16), 256)
    return np.stack([np.full_like(green, red), green, blue], axis=-1).astype(np.uint8)


def _cells(ab: NDArray[Any]) -> Indices:
    """Return the flat index (...) of the table cell of ab (..., 2), clipped to the table."""
    side = 2 * REACH * CELLS_PER_UNIT
    scaled = np.multiply(ab, CELLS_PER_UNIT, dtype=np.float32)
    scaled += REACH * CELLS_PER_UNIT
    # For values >= 0, truncation rounds down.
    cells = np.clip(scaled, 0, side - 1, out=scaled).astype(np.intp)
    return np.asarray(cells[..., 0] * side + cells[..., 1])


def _neighbor_table(bins: Floats) -> NDArray[np.uint16]:
    """Return the nearest bins (cells, NEIGHBORS) of each cell's center, nearest first."""
    side = 2 * REACH * CELLS_PER_UNIT
    axis = (np.arange(side, dtype=np.float32) + 0.5) / CELLS_PER_UNIT - REACH
    table = np.empty((side, side, NEIGHBORS), np.uint16)
    for top in range(0, side, PATCH):
        for left in range(0, side, PATCH):
            patch = slice(top, top + PATCH), slice(left, left + PATCH)
            a, b = np.meshgrid(axis[patch[0]], axis[patch[1]], indexing="ij")
            table[patch] = _nearest_few(np.stack([a, b], axis=-1), bins)
    return table.reshape(-1, NEIGHBORS)


def _nearest_few(centers: Floats, bins: Floats) -> Indices:
    """Return the nearest bins (..., NEIGHBORS) of a small square of centers (..., 2), nearest first."""
    middle = centers.mean(axis=(0, 1))
    radius = np.linalg.norm(centers[0, 0] - middle)
    far = np.linalg.norm(bins - middle, axis=1)
    # A bin farther than this from the middle is not among the nearest bins of any center.
    candidates = np.flatnonzero(far <= np.sort(far)[NEIGHBORS - 1] + 2 * radius + 1e-3)
    squared = ((centers[..., None, :] - bins[candidates]) ** 2).sum(axis=-1)
    order = np.argsort(squared, axis=-1, kind="stable")[..., :NEIGHBORS]
    return np.asarray(candidates[order], np.intp)

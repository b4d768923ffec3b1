"""Frames of a film: decoded by number, exactly; gray at working size, native planes; PNG in and out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from film.probe import Film


@dataclass(frozen=True)
class NativeFrame:
    """One decoded frame as the source has it, less its color.

    number : frame number in presentation order, from 0
    luma : (H, W) uint8 or uint16, the source's own samples, coded orientation
    chroma : the source's two chroma planes (h, w) each, or None for gray films
    held : the source had no such frame that could be decoded; this is the one before it
    """

    number: int
    luma: NDArray[np.uint8] | NDArray[np.uint16]
    chroma: tuple[NDArray[np.generic], NDArray[np.generic]] | None
    held: bool


def decode(
    film: Film, first: int = 0, last: int | None = None, *, deinterlace: bool = False
) -> Iterator[NativeFrame]:
    """Yield frames [first, last) in presentation order, each exactly once; last None means to the end."""
    raise NotImplementedError


def working_gray(film: Film, luma: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Turn a luma plane into the gray picture the painter sees: film.working_size, upright, 0..255."""
    raise NotImplementedError


def decode_gray(
    film: Film, first: int = 0, last: int | None = None, *, deinterlace: bool = False
) -> Iterator[NDArray[np.uint8]]:
    """Yield the gray working pictures of frames [first, last)."""
    for frame in decode(film, first, last, deinterlace=deinterlace):
        yield working_gray(film, frame.luma)


def colorfulness(frame: NativeFrame) -> float:
    """Measure how far a frame's chroma is from gray: mean distance in 8-bit codes, 0 for gray films."""
    raise NotImplementedError


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write gray (H, W) or rgb (H, W, 3) under a temporary name, then rename."""
    raise NotImplementedError


def read_png(path: Path) -> NDArray[np.uint8]:
    """Read a PNG as gray (H, W) or rgb (H, W, 3), as it was written."""
    raise NotImplementedError

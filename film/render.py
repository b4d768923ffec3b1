"""The source's luma + small ab -> full-size frames -> encoder. Luma is passed through, chroma is made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from film.probe import Film

Lab2Rgb = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(..., 3) Lab -> (..., 3) sRGB 0..1, inside the gamut with L kept."""

CODECS = ("h264", "h265", "ffv1", "prores")


@dataclass(frozen=True)
class EncoderOptions:
    """How the finished film is encoded."""

    codec: str = "h264"
    crf: int | None = None
    preset: str = "medium"
    deinterlace: bool = False
    threads: int = 1


def encoder_notes(film: Film, options: EncoderOptions) -> list[str]:
    """Say what the encoder cannot keep of the film's picture (depth, odd size, alpha); [] if all is kept."""
    raise NotImplementedError


def chroma_table(film: Film, lab2rgb: Lab2Rgb) -> NDArray[np.float32]:
    """Tabulate (luma code, a, b) -> (Cb, Cr) for the film's matrix and range; a second or so, once a process."""
    raise NotImplementedError


def render_piece(
    film: Film,
    ab: NDArray[np.float32] | None,
    path: Path,
    *,
    first: int,
    last: int,
    table: NDArray[np.float32] | None,
    options: EncoderOptions,
) -> None:
    """Encode frames [first, last) with the colors of `ab` into `path` (.mkv), temporary name, then rename.

    ab : (last - first, h, w, 2) float32, upright, square pixels as the working gray; None keeps the
        source's own chroma (a shot that already has color; gray films stay gray)
    """
    raise NotImplementedError


def painted_rgb(
    gray: NDArray[np.uint8], ab: NDArray[np.float32], lab2rgb: Lab2Rgb
) -> NDArray[np.uint8]:
    """Compose one painted working-size picture (H, W, 3) for people to look at."""
    raise NotImplementedError

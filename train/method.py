"""A colorization method under evaluation: a network and its settings."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from gray2color import Colorizer
from model.contract import STRIDE, Predictor
from model.options import (
    CONTRAST,
    GUIDANCE,
    NEUTRAL,
    SATURATION,
    STEADY,
    TEMPERATURE,
    WORKING_SIZE,
)
from model.program import Engine, Program
from train.config import prepare_environment

HINT_PX = 5  # side of the hints' squares
WITHOUT_COLOR = np.array([1, 0, 0], np.float32)  # times Lab: the same lightness without color


@dataclass(frozen=True)
class Method:
    """A network and its settings, one row of the table. Without a network, the result is gray."""

    network: Predictor | None = None
    working_size: int = 160  # pixels, short side of the network's input
    temperature: float = 1.0  # of the annealed mean
    # Number of random points with the true color as hints; in films, on the first frame of each shot.
    hints: int = 0
    saturation: float = 1.0  # factor of the chroma
    smoothing: int = 0  # 1: smooth where the network is undecided, as the program does
    contrast: float = 1.0  # factor of the deviation of colors from their mean, without hints
    neutral: float = 0.0  # chroma that is halved; fainter colors, likely gray, are reduced more
    # 1: the true picture is a reference; 2 or more: a palette of that many of its colors.
    palette: int = 0
    reference: int = 0  # films only; 1: each shot's first frame in color is its reference
    guidance: float = GUIDANCE  # strength of palettes and references
    aged: int = 0  # 1: the network's input is aged as in training
    seed: int = 0  # of the hints and the aging
    steady: float = 0.0  # films only; 1: propagate colors along the motion, 0: frame by frame

    def __post_init__(self) -> None:
        if self.working_size < STRIDE or self.working_size % STRIDE:
            raise ValueError(
                f"expected a multiple of {STRIDE} as working size, got {self.working_size}"
            )
        if not {self.smoothing, self.aged, self.reference} <= {0, 1}:
            raise ValueError(
                f"expected 0 or 1, got smoothing {self.smoothing}, aged {self.aged}, reference {self.reference}"
            )
        counts = min(self.saturation, self.hints, self.palette, self.contrast, self.neutral)
        if not (self.temperature > 0 and counts >= 0):
            raise ValueError(
                f"expected temperature > 0, and saturation, contrast, neutral, hints, palette >= 0, got {self}"
            )
        if not (0 <= self.steady <= 1 and 0 <= self.guidance <= 1):
            raise ValueError(f"expected 0 to 1, got steady {self.steady}, guidance {self.guidance}")

    @property
    def settings(self) -> dict[str, float]:
        """Return the settings by name; empty without a network, where none has an effect."""
        return {} if self.network is None else {name: getattr(self, name) for name in SETTINGS}

    def colorizer(self, *, palette: Sequence[str] = ()) -> Colorizer:
        """Return a colorizer with these settings."""
        assert self.network is not None
        return Colorizer(
            predictor=self.network,
            palette=palette,
            guidance=self.guidance,
            temperature=self.temperature,
            saturation=self.saturation,
            working_size=self.working_size,
            steady=self.steady,
            smoothing=bool(self.smoothing),
            contrast=self.contrast,
            neutral=self.neutral,
        )


SETTINGS = tuple(field.name for field in fields(Method) if field.name != "network")
GRAY = Method()  # the baseline
# The program's released settings: for films, and for pictures on request.
SHIPPED = Method(
    working_size=WORKING_SIZE, temperature=TEMPERATURE, saturation=SATURATION, smoothing=1,
    contrast=CONTRAST, neutral=NEUTRAL, steady=STEADY,
)  # fmt: skip


def open_network(weights: Path, engine: Engine = "fp32") -> Predictor:
    """Open the inference program of released weights on the CPU, as `Colorizer` does.

    Raises ValueError or OSError for a missing, truncated or invalid file.
    """
    prepare_environment()
    from model.program_cache import program_for

    return Program(partial(program_for, weights), engine=engine)

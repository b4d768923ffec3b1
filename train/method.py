"""What is measured: a network together with how it is used."""

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
from model.program import Precision, Program
from train.config import prepare_environment

HINT_PX = 5  # side of the squares of true color that are given
WITHOUT_COLOR = np.array([1, 0, 0], np.float32)  # times Lab: the same lightness without color


@dataclass(frozen=True)
class Method:
    """A network and its settings: one row of the table. Without a network, all is gray."""

    network: Predictor | None = None
    working_size: int = 160  # pixels, short side of the network's input
    temperature: float = 1.0  # of the annealed mean
    # Random points whose true color is given; of films, on the first frame of each shot.
    hints: int = 0
    saturation: float = 1.0  # times the chroma
    smoothing: int = 0  # 1: smooth where the network is undecided, as the program does
    contrast: float = 1.0  # times the distance of colors from their mean, where there are no hints
    neutral: float = 0.0  # chroma that is halved, as gray is likely there
    palette: int = 0  # 1: the truth is a reference, 2 and more: a palette of so many of its colors
    reference: int = 0  # of films: 1 gives each shot its first frame in color
    guidance: float = GUIDANCE  # how much palettes and references count
    aged: int = 0  # 1: the network gets the picture aged as in training
    seed: int = 0  # of the hints and the aging
    steady: float = 0.0  # of films: 1 carries colors along the motion, 0 colorizes frame by frame

    def __post_init__(self) -> None:
        if self.working_size < STRIDE or self.working_size % STRIDE:
            raise ValueError(f"working size {self.working_size}: give a multiple of {STRIDE}")
        if not {self.smoothing, self.aged, self.reference} <= {0, 1}:
            raise ValueError(
                f"smoothing {self.smoothing}, aged {self.aged}, reference {self.reference}: give 0 or 1"
            )
        counts = min(self.saturation, self.hints, self.palette, self.contrast, self.neutral)
        if not (self.temperature > 0 and counts >= 0):
            raise ValueError(
                f"{self}: give a temperature above 0, saturation, contrast, neutral, hints and palette of 0 or more"
            )
        if not (0 <= self.steady <= 1 and 0 <= self.guidance <= 1):
            raise ValueError(f"steady {self.steady}, guidance {self.guidance}: give 0 to 1")

    @property
    def settings(self) -> dict[str, float]:
        """Return the settings by their names; without a network none of them counts."""
        return {} if self.network is None else {name: getattr(self, name) for name in SETTINGS}

    def colorizer(self, *, palette: Sequence[str] = ()) -> Colorizer:
        """Return what colorizes as the settings say."""
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
GRAY = Method()  # the row to beat
# The settings of the program as released: of films, and of pictures where that is asked for.
SHIPPED = Method(
    working_size=WORKING_SIZE, temperature=TEMPERATURE, saturation=SATURATION, smoothing=1,
    contrast=CONTRAST, neutral=NEUTRAL, steady=STEADY,
)  # fmt: skip


def open_network(weights: Path, precision: Precision = "fp32") -> Predictor:
    """Open the inference program of released weights, as `Colorizer` does, on the CPU.

    Raises ValueError or OSError for a file that is missing, truncated or foreign.
    """
    prepare_environment()
    from model.program_cache import program_for

    return Program(partial(program_for, weights), device="cpu", precision=precision)

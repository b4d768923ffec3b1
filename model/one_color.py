"""The colors of networks that predict one color for each place, not a distribution: those of other people's ONNX files.

Hints, strokes, references and keyframes work on the colors that they predict; what needs a distribution is refused.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from color.arrays import Floats
from image.resize import fitted, upsample
from model.contract import PLANES, Output, Predictor
from model.decode import AbPredictor, Prediction
from model.engine_choice import choose_engine
from model.objects import GRID
from model.onnx_network import OneColorNetwork
from model.program import Program
from model.program_cache import program_for


@dataclass(frozen=True)
class OneColorPredictor(AbPredictor):
    """An `AbPredictor` for a `OneColorNetwork`, whose colors are left as predicted.

    Smoothing, contrast and tint removal correct our own network, so they are not applied. Places that look alike are
    found by our own network's features.
    Raises ValueError for a palette or a mood.
    """

    network: OneColorNetwork
    distributes: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.weights is not None:
            raise ValueError(one_color_only(self.network, "palette or mood"))

    def giving(self, output: Output) -> Predictor:
        """Return our own network's features. Raises ValueError for a distribution."""
        if output == "features":
            return _released_features(self.network.threads)
        raise ValueError(
            one_color_only(self.network, "confidence, likely colors, suggestions or candidates")
        )

    def _predicted(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> Prediction:
        """Predict with the network alone, equally confident everywhere; hints and palette are left to others."""
        planes = np.zeros((len(lightness), PLANES, *lightness.shape[1:]), np.float32)
        planes[:, 0] = lightness / 50 - 1
        means = self.network(planes, np.empty((0, 0), np.float32), temperature=self.temperature)
        ab = np.ascontiguousarray(means[:, :2].transpose(0, 2, 3, 1))
        return Prediction(ab, np.ones(ab.shape[:3], np.float32))

    def _spread(
        self, free: Floats, hinted: Floats, hints: Floats, lightness: Floats
    ) -> tuple[Floats, Floats]:
        """Propagate on the grid for which propagation is tuned, as these networks may have a much finer one."""
        height, width = free.shape[:2]
        scale = max(min(height, width) / GRID, 1)
        small = np.asarray(fitted(free, (round(width / scale), round(height / scale))))
        changed, influence = super()._spread(small, small, hints, lightness)
        guide = fitted(lightness, (width, height))
        change = upsample(changed - small, guide, to_lightness=lambda plane: plane)
        return free + change, np.asarray(cv2.resize(influence, (width, height)))


def one_color_only(network: OneColorNetwork, wanted: str) -> str:
    """Say that a network cannot give what needs a distribution."""
    return (
        f"{network.file.name} predicts one color for each place, not its likely colors: no {wanted}"
    )


@functools.cache
def _released_features(threads: int | None) -> Program:
    folder = functools.partial(program_for, output="features")
    return Program(folder, engine=choose_engine("cpu", "auto"), threads=threads)

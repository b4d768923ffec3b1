"""Lightness and guidance -> the colors that the network predicts: all that is done with its output before it is ab."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.contract import (
    STRIDE,
    Floats,
    Predictor,
    cropped,
    network_planes,
    padded,
    working_lightness,
)
from model.decode import confidence, smooth_undecided
from model.propagation import propagate

FRAMES_AT_ONCE = 4


class Prediction(NamedTuple):
    """What is predicted for pictures.

    ab : small ab (n, h, w, 2)
    confidence : (n, h, w), 1 where all likely colors have one hue, 0 where they cancel
    """

    ab: Floats
    confidence: Floats


@dataclass(frozen=True)
class AbPredictor:
    """A network in use, and how its output is taken: `gray2color.Colorizer` explains the settings.

    bins : of the network
    saturation, hinted_saturation : times the chroma, without and with hints, and of the hints
    """

    network: Predictor
    bins: int
    temperature: float
    saturation: float
    hinted_saturation: float
    working_size: int
    smoothing: bool

    def __call__(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> Prediction:
        """Predict small ab for L (n, H, W) 0..100 at the working size.

        hints : as `network_planes` has them; honored on the objects they lie on. A person is sure of them.
        palette : (Q + 1,), as `palette_vector` makes it, by default none.
        """
        free, sure = self._predicted(lightness, palette=palette)
        free *= np.float32(self.saturation)
        if hints is None:
            return Prediction(free, sure)
        hinted, _ = self._predicted(lightness, hints=hints, palette=palette)
        hinted *= np.float32(self.hinted_saturation)
        for i, planes in enumerate(hints):
            free[i], influence = propagate(
                free[i], hinted[i],
                hints=planes, lightness=lightness[i], saturation=self.hinted_saturation,
            )  # fmt: skip
            sure[i] = np.maximum(sure[i], influence)
        return Prediction(free, sure)

    def _predicted(
        self, lightness: Floats, *, hints: Floats | None = None, palette: Floats | None = None
    ) -> Prediction:
        """Predict as the network does, smoothed where it is undecided."""
        planes = network_planes(lightness, hints=hints)
        if palette is None:
            palette = np.zeros(self.bins + 1, np.float32)
        palettes = np.repeat(palette[None], len(planes), axis=0)
        output = self.network(padded(planes), palettes, temperature=self.temperature)
        means = cropped(output, lightness.shape[1:])
        if self.smoothing:
            ab = np.stack(list(map(smooth_undecided, means, planes[:, 0])))
        else:
            ab = np.ascontiguousarray(means[..., :2])
        return Prediction(ab, confidence(means))

    def frames(
        self,
        grays: NDArray[np.uint8],
        *,
        hints: Floats | None = None,
        palette: Floats | None = None,
    ) -> Prediction:
        """Predict for frames (n, H, W) in order; resized to whole strides: nothing is computed for padding.

        hints : (n, 3, h, w) at the size of what is computed, by default none.
        palette : as above.
        """
        lightness_of: Callable[[NDArray[np.uint8]], Floats] = partial(
            working_lightness, short=self.working_size, grid=STRIDE
        )
        predicted = []
        for part in (slice(i, i + FRAMES_AT_ONCE) for i in range(0, len(grays), FRAMES_AT_ONCE)):
            given = None if hints is None or not hints[part].any() else hints[part]
            predicted.append(self(lightness_of(grays[part]), hints=given, palette=palette))
        return Prediction(*map(np.concatenate, zip(*predicted, strict=True)))

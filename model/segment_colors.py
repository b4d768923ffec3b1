"""A segment of a film in steady colors, in three steps, so that the segments of a shot get the colors of the whole.

Keyframes are predicted and motion is followed, segment by segment; what is known is carried from segment to segment;
each segment is averaged with what has reached it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model.contract import REDUCTION, STRIDE, Floats, working_shape
from model.old_film import color_share, denoised
from model.prediction import AbPredictor
from model.steady import (
    MEMORY,
    Carried,
    Part,
    carry_backward,
    carry_forward,
    keyframes,
    motion_of,
    steady,
)

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


class Segment(Protocol):
    """Consecutive frames of one shot of a film.

    frames : gray (n, H, W) uint8 at working size
    numbers : of the frames, in the film
    shot, number : of the shot in the film, and of the segment in its shot
    after : (1, H, W), the next frame of the same shot, (0, H, W) where it ends
    guidance : color hints and references for the shot and its frames
    """

    @property
    def frames(self) -> NDArray[np.uint8]: ...
    @property
    def numbers(self) -> range: ...
    @property
    def shot(self) -> int: ...
    @property
    def number(self) -> int: ...
    @property
    def after(self) -> NDArray[np.uint8]: ...
    @property
    def guidance(self) -> object | None: ...


@dataclass(frozen=True)
class SegmentColors:
    """Predicts, carries and averages the colors of segments; what it hands out are named arrays, to be kept.

    steadiness : above 0, up to 1: as steady as can be
    """

    predictor: AbPredictor
    steadiness: float

    def predict(self, segment: Segment) -> Arrays:
        """Predict the colors of a segment's keyframes and follow its motion: all that must be known of it.

        Segments begin at multiples of KEY_EVERY frames of their shot.
        """
        grays = np.concatenate([segment.frames, segment.after])
        short = self.predictor.working_size
        height, width = working_shape(grays.shape[1:], short=short, grid=STRIDE)
        motion = motion_of(grays, (height // REDUCTION, width // REDUCTION))
        key = keyframes(motion, frames=len(segment.frames))
        predicted = self.predictor.frames(denoised(grays, motion, key))
        size = predicted.ab.shape[1:3]
        ab = np.zeros((len(key), *size, 2), np.float32)
        weight = np.zeros((len(key), *size), np.float32)
        ab[key] = predicted.ab * color_share(segment.frames[key], size)[..., None]
        weight[key] = np.sqrt(predicted.confidence)
        return Part(ab, weight, key, motion).pack()

    def carry(self, predicted: Arrays, entering: Arrays | None, *, backward: bool) -> Arrays:
        """Carry colors through a segment to the next one, or backward to the one before; at a shot's end, to a later one."""
        carry = carry_backward if backward else carry_forward
        entered = Carried(**entering) if entering else None
        return carry(Part.unpack(predicted), entered, memory=self._memory).arrays()

    def finish(
        self, predicted: Arrays, *, before: Arrays | None = None, after: Arrays | None = None
    ) -> Floats:
        """Average a segment's colors (n, h, w, 2) along the motion, with those that enter it from before and after."""
        entering = (Carried(**arrays) if arrays else None for arrays in (before, after))
        return steady(Part.unpack(predicted), *entering, memory=self._memory)

    @property
    def _memory(self) -> float:
        """Weight that a running mean has at most."""
        if self.steadiness >= 1:
            return MEMORY
        return min(self.steadiness / (1 - self.steadiness), MEMORY)

"""Temporally consistent colors of a shot, segment by segment, equal to those of the shot processed as a whole.

Predict: the network colorizes a segment's anchors, and its motion is estimated. Link: colors are propagated along the
motion from segment to segment, forward and backward. Finish: a segment's colors are averaged with those that enter it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from color.arrays import Arrays, Bytes, Floats, Mask
from color.guidance import Guidance, Hint, ReferenceBy
from color.segment import Segment, SegmentGuidance
from model.contract import REDUCTION, STRIDE, working_lightness, working_shape
from model.correspondence import reference_matches
from model.decode import AbPredictor, Prediction
from model.keyframes import Guides, KeyframeGuides, carry_segment, keyframe, overlays
from model.motion import denoised, motion_of
from model.objects import open_classifier
from model.photo_colors import hint_planes
from model.steady import (
    MEMORY,
    Link,
    Part,
    anchors,
    link_backward,
    link_forward,
    steady,
)
from prior.lab import gray2lightness, rgb2lab

# L at which color starts and reaches full strength, from black and from white; beyond lie shadows that show only grain,
# and blown-out skies.
DARK = (3.0, 12.0)
BRIGHT = (99.0, 96.0)


def weight_of(confidence: Floats) -> Floats:
    """Return the weight in a running mean of colors with a confidence 0..1."""
    return np.asarray(np.sqrt(confidence), np.float32)


@dataclass(frozen=True)
class ShotColors:
    """Predicts, links and finishes the colors of segments; returns named arrays small enough to store.

    steadiness : 0..1, strength of the temporal averaging
    palette_from : colors (..., 2) -> palette (Q + 1,)
    """

    predictor: AbPredictor
    steadiness: float
    palette_from: Callable[[Floats], Floats]

    def predict(self, segment: Segment) -> Arrays:
        """Predict the colors of a segment's anchors and estimate its motion, the input of the other steps.

        Segments start at multiples of ANCHOR_EVERY frames of their shot.
        """
        grays = np.concatenate([segment.frames, segment.after])
        short = self.predictor.working_size
        height, width = working_shape(grays.shape[1:], short=short, grid=STRIDE)
        motion = motion_of(grays, (height // REDUCTION, width // REDUCTION))
        anchor = anchors(motion, frames=len(segment.frames))
        if segment.guidance:
            anchor |= segment.guidance.hinted
        predicted = self._predicted(denoised(grays, motion, anchor), segment.guidance, anchor)
        size = predicted.ab.shape[1:3]
        ab = np.zeros((len(anchor), *size, 2), np.float32)
        weight = np.zeros((len(anchor), *size), np.float32)
        ab[anchor] = predicted.ab * color_share(segment.frames[anchor], size)[..., None]
        weight[anchor] = weight_of(predicted.confidence)
        return Part(ab, weight, anchor, motion).pack()

    def frames(self, segment: Segment) -> Floats:
        """Predict ab (n, h, w, 2) of each frame of a segment independently."""
        anchor = np.ones(len(segment.frames), bool)
        return self._predicted(segment.frames, segment.guidance, anchor).ab

    def _predicted(
        self, grays: Bytes, guidance: SegmentGuidance | None, anchor: Mask
    ) -> Prediction:
        """Predict with guidance for frames (n, H, W), those that `anchor` (N,) marks in a segment."""
        if guidance is None:
            return self.predictor.frames(grays)
        chosen = np.flatnonzero(anchor).tolist()
        lightness = working_lightness(grays, short=self.predictor.working_size, grid=STRIDE)
        own = [guidance.hints[i] for i in chosen]
        points = [[Hint(x, y, (a, b)) for x, y, a, b in hints.tolist()] for hints in own]
        reference, known, palette = guidance.reference, None, None
        if found := self._guides(guidance, grays, chosen):
            # They say more of the shot than a reference does.
            reference, known, palette = None, found.known, self.palette_from(found.ab)
            points = [
                [*carried, *hints] for carried, hints in zip(found.points, points, strict=True)
            ]
        elif reference is not None:
            palette = self.palette_from(rgb2lab(reference)[..., 1:])
        planes = [
            self._hint_planes(*frame, reference)
            for frame in zip(grays, lightness, points, strict=True)
        ]
        return self.predictor.frames(grays, hints=np.stack(planes), palette=palette, known=known)

    def _guides(
        self, guidance: SegmentGuidance, grays: Bytes, chosen: Sequence[int]
    ) -> Guides | None:
        if not guidance.keyframes or not self.predictor.guidance:
            return None
        return self._keyframe_guides.guides(guidance, grays, chosen)

    @cached_property
    def _keyframe_guides(self) -> KeyframeGuides:
        """Open the program that returns features, on first use."""
        return KeyframeGuides(self.predictor.giving("features"), bins=len(self.predictor.bins))

    def _hint_planes(
        self,
        gray: Bytes,
        lightness: Floats,
        hints: Sequence[Hint],
        reference: Bytes | None,
    ) -> Floats:
        """Draw a frame's hints over the matches with a reference of the same scene: (3, h, w)."""
        points = tuple(hints)
        # A network without a distribution cannot take the histogram: it takes all places that look alike.
        by: ReferenceBy = "auto" if self.predictor.distributes else "content"
        wanted = Guidance(hints=points, reference=reference, reference_by=by)
        matches = reference_matches(self.predictor, gray, wanted)
        size = (gray.shape[0], gray.shape[1])
        planes = hint_planes(wanted, lightness, picture=size, matches=matches)
        return np.zeros((3, *lightness.shape), np.float32) if planes is None else planes

    def link(self, predicted: Arrays, entering: Arrays | None, *, backward: bool) -> Arrays:
        """Link a segment to the next one, or backward to the previous one; at a shot's end, to a later shot."""
        link = link_backward if backward else link_forward
        entered = Link(**entering) if entering else None
        return link(Part.unpack(predicted), entered, memory=self._memory).arrays()

    def finish(
        self, predicted: Arrays, *, before: Arrays | None = None, after: Arrays | None = None
    ) -> Floats:
        """Average a segment's colors along the motion with those entering from both sides: ab (n, h, w, 2)."""
        entering = (Link(**arrays) if arrays else None for arrays in (before, after))
        return steady(Part.unpack(predicted), *entering, memory=self._memory)

    @property
    def _memory(self) -> float:
        """Largest weight of a running mean."""
        if self.steadiness >= 1:
            return MEMORY
        return min(self.steadiness / (1 - self.steadiness), MEMORY)


class SegmentColorizer:
    """The steps that a film's job calls (`color.segment.ShotColorizer`, `KeyframeCarrier`)."""

    _shots: ShotColors

    def colorize(self, segment: Segment) -> Floats:
        """Predict temporally consistent small ab (n, h, w, 2) for a segment's frames.

        The network colorizes some frames, the anchors; their colors are propagated along the segment's motion and averaged.
        """
        if not self._shots.steadiness:
            return self._shots.frames(segment)
        return self._shots.finish(self._shots.predict(segment))

    # Keyframes need no network: see `color.segment.KeyframeCarrier`.
    keyframe = staticmethod(keyframe)
    carry_segment = staticmethod(carry_segment)
    overlays = staticmethod(overlays)

    def open_programs(self) -> None:
        """Open the programs that segments with keyframes need (`color.segment.KeyframeCarrier`)."""
        predictor = self._shots.predictor
        if predictor.distributes and predictor.guidance:
            predictor.giving("distribution")
            predictor.giving("features")
            open_classifier()

    def predict_segment(self, segment: Segment) -> Arrays:
        """Predict a segment's anchors and motion (`color.segment.ShotColorizer`)."""
        return self._shots.predict(segment)

    def link_segment(self, predicted: Arrays, entering: Arrays | None, *, backward: bool) -> Arrays:
        """Link a segment to the next, or backward to the previous one (`color.segment.ShotColorizer`)."""
        return self._shots.link(predicted, entering, backward=backward)

    def finish_segment(
        self, predicted: Arrays, *, before: Arrays | None, after: Arrays | None
    ) -> Floats:
        """Average a segment's colors with those entering from both sides: ab (n, h, w, 2)."""
        return self._shots.finish(predicted, before=before, after=after)


def color_share(grays: Bytes, size: tuple[int, int]) -> Floats:
    """Return the share of color that frames (n, H, W) keep: (n, h, w), 0 in black and white, 1 between."""
    small = [cv2.resize(gray, size[::-1], interpolation=cv2.INTER_AREA) for gray in grays]
    lightness = gray2lightness(np.stack(small))
    shares = [np.clip((lightness - a) / (b - a), 0, 1) for a, b in (DARK, BRIGHT)]
    return np.asarray(np.minimum(*shares), np.float32)

"""A colorizer that shows the guidance of each frame, and how tests write guidance."""

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
from encoded import planes
from films import Tint, colorization

from color.guidance import Guidance, ShotReference, read_hint
from color.segment import Colorization, Segment


def guidance_of(*hints: str, **references: np.ndarray) -> Guidance:
    pictures = tuple(ShotReference(where, rgb) for where, rgb in references.items())
    return Guidance(tuple(map(read_hint, hints)), references=pictures)


class Guided(Tint):
    """A colorizer that encodes each frame's guidance: a is the number of hints, b the mean of the reference."""

    def colorize(self, segment: Segment) -> np.ndarray:
        ab = np.zeros((len(segment.frames), 24, 32, 2), np.float32)
        if segment.guidance:
            for colors, hints in zip(ab, segment.guidance.hints, strict=True):
                for x, y, *_ in hints:
                    colors[int(y) // 4, int(x) // 4, 0] = 60
            if segment.guidance.reference is not None:
                ab[..., 1] = segment.guidance.reference.mean() / 4
        return super().colorize(segment) * 0 + ab


def guided(guidance: Guidance) -> Colorization:
    return replace(colorization(), factory=functools.partial(Guided), guidance=guidance)


def chroma_of(path: Path) -> list[np.ndarray]:
    return [chroma for _, _, chroma in planes(path)]

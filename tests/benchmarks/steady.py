"""Ablation of temporal consistency: effect and cost of each part, on gray copies of color films.

    python tests/benchmarks/steady.py color.mp4 [...] [--limit 120]

For each film, one row per variant without one part: warp error in ab minus the film's own (between neighbors and frames
8 apart), PSNR, colorfulness over the film's own, and milliseconds per frame with the network. Then the start and the end
of each film are treated as two shots of one scene, with another scene between them: distance of the second shot's colors
from the first shot's last frame along the motion, minus the film's own distance.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from color.arrays import Floats
from color.segment import Segment
from gray2color import Colorizer
from image.optical_flow import estimate_motion
from model import steady
from model.contract import Predictor
from model.weights_file import RELEASED
from prior.lab import lab2rgb, rgb2lab
from train.measure_films import Frame, Shot, colorized, measure_film, read_frames, shots
from train.method import open_network
from train.metrics import colorfulness, psnr
from train.temporal_metrics import warp_error

SHORT_PX = 256  # of the frames
SEGMENT = 64  # frames, a multiple of ANCHOR_EVERY
SCENE = 48  # frames of a shot of a recurring scene
LATER = (0, 8, 24)  # frames of the second shot that are compared with the end of the first


@dataclass(frozen=True)
class Variant:
    """A variant of the film colorizer: replacements of parts, by the names of their imports."""

    name: str
    replaced: Mapping[str, Any]
    steady: float = 1.0

    def colorize(self, predictor: Predictor, shot: Shot) -> Floats:
        """Return small ab (n, h, w, 2)."""
        patches = [patch(target, part) for target, part in self.replaced.items()]
        for one in patches:
            one.start()
        try:
            return Colorizer(predictor=predictor, threads=1, steady=self.steady).colorize(
                shot.segment
            )
        finally:
            for one in patches:
                one.stop()


def own_colors(part: steady.Part, entering: object, *, memory: float) -> tuple[Floats, Floats]:
    """Replace the backward pass by the anchors' own colors."""
    return part.ab, part.weight * part.anchor[:, None, None]


def in_segments(colorizer: Colorizer, shot: Shot) -> Floats:
    """Colorize a shot in segments, as a film's job does."""
    frames = shot.segment.frames
    parts = []
    for number, first in enumerate(range(0, len(frames), SEGMENT)):
        own, after = frames[first : first + SEGMENT], frames[first + SEGMENT :][:1]
        numbers = shot.numbers[first : first + len(own)]
        parts.append(colorizer.predict_segment(Segment(own, numbers, shot.shot, number, after)))
    before: list[Any] = [None]
    for part in parts:
        before.append(colorizer.link_segment(part, before[-1], backward=False))
    after: list[Any] = [None]
    for part in reversed(parts[1:]):
        after.append(colorizer.link_segment(part, after[-1], backward=True))
    pairs = zip(parts, before, reversed(after), strict=False)
    return np.concatenate([colorizer.finish_segment(p, before=b, after=a) for p, b, a in pairs])


SHIPPED = Variant("as shipped", {})
VARIANTS = [
    Variant("frame by frame", {}, steady=0),
    SHIPPED,
    Variant("1 forward only", {"model.steady._backward": own_colors}),
    Variant(
        "1 no forward-backward check",
        {"model.motion.is_consistent": lambda flow, _: np.ones(flow.shape[:2], bool)},
    ),
    Variant("2 memory of 2 anchors", {"model.shot_colors.MEMORY": 2.0}),
    Variant(
        "2 anchors count alike",
        {"model.shot_colors.weight_of": np.ones_like},
    ),
    Variant(
        "4 every frame an anchor",
        {"model.shot_colors.anchors": partial(steady.anchors, every=1)},
    ),
    Variant(
        "6 nothing for old film",
        {
            "model.shot_colors.denoised": lambda grays, _, anchor: grays[: len(anchor)][anchor],
            "model.shot_colors.color_share": lambda grays, size: np.ones(
                (len(grays), *size), np.float32
            ),
            "model.motion.grainy": lambda gray: 0.0,
        },
    ),
]


def rows(film: Path, predictor: Predictor, *, limit: int) -> None:
    """Print a film's table."""
    methods: list[Callable[[Shot], Floats]] = [partial(one.colorize, predictor) for one in VARIANTS]
    names = [one.name for one in VARIANTS]
    methods.append(partial(in_segments, Colorizer(predictor=predictor, threads=1)))
    names.append(f"3 in segments of {SEGMENT}")
    (own, *found), _ = measure_film(methods, read_frames(film, short_px=SHORT_PX, limit=limit))
    print(f"\n{film.name}, {own.frames} frames\n")
    print(
        "| | neighbors | 8 apart | PSNR | colorfulness | ms per frame |\n|---|---|---|---|---|---|"
    )
    for name, m in zip(names, found, strict=True):
        print(
            f"| {name} | {m.excess:.2f} | {m.excess_8:.2f} | {m.psnr:.2f} | "
            f"{m.colorfulness / own.colorfulness:.2f} | {m.ms_per_frame:.1f} |",
            flush=True,
        )


def scenes(film: Path, colorizer: Colorizer, *, limit: int) -> None:
    """Print the similarity of a film's last shot to its first, with and without film memory."""
    frames = [
        frame
        for shot in shots(read_frames(film, short_px=SHORT_PX, limit=limit))
        for frame in shot.own
    ]
    if len(frames) < 2 * SCENE:
        print(f"| {film.name} | fewer than {2 * SCENE} frames | | |")
        return
    first, second = (Shot(part, range(SCENE), 0) for part in (frames[:SCENE], frames[-SCENE:]))
    start = colorizer.predict_segment(first.segment)
    end_ab = colorizer.finish_segment(start, before=None, after=None)[-1]
    leaving = colorizer.link_segment(start, None, backward=False)
    predicted = colorizer.predict_segment(second.segment)
    motions = [estimate_motion(first.own[-1].gray, second.own[i].gray) for i in LATER]
    for name, before in (("without", None), ("with", leaving)):
        ab = colorizer.finish_segment(predicted, before=before, after=None)
        labs = [colorized(rgb2lab(f.rgb), f.gray, c) for f, c in zip(second.own, ab, strict=True)]
        end = colorized(rgb2lab(first.own[-1].rgb), first.own[-1].gray, end_ab)
        excess = [
            warp_error(end[..., 1:], labs[i][..., 1:], motion)
            - warp_error(ab_of(first.own[-1]), ab_of(second.own[i]), motion)
            for i, motion in zip(LATER, motions, strict=True)
        ]
        pairs = [(lab2rgb(lab), frame.rgb) for lab, frame in zip(labs, second.own, strict=True)]
        color = np.mean([colorfulness(rgb) for rgb, _ in pairs]) / np.mean(
            [colorfulness(own) for _, own in pairs]
        )
        shown = " / ".join(f"{value:.2f}" for value in excess)
        print(
            f"| {film.name}, {name} | {shown} | {np.mean([psnr(*pair) for pair in pairs]):.2f} | {color:.2f} |",
            flush=True,
        )


def ab_of(frame: Frame) -> Floats:
    """Return a frame's own ab (H, W, 2)."""
    return rgb2lab(frame.rgb)[..., 1:]


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the parts of steady colors.")
    parser.add_argument("films", type=Path, nargs="+", help="color films")
    parser.add_argument("--limit", type=int, default=120, help="frames of each (120)")
    args = parser.parse_args(words)
    cv2.setNumThreads(1)
    predictor = open_network(RELEASED)
    for film in args.films:
        rows(film, predictor, limit=args.limit)
    print("\nA recurring scene, 5 film memory:\n")
    print(f"| | over the film's own, frames {LATER} | PSNR | colorfulness |\n|---|---|---|---|")
    for film in args.films:
        scenes(film, Colorizer(predictor=predictor, threads=1), limit=args.limit)


if __name__ == "__main__":
    main()

"""Measure candidates, suggested points and the confidence map on color photographs converted to gray.

    python tests/benchmarks/candidates.py valid.tar [--limit 100] [--sheet candidates.png]

Each photograph is a central square of 256 pixels, colorized as the program does. Candidates: the PSNR of the default and
of the candidate nearest to the truth; the mean difference of two candidates, in ab units, where it exceeds 5. Suggested
points: the PSNR with the true color as hints at some of them, and at as many random points. Confidence: Spearman's
rank correlation of 1 - confidence with the error in ab, over all positions and within a photograph.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from color.arrays import Bytes, Floats
from color.guidance import Guidance, Hint
from gray2color import Colorizer
from image.resize import fitted
from image.sheet import tile
from prior.dataset import Shard
from prior.lab import lab2rgb, rgb2lab
from train.evaluation_images import read_evaluation_images
from train.metrics import psnr
from train.plots import write_image

POINTS = (1, 3, 5)
TRUTH_PX = 7  # side of the square whose mean is the true color of a point: what a hint of 5 covers at 192 pixels
DIFFER = 5.0  # ab units: least difference of two candidates at a position
COARSE_PX = 64  # side at which errors and confidence are compared
SHEET_ROWS = 12


def main(words: Sequence[str] | None = None) -> None:
    """Parse the command line and print the metrics."""
    parser = argparse.ArgumentParser(description="Measure candidates, suggestions and confidence.")
    parser.add_argument("data", type=Path, help="folder or tar of color photographs")
    parser.add_argument("--limit", type=int, default=100, help="photographs, evenly spaced (100)")
    parser.add_argument("--shard", type=Shard.read, default=Shard(), help="K/N: every N-th only")
    parser.add_argument("--number", type=int, default=5, help="candidates (5)")
    parser.add_argument("--threads", type=int, default=1, help="processor cores (1)")
    parser.add_argument("--sheet", type=Path, help="a picture: gray, truth, candidates")
    args = parser.parse_args(words)
    colorizer = Colorizer(device="cpu", precision="fp32", threads=args.threads)
    pictures = list(read_evaluation_images(args.data, limit=args.limit, shard=args.shard))
    grays = [lab2rgb(rgb2lab(rgb) * np.float32([1, 0, 0]))[..., 0] for rgb in pictures]
    found = [colorizer.candidates(gray, args.number) for gray in grays]
    if args.sheet:
        rows = zip(grays[:SHEET_ROWS], pictures, found, strict=False)
        write_image(args.sheet, tile([_row(*row, number=args.number) for row in rows]))
    print(f"{len(pictures)} photographs")
    _print_candidates(pictures, found)
    _print_suggestions(colorizer, pictures, grays)
    _print_confidence(colorizer, pictures, grays, [few[0] for few in found])


def _row(gray: Bytes, truth: Bytes, few: Sequence[Bytes], *, number: int) -> list[Bytes]:
    rgb = np.repeat(gray[..., None], 3, axis=-1)
    return [rgb, truth, *few, *[np.zeros_like(rgb)] * (number - len(few))]


def _print_candidates(pictures: Sequence[Bytes], found: Sequence[Sequence[Bytes]]) -> None:
    scores = [[psnr(one, rgb) for one in few] for rgb, few in zip(pictures, found, strict=True)]
    default, best = (np.mean([pick(row) for row in scores]) for pick in (_first, max))
    others = np.mean([np.mean(row[1:] or row) for row in scores])
    pairs = [[_difference(*pair) for pair in combinations(few, 2)] or [0.0] for few in found]
    print(f"default {default:.2f} dB, best candidate {best:.2f} dB: {best - default:+.2f} dB")
    print(
        f"candidates but the default {others:.2f} dB; {np.mean([len(few) for few in found]):.2f} of them a photo"
    )
    print(
        f"pairs differ by {np.mean([np.mean(few) for few in pairs]):.1f} ab units, "
        f"the nearest pair of a photo by {np.mean([min(few) for few in pairs]):.1f}"
    )


def _first(scores: Sequence[float]) -> float:
    return scores[0]


def _difference(one: Bytes, other: Bytes) -> float:
    """Average the distance in ab over the pixels where it exceeds `DIFFER`; 0 without such pixels."""
    far = np.hypot(*np.moveaxis(_ab(one) - _ab(other), -1, 0))
    return float(far[far > DIFFER].mean()) if (far > DIFFER).any() else 0.0


def _ab(rgb: Bytes) -> Floats:
    return rgb2lab(rgb)[..., 1:]


def _print_suggestions(
    colorizer: Colorizer, pictures: Sequence[Bytes], grays: Sequence[Bytes]
) -> None:
    gains: dict[tuple[str, int], list[float]] = {}
    for number, (rgb, gray) in enumerate(zip(pictures, grays, strict=True)):
        base = psnr(colorizer(gray), rgb)
        places = [(one.x, one.y) for one in colorizer.suggest(gray, max(POINTS))]
        rng = np.random.default_rng((0, number))
        drawn = [tuple(rng.integers(0, gray.shape[::-1]).tolist()) for _ in range(max(POINTS))]
        ab = _ab(rgb)
        for name, chosen in (("suggested", places), ("random", drawn)):
            for points in POINTS:
                hints = tuple(Hint(x, y, tuple(_true_color(ab, x, y))) for x, y in chosen[:points])
                gain = psnr(colorizer(gray, Guidance(hints=hints)), rgb) - base
                gains.setdefault((name, points), []).append(gain)
    for name in ("suggested", "random"):
        shown = ", ".join(f"{n} {np.mean(gains[name, n]):+.2f} dB" for n in POINTS)
        print(f"true colors at {name} points: {shown}")


def _true_color(ab: Floats, x: int, y: int) -> tuple[float, float]:
    reach = TRUTH_PX // 2
    rows, columns = (slice(max(i - reach, 0), i + reach + 1) for i in (y, x))
    a, b = ab[rows, columns].mean(axis=(0, 1)).tolist()
    return a, b


def _print_confidence(
    colorizer: Colorizer,
    pictures: Sequence[Bytes],
    grays: Sequence[Bytes],
    colored: Sequence[Bytes],
) -> None:
    doubts, errors = [], []
    for rgb, gray, one in zip(pictures, grays, colored, strict=True):
        error = np.hypot(*np.moveaxis(_ab(one) - _ab(rgb), -1, 0))
        size = (COARSE_PX, COARSE_PX)
        doubts.append(1 - fitted(colorizer.confidence(gray), size).ravel())
        errors.append(fitted(error, size).ravel())
    over_all = spearmanr(np.concatenate(doubts), np.concatenate(errors)).statistic
    within = np.mean([spearmanr(*pair).statistic for pair in zip(doubts, errors, strict=True)])
    print(f"rank correlation of doubt and error: {over_all:.2f}, within a photo {within:.2f}")


if __name__ == "__main__":
    main()

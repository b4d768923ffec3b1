"""Measure the effect of references: python tests/benchmarks/guidance.py -data valid.tar [-films FILM ...] [-limit N].

References are another crop of the same photograph, mirrored and darkened; an unrelated photograph; earlier film frames.
Hints are measured by `objects.py`.
"""

import argparse
import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from color.guidance import Guidance
from gray2color import Colorizer
from image.resize import upsample
from model.correspondence import correspondence
from model.program import Program
from model.program_cache import program_for
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from train.evaluation_images import read_evaluation_images
from train.measure_films import read_frames

FRAMES = (20, 40, 80, 120)  # compared with the first
WAYS = ("histogram", "content", "auto")


def gray_of(rgb: np.ndarray) -> np.ndarray:
    return lab2rgb(rgb2lab(rgb) * np.array([1, 0, 0], np.float32))[..., 0]


def full_ab(colorizer: Colorizer, gray: np.ndarray, **wanted: Any) -> np.ndarray:
    return upsample(colorizer.ab(gray, Guidance(**wanted)), gray, to_lightness=gray2lightness)


def psnr(rgb: np.ndarray, ab: np.ndarray) -> float:
    lab = np.concatenate([rgb2lab(rgb)[..., :1], ab], axis=-1)
    error = lab2rgb(fit_gamut(lab)).astype(float) - rgb
    return float(10 * np.log10(255**2 / (error**2).mean()))


def crops(pictures: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield two crops of each photograph, the second with other tones and, for every other photograph, mirrored."""
    rng = np.random.default_rng(0)
    for number, rgb in enumerate(pictures):
        two = []
        for _ in range(2):
            side = int(rgb.shape[0] * rng.uniform(0.7, 0.9))
            top, left = rng.integers(0, rgb.shape[0] - side, 2)
            crop = rgb[top : top + side, left : left + side]
            two.append(cv2.resize(crop, rgb.shape[1::-1], interpolation=cv2.INTER_AREA))
        toned = np.asarray(255 * (two[1] / 255) ** rng.uniform(0.7, 1.4), np.uint8)
        yield two[0], np.ascontiguousarray(toned[:, ::-1]) if number % 2 else toned


def references(
    colorizer: Colorizer, name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]]
) -> str:
    """Measure pictures colorized with references, for each way of using them."""
    features = Program(functools.partial(program_for, output="features"))
    shares, rows = [], []
    for rgb, reference in pairs:
        gray = gray_of(rgb)
        shares.append(correspondence(features, gray, reference, bins=261).share)
        ways: list[dict[str, Any]] = [
            {},
            *({"reference": reference, "reference_by": by} for by in WAYS),
        ]
        rows.append([psnr(rgb, full_ab(colorizer, gray, **wanted)) for wanted in ways])
    figures = "; ".join(
        f"{way} {dB:.2f}" for way, dB in zip(("none", *WAYS), np.mean(rows, axis=0), strict=True)
    )
    return (
        f"{name}, {len(rows)} pairs, matches {min(shares):.2f} to {max(shares):.2f}: PSNR {figures}"
    )


def film_pairs(film: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    pictures = list(read_frames(film, short_px=256, limit=max(FRAMES) + 1))
    return [(pictures[i], pictures[0]) for i in FRAMES if i < len(pictures)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-data", type=Path, required=True, help="color photographs")
    parser.add_argument("-films", type=Path, nargs="*", default=[], help="color films")
    parser.add_argument("-limit", type=int, default=100, help="photographs")
    args = parser.parse_args()
    colorizer = Colorizer()
    pictures = [np.asarray(rgb) for rgb in read_evaluation_images(args.data, limit=args.limit)]
    unrelated = list(zip(pictures, pictures[13:] + pictures[:13], strict=True))
    for name, pairs in {"crops": list(crops(pictures)), "unrelated": unrelated}.items():
        print(references(colorizer, name, pairs), flush=True)
    for film in args.films:
        print(references(colorizer, film.name, film_pairs(film)), flush=True)


if __name__ == "__main__":
    main()

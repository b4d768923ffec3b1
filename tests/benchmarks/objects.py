"""Measure how hints fill objects: python tests/benchmarks/objects.py -data valid.tar [-limit N] [-sheet masks.png].

Objects are cut from color photographs by their own colors (`train.color_regions`): 2 to 20 % of the picture, one in each
photograph that shows a clear one. A hint of another hue, a third of the circle away, lies in the middle of each, on the
gray copy. Reached is the share of the object that is at least half way from its color without the hint to the hint's;
changed is the share of the rest of the picture that the hint moves by more than 4 ab. Pixels near the outline count as
neither.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from color.guidance import Guidance, Hint
from gray2color import Colorizer
from image.resize import upsample
from prior.lab import fit_gamut, gray2lightness, lab2rgb, rgb2lab
from train.color_regions import clear_object
from train.evaluation_images import read_evaluation_images

LEAST_CHROMA = 30.0  # of the hint
EDGE_PX = 4  # around an object's outline that counts neither as inside nor as outside
HALF_WAY = 0.5  # share of the way from the color without a hint to the hint's
CHANGED = 4.0  # ab
REACHED_BAR, CHANGED_BAR = 0.85, 0.05
TILE_PX, COLUMNS = 160, 6  # of the sheet


class Object(NamedTuple):
    """A photograph (256, 256, 3), the mask of its object, the object's middle, and the hint's ab."""

    rgb: np.ndarray
    mask: np.ndarray
    middle: tuple[int, int]
    wanted: np.ndarray


def objects(pictures: Iterator[np.ndarray]) -> Iterator[Object]:
    for rgb in pictures:
        lab = rgb2lab(rgb)
        found = clear_object(lab)
        if found:
            (y, x) = found.middle
            true = lab[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
            yield Object(rgb, found.mask, found.middle, other_color(true))


def other_color(lab: np.ndarray) -> np.ndarray:
    """Turn the hue of a color (3,) by a third, with enough chroma; return ab (2,) within the gamut."""
    angle = np.arctan2(lab[2], lab[1]) + 2 * np.pi / 3
    chroma = max(np.hypot(*lab[1:]), LEAST_CHROMA)
    turned = np.array([lab[0], chroma * np.cos(angle), chroma * np.sin(angle)], np.float32)
    return fit_gamut(turned[None])[0, 1:]


def distance(ab: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.hypot(*np.moveaxis(ab - other, -1, 0))


def measured(colorizer: Colorizer, one: Object) -> tuple[float, float, float]:
    """Return the shares reached and changed, and the distance from the asked color at the hint."""
    gray = lab2rgb(rgb2lab(one.rgb) * np.array([1, 0, 0], np.float32))[..., 0]
    y, x = one.middle
    free, ab = (full_ab(colorizer, gray, hints) for hints in ((), (Hint(x, y, tuple(one.wanted)),)))
    kernel = np.ones((2 * EDGE_PX + 1,) * 2, np.uint8)
    inside, outside = cv2.erode(one.mask, kernel) > 0, cv2.dilate(one.mask, kernel) == 0
    way = distance(ab, one.wanted) <= HALF_WAY * distance(free, one.wanted)
    changed = (distance(ab, free) > CHANGED)[outside].mean()
    return float(way[inside].mean()), float(changed), float(distance(ab[y, x], one.wanted))


def full_ab(colorizer: Colorizer, gray: np.ndarray, hints: Sequence[Hint]) -> np.ndarray:
    small = colorizer.ab(gray, Guidance(hints=tuple(hints)))
    return upsample(small, gray, to_lightness=gray2lightness)


def report(name: str, rows: np.ndarray) -> str:
    reached, changed, error = np.median(rows, axis=0)
    mean = rows.mean(axis=0)
    both = ((rows[:, 0] >= REACHED_BAR) & (rows[:, 1] <= CHANGED_BAR)).mean()
    return (
        f"{name}, {len(rows)} objects: reached {reached:.1%} of the object, changed {changed:.1%} of the rest "
        f"(medians; means {mean[0]:.1%}, {mean[1]:.1%}); both bars {both:.0%}; {error:.2f} ab at the hint"
    )


def sheet(found: Sequence[Object]) -> np.ndarray:
    """Draw each object's outline over its photograph: RGB."""
    tiles = []
    for one in found:
        outlines, _ = cv2.findContours(one.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        drawn = np.asarray(one.rgb * (0.4 + 0.6 * one.mask[..., None]), np.uint8)
        cv2.drawContours(drawn, outlines, -1, (255, 0, 255), 2)
        pair = np.hstack([one.rgb, drawn])
        tiles.append(cv2.resize(pair, (2 * TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-data", type=Path, required=True, help="color photographs")
    parser.add_argument("-limit", type=int, default=0, help="photographs; default: all")
    parser.add_argument("-sheet", type=Path, help="picture of all objects to write")
    args = parser.parse_args()
    found = list(objects(map(np.asarray, read_evaluation_images(args.data, limit=args.limit))))
    if not found:
        sys.exit(f"{args.data} shows no clear objects: give more color photographs")
    if args.sheet:
        cv2.imwrite(str(args.sheet), np.ascontiguousarray(sheet(found)[..., ::-1]))
    colorizer = Colorizer()
    rows = np.array([measured(colorizer, one) for one in found])
    for name, part in {"even": rows[::2], "odd": rows[1::2], "all": rows}.items():
        if len(part):
            print(report(name, part), flush=True)


if __name__ == "__main__":
    main()

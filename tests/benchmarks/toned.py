"""Measures how well real color is told from toned, stained and noisy black and white.

    python tests/benchmarks/toned.py photos/ clip.mp4 [--every 2 --from 1] [--sets 3] [--fit]

Reduces each photograph to 256 pixels and shots of each film to 480, makes black-and-white versions that are toned, yellowed
or noisy in eleven ways, and colored ones of full, half and a quarter of their saturation and of two-strip Technicolor.
Prints the share of toned ones that would be left as in color, and of colored ones that would be recolored; those whose
chroma, as decoded, differs by less than one code on average are counted apart, as the file has hardly any color.
Photographs without any color are counted as toned only. --fit prints new weights for image/toning.py from the same pictures: fit with
--every 2, and measure the other half with --every 2 --from 1.
"""

import argparse
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: film.py would shadow the package film

from color.arrays import Bytes, Doubles, Floats
from film.decode import NativeFrame
from film.ffmpeg import ffmpeg_path
from film.shots import Thumbnail, evidence_of, segments
from image.toning import LUMA, color_evidence, measures

SIDE, FILM_SIDE = 256, 480  # long sides of the pictures
SHOT, SHOTS = 25, 2  # frames of a shot, shots of a film
GRAY = 1.5  # mean distance of chroma from its mean, codes, below which a picture has no color: a cast is none
FAINT = 1.0  # the same: the step of the codes themselves
FAINT_NAME = " below 1 code"
GRID = (48, 36)  # cells
KNOTS = (
    0.02,
    0.1,
    0.3,
    0.7,
)  # quantiles of colored photographs at which a measure's weight changes
SEEDS = 1000  # from one set of random tones to the next
FOLDS = 4  # parts of the pictures, of which each is judged by the weights that fit the others, to set the bias
TONED_LEFT = 0.018  # share of toned photographs at which the bias is set
FIT_STEP = 6  # frames of a shot from one in the fit to the next
COUNTS = {"stained": 4.0, "vhs": 2.0, "cross_color": 2.0}  # in the fit, of what is hard to tell
FILM_COUNT, SMALL_COUNT = 1.5, 0.5  # of a frame, and of a photograph of fewer than SIDE pixels
SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".webp"}
Rng = np.random.Generator


class Example(NamedTuple):
    """A picture in the fit: its version, the file it was made of, how much it counts, and its measures."""

    version: str
    source: int
    count: float
    measures: Doubles


Toning = Callable[
    [Floats, Rng, Rng], Floats
]  # gray (H, W), rng of the shot, rng of the frame -> rgb


def curve(gray: Floats, *stops: Iterable[float]) -> Floats:
    """Map gray through evenly spaced colors."""
    colors = np.array([[*stop] for stop in stops], np.float32)
    places = np.linspace(0, 255, len(colors))
    return np.stack([np.interp(gray, places, colors[:, c]) for c in range(3)], -1).astype("f4")


def tinted(gray: Floats, *color: float) -> Floats:
    """Print gray on paper of a color 0..1."""
    return gray[..., None] * np.array(color, np.float32)


def hue(angle: float, size: float) -> Doubles:
    """Return a color's difference from gray."""
    return size * np.cos(angle - np.array([0, 2.09, 4.19]))


def field(gray: Floats, rng: Rng, cells: int = 3) -> Floats:
    """Return a slowly varying field 0..1 of the size of gray."""
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, gray.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray((smooth - smooth.min()) / (np.ptp(smooth) + 1e-6), np.float32)


def with_chroma(gray: Floats, cb: Floats, cr: Floats) -> Floats:
    """Add chroma planes, in codes, to gray."""
    return np.stack([gray + 1.402 * cr, gray - 0.344 * cb - 0.714 * cr, gray + 1.772 * cb], -1)


def sepia(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Apply the usual sepia matrix, which clips the lights."""
    return tinted(gray, 1.351, 1.203, 0.937)


def duotone(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Map shadows, midtones and lights to three colors."""
    first, second, third = shot.uniform((0, 1.5, 2), (6.28, 3, 4.5))
    return curve(
        gray, 20 + hue(first, 18), 128 + hue(first + second, 25), 240 + hue(first + third, 12)
    )


def midtones(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Tone the midtones only."""
    bump = 4 * (gray / 255) * (1 - gray / 255)
    color = hue(shot.uniform(0, 6.28), shot.uniform(15, 35)).astype("f4")
    return gray[..., None] + bump[..., None] * color


def cyanotype(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Map gray to Prussian blue on paper."""
    return curve(gray, (8, 25, 60), (30, 90, 150), (120, 170, 205), (235, 240, 238))


def paper(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Yellow the paper evenly, and fade the shadows."""
    return tinted(gray * 0.9 + 15, 1, shot.uniform(0.88, 0.95), shot.uniform(0.65, 0.8))


def uneven(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Yellow the paper unevenly."""
    color = np.array([1.0, shot.uniform(0.85, 0.93), shot.uniform(0.5, 0.75)], np.float32)
    return gray[..., None] * (1 - field(gray, shot)[..., None] * (1 - color))


def stained(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Add two brown stains with soft edges to yellowed paper."""
    rgb = tinted(gray, 1, 0.96, 0.86)
    down, across = np.indices(gray.shape)
    for _ in range(2):
        place = shot.uniform((0, 0), gray.shape)
        away = np.hypot(down - place[0], across - place[1]) + 8 * field(gray, shot, 5)
        edge = (away - shot.uniform(0.15, 0.3) * min(gray.shape)) / shot.uniform(4, 12)
        inside = 1 / (1 + np.exp(np.clip(edge, -30, 30)))
        rgb = rgb * (1 - inside[..., None] * np.array([0.02, 0.1, 0.26]))
    return rgb.astype(np.float32)


def vhs(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Add chroma noise that is smeared along the lines, and after some copies across them, and a cast."""
    noise = frame.standard_normal((2, *gray.shape)).astype(np.float32)
    size, casts, down = shot.uniform(1.5, 9), shot.normal(0, 2, 2), shot.uniform(0.7, 4)
    smeared = [cv2.GaussianBlur(one, (0, 0), sigmaX=SIDE / 64, sigmaY=down) for one in noise]
    return with_chroma(gray, *(one * (size / one.std()) + cast for one, cast in zip(smeared, casts, strict=True)))  # fmt: skip


def cross_color(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Decode fine luma detail as chroma, as NTSC receivers do."""
    down, across = np.indices(gray.shape)
    carrier = np.pi * (2 * across / 3.6 + down + frame.integers(2)) + 0.3
    detail = gray - cv2.GaussianBlur(gray, (0, 0), 1.5)
    waves = (detail * np.cos(carrier), detail * np.sin(carrier))
    return with_chroma(
        gray, *(2.5 * cv2.GaussianBlur(one, (0, 0), sigmaX=1.5, sigmaY=0.4) for one in waves)
    )


def logo(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Put a colored ellipse near a corner."""
    rgb = np.repeat(gray[..., None], 3, -1).astype(np.float32)
    height, width = gray.shape
    size = max(6, int(shot.uniform(0.07, 0.14) * min(gray.shape)))
    y, x = (size, height - size)[shot.integers(2)], (2 * size, width - 2 * size)[shot.integers(2)]
    color = cv2.cvtColor(np.array([[[shot.integers(180), 230, 230]]], "u1"), cv2.COLOR_HSV2RGB)
    cv2.ellipse(rgb, (int(x), int(y)), (size, size // 2), 0, 0, 360, color[0, 0].tolist(), -1)
    return rgb


def grain(gray: Floats, shot: Rng, frame: Rng) -> Floats:
    """Add a scanner's noise in each channel, and a cast."""
    noise = frame.standard_normal((*gray.shape, 3)) * shot.uniform(4, 10)
    return (tinted(gray, 1.03, 1, 0.93) + noise).astype(np.float32)


TONINGS: dict[str, Toning] = {
    one.__name__: one
    for one in (
        *(sepia, duotone, midtones, cyanotype, paper, uneven, stained, vhs),
        *(cross_color, logo, grain),
    )
}


def two_strip(rgb: Floats) -> Floats:
    """Keep red, and one channel for green and blue."""
    other = rgb[..., 1:].mean(axis=-1)
    return np.stack([rgb[..., 0], other, other], -1)


def saturated(rgb: Floats, share: float) -> Floats:
    """Reduce the saturation."""
    gray = (rgb @ LUMA)[..., None]
    return gray + share * (rgb - gray)


COLORED = {
    "saturation 1": partial(saturated, share=1),
    "saturation 0.5": partial(saturated, share=0.5),
    "saturation 0.25": partial(saturated, share=0.25),
    "two-strip": two_strip,
}


def bytes_of(rgb: Floats) -> Bytes:
    """Round to codes."""
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


def reduced(rgb: Bytes, side: int = SIDE) -> Floats:
    """Reduce a picture to a long side, with even sides."""
    scale = side / max(rgb.shape[:2])
    width, height = (max(round(side * min(scale, 1) / 2) * 2, 16) for side in rgb.shape[1::-1])
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def versions(frames: list[Floats], seed: int) -> Iterator[tuple[str, list[Bytes]]]:
    """Yield each toned version of a shot, and if it has color each colored one."""
    for name, toning in TONINGS.items():
        yield (
            name,
            [
                bytes_of(
                    toning(
                        rgb @ LUMA, np.random.default_rng(seed), np.random.default_rng((seed, i))
                    )
                )
                for i, rgb in enumerate(frames)
            ],
        )
    red, blue = (frames[0][..., channel] - frames[0] @ LUMA for channel in (0, 2))
    if color_codes((blue / 1.772, red / 1.402)) >= GRAY:
        for name, colored in COLORED.items():
            yield name, [bytes_of(colored(rgb)) for rgb in frames]


def in_sets(frames: list[Floats], seed: int, sets: int) -> Iterator[tuple[str, list[Bytes]]]:
    """Yield the versions of a shot, the toned ones in several sets of random tones."""
    yield from versions(frames, seed)
    for further in range(1, sets):
        for name, version in versions(frames, seed + further * SEEDS):
            if name in TONINGS:
                yield name, version


def color_codes(chroma: Iterable[NDArray[Any]]) -> float:
    """Return the mean distance, in codes, of chroma planes (h, w) from their mean: how much color there is."""
    planes = (plane.astype(np.float32) for plane in chroma)
    small = np.stack([cv2.resize(one, GRID, interpolation=cv2.INTER_AREA) for one in planes], -1)
    return float(np.linalg.norm(small - small.mean(axis=(0, 1)), axis=-1).mean())


def named(version: str, chroma: Iterable[NDArray[Any]]) -> str:
    """Name a version, those with hardly any color apart."""
    faint = version in COLORED and color_codes(chroma) < FAINT
    return version + FAINT_NAME * faint


def as_jpeg(rgb: Bytes, quality: int) -> tuple[Bytes, tuple[Floats, Floats]]:
    """Compress a picture; return luma and chroma as decoded."""
    _, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)
    luma = decoded @ LUMA
    chroma = ((decoded[..., 2] - luma) / 1.772, (decoded[..., 0] - luma) / 1.402)
    return np.rint(luma).astype(np.uint8), chroma


def as_film(frames: list[Bytes]) -> Iterator[NativeFrame]:
    """Encode a shot as H.264; yield its frames as decoded."""
    height, width = frames[0].shape[:2]
    raw = ["-f", "rawvideo", "-s", f"{width}x{height}"]
    encode = [*raw, "-pix_fmt", "rgb24", "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-threads", "1"]  # fmt: skip
    encoded = run_ffmpeg([*encode, "-pix_fmt", "yuv420p", "-f", "matroska", "-"], np.stack(frames).tobytes())  # fmt: skip
    decoded = run_ffmpeg(["-i", "-", "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"], encoded)
    size, quarter = height * width, height * width // 4
    for number, codes in enumerate(np.frombuffer(decoded, np.uint8).reshape(-1, size * 3 // 2)):
        luma, *chroma = np.split(codes, [size, size + quarter])
        first, second = (plane.reshape(height // 2, width // 2) for plane in chroma)
        yield NativeFrame(number, luma.reshape(height, width), (first, second))


def run_ffmpeg(arguments: list[str], data: bytes) -> bytes:
    """Run ffmpeg on bytes."""
    command = [ffmpeg_path(), "-v", "error", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def is_left(frames: Iterable[NativeFrame]) -> bool:
    """Return whether a film of one shot is left as in color."""
    small = np.zeros((24, 32), np.float32)
    found = segments((Thumbnail(small, partial(evidence_of, f)) for f in frames), count=SHOT)
    return any(record.color for record in found)


def shots_of(path: Path) -> Iterator[list[Floats]]:
    """Read the beginnings of a film's shots, spread over it."""
    film = cv2.VideoCapture(str(path))
    count = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
    shots = min(SHOTS, max(count // SHOT, 1))
    starts = np.linspace(0, max(count - SHOT, 0), shots).astype(int)
    frames: list[Floats] = []
    for number in range(count):
        done, bgr = film.read()
        if not done:
            break
        if any(start <= number < start + SHOT for start in starts):
            frames.append(reduced(bgr[..., ::-1], FILM_SIDE))
    for start in range(0, len(frames), SHOT):
        yield frames[start : start + SHOT]


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """List files, and the files of folders."""
    for path in paths:
        yield from sorted(path.rglob("*.*")) if path.is_dir() else [path]


def fitted(found: list[Example]) -> tuple[Doubles, float]:
    """Fit the weights by logistic regression, and the bias to TONED_LEFT of photographs that the fit has not seen."""
    rows = np.array([one.measures for one in found])
    colored = np.array([one.version in COLORED for one in found])
    counts = np.array([one.count * COUNTS.get(one.version, 1) for one in found])
    counts *= np.where(colored, len(TONINGS) / len(COLORED), 1.0)
    files = np.unique([one.source for one in found], return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(files.max() + 1)[files] % FOLDS
    unseen = np.zeros(len(rows))
    for fold in range(FOLDS):
        others = folds != fold
        hinges, bias = regression(rows[others], colored[others], counts[others])
        unseen[~others] = score(rows[~others], hinges) + bias
    toned = [not color and one.count == 1 for one, color in zip(found, colored, strict=True)]
    hinges, bias = regression(rows, colored, counts)
    return hinges, bias - float(np.quantile(unseen[toned], 1 - TONED_LEFT))


def score(rows: Doubles, hinges: Doubles) -> Doubles:
    """Return the evidence before the bias."""
    return (np.minimum(rows[..., None], hinges[..., 0]) * hinges[..., 1]).sum(axis=(1, 2))


def regression(rows: Doubles, colored: NDArray[np.bool_], counts: Doubles) -> tuple[Doubles, float]:
    """Fit knots with weights (N, K, 2), and a bias, by Newton's method."""
    knots = np.quantile(rows[colored], KNOTS, axis=0).T
    hinged = np.minimum(rows[..., None], knots).reshape(len(rows), -1)
    middle, spread = hinged.mean(axis=0), hinged.std(axis=0) + 1e-2
    known = np.column_stack([(hinged - middle) / spread, np.ones(len(rows))])
    ridge = np.where(np.arange(known.shape[1]) < len(middle), 2.0, 1e-3)  # the bias is free
    signs = np.where(colored, -1, 1)

    def loss(weights: Doubles) -> float:
        wrong = np.logaddexp(0, signs * (known @ weights))
        return float((counts * wrong).sum() + (ridge * weights**2).sum() / 2)

    weights = np.zeros(known.shape[1])
    for _ in range(40):
        share = 1 / (1 + np.exp(-np.clip(known @ weights, -30, 30)))
        slope = known.T @ (counts * (share - colored)) + ridge * weights
        bend = (known.T * (counts * share * (1 - share))) @ known + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-6:
            step = step / 2
        weights = weights - step
    per_unit = weights[:-1] / spread
    hinges = np.stack([knots, per_unit.reshape(knots.shape)], axis=-1)
    return hinges, float(weights[-1] - middle @ per_unit)


def main() -> None:
    """Parse the command line, and print the shares or the weights."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "paths", type=Path, nargs="+", help="photographs, films, or folders of them"
    )
    parser.add_argument("--every", type=int, default=1, help="take every Nth of the files")
    parser.add_argument("--from", type=int, default=0, dest="first", help="begin with this file, from 0")  # fmt: skip
    parser.add_argument("--sets", type=int, default=1, help="of random tones, of which a fit has seen the first")  # fmt: skip
    parser.add_argument("--fit", action="store_true", help="print weights instead")
    options = parser.parse_args()
    left: dict[str, list[bool]] = defaultdict(list)
    found: list[Example] = []
    for seed, path in enumerate([*files_of(options.paths)]):
        if seed % options.every != options.first:
            continue
        if path.suffix.lower() not in SUFFIXES:
            for shot in shots_of(path):
                for name, frames in in_sets(shot, seed, options.sets):
                    if options.fit:
                        coded = [*as_film(frames)][::FIT_STEP]
                        found += [
                            Example(name, seed, FILM_COUNT, measures(one.luma, one.chroma or ()))
                            for one in coded
                        ]
                    else:
                        decoded = [*as_film(frames)]
                        shown = named(name, decoded[0].chroma or ())
                        left[f"film {shown}"].append(is_left(decoded))
            continue
        rgb = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
        count = 1 if max(rgb.shape) >= SIDE else SMALL_COUNT
        for name, (version,) in in_sets([reduced(rgb)], seed, options.sets):
            planes = as_jpeg(version, 80 + seed % 16)
            if options.fit:
                found.append(Example(name, seed, count, measures(*planes)))
            else:
                left[f"photo {named(name, planes[1])}"].append(color_evidence(*planes) > 0)
    if options.fit:
        hinges, bias = fitted(found)
        sys.stdout.write(f"{np.round(hinges, 3).tolist()}\nBIAS = {bias:.3f}\n")
    toned: dict[str, list[bool]] = defaultdict(list)
    for name, answers in left.items():
        kind, version = name.split(" ", 1)
        if version in TONINGS:
            toned[kind] += answers
        wrong = np.mean(answers) if version in TONINGS else 1 - np.mean(answers)
        what = "left" if version in TONINGS else "recolored"
        sys.stdout.write(f"{name:<34} {what:<10} {wrong:6.1%} of {len(answers)}\n")
    for kind, answers in toned.items():
        sys.stdout.write(
            f"{kind + ' all toned':<34} left       {np.mean(answers):6.1%} of {len(answers)}\n"
        )


if __name__ == "__main__":
    main()

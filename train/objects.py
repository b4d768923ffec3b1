"""Fits the comparison of places in `model.objects`: do two positions of a gray picture belong to the same object?

The answers come from color photographs: a region of like color around a random place, with a contrast at its edge.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import cv2
import numpy as np

from color.arrays import Bytes, Floats
from model.contract import working_lightness
from model.objects import (
    CHANNELS,
    GRID,
    TONES,
    LikenessWeights,
    classifier_features,
    tones_of,
)
from model.options import WORKING_SIZE
from prior.command import run_script
from prior.lab import lab2rgb, rgb2lab
from runtime.files import check_output, whole_file
from runtime.options import check, option
from runtime.progress import progress_for
from train.color_regions import edge_of, region, smoothed
from train.config import prepare_environment
from train.evaluation_images import read_evaluation_images
from train.method import WITHOUT_COLOR

log = logging.getLogger(__name__)

DESCRIPTION = (
    "Fit the comparison of places that spreads hints over their objects, on color photographs."
)

# Regions, in a picture of 96 pixels.
REGION_PX = 96
ALIKE = (12.0, 18.0, 25.0)
SHARE = (0.012, 0.3)  # of the picture
BETWEEN, CLEAR = 9.0, 0.75  # contrast of a clear edge, and share of clear edges
TRIED, KEPT = 40, 8  # places tried in a picture, regions used
INSIDE, OUTSIDE = (
    0.9,
    0.02,
)  # share of the region in a position that belongs to it, and in one that does not
UNLIKE = 10.0  # least difference of ab of a position that does not
# Positions of a region in the sample; others are drawn more often near it.
LIKE, OTHER, NEAR, FAR_SHARE = 90, 150, 6.0, 0.15
LEAST_OTHER = 50

EMBEDDED, HIDDEN = 16, 32
BATCH, RATE, DECAY, DROPPED = 16, 3e-3, 0.05, 0.3
VALID = 8  # every eighth region is held out


@dataclass(frozen=True, kw_only=True)
class ObjectOptions:
    """Options of the fit."""

    data: tuple[Path, ...] = option(
        (), "folders or .tar of color photographs", metavar="FOLDER", shown=""
    )
    out: Path = option(Path("objects.npz"), "weights file to write", metavar="FILE")
    limit: int = option(1600, "photographs, evenly spaced over -data", low=8, metavar="N")
    steps: int = option(1500, "steps", low=1, metavar="N")
    quiet: bool = option(False, "no progress")

    def __post_init__(self) -> None:
        check(self)
        if not self.data:
            raise ValueError(
                "-data names no photographs: give a folder or .tar of color photographs"
            )
        check_output(self.out)


class Compared(NamedTuple):
    """A place and positions of the same picture: features (C,) and (n, C), tones (3,) and (n, 3), and the answers.

    distance : (n,), in halves of the short side
    same : (n,), 1 for positions of the place's object
    """

    place: Floats
    place_tones: Floats
    positions: Floats
    tones: Floats
    distance: Floats
    same: Floats


def comparisons(rgb: Bytes, rng: np.random.Generator) -> Iterator[Compared]:
    """Yield comparisons for the regions of a photograph (256, 256, 3)."""
    lab = rgb2lab(rgb)
    small = cv2.resize(smoothed(lab), (REGION_PX, REGION_PX), interpolation=cv2.INTER_AREA)
    regions = list(_regions(np.ascontiguousarray(small[..., 1:]), rng))
    if not regions:
        return
    gray = lab2rgb(lab * WITHOUT_COLOR)[..., 0]
    lightness = working_lightness(gray[None], short=WORKING_SIZE)[0]
    features = _stacked(lightness)
    tones = tones_of(lightness, (GRID, GRID)).reshape(-1, TONES)
    rows, columns = (side.ravel() / (GRID / 2) for side in np.mgrid[:GRID, :GRID])
    for place, same, drawn in regions:
        distance = np.hypot(rows[drawn] - rows[place], columns[drawn] - columns[place])
        yield Compared(
            features[place], tones[place], features[drawn], tones[drawn],
            distance.astype(np.float32), same,
        )  # fmt: skip


def _stacked(lightness: Floats) -> np.ndarray:
    """Return the classifier's features of L (H, W), at all positions (GRID^2, C), as float16."""
    scales = []
    for features in classifier_features(lightness):
        for part in np.split(features, range(64, features.shape[-1], 64), axis=-1):  # OpenCV's most
            grown = cv2.resize(np.ascontiguousarray(part), (GRID, GRID))
            scales.append(grown.reshape(GRID * GRID, -1).astype(np.float16))
    return np.concatenate(scales, axis=-1)


def _regions(ab: Floats, rng: np.random.Generator) -> Iterator[tuple[int, Floats, np.ndarray]]:
    """Yield for random places of ab (96, 96, 2): the position, and answers for positions drawn from all."""
    kept = 0
    for _ in range(TRIED):
        row, column = (int(at) for at in rng.integers(3, REGION_PX - 3, 2))
        found = _clearest(ab, (row, column))
        if found is None or kept == KEPT:
            continue
        mask, far = (
            cv2.resize(plane, (GRID, GRID), interpolation=cv2.INTER_AREA) for plane in found
        )
        belongs = mask >= INSIDE
        place = (row * GRID // REGION_PX) * GRID + column * GRID // REGION_PX
        others = np.flatnonzero((mask <= OUTSIDE) & (far > UNLIKE))
        if not belongs.ravel()[place] or len(others) < LEAST_OTHER:
            continue
        outside = cv2.distanceTransform(np.asarray(~belongs, np.uint8), cv2.DIST_L2, 3)
        weight = np.exp(-outside.ravel()[others] / NEAR) + FAR_SHARE
        drawn = np.concatenate(
            [
                rng.choice(np.flatnonzero(belongs), LIKE),
                rng.choice(others, OTHER, p=weight / weight.sum()),
            ]
        )
        kept += 1
        yield place, np.asarray(np.arange(len(drawn)) < LIKE, np.float32), drawn


def _clearest(ab: Floats, place: tuple[int, int]) -> tuple[Floats, Floats] | None:
    """Return the clearest region around a place, and the difference of ab from its color: both (96, 96), or None."""
    row, column = place
    color = ab[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 2).mean(axis=0)
    best, found = CLEAR, None
    for alike in ALIKE:
        mask = region(ab, place, color, alike=alike)
        if mask is None or not SHARE[0] <= mask.mean() <= SHARE[1]:
            continue
        contrast = edge_of(mask, ab, side_px=5).contrast
        sharp = float((contrast > BETWEEN).mean()) if len(contrast) else 0.0
        if sharp >= best:
            far = np.hypot(*np.moveaxis(ab - color, -1, 0)).astype(np.float32)
            best, found = sharp, (mask.astype(np.float32), far)
    return found


def fit(data: Compared, *, steps: int, seed: int = 0) -> tuple[LikenessWeights, float, float]:
    """Fit the comparison on stacked comparisons (m, ...); return the weights, and cross-entropy and accuracy held out."""
    import paddle
    import paddle.nn.functional as F

    paddle.seed(seed)
    rng = np.random.default_rng(seed)
    sample = data.positions[:, ::7].reshape(-1, CHANNELS).astype(np.float32)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0) + 1e-3
    net = _net()
    schedule = paddle.optimizer.lr.CosineAnnealingDecay(RATE, steps)
    optimizer = paddle.optimizer.AdamW(schedule, parameters=net.parameters(), weight_decay=DECAY)
    held = np.arange(len(data.same)) % VALID == 0

    def loss_of(chosen: Any) -> tuple[Any, Any]:
        place, own, positions, tones, distance, same = (part[chosen] for part in data)
        scaled = [
            (part.astype(np.float32) - mean) / deviation for part in (place[:, None], positions)
        ]
        tensors = map(paddle.to_tensor, (*scaled, own[:, None], tones, distance[..., None], same))
        *inputs, answers = tensors
        logits = net(*inputs)
        right = ((logits > 0).astype("float32") == answers).astype("float32").mean()
        return F.binary_cross_entropy_with_logits(logits, answers), right

    total, train = 0.0, np.flatnonzero(~held)
    for step in range(1, steps + 1):
        loss, _ = loss_of(rng.choice(train, BATCH))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
        total += loss.item()
        if step % 100 == 0:
            log.info("step %d  loss %.4f", step, total / 100)
            total = 0.0
    net.eval()
    with paddle.no_grad():
        parts = np.array_split(np.flatnonzero(held), max(int(held.sum()) // BATCH, 1))
        valid = [[one.item() for one in loss_of(part)] for part in parts]
    loss_held, right_held = np.mean(valid, axis=0).tolist()
    return net.weights(mean, deviation), loss_held, right_held


def _net() -> Any:
    """Make the comparison as a Paddle layer."""
    import paddle
    import paddle.nn.functional as F
    from paddle import nn

    class Net(nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(DROPPED)
            self.embed = nn.Linear(CHANNELS, EMBEDDED)
            self.hidden = nn.Linear(EMBEDDED + 2 * TONES + 1, HIDDEN)
            self.out = nn.Linear(HIDDEN, 1)

        def forward(self, place: Any, positions: Any, own: Any, tones: Any, distance: Any) -> Any:
            ours, theirs = (self.embed(self.drop(one)) for one in (place, positions))
            cues = [(theirs - ours) ** 2, (tones - own).abs(), own.expand_as(tones), distance]
            return self.out(F.relu(self.hidden(paddle.concat(cues, axis=-1))))[..., 0]

        def weights(self, mean: Floats, deviation: Floats) -> LikenessWeights:
            project = self.embed.weight.numpy() / deviation[:, None]
            offset = self.embed.bias.numpy() - mean @ project
            cues = np.split(self.hidden.weight.numpy(), np.cumsum([EMBEDDED, TONES, TONES]))
            squared, apart, tones, distance = cues
            out, level = self.out.weight.numpy()[:, 0], self.out.bias.numpy()[0]
            return LikenessWeights(
                project, offset, squared, apart, tones, distance[0],
                self.hidden.bias.numpy(), out, level,
            )  # fmt: skip

    return Net()


def write(path: Path, weights: LikenessWeights) -> None:
    """Write the weights; the projection in half precision."""
    stored = {name: np.asarray(value, np.float32) for name, value in weights._asdict().items()}
    stored["project"] = stored["project"].astype(np.float16)
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **stored)


def collected(pictures: Iterable[Bytes], *, seed: int = 0) -> Compared:
    """Stack the comparisons of all pictures. Raises ValueError if there are too few regions."""
    rng = np.random.default_rng(seed)
    found = [one for rgb in pictures for one in comparisons(rgb, rng)]
    if len(found) < 2 * VALID:
        raise ValueError(
            f"found {len(found)} regions with a color of their own, at least {2 * VALID} are needed: "
            "give more color photographs with -data or -limit"
        )
    return Compared(*map(np.stack, zip(*found, strict=True)))


def run(options: ObjectOptions) -> int:
    """Fit and write the comparison."""
    prepare_environment()
    each, progress = max(options.limit // len(options.data), 1), progress_for(quiet=options.quiet)
    read = (read_evaluation_images(path, limit=each, progress=progress) for path in options.data)
    data = collected(chain.from_iterable(read))
    weights, loss, right = fit(data, steps=options.steps)
    write(options.out, weights)
    print(
        f"{options.out}: {len(data.same)} regions; of those held out, {right:.1%} of the answers are right, "
        f"cross-entropy {loss:.4f}"
    )
    return 0


def main() -> int:
    """Parse the command line, fit, and return the exit code."""
    return run_script("train/objects.py", run, ObjectOptions, description=DESCRIPTION)


if __name__ == "__main__":
    sys.exit(main())

"""Print the benchmarks of prior/: Lab compared with scikit-image, pictures per second, sanity of the prior.

python tests/benchmarks/prior.py -data data/train
"""

import argparse
import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[2])  # not this folder: it would shadow prior

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import color

from prior import getExperience, imageCrop
from prior.batches import Batch, batches, map_batches
from prior.dataset import Picture, list_all, read_rgb
from prior.histogram import count_batch, count_pixels
from prior.lab import fit_gamut, lab2rgb, rgb2lab
from prior.qspace import read_bins

PER_BATCH = 64


def best_ms(work: Callable[[], object], *, rounds: int = 7) -> float:
    """Return the fastest of several runs, which other programs disturbed least."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def timed(batch: Batch, *, function: Callable[[Batch], Any]) -> float:
    """Return the CPU time of a batch in s."""
    start = time.process_time()
    function(batch)
    return time.process_time() - start


def rate(
    function: Callable[[Batch], Any], pictures: Sequence[Picture], *, processes: int
) -> tuple[float, float]:
    """Return pictures/s and CPU ms per picture, parent included, after all processes have warmed up."""
    items = list(batches(pictures, size=PER_BATCH))
    warm = len(items) // 2
    start = parent = busy = counted = 0.0
    results = map_batches(
        functools.partial(timed, function=function),
        items,
        work="measuring",
        total=len(pictures),
        processes=processes,
    )
    for finished, (batch, spent) in enumerate(results):
        if finished > warm:
            counted += len(batch.pictures)
            busy += spent
        elif finished == warm:
            start, parent = time.perf_counter(), time.process_time()
    wall, parent = time.perf_counter() - start, time.process_time() - parent
    busy += parent if processes > 1 else 0
    return counted / wall, busy * 1000 / counted


def report_rates(
    name: str,
    one: Callable[[Batch], Any],
    two: Callable[[Batch], Any],
    pictures: Sequence[Picture],
    *,
    repeat: int = 1,
) -> str:
    """Return one line: pictures/s and CPU time with one and with two processes.

    On a busy machine, pictures/s are too low; the CPU time then shows the overhead of two processes.
    repeat : number of times that two processes get the pictures, as starting takes longer than counting a few
    """
    one_rate, one_ms = rate(one, pictures, processes=1)
    two_rate, two_ms = rate(two, list(pictures) * repeat, processes=2)
    return (
        f"{name}  {one_rate:.0f} pictures/s, with 2 processes {two_rate:.0f}: "
        f"{two_rate / one_rate:.2f}x  "
        f"(processor time a picture {one_ms:.2f} and {two_ms:.2f} ms: {2 * one_ms / two_ms:.2f}x)"
    )


def spin(batch: Batch) -> None:
    """Compute for as long as a picture takes, to measure the possible gain of two processes."""
    total = 0
    for number in range(8000 * len(batch.pictures)):
        total += number * number


def counting_share(pictures: Sequence[Picture], *, every: int) -> float:
    """Return the share of one process's time spent on counting; the rest is reading and decoding."""
    bins = read_bins()
    count_pixels(read_rgb(pictures[0]), bins)
    reading = counting = 0.0
    for picture in pictures:
        start = time.perf_counter()
        rgb = read_rgb(picture)
        middle = time.perf_counter()
        count_pixels(rgb[::every, ::every], bins)
        reading, counting = reading + middle - start, counting + time.perf_counter() - middle
    return counting / (reading + counting)


def photo_1080p(picture: Picture) -> NDArray[np.uint8]:
    """Return a 1920x1080 picture with the colors of a photograph."""
    return np.asarray(cv2.resize(read_rgb(picture), (1920, 1080), interpolation=cv2.INTER_CUBIC))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-data", "--data", nargs="+", type=Path, default=[getExperience.TRAIN])
    parser.add_argument("-pictures", "--pictures", type=int, default=10_000)
    return parser


def main() -> None:
    """Measure and print."""
    given = _parser().parse_args()
    pictures = list_all(given.data)[: given.pictures]
    cv2.setNumThreads(1)

    rgb = photo_1080p(pictures[0])
    lab = rgb2lab(rgb)
    for name, ours, theirs in (
        ("rgb2lab", lambda: rgb2lab(rgb), lambda: color.rgb2lab(rgb)),
        ("lab2rgb", lambda: lab2rgb(lab), lambda: color.lab2rgb(lab)),
    ):
        fast, slow = best_ms(ours), best_ms(theirs, rounds=3)
        print(f"{name}  1920x1080  {fast:.0f} ms  scikit-image {slow:.0f} ms  {slow / fast:.1f}x")
    print(f"fit_gamut  1920x1080  {best_ms(lambda: fit_gamut(lab)):.0f} ms")

    for every in (1, getExperience.EVERY):
        share = counting_share(pictures[:1500], every=every)
        print(f"getExperience -every {every}  counting {share:.0%} of the time")
    count = functools.partial(count_batch, bins=read_bins(), every=getExperience.EVERY)
    print(report_rates("plain arithmetic instead of pictures", spin, spin, pictures, repeat=2))
    print(report_rates("getExperience", count, count, pictures, repeat=3))
    with tempfile.TemporaryDirectory() as out:
        settings = imageCrop.CropSettings(size_px=256, quality=95)
        one, two = (
            functools.partial(imageCrop.crop_batch, out=Path(out, name), settings=settings)
            for name in ("1", "2")
        )
        print(report_rates("imageCrop", one, two, pictures))

    record = json.loads(getExperience.OUT.with_suffix(".json").read_text("utf-8"))
    for name in ("made from", "share in the central bin", "share with chroma under 20"):
        print(f"{name}: {record[name]}")


if __name__ == "__main__":
    main()

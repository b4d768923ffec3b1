"""How much each color bin counts in training: Experience.npy -> Weight.npy, rare colors more."""

import argparse
import logging
import sys
from pathlib import Path
from typing import Any, TypeAlias

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
from numpy.typing import NDArray

from prior.crew import exit_code
from prior.files import read_array, write_array, write_record
from prior.pictures import PictureError
from prior.qspace import read_bins

Floats: TypeAlias = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
EXPERIENCE, OUT = HERE / "Experience.npy", HERE / "Weight.npy"
SIGMA = 5.0  # ab units
LAMBDA = 0.5  # share of the uniform distribution; both from Zhang, Isola, Efros 2016

log = logging.getLogger(__name__)


def smoothed(experience: NDArray[Any], bins: NDArray[Any], *, sigma: float = SIGMA) -> Floats:
    """Spread how often each bin (Q,) occurs with a Gaussian over the ab plane; sums to 1.

    Each bin hands out all it has, so that no mass is lost at the border of the gamut.
    """
    share = np.asarray(experience, np.float64) / np.sum(experience)
    squared = ((bins[:, None].astype(np.float64) - bins) ** 2).sum(axis=-1)
    kernel = np.exp(-squared / (2 * sigma**2))
    return np.asarray((kernel / kernel.sum(axis=0)) @ share)


def weights(
    experience: NDArray[Any], bins: NDArray[Any], *, sigma: float = SIGMA, mix: float = LAMBDA
) -> Floats:
    """Weigh each bin (Q,) by one over its smoothed share mixed with the uniform one.

    mix : share of the uniform distribution, 0..1; at 1 all weights are equal
    The mean weight over the counted pixels is 1, so that the loss keeps its size.
    """
    share = np.asarray(experience, np.float64) / np.sum(experience)
    mixed = (1 - mix) * smoothed(experience, bins, sigma=sigma) + mix / len(bins)
    inverse = 1 / mixed
    return np.asarray(inverse / (share @ inverse))


def _run(given: argparse.Namespace) -> int:
    bins = read_bins()
    experience = read_array(given.experience, made_by="prior/getExperience.py")
    if len(experience) != len(bins) or not experience.any():
        raise PictureError(f"{given.experience} should count {len(bins)} bins, not all of them 0")
    found = weights(experience, bins, sigma=given.sigma, mix=given.mix).astype(np.float32)
    write_array(given.out, found)
    record = {
        "made from": given.experience.name,
        "sigma": given.sigma,
        "lambda": given.mix,
        "smallest and largest weight": [round(float(x), 4) for x in (found.min(), found.max())],
        "command": f"python prior/getWeight.py -sigma {given.sigma:g} -lambda {given.mix:g}",
    }
    write_record(given.out.with_suffix(".json"), record)
    log.info("weights from %.3f to %.3f, mean over the pixels 1", found.min(), found.max())
    if given.plot:
        from prior.plot import write_plot  # Matplotlib is slow to import, and workers need none

        picture = given.out.with_suffix(".png")
        write_plot(picture, bins, found, title="How much each color counts", unit="weight")
        log.info("%s", picture)
    log.info("%s", given.out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Weigh the color bins for training. Reads Experience.npy; writes Weight.npy "
        "(one float32 per bin, 1 on average over the pixels) and, beside it, .json with its settings.",
    )
    add = parser.add_argument
    add(
        "-experience",
        "--experience",
        type=Path,
        default=EXPERIENCE,
        metavar="FILE.npy",
        help="default: prior/Experience.npy",
    )
    add(
        "-out",
        "--out",
        type=Path,
        default=OUT,
        metavar="FILE.npy",
        help="default: prior/Weight.npy; another one there is kept as Weight.previous.npy",
    )
    add(
        "-sigma",
        "--sigma",
        type=float,
        default=SIGMA,
        help="of the smoothing, in ab units (default: %(default)s)",
    )
    add(
        "-lambda",
        "--lambda",
        dest="mix",
        type=float,
        default=LAMBDA,
        help="share of the uniform distribution, 0 to 1 (default: %(default)s)",
    )
    add("-plot", "--plot", action="store_true", help="draw the weights as Weight.png, too")
    return parser


def main() -> int:
    """Read the command line and weigh."""
    parser = _parser()
    given = parser.parse_args()
    if not given.sigma > 0 or not 0 <= given.mix <= 1:
        parser.error("-sigma wants a number above 0 and -lambda one from 0 to 1")
    return exit_code(lambda: _run(given))


if __name__ == "__main__":
    raise SystemExit(main())

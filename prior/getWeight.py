"""Class rebalancing weights of the color bins for training: Experience.npy -> Weight.npy."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__ in {None, ""}:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
from numpy.typing import NDArray

from color.arrays import Doubles
from prior.command import run_script
from prior.qspace import read_bins, read_per_bin, write_per_bin
from runtime.files import write_json
from runtime.options import check, option

HERE = Path(__file__).resolve().parent
EXPERIENCE, OUT = HERE / "Experience.npy", HERE / "Weight.npy"
SIGMA = 5.0  # ab units
WIDEST = 1000.0  # ab units, of the smoothing: far beyond the plane, which is 256 wide
LAMBDA = 0.5  # share of the uniform distribution; both from Zhang, Isola, Efros 2016
LARGEST = float(np.finfo(np.float32).max)  # as weights are stored
DESCRIPTION = """\
Compute the weights of the color bins for training. Reads Experience.npy; writes Weight.npy (one float32
per bin, 1 on average over the pixels) and a .json file with its settings beside it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WeightOptions:
    """Options of input, weighting and output."""

    experience: Path = option(
        EXPERIENCE, "file of counts to read", metavar="FILE.npy", shown="prior/Experience.npy"
    )
    out: Path = option(
        OUT,
        "file to write; a different existing one is kept as Weight.previous.npy",
        metavar="FILE.npy",
        shown="prior/Weight.npy",
    )
    sigma: float = option(
        SIGMA, "standard deviation of the smoothing, in ab units", low=0.01, high=WIDEST
    )
    mix: float = option(
        LAMBDA, "share of the uniform distribution, 0 to 1", low=0, high=1, name="lambda"
    )
    plot: bool = option(False, "also plot the weights as Weight.png")

    def __post_init__(self) -> None:
        check(self)


def smoothed(experience: NDArray[Any], bins: NDArray[Any], *, sigma: float = SIGMA) -> Doubles:
    """Smooth the frequencies of the bins (Q,) with a Gaussian over the ab plane, normalized to sum 1.

    The kernel is normalized per source bin, so that no mass is lost at the border of the gamut.
    """
    share = np.asarray(experience, np.float64) / np.sum(experience)
    squared = ((bins[:, None].astype(np.float64) - bins) ** 2).sum(axis=-1)
    kernel = np.exp(-squared / (2 * sigma**2))
    return np.asarray((kernel / kernel.sum(axis=0)) @ share)


def weights(
    experience: NDArray[Any], bins: NDArray[Any], *, sigma: float = SIGMA, mix: float = LAMBDA
) -> Doubles:
    """Compute the weight of each bin (Q,): the inverse of its smoothed share mixed with the uniform share.

    mix : share of the uniform distribution, 0..1; at 1 all weights are equal
    The mean weight over the counted pixels is 1, so that the loss keeps its scale.

    Raises ValueError for a bin without pixels near it, whose weight would be infinite.
    """
    share = np.asarray(experience, np.float64) / np.sum(experience)
    mixed = (1 - mix) * smoothed(experience, bins, sigma=sigma) + mix / len(bins)
    if mixed.min() * LARGEST < 1:
        a, b = bins[np.argmin(mixed)]
        raise ValueError(f"bin {a:g}, {b:g} has no pixels: use a larger -lambda or -sigma")
    inverse = 1 / mixed
    return np.asarray(inverse / (share @ inverse))


def _run(options: WeightOptions) -> int:
    bins = read_bins()
    experience = read_per_bin(options.experience, bins=len(bins), made_by="prior/getExperience.py")
    found = weights(experience, bins, sigma=options.sigma, mix=options.mix).astype(np.float32)
    write_per_bin(options.out, found)
    record = {
        "made from": options.experience.name,
        "sigma": options.sigma,
        "lambda": options.mix,
        "smallest and largest weight": [round(float(x), 4) for x in (found.min(), found.max())],
        "command": f"python prior/getWeight.py -sigma {options.sigma:g} -lambda {options.mix:g}",
    }
    write_json(options.out.with_suffix(".json"), record)
    log.info("weights from %.3f to %.3f, mean over the pixels 1", found.min(), found.max())
    if options.plot:
        from prior.plot import write_plot  # Matplotlib is slow to import

        picture = options.out.with_suffix(".png")
        write_plot(picture, bins, found, title="Weight of each color in training", unit="weight")
        log.info("%s", picture)
    log.info("%s", options.out)
    return 0


def main() -> int:
    """Parse the command line and compute the weights."""
    return run_script("prior/getWeight.py", _run, WeightOptions, description=DESCRIPTION)


if __name__ == "__main__":
    raise SystemExit(main())

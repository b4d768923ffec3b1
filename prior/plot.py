"""Plot of one number per bin over the ab plane, each cell in its own color."""

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, StrMethodFormatter
from numpy.typing import NDArray

from prior.lab import fit_gamut, lab2rgb
from prior.qspace import STEP
from runtime.files import whole_file

Floats: TypeAlias = NDArray[np.floating[Any]]

LIGHTNESS = 65.0  # at which most hues are in gamut
# Sides of the rarest and commonest bins' squares, relative to the cell's.
SMALLEST, LARGEST = 0.25, 0.96
REACH = 118
INK = "#333333"


def write_plot(path: Path, bins: Floats, values: Floats, *, title: str, unit: str) -> None:
    """Write a PNG of values (Q,) over bins (Q, 2), both halves on the same log scale.

    Left: each bin in its own color, its square growing with the value. Right: a heat map.
    unit : label of the scale
    """
    # LogNorm needs two different limits.
    smallest, largest = values[values > 0].min(), values.max() * 1.0001
    scale = LogNorm(smallest, largest)
    figure = Figure(figsize=(9.0, 4.4), dpi=200, layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=11, color=INK)
    left, right = figure.subplots(1, 2, sharey=True)
    left.add_collection(_squares(bins, _sides(values, scale), facecolors=cell_colors(bins)))
    full = _squares(bins, np.ones(len(bins)), array=np.where(values > 0, values, np.nan))
    full.set(norm=scale, cmap="magma")
    right.add_collection(full)
    for axes in (left, right):
        _style(axes)
    left.set_ylabel("b*", fontsize=10, color=INK, rotation=0)
    right.tick_params(left=False)
    narrow = largest / smallest < 1000
    ticks = LogLocator(subs=(1, 2, 5) if narrow else (1,))
    bar = figure.colorbar(full, ax=right, fraction=0.046, pad=0.03, ticks=ticks)
    if narrow:
        bar.formatter = StrMethodFormatter("{x:g}")
    bar.minorticks_off()
    bar.set_label(unit, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    with whole_file(path) as part:
        figure.savefig(part, format="png")


def cell_colors(bins: Floats) -> Floats:
    """Return RGB (Q, 3) 0..1 of each bin, at the in-gamut lightness nearest to `LIGHTNESS`."""
    lightness = np.arange(5.0, 100.0, 2.5)
    order = lightness[np.argsort(np.abs(lightness - LIGHTNESS), kind="stable")]
    lab = np.empty((len(order), len(bins), 3), np.float32)
    lab[..., 0], lab[..., 1:] = order[:, None], bins
    fitted = fit_gamut(lab)
    missing = np.linalg.norm(fitted - lab, axis=-1)
    best = np.argmin(np.round(missing), axis=0)  # the first of equal ones
    return np.asarray(lab2rgb(fitted[best, np.arange(len(bins))], dtype=np.float64))


def _sides(values: Floats, scale: LogNorm) -> Floats:
    """Return the side (Q,) of each square as a share of its cell; 0 where the value is 0."""
    level = np.asarray(scale(np.where(values > 0, values, values.max())), np.float64)
    return np.where(values > 0, SMALLEST + (LARGEST - SMALLEST) * level, 0.0)


def _squares(bins: Floats, sides: Floats, **options: Any) -> PatchCollection:
    """Return squares centered on the bins."""
    return PatchCollection(
        [
            Rectangle((a - side * STEP / 2, b - side * STEP / 2), side * STEP, side * STEP)
            for (a, b), side in zip(bins.tolist(), sides.tolist(), strict=True)
        ],
        linewidth=0,
        **options,
    )


def _style(axes: Axes) -> None:
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
    axes.set_xlabel("a*", fontsize=10, color=INK)
    axes.set_xticks(range(-100, 101, 50))
    axes.set_yticks(range(-100, 101, 50))
    axes.tick_params(labelsize=8, colors=INK, length=2)
    axes.axhline(0, color=INK, linewidth=0.3, zorder=0)
    axes.axvline(0, color=INK, linewidth=0.3, zorder=0)
    for spine in axes.spines.values():
        spine.set_visible(False)

"""Plots and pictures for the user: training curves, the trade-off of colorfulness and errors, sheets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from color.arrays import Bytes
from runtime.files import whole_file, write_bytes
from train.checkpoint import LogRow

if TYPE_CHECKING:
    from train.table import Row

SMOOTHING = 15  # log rows averaged for the dark line


def write_training_curve(path: Path, history: Sequence[LogRow]) -> None:
    """Plot the rows of log.jsonl to a PNG."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, measures = figure.subplots(1, 2)
    steps, values = _losses(history)
    losses.plot(steps, values, color="#9ecae1", linewidth=0.8, label="10 steps")
    width = min(SMOOTHING, max(len(values), 1))
    smooth = np.convolve(values, np.ones(width) / width, mode="valid") if len(values) else values
    losses.plot(steps[width - 1 :], smooth, color="#08519c", label="smoothed")
    losses.set(title="training loss", xlabel="step")
    losses.legend()
    rows = [row for row in history if "valid" in row]
    at = [row["step"] for row in rows]
    for name, color in (("auc", "#31a354"), ("auc_rebalanced", "#e6550d")):
        measures.plot(
            at, [r["valid"][name] - r["gray"][name] for r in rows], "o-", color=color, label=name
        )
    measures.plot(
        at,
        [r["valid"]["psnr"] - r["gray"]["psnr"] for r in rows],
        "o-",
        color="#756bb1",
        label="psnr, dB",
    )
    measures.axhline(0, color="gray", linewidth=0.8)
    measures.set(title="validation: gain over all-gray", xlabel="step")
    if rows:
        measures.legend()
    with whole_file(path) as part:
        figure.savefig(part, dpi=110)


def write_tradeoff(path: Path, rows: "list[Row]", *, settings: Sequence[str]) -> None:
    """Plot gains over all gray of an evaluation's rows: PSNR, AuC and rebalanced AuC over colorfulness.

    settings : columns that are settings; a line joins rows that differ only in saturation
    """
    gray, *others = rows
    lines = tradeoff_lines(others, settings=settings)
    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    measures = {"psnr": "PSNR, dB", "auc": "AuC, %", "auc_rebalanced": "rebalanced AuC, %"}
    for plot, (measure, title) in zip(figure.subplots(1, 3), measures.items(), strict=True):
        for name, points in lines.items():
            shares = [row["colorfulness"] / row["colorfulness_truth"] for row in points]
            gains = [row[measure] - gray[measure] for row in points]
            plot.plot(shares, gains, "o-", markersize=3, label=name)
        plot.set(title=f"{title}: gain over all gray", xlabel="colorfulness, relative to the truth")
        plot.grid(alpha=0.3)
    plot.legend(fontsize=7)
    with whole_file(path) as part:
        figure.savefig(part, dpi=110)


def tradeoff_lines(rows: "list[Row]", *, settings: Sequence[str]) -> "dict[str, list[Row]]":
    """Group rows that differ only in saturation; name each group by the settings in which groups differ."""
    fixed = [name for name in settings if name != "saturation"]
    named = [name for name in fixed if len({row[name] for row in rows}) > 1] or fixed[:1]
    lines: dict[str, list[Row]] = {}
    for row in rows:
        words = [
            row[name] if name == "weights" else f"{name.replace('_', ' ')} {row[name]}"
            for name in named
        ]
        lines.setdefault(", ".join(words), []).append(row)
    return lines


def write_image(path: Path, rgb: Bytes) -> None:
    """Write a picture as PNG or JPEG, depending on the suffix."""
    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    write_bytes(path, encoded.tobytes())


def _losses(history: Sequence[LogRow]) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps with a loss, and their losses."""
    rows = [(row["step"], row["loss"]) for row in history if "loss" in row]
    table = np.array(rows, float).reshape(-1, 2)
    return table[:, 0], table[:, 1]

"""The course of a training, drawn: loss, and validation beside the gray baseline."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

SMOOTHING = 15  # log rows averaged into the dark line


def write_curve(path: Path, history: list[dict[str, Any]]) -> None:
    """Draw the rows of log.jsonl into a PNG."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    losses, measures = figure.subplots(1, 2)
    steps, values = _column(history, "loss")
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
    figure.savefig(path, dpi=110)


def _column(history: list[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = [(row["step"], row[name]) for row in history if name in row]
    table = np.array(rows, float).reshape(-1, 2)
    return table[:, 0], table[:, 1]

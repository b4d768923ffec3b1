"""Figures and pictures of an evaluation, made readable: rows, a table, a sheet."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from train.flicker import FilmMetrics
from train.metrics import Metrics

Row: TypeAlias = dict[str, Any]

SETTING_COLUMNS = {
    "weights": "weights",
    "working_size": "size",
    "temperature": "T",
    "hints": "hints",
    "saturation": "sat.",
    "smoothing": "smooth",
    "aged": "aged",
}
PICTURE_COLUMNS = {
    **SETTING_COLUMNS,
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ciede2000": "CIEDE2000",
    "auc": "AuC",
    "auc_rebalanced": "rebalanced",
    "colorfulness": "colorful",
    "colorfulness_truth": "(truth)",
    "chroma": "chroma 50/90/99 %",
    "chroma_truth": "(truth)",
}
FILM_COLUMNS = {
    **SETTING_COLUMNS,
    "frames": "frames",
    "cuts": "cuts",
    "warp_error": "warp error",
    "cdc": "CDC",
    "colorfulness": "colorful",
}


def records(
    names: Sequence[str],
    settings: Sequence[Any],
    found: Sequence[Metrics | FilmMetrics],
) -> list[Row]:
    """Join what was measured with how, one row each.

    settings : dataclasses, or None where there is no network. A figure that cannot be told (NaN)
    becomes None.
    """
    rows = []
    for name, setting, metrics in zip(names, settings, found, strict=True):
        how: Row = {} if setting is None else asdict(setting)
        figures: Row = asdict(metrics)
        row = {"weights": name, **how, **figures}
        rows.append({key: None if value != value else value for key, value in row.items()})
    return rows


def table(rows: Sequence[Row], columns: dict[str, str]) -> str:
    """Format rows as a Markdown table; columns : key of the row -> heading."""
    lines = [list(columns.values())]
    lines += [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    lines.insert(1, ["-" * width for width in widths])
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _cell(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " / ".join(_cell(part) for part in value)
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return "" if value is None else str(value)


def tile(rows: Sequence[Sequence[NDArray[np.uint8]]], *, gap_px: int = 4) -> NDArray[np.uint8]:
    """Put pictures of one size beside and below each other, white gaps between."""
    edge = ((0, gap_px), (0, gap_px), (0, 0))
    padded = [[np.pad(rgb, edge, constant_values=255) for rgb in row] for row in rows]
    whole = np.concatenate([np.concatenate(row, axis=1) for row in padded])
    return whole[:-gap_px, :-gap_px]


def write_sheet(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write a sheet as PNG or JPEG, by suffix."""
    _, encoded = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    path.write_bytes(encoded.tobytes())

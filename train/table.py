"""Measurements as rows, and as a printed table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from train.metrics import Metrics
from train.temporal_metrics import FilmMetrics

Row: TypeAlias = dict[str, Any]

# Key of a row -> heading.
SETTING_COLUMNS = {
    "weights": "weights",
    "working_size": "size",
    "temperature": "T",
    "saturation": "sat.",
    "smoothing": "smooth",
    "contrast": "contrast",
    "neutral": "neutral",
}
PICTURE_COLUMNS = {
    **SETTING_COLUMNS,
    "hints": "hints",
    "palette": "palette",
    "guidance": "guidance",
    "aged": "aged",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ciede2000": "CIEDE2000",
    "auc": "AuC",
    "auc_rebalanced": "rebalanced",
    "colorfulness": "colorful",
    "colorfulness_truth": "(truth)",
    "tint": "tint",
    "chroma": "chroma 50/90/99 %",
    "chroma_truth": "(truth)",
    "spread": "spread beyond",
}
FILM_COLUMNS = {
    **SETTING_COLUMNS,
    "steady": "steady",
    "hints": "hints",
    "reference": "ref.",
    "frames": "frames",
    "cuts": "cuts",
    "warp_error": "warp error",
    "excess": "excess",
    "warp_error_8": "8 apart",
    "excess_8": "excess",
    "warp_error_16": "16 apart",
    "excess_16": "excess",
    "cdc": "CDC",
    "psnr": "PSNR",
    "psnr_into_shot": "frames 1/8/32/64",
    "ciede2000": "CIEDE2000",
    "colorfulness": "colorful",
    "ms_per_frame": "ms/frame",
}


def records(
    names: Sequence[str],
    settings: Sequence[Mapping[str, float]],
    measured: Sequence[Metrics | FilmMetrics],
) -> list[Row]:
    """Join measurements with their settings, one row each; undefined values (NaN) become None.

    settings : by name; empty without a network
    """
    rows = []
    for name, setting, metrics in zip(names, settings, measured, strict=True):
        row = {"weights": name, **setting, **asdict(metrics)}
        rows.append({key: _defined(value) for key, value in row.items()})
    return rows


def _defined(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_defined, value))
    return None if value != value else value


def table(rows: Sequence[Row], columns: dict[str, str]) -> str:
    """Format rows as a Markdown table.

    columns : key of the row -> heading
    """
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
        return " / ".join(_cell(part) or "-" for part in value)
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return "" if value is None else str(value)

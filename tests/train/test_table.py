"""Rows of measurements keep every number, and the printed table is Markdown."""

import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import pytest

from train.table import PICTURE_COLUMNS, records, table
from train.temporal_metrics import FilmMetrics


def measured(**values: Any) -> FilmMetrics:
    return FilmMetrics(**{field.name: 1.0 for field in fields(FilmMetrics)} | values)


def test_a_row_is_its_settings_and_measurements() -> None:
    metrics = [measured(psnr=20.0), measured(psnr=30.0)]
    one, other = records(["a", "b"], [{"hints": 5}, {}], metrics)
    assert one == {"weights": "a", "hints": 5, **asdict(metrics[0])}
    assert other == {"weights": "b", **asdict(metrics[1])}
    with pytest.raises(ValueError, match="zip"):
        records(["a"], [{}], metrics)


def test_what_is_not_defined_is_none_in_json_and_empty_in_the_table() -> None:
    (row,) = records(["a"], [{}], [measured(psnr=np.nan, psnr_into_shot=(8.0, np.nan))])
    assert row["psnr"] is None
    assert row["psnr_into_shot"] == (8.0, None)
    assert json.loads(json.dumps(row))["psnr_into_shot"] == [8, None]
    (*_, cells) = table([row], {"psnr": "PSNR", "psnr_into_shot": "into"}).splitlines()
    assert cells == "|      | 8.00 / - |"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01234, "0.0123"),
        (31.4159, "31.42"),
        (160, "160"),
        ("small", "small"),
        (None, ""),
        ((1.5, None, 20.0), "1.50 / - / 20.00"),
    ],
)
def test_cells_have_three_or_more_digits(value: object, text: str) -> None:
    head, rule, cell = table([{"key": value}], {"key": "k"}).splitlines()
    assert [part.strip() for part in cell.split("|")] == ["", text, ""]
    assert len(head) == len(rule) == len(cell)
    assert set(rule) <= {"|", " ", "-"}


def test_rows_may_lack_columns_and_have_others() -> None:
    lines = table([{"weights": "a", "other": 1}, {"psnr": 20.0}], PICTURE_COLUMNS).splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
    assert "other" not in "".join(lines)

"""Plots join only what belongs together."""

from dataclasses import asdict, fields, replace
from typing import Any

import pytest

from train.evaluation import Setting
from train.plots import tradeoff_lines

SETTINGS = ("weights", *(field.name for field in fields(Setting)))
OTHERS: dict[str, Any] = {
    "working_size": 192, "temperature": 0.5, "hints": 10, "smoothing": 1, "palette": 5, "reference": 1,
    "guidance": 0.25, "contrast": 1.4, "neutral": 9.5, "aged": 1, "seed": 3, "steady": 1.0,
}  # fmt: skip


def row(setting: Setting, weights: str = "colornet") -> dict[str, Any]:
    return {"weights": weights, **asdict(setting), "psnr": 22.0}


def test_saturations_share_a_line_named_after_the_weights() -> None:
    rows = [row(Setting(saturation=saturation)) for saturation in (0.5, 1, 1.5)]
    assert tradeoff_lines(rows, settings=SETTINGS) == {"colornet": rows}


def test_every_setting_but_saturation_is_known_here() -> None:
    assert {"weights", "saturation", *OTHERS} == set(SETTINGS)


@pytest.mark.parametrize("name", OTHERS)
def test_rows_that_differ_otherwise_are_lines_of_their_own(name: str) -> None:
    plain, other = Setting(), replace(Setting(), **{name: OTHERS[name]})
    rows = [row(replace(setting, saturation=s)) for setting in (plain, other) for s in (0.5, 1)]
    words = name.replace("_", " ")
    assert tradeoff_lines(rows, settings=SETTINGS) == {
        f"{words} {getattr(plain, name)}": rows[:2],
        f"{words} {OTHERS[name]}": rows[2:],
    }


def test_weights_and_settings_are_named_together() -> None:
    rows = [row(Setting(hints=hints), weights) for weights in "ab" for hints in (0, 10)]
    names = ["a, hints 0", "a, hints 10", "b, hints 0", "b, hints 10"]
    assert list(tradeoff_lines(rows, settings=SETTINGS)) == names

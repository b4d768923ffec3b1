"""Plots join only rows of one group."""

from dataclasses import replace
from typing import Any

import pytest

from train.method import SETTINGS as SETTING_NAMES
from train.method import Method
from train.plots import tradeoff_lines

SETTINGS = ("weights", *SETTING_NAMES)
OTHERS: dict[str, Any] = {
    "working_size": 192, "temperature": 0.5, "hints": 10, "smoothing": 1, "palette": 5, "reference": 1,
    "guidance": 0.25, "contrast": 1.4, "neutral": 9.5, "aged": 1, "seed": 3, "steady": 1.0,
}  # fmt: skip


def network(*_: object) -> Any:
    raise AssertionError("nothing is colorized here")


def row(method: Method, weights: str = "colornet") -> dict[str, Any]:
    return {"weights": weights, **replace(method, network=network).settings, "psnr": 22.0}


def test_saturations_share_a_line_named_after_the_weights() -> None:
    rows = [row(Method(saturation=saturation)) for saturation in (0.5, 1, 1.5)]
    assert tradeoff_lines(rows, settings=SETTINGS) == {"colornet": rows}


def test_every_setting_but_saturation_is_known_here() -> None:
    assert {"weights", "saturation", *OTHERS} == set(SETTINGS)


@pytest.mark.parametrize("name", OTHERS)
def test_rows_that_differ_otherwise_are_lines_of_their_own(name: str) -> None:
    plain, other = Method(), replace(Method(), **{name: OTHERS[name]})
    rows = [row(replace(setting, saturation=s)) for setting in (plain, other) for s in (0.5, 1)]
    words = name.replace("_", " ")
    assert tradeoff_lines(rows, settings=SETTINGS) == {
        f"{words} {getattr(plain, name)}": rows[:2],
        f"{words} {OTHERS[name]}": rows[2:],
    }


def test_weights_and_settings_are_named_together() -> None:
    rows = [row(Method(hints=hints), weights) for weights in "ab" for hints in (0, 10)]
    names = ["a, hints 0", "a, hints 10", "b, hints 0", "b, hints 10"]
    assert list(tradeoff_lines(rows, settings=SETTINGS)) == names
